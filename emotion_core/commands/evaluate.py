"""`evaluate`: a model and labelled faces → scores, on the terminal and as JSON."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_core.commands.progress import progress_bar
from emotion_core.errors import OutputError
from emotion_core.labels import LABEL_SETS

if TYPE_CHECKING:
    from emotion_core.model.bundle import ModelBundle
    from emotion_core.training.dataset import Dataset
    from emotion_core.training.evaluate import Evaluation

SPLITS = ("train", "validation", "test")
# Columns of the terminal's table: what stands above it, and the name of the score.
_ROWS = (
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("macro-F1", "macro_f1"),
    ("recall of disgust and fear", "rare_recall"),
    ("accuracy of the surest 90 %", "accuracy_at_90"),
    ("accuracy of the surest 80 %", "accuracy_at_80"),
    ("ECE (15 bins)", "ece"),
    ("negative log-likelihood", "nll"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="FER+ folder or zip, fer2013.csv, or [<split>/]<expression>/*.png|jpg",
    )
    parser.add_argument("--labels", choices=LABEL_SETS, help="headline (default: the model's own)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="(test)")
    parser.add_argument("--model", default="default", metavar="NAME", help="(default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report for machines")
    parser.add_argument(
        "--no-robustness", action="store_true", help="leave the damaged faces out, which is faster"
    )
    parser.add_argument("--note", default="", help="why this look is taken, for models/runs.csv")
    parser.add_argument("--models-dir", type=Path, help="where model folders live")


def run(options: argparse.Namespace) -> int:
    """Evaluate, print, write; returns the exit status."""
    from emotion_core.model.bundle import load_bundle
    from emotion_core.training.dataset import load_dataset
    from emotion_core.training.evaluate import evaluate_model

    bundle = load_bundle(options.model, options.models_dir)
    dataset = load_dataset(options.data)
    with progress_bar() as bar:
        found = evaluate_model(
            bundle,
            dataset,
            options.split,
            options.labels,
            with_robustness=not options.no_robustness,
            progress=_Reporter(bar),
        )
    try:
        kept = _keep(found, bundle, dataset, options.note)
        if options.json:
            _write_report(found, options.json)
    except OSError as error:
        raise OutputError(f"The results cannot be written: {error}") from error
    print(report_text(found.report))
    print(kept)
    return 0


class _Reporter:
    """One bar for each step of the evaluation."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._tasks = bar, dict[str, Any]()

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=total)
        self._bar.update(self._tasks[step], completed=done, total=total)


def _keep(found: Evaluation, bundle: ModelBundle, dataset: Dataset, note: str) -> str:
    """Write into the model folder what belongs there; say what was done.

    Only the data set that the model was trained from is the shipped one: figures of anybody's own
    faces must not replace it.
    """
    from emotion_core.training.record import run_of, save_evaluation
    from emotion_core.training.runs import log_run

    report, models_dir = found.report, bundle.path.parent
    if report["split"] == "test" and report["dataset"] != "folder":
        log_run(models_dir, run_of(report, "evaluate", note))
    known = bundle.metadata.get("dataset", {}).get("fingerprint")
    if known != dataset.fingerprint:
        return f"{bundle.path} is left as it was: this is not the data set the model came from."
    save_evaluation(found, bundle.path)
    return f"wrote predictions, evaluation.json and twins.csv for {bundle.path}"


def _write_report(found: Evaluation, path: Path) -> None:
    from emotion_core.training.files import write_json

    report = dict(found.report)
    if found.robustness is not None:
        report["robustness"] = found.robustness.to_dict("records")
    write_json(path, report)


def report_text(report: dict[str, Any]) -> str:
    """The report as a table for a terminal; shares in percent, 95 % intervals in brackets."""
    headline = report["headline"]
    scores = report["scores"][headline["label_set"]]
    lines = [
        f"{report['model']} on the {report['split']} split, {scores['name']} "
        f"({headline['images']:,} of {report['images']:,} images count)",
        "",
        *_score_lines(scores),
        "",
        *_class_lines(scores["full"]),
        "",
        *_confusion_lines(scores["full"]),
        "",
        *_other_lines(report, scores),
    ]
    return "\n".join(lines)


def _score_lines(scores: dict[str, Any]) -> list[str]:
    without = scores["without_twins"]
    lines = [f"{'':28}{'all':>24}" + (f"{'without twins':>24}" if without else "")]
    for title, key in _ROWS:
        show = _plain if key == "nll" else _percent
        cells = [_cell(block[key], show) for block in (scores["full"], without) if block]
        lines.append(f"{title:28}" + "".join(f"{cell:>24}" for cell in cells))
    if without:
        lines.append(f"{'images':28}{scores['full']['images']:>24,}{without['images']:>24,}")
    return lines


def _cell(score: dict[str, float], show: Callable[[float], str]) -> str:
    return f"{show(score['value'])} [{show(score['low'])}, {show(score['high'])}]"


def _percent(value: float) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def _plain(value: float) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _class_lines(block: dict[str, Any]) -> list[str]:
    lines = [f"{'':12}{'images':>8}{'precision':>11}{'recall':>9}{'F1':>9}"]
    for expression, row in block["per_class"].items():
        figures = [_percent(row[k]["value"]) for k in ("precision", "recall", "f1")]
        lines.append(
            f"{expression:12}{row['images']:>8,}{figures[0]:>11}{figures[1]:>9}{figures[2]:>9}"
        )
    return lines


def _confusion_lines(block: dict[str, Any]) -> list[str]:
    names = list(block["per_class"])
    lines = ["confusion: truth in the rows, answer in the columns"]
    lines.append(f"{'':12}" + "".join(f"{name:>10}" for name in names))
    for name, row in zip(names, block["confusion_matrix"], strict=True):
        lines.append(f"{name:12}" + "".join(f"{count:>10,}" for count in row))
    return lines


def _other_lines(report: dict[str, Any], scores: dict[str, Any]) -> list[str]:
    lines = []
    if people := scores.get("human_agreement"):
        lines.append(f"one voter against the majority of the others: {_cell(people, _percent)} %")
    chance = scores["chance"]
    lines.append(f"always the most frequent expression: {_percent(chance['largest'])} %")
    lines.append(f"ECE before calibration: {_percent(scores['full']['ece_uncalibrated'])}")
    if near := report["served_against_float"]:
        points = near["served_minus_float_points"][report["headline"]["label_set"]]
        lines.append(
            f"served int8 against float: {points['accuracy']:+.2f} points of accuracy, same answer "
            f"for {_percent(near['same_answer'])} %"
        )
    speed = report["speed"]
    lines.append(
        f"one face on one thread: {speed['served_ms_per_face_one_thread']:.2f} ms; "
        f"{speed['served_bytes'] / 1e6:.2f} MB"
    )
    return lines
