"""`benchmark`: milliseconds a frame for every stage, frames a second, and memory."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from emotion_core.commands.options import (
    add_json_option,
    add_models_dir_option,
    check_json_option,
    write_json_option,
)
from emotion_core.commands.progress import progress_bar
from emotion_core.config import check_range
from emotion_core.datatypes import Frame
from emotion_core.errors import VideoError
from emotion_core.media import read_frames
from emotion_core.media.write import sample_video
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.pipeline.profiling import machine, measure

SAMPLE_FPS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the contract, and how much to run."""
    parser.add_argument("--video", type=Path, metavar="PATH", help="else a clip made in code")
    add_json_option(parser, "write the figures for machines")
    parser.add_argument("--frames", type=int, default=600, help="at most this many (default 600)")
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_models_dir_option(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print a table, write JSON where asked; returns 0."""
    check_json_option(options.json)
    check_range("--frames", options.frames, 20, 10_000_000)
    pipeline = Pipeline.load(options.model, models_dir=options.models_dir)
    with tempfile.TemporaryDirectory() as folder, progress_bar() as bar:
        path = options.video or _made_clip(Path(folder), options.frames)
        task = bar.add_task("benchmark", total=options.frames)
        # Closed before the folder goes: Windows removes no open file.
        with contextlib.closing(_read(path)) as source:
            frames = itertools.islice(source, options.frames)
            measurement = measure(pipeline, bar.track(frames, task_id=task))
    if not measurement.faces:
        raise VideoError(f"{path} is too short to measure: it needs more than 5 frames.")
    report = {
        "video": str(options.video or "made in code: one moving face, 640×480"),
        "machine": machine(),
        **measurement.to_dict(),
    }
    _print(report)
    write_json_option(options.json, report)
    return 0


def _read(path: Path) -> Generator[Frame, None, None]:
    return read_frames(path)


def _made_clip(folder: Path, frames: int) -> Path:
    """A real file, so that decoding is measured too."""
    return sample_video(folder / "made.mp4", min(frames, 600) / SAMPLE_FPS, SAMPLE_FPS)


def _print(report: dict[str, Any]) -> None:
    computer = report["machine"]
    print(f"{report['video']}: {report['frames']} frames, {report['faces_mean']} faces a frame")
    print(f"{computer['cpu']}, {computer['cores']} cores, load {computer['load_average'][0]}")
    print(f"{'ms a frame':<12}{'mean':>9}{'p50':>9}{'p95':>9}")
    for stage, figures in report["ms"].items():
        print(f"{stage:<12}" + "".join(f"{figures[name]:>9.2f}" for name in ("mean", "p50", "p95")))
    memory = report["memory_mb"]
    print(f"{report['fps']} frames a second; memory {memory['after']} MB ({memory['growth']:+} MB)")
