"""`study run`: readings, tables, statistics, curves and the report of a study."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd

from emotion_core.atomic_io import replace_file
from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable, progress_bar, tell_json
from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.evaluation.model_record import ModelRecord, read_record
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import load_bundle, models_folder
from emotion_core.pipeline.network_hash import network_hash
from emotion_core.progress import OnProgress, Progress
from emotion_core.reports.study_report import StudyFindings, study_report_html
from emotion_core.results.export import output_error
from emotion_core.results.paths import read_summary
from emotion_core.results.summary import adaptation_words
from emotion_core.study.agreement.kept_settings import kept_settings
from emotion_core.study.agreement.of_study import (
    has_codes,
    study_agreement,
    write_agreement,
)
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.checks import check_study
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.freshness import REPORT, inputs_digest, mark_current
from emotion_core.study.outcome import (
    GroupCurves,
    Question,
    answer,
    between_variables,
    curve_events,
    event_curves,
    question_of,
    share_curves,
    strongest_signal,
)
from emotion_core.study.readings import missing_reason, reading_problems
from emotion_core.study.sample import is_synthetic
from emotion_core.study.statistics.comparisons import Analysis
from emotion_core.study.tables import Tables, csv_bytes, write_tables

# A report with more curves is not read.
_MOST_EVENTS: Final = 6
_STEPS: Final = 4


def run(options: argparse.Namespace) -> int:
    """Compute everything; returns 0, or 1 where some recordings could not be used."""
    study = Study.open(options.study)
    if not study.recordings:
        raise InputError("The study has no recordings yet: add some with `study add`.")
    with ExitStack() as stack:
        progress = (
            _lines(options.study)
            if options.progress == "json"
            else stack.enter_context(_bar(study.name))
        )
        outcome = compute(study, options.models_dir, progress)
    write_json_option(options.json, outcome)
    if options.progress == "json":
        done = {"status": "done", "message": "", "fraction": 1.0, "folder": str(study.folder)}
        tell_json({"event": "file_end", "file": str(options.study)} | done)
        tell_json({"event": "end"})
        return 0
    for problem in outcome["problems"]:
        print(printable(problem))
    print(printable(f"{study.folder / RESULTS}: {outcome['events']} events, {REPORT}"))
    return int(bool(outcome["unusable"]))


def compute(study: Study, models_dir: Path | None, progress: OnProgress) -> dict[str, Any]:
    """Write all results of a study; the same study gives the same bytes.

    Returns:
        What `--json` writes: folder, events (that count), problems (sentences), unusable
        (recordings without readings).

    Raises:
        OutputError: they cannot be written.
        SettingsError: the table [design] of study.toml cannot be used.
    """
    digest = inputs_digest(study)
    question = question_of(study.design)
    tables = write_tables(study, _part(progress, 0))
    problems = [str(p) for p in (*check_study(study), *reading_problems(study))]
    progress(Progress("Test", 2.0, _STEPS))
    analysis, told = _answer(question, study, tables)
    problems += told
    progress(Progress("Draw the curves", 2.6, _STEPS))
    curves, told = _all_curves(question, study, tables, analysis)
    problems += told
    progress(Progress("Write the report", 3.4, _STEPS))
    networks = [] if is_synthetic(study) else _networks(study, models_folder(models_dir))
    agreement, told = _agreement(study)
    problems += told
    found = StudyFindings(study, question, tables, analysis, curves, problems, networks, agreement)
    _write(study, found, digest)
    progress(Progress("Done", _STEPS, _STEPS))
    included = tables.long.drop_duplicates(["recording", "event_kind", "event", "occurrence"])
    return {
        "folder": str(study.folder),
        "events": int(included["included"].astype(bool).sum()),
        "problems": problems,
        # What the quality gate leaves out has readings: it is no failure.
        "unusable": [
            r.recording for r in study.recordings if r.include and missing_reason(study, r)
        ],
    }


def _answer(question: Question, study: Study, tables: Tables) -> tuple[Analysis | None, list[str]]:
    try:
        return answer(question, study, tables.long), []
    except InputError as error:
        return None, [f"Nothing was tested. {error}"]


def _agreement(study: Study) -> tuple[Agreement | None, list[str]]:
    """How well coders and machine agree, where people have coded; written next to the report."""
    if not has_codes(study):
        return None, []
    try:
        settings, problems = kept_settings(study)
        found = study_agreement(study, settings)
    except InputError as error:
        return None, [f"Agreement was not computed. {error}"]
    write_agreement(study, found)
    return found, list(map(str, problems))


def _all_curves(
    question: Question, study: Study, tables: Tables, analysis: Analysis | None
) -> tuple[list[tuple[GroupCurves, GroupCurves | None]], list[str]]:
    """The curves of one signal around every event, by the first variable that makes groups."""
    strongest = "happy" if analysis is None else strongest_signal(analysis.table())
    signal = question.signal or strongest
    by = next(iter(between_variables(study)), "")
    found: list[tuple[GroupCurves, GroupCurves | None]] = []
    problems = []
    for event in curve_events(study)[:_MOST_EVENTS]:
        try:
            means = event_curves(study, tables.long, event, signal, by)
            shares = None
            if signal in EXPRESSIONS:
                shares = share_curves(study, tables.long, event, signal, by)
            found.append((means, shares))
        except InputError as error:
            problems.append(str(error))
    return found, problems


def _write(study: Study, found: StudyFindings, digest: str) -> None:
    """The files besides those of `write_tables`; the mark that they are current comes last."""
    folder = study.folder / RESULTS
    effects = pd.DataFrame() if found.analysis is None else found.analysis.table()
    means = pd.DataFrame() if found.analysis is None else found.analysis.means
    rows = [
        pair.rows.assign(event=pair.event, signal=pair.signal, of=name)
        for means_, shares in found.curves
        for name, pair in (("mean", means_), ("share", shares))
        if pair is not None
    ]
    first = ["event", "signal", "of", "group", "time_s", "mean", "low", "high", "participants"]
    curves = pd.concat(rows)[first] if rows else pd.DataFrame(columns=first)
    try:
        for name, table in (("statistics", effects), ("means", means), ("curves", curves)):
            replace_file(folder / f"{name}.csv", csv_bytes(table))
        replace_file(folder / REPORT, study_report_html(found).encode())
        mark_current(study, digest)
    except OSError as error:
        raise output_error(folder, error) from error


def _networks(study: Study, models_dir: Path) -> list[dict[str, Any]]:
    """What is known of each network that read the faces of a study, with each adaptation."""
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for recording in study.included:
        folder = study.results_folder(recording)
        model = (read_summary(folder) if folder else {}).get("model") or {}
        corrected = adaptation_words(model.get("adaptation"))
        key = (str(model.get("name", "")), str(model.get("sha256", "")), corrected)
        found.setdefault(key, model)
    return [_described(found[key], models_dir) for key in sorted(found) if key[0]]


def _described(model: Mapping[str, Any], models_dir: Path) -> dict[str, Any]:
    name = str(model["name"])
    adaptation = adaptation_words(model.get("adaptation"))
    about = {"name": name, "sha256": str(model.get("sha256", "")), "adaptation": adaptation}
    try:
        same = network_hash(load_bundle(name, models_dir)) == about["sha256"]
        # Scores of the uncorrected network are not those of an adaptation.
        return about | _scores(read_record(models_dir / name)) if same and not adaptation else about
    except (EmotionCoreError, OSError, ValueError):
        return about


def _scores(record: ModelRecord) -> dict[str, Any]:
    """Of the test split by the headline's labels; {} where it was not measured."""
    for report in record.evaluations.values():
        if report.get("split") != "test":
            continue
        score = report["scores"].get(report["headline"]["label_set"])
        if score is None:
            continue
        full = score["full"]
        other = (record.other_faces or {}).get("cross_score")
        values = {k: full[k] for k in ("images", "accuracy", "macro_f1", "ece")}
        return {"score": score["name"], "other_faces": other, **values}
    return {}


def _part(progress: OnProgress, first: int) -> OnProgress:
    """Readings and measures as the first two of all steps."""

    def tell(now: Progress) -> None:
        step = first + ("measure" in now.step)
        progress(Progress(now.step, step + now.fraction, _STEPS))

    return tell


def _lines(folder: Path) -> OnProgress:
    """A line of JSON for each report."""

    def tell(now: Progress) -> None:
        event = {"event": "progress", "file": str(folder), "status": "running"}
        tell_json(event | {"step": now.step, "fraction": now.fraction})

    return tell


@contextmanager
def _bar(name: str) -> Iterator[Callable[[Progress], None]]:
    with progress_bar() as bar:
        task = bar.add_task(printable(name), total=1000)

        def tell(now: Progress) -> None:
            words = f"{printable(name)}: {now.step}"
            bar.update(task, completed=round(1000 * now.fraction), description=words)

        yield tell
