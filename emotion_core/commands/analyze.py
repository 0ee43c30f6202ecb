"""`analyze`: video files and folders → a folder of results for each video."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import replace
from pathlib import Path

from emotion_core.batch.folders import folders_in
from emotion_core.batch.inputs import find_videos
from emotion_core.batch.locations import Url
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.outcomes import FAILURES
from emotion_core.batch.run import Batch, jobs_for, splitting_for
from emotion_core.commands.analyze_progress import bar_of_all, bar_of_each
from emotion_core.commands.options import (
    add_engine_options,
    add_frame_options,
    add_json_option,
    add_network_options,
    add_running_options,
    add_speaking_option,
    check_jobs_option,
    check_json_option,
    chosen_adaptation,
    chosen_cluster,
    place,
    write_json_option,
)
from emotion_core.commands.progress import tell_json
from emotion_core.commands.signals import stop_on_signal
from emotion_core.config import AppSettings
from emotion_core.errors import SettingsError
from emotion_core.media.encoder import NO_ENCODER
from emotion_core.model.bundle import load_bundle
from emotion_core.results.annotations import Hide
from emotion_core.video.options import VideoOptions, feasible

EXIT_DONE, EXIT_FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the contract; `--preview` is for the page."""
    parser.add_argument(
        "paths", nargs="+", type=place, metavar="PATH", help="video or folder, or its URL"
    )
    parser.add_argument(
        "--out", type=place, required=True, help="folder for the results, or its URL"
    )
    _add_video_options(parser)
    add_network_options(parser)
    add_running_options(parser)
    add_engine_options(parser)
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="analyse nothing: draw the clips of finished results again as edited_*.mp4, with the "
        "names, merged and excluded people of the edits.json that the page keeps beside them",
    )
    parser.add_argument(
        "--hide",
        choices=("nobody", "everybody", "excluded", "unnamed"),
        help="with --redraw: whose faces become a mosaic in the clip and are left out of the "
        "pictures and the report (unnamed: of excluded people too); kept in edits.json",
    )
    add_json_option(parser, "write the outcome for machines")


def _add_video_options(parser: argparse.ArgumentParser) -> None:
    """What is read of each video; a part of the results' key."""
    add_frame_options(parser)
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="begin at this second"
    )
    parser.add_argument("--end", type=float, metavar="S", help="end before this time")
    parser.add_argument("--no-annotate", action="store_true", help="do not write annotated.mp4")
    parser.add_argument("--largest-face", action="store_true", help="read the largest face only")
    parser.add_argument(
        "--one-person",
        action="store_true",
        help="there is one participant: every face is theirs, however long the gaps",
    )
    parser.add_argument(
        "--no-reidentify",
        action="store_true",
        help="give people a new identity when they return after a gap or a cut",
    )
    add_speaking_option(parser)


def run(options: argparse.Namespace) -> int:
    """Analyse everything; returns 0, or 1 where some input failed or the run was stopped."""
    chosen = _chosen(options)
    _check_targets(options)
    cluster = chosen_cluster(options, options.out)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        inputs = list(find_videos(options.paths))
        pieces = splitting_for(inputs, options.jobs, options.pieces)
        jobs = jobs_for(inputs, options.jobs, pieces)
        bar = bar_of_all if jobs > 1 or cluster else bar_of_each
        tell = tell_json if options.progress == "json" else stack.enter_context(bar())
        made = replace(_batch_options(options, chosen), pieces=pieces)
        folder_of = folders_in(options.out)
        outcomes = Batch(made, folder_of, jobs, tell, stop, cluster).run(inputs)
    write_json_option(options.json, outcomes)
    return EXIT_FAILED if any(o["status"] in FAILURES for o in outcomes) else EXIT_DONE


def _batch_options(options: argparse.Namespace, chosen: VideoOptions) -> BatchOptions:
    adaptation = detector_model = None
    if not options.redraw:
        adaptation = chosen_adaptation(options, load_bundle(options.model, options.models_dir))
        detector_model = options.detector_model or AppSettings.from_environment().yunet_path
    return BatchOptions(
        video=chosen,
        model=options.model,
        models_dir=options.models_dir,
        adaptation=adaptation,
        detector_model=detector_model,
        force=options.force,
        preview=options.preview,
        redraw=options.redraw,
        hide=Hide(options.hide) if options.hide else None,
    )


def _chosen(options: argparse.Namespace) -> VideoOptions:
    """What to read and make; says once, on standard error, that clips cannot be made."""
    asked = VideoOptions(
        every=options.every,
        rate=options.rate,
        start_s=options.start,
        end_s=options.end,
        annotate=not options.no_annotate,
        largest_face=options.largest_face,
        one_person=options.one_person,
        reidentify=not options.no_reidentify,
        speaking_smoothing=options.speaking_smoothing,
    )
    chosen = feasible(asked)
    if chosen != asked and not options.redraw:
        print(f"note: tables are written without clips. {NO_ENCODER}", file=sys.stderr)
    return chosen


def _check_targets(options: argparse.Namespace) -> None:
    out, urls = options.out, [p for p in (*options.paths, options.out) if isinstance(p, Url)]
    if isinstance(out, Path) and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out} is a file: name a folder.")
    if isinstance(out, Url) and out.is_web:
        raise SettingsError(f"--out {out}: a web server takes no results. Name a folder.")
    if urls and options.pieces is not None:
        raise SettingsError("--pieces needs videos and results in folders of this machine.")
    if options.redraw and (urls or options.engine == "ray"):
        raise SettingsError("--redraw needs videos and results in folders of this machine.")
    if options.hide and not options.redraw:
        raise SettingsError(
            "--hide goes with --redraw: analyse first, then draw the clip again with faces hidden."
        )
    check_jobs_option(options.jobs)
    check_json_option(options.json)
