"""`study analyze`: the videos of a study → a results folder for each recording."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotion_core.batch.examined import Examined
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.outcomes import FAILURES
from emotion_core.batch.run import Batch, jobs_for, splitting_for
from emotion_core.commands.analyze_progress import bar_of_all, bar_of_each
from emotion_core.commands.options import chosen_adaptation, chosen_cluster, write_json_option
from emotion_core.commands.progress import tell_json
from emotion_core.commands.signals import stop_on_signal
from emotion_core.config import AppSettings
from emotion_core.errors import InputError
from emotion_core.media.encoder import NO_ENCODER
from emotion_core.model.bundle import load_bundle
from emotion_core.progress import Event
from emotion_core.results.export import output_error
from emotion_core.results.paths import FACES, read_summary
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.person import show_several
from emotion_core.video.options import VideoOptions, feasible


def run(options: argparse.Namespace) -> int:
    """Analyse the videos of all recordings; returns 0, or 1 where some failed or it was stopped."""
    study = Study.open(options.study)
    wanted = _videos(study, options.recording)
    pieces = splitting_for(list(wanted), options.jobs, options.pieces)
    made = replace(_batch_options(options, study, wanted), pieces=pieces)
    jobs = jobs_for(list(wanted), options.jobs, pieces)
    cluster = chosen_cluster(options, study.folder / ANALYSED)

    def folder_of(source: Examined, taken: set[Any]) -> Path:
        folder = study.analysis_folder(wanted[Path(source.path)][0])
        taken.add(folder)
        return folder

    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        bar = bar_of_all if jobs > 1 or cluster else bar_of_each
        tell = tell_json if options.progress == "json" else stack.enter_context(bar())
        outcomes = Batch(made, folder_of, jobs, tell, stop, cluster).run(list(wanted))
    outcomes += _share(study, wanted, outcomes)
    write_json_option(options.json, outcomes)
    if not wanted:
        print("There is no video to analyse.", file=sys.stderr)
    return int(any(o["status"] in FAILURES for o in outcomes))


def _chosen(options: argparse.Namespace) -> VideoOptions:
    asked = VideoOptions(
        every=options.every,
        rate=options.rate,
        annotate=options.annotate,
        speaking_smoothing=options.speaking_smoothing,
    )
    chosen = feasible(asked)
    if chosen != asked:
        print(f"note: tables are written without clips. {NO_ENCODER}", file=sys.stderr)
    return chosen


def _videos(study: Study, names: Sequence[str] | None) -> dict[Path, list[Recording]]:
    """Video → its recordings: two people of one video are two recordings. Recordings that are
    results folders already are left out.

    Raises:
        InputError: there is no recording of a name that was asked for.
    """
    known = {recording.recording for recording in study.recordings}
    if unknown := sorted(set(names or ()) - known):
        raise InputError(f"The study has no recording {', '.join(unknown)}.")
    found: dict[Path, list[Recording]] = {}
    for recording in study.recordings:
        if names and recording.recording not in names:
            continue
        source = study.source_of(recording)
        if not source.is_dir() and source.name != FACES:
            found.setdefault(source, []).append(recording)
    return found


def _batch_options(
    options: argparse.Namespace, study: Study, wanted: dict[Path, list[Recording]]
) -> BatchOptions:
    """How the videos are read: those that all recordings say to be of one participant show one."""
    chosen = _chosen(options)
    several, single = (replace(chosen, one_person=one) for one in (False, True))
    everything = _videos(study, None)
    named = {path for path in wanted if show_several(everything[path])}
    return BatchOptions(
        video=several if options.everybody else single,
        exceptions=dict.fromkeys(named, several),
        model=options.model,
        models_dir=options.models_dir,
        adaptation=chosen_adaptation(options, load_bundle(options.model, options.models_dir)),
        detector_model=options.detector_model or AppSettings.from_environment().yunet_path,
        force=options.force,
        preview=options.preview,
    )


def _share(
    study: Study, wanted: dict[Path, list[Recording]], outcomes: list[Event]
) -> list[dict[str, Any]]:
    """Give the other recordings of a video the results of its first one."""
    shared = []
    for outcome, recordings in zip(outcomes, wanted.values(), strict=True):
        if outcome["status"] in FAILURES:
            continue
        for other in recordings[1:]:
            folder = study.analysis_folder(other)
            first = study.analysis_folder(recordings[0])
            if read_summary(folder) != read_summary(first):
                _copy(first, folder)
            shared.append(outcome | {"folder": str(folder)})
    return shared


def _copy(source: Path, target: Path) -> None:
    """Replace a folder by a copy; what the user edited in it stays."""
    keep: Callable[[str, list[str]], list[str]] = lambda _, names: [  # noqa: E731
        name for name in names if name.startswith("edits.json") or name == ".lock"
    ]
    try:
        shutil.copytree(source, target, ignore=keep, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        problem = error if isinstance(error, OSError) else OSError(str(error))
        raise output_error(target, problem) from error
