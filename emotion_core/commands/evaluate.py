"""`evaluate`: a model and labelled faces → scores, on the terminal, as JSON, in a folder."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import time
from pathlib import Path
from typing import Any, ClassVar

from emotion_core.atomic_io import write_json
from emotion_core.commands.evaluate_text import other_faces_text, report_text
from emotion_core.commands.options import (
    add_adaptation_options,
    add_data_option,
    add_json_option,
    add_models_dir_option,
    add_progress_option,
    check_json_option,
    chosen_adaptation,
    write_json_option,
)
from emotion_core.commands.progress import progress_bar, tell_json
from emotion_core.datasets import near_duplicates
from emotion_core.datasets.dataset import ALL, Dataset
from emotion_core.datasets.known_images import count_known, read_known
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import is_other_faces, read_other_faces
from emotion_core.errors import ModelError, OutputError, SettingsError
from emotion_core.evaluation.evaluate import Evaluation, evaluate_model
from emotion_core.evaluation.experiment_log import log_run
from emotion_core.evaluation.model_record import (
    known_file,
    run_of,
    save_evaluation,
    save_known,
    shared_fingerprint,
)
from emotion_core.evaluation.other_faces import save_other_faces, score_other_faces
from emotion_core.labels import LABEL_SETS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import ModelBundle, load_bundle
from emotion_core.model.classify import Classifier
from emotion_core.progress import Progress
from emotion_core.results.summary import adaptation_words

SPLITS = ("train", "validation", "test", "all")
# Shares of the images measured. The near-duplicates of a test split in others are fewer than the
# first; of the training split a sample of one in a hundred is known, which says little of less than
# half.
_MANY, _MOST = 0.1, 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    add_data_option(
        parser,
        "one level of folders less counts as a test split; an .npz of faces of other origin (see "
        "emotion_core/datasets/other_faces.py) gives recalls by set",
    )
    parser.add_argument("--labels", choices=LABEL_SETS, help="headline (default: the model's own)")
    parser.add_argument(
        "--split", choices=SPLITS, help="(test; where the data have none, all of their images)"
    )
    parser.add_argument("--model", default="default", metavar="NAME", help="(default)")
    add_adaptation_options(parser)
    add_json_option(parser, "write the report for machines")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep everything in DIR/<model> and nowhere else"
    )
    parser.add_argument(
        "--no-robustness", action="store_true", help="leave the damaged faces out, which is faster"
    )
    parser.add_argument("--note", default="", help="why this look is taken, for models/runs.csv")
    add_models_dir_option(parser)
    add_progress_option(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print, write; returns the exit status."""
    check_json_option(options.json)
    if options.out and options.out.exists() and not options.out.is_dir():
        raise SettingsError(f"--out {options.out} is a file: name a folder.")
    bundle = load_bundle(options.model, options.models_dir)
    adaptation = _adaptation(options, bundle)
    if is_other_faces(options.data):
        return _other_faces(bundle, options, adaptation)
    for_program = options.progress == "json"
    with contextlib.ExitStack() as stack:
        progress = (
            _Lines(options.data) if for_program else _Reporter(stack.enter_context(progress_bar()))
        )
        progress(Progress("reading the faces", 0, 1))
        dataset = load_dataset(options.data)
        split = _split(options.split, dataset)
        seen = _seen(bundle, dataset, split)
        found = evaluate_model(
            bundle,
            dataset,
            split,
            options.labels,
            with_robustness=not options.no_robustness,
            progress=progress,
            adaptation=adaptation,
        )
    # First what cannot be lost: the measurement took minutes.
    if not for_program:
        print(report_text(found.report))
    try:
        if options.json:
            _write_report(found, options.json)
        look = _log_look(found, bundle, dataset, options, seen)
        kept, folder = _keep(found, bundle, dataset, options)
    except OSError as error:
        raise OutputError(f"The results cannot be written: {error}") from error
    if for_program:
        done = {"status": "done", "message": "", "fraction": 1.0, "folder": str(folder)}
        tell_json({"event": "file_end", "file": str(options.data)} | done)
        tell_json({"event": "end"})
        return 0
    print("\n".join([*dataset.notes, *look, kept]))
    return 0


def _adaptation(options: argparse.Namespace, bundle: ModelBundle) -> Adaptation | None:
    """The adaptation that was asked for; its scores must not replace the network's own."""
    adaptation = chosen_adaptation(options, bundle)
    if (
        adaptation
        and options.out
        and _within(options.out, bundle).resolve() == (bundle.path.resolve())
    ):
        raise SettingsError(
            f"--out {options.out} would replace the network's own scores by those of an "
            "adaptation: name another folder."
        )
    return adaptation


def _within(out: Path, bundle: ModelBundle) -> Path:
    """Where below `--out` the results of a network are kept."""
    return out / bundle.path.name


def _other_faces(
    bundle: ModelBundle, options: argparse.Namespace, adaptation: Adaptation | None
) -> int:
    """Measure faces of other origin; print the scores and keep them in the model's folder."""
    if options.split or options.labels:
        raise SettingsError("Faces of other origin have no splits or label sets to choose from.")
    data = str(options.data)
    for_program = options.progress == "json"
    if for_program:
        tell_json({"event": "start", "files": 1})
    faces = read_other_faces(options.data)
    scores = score_other_faces(Classifier(bundle), faces, options.data, adaptation)
    folder = _within(options.out, bundle) if options.out else bundle.path
    kept = f"wrote {folder}"
    try:
        if adaptation and not options.out:
            kept = _left_alone(bundle)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            save_other_faces(folder, scores)
    except OSError as error:
        raise OutputError(f"The results cannot be written: {error}") from error
    write_json_option(options.json, scores)
    if for_program:
        done = {"status": "done", "message": "", "fraction": 1.0, "folder": str(folder)}
        tell_json({"event": "file_end", "file": data} | done)
        tell_json({"event": "end"})
    else:
        print(f"{other_faces_text(scores)}\n{kept}")
    return 0


def _split(asked: str | None, dataset: Dataset) -> str:
    """The split to measure."""
    test = dataset.splits.get("test")
    return asked or ("test" if test is not None and len(test) else ALL)


def _seen(bundle: ModelBundle, dataset: Dataset, split: str) -> dict[str, int]:
    """About how many of the images to measure are of the splits that the model came from.

    Raises:
        SettingsError: a score was asked for of what the model learnt from, not by the name of it.
    """
    images = dataset.split(split).images
    try:
        seen = count_known(images, read_known(known_file(bundle.path)))
    except ModelError:  # damaged: an evaluation of those data rewrites it
        seen = {}
    whole = split == ALL and _trained_on(bundle) == dataset.fingerprint
    if whole or (split != "train" and seen.get("train", 0) > _MOST * len(images)):
        raise SettingsError(
            f"{bundle.name} learnt from these faces: a score over all of them would say nothing. "
            + ("Choose --split test." if whole else "Give other --data.")
        )
    return seen


def _trained_on(bundle: ModelBundle) -> str:
    return str((bundle.metadata.get("dataset") or {}).get("fingerprint", ""))


class _Reporter:
    """One bar for each step of the evaluation."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._tasks = bar, dict[str, Any]()

    def __call__(self, progress: Progress) -> None:
        step, total = progress.step, progress.total
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(step, total=total)
        self._bar.update(self._tasks[step], completed=progress.done, total=total)


class _Lines:
    """A line of JSON for each piece of progress, with the share of all the work that is done."""

    # Where each step begins, as a share of the time that 3,000 faces take; the last ends at 1.
    _BEGIN: ClassVar[dict[str, float]] = {
        "reading the faces": 0.0,
        "served network": 0.1,
        "float network": 0.15,
        "near-duplicates across splits": 0.3,
        "scores and intervals": 0.32,
        "damaged faces": 0.45,
    }

    def __init__(self, data: Path) -> None:
        self._data, self._began_s = str(data), time.monotonic()
        tell_json({"event": "start", "files": 1})

    def __call__(self, progress: Progress) -> None:
        step = progress.step
        begins = [*self._BEGIN.values(), 1.0]
        place = list(self._BEGIN).index(step) if step in self._BEGIN else len(self._BEGIN) - 1
        begin, end = begins[place], begins[place + 1]
        fraction = begin + (end - begin) * progress.fraction
        spent_s = time.monotonic() - self._began_s
        # The first step says nothing of the speed of the others.
        left_s = spent_s * (1 - fraction) / fraction if fraction > 0.45 else None
        event = {"event": "progress", "file": self._data, "status": "running"}
        tell_json(event | {"fraction": round(fraction, 3), "left_s": left_s, "message": step})


def _log_look(
    found: Evaluation,
    bundle: ModelBundle,
    dataset: Dataset,
    options: argparse.Namespace,
    seen: dict[str, int],
) -> list[str]:
    """Note a look at the test split of the data that the models came from, in whatever layout its
    images came; returns what there is to say about it.

    Scores of a user's own faces do not count as such a look.
    """
    report, models_dir, words = found.report, bundle.path.parent, []
    shipped = dataset.fingerprint in {_trained_on(bundle), shared_fingerprint(models_dir)}
    note = "; ".join(w for w in (options.note, adaptation_words(report.get("adaptation"))) if w)
    look = shipped and report["split"] in ("test", "all")
    if not shipped and seen.get("test", 0) >= _MANY * report["images"]:
        look = True
        again = f"about {seen['test']:,} of these images are of the models' own test split"
        note = f"{note}; {again}" if note else again
        words.append(f"{again[0].upper()}{again[1:]}.")
    if not (shipped or bundle.external) and seen.get("train", 0) > _MOST * report["images"]:
        learnt = f"{bundle.name} learnt from about {seen['train']:,} of these images"
        words.append(f"{learnt}: its scores flatter.")
    if look:
        try:
            log_run(models_dir, run_of(report, "evaluate", note))
        except OSError as error:
            words.append(f"This look could not be noted in {models_dir}: {error.strerror}.")
    return words


def _keep(
    found: Evaluation, bundle: ModelBundle, dataset: Dataset, options: argparse.Namespace
) -> tuple[str, Path]:
    """Write what belongs where; returns what was done, and the folder that holds the figures.

    Only the data set that the model was trained from is the shipped one: figures of anybody's own
    faces must not replace it.
    """
    if options.out:
        folder = _within(options.out, bundle)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path / "model.json", folder / "model.json")
        save_evaluation(found, folder, apart=True)
        return f"wrote predictions and evaluation.json into {folder}", folder
    if found.report.get("adaptation"):
        return _left_alone(bundle), bundle.path
    if bundle.external:
        # Measured on what the networks here are measured on, so that they can be compared.
        if shared_fingerprint(bundle.path.parent) != dataset.fingerprint:
            return _not_shared(bundle), bundle.path
        save_evaluation(found, bundle.path)
        return f"wrote predictions and evaluation.json for {bundle.path}", bundle.path
    if _trained_on(bundle) != dataset.fingerprint:
        words = f"{bundle.path} is left as it was: this is not the data set the model came from."
        return words, bundle.path
    save_evaluation(found, bundle.path)
    save_known(bundle.path, dataset)
    files = f"predictions, evaluation.json and {near_duplicates.FILE_NAME}"
    return f"wrote {files} for {bundle.path}", bundle.path


def _not_shared(bundle: ModelBundle) -> str:
    return (
        f"{bundle.path} is left as it was: this is not the data set that the default network "
        "learnt from. Keep these scores with --out DIR."
    )


def _left_alone(bundle: ModelBundle) -> str:
    return (
        f"{bundle.path} is left as it was: it holds the network's own scores. Keep these with "
        "--out DIR."
    )


def _write_report(found: Evaluation, path: Path) -> None:
    report = dict(found.report)
    if found.robustness is not None:
        report["robustness"] = found.robustness.to_dict("records")
    write_json(path, report)
