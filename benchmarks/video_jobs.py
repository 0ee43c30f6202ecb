"""`analyze --jobs N` against `--jobs 1` on the same clips, in turns, and the memory of a worker.

python -m benchmarks.video_jobs

Times are of the whole command, with the start of its processes. Each clip of the made set shows two
people who change expression; there are four different lengths.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common import save
from emotion_core.batch.capacity import usable_cores
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import write_frames

FPS = 25.0
DIFFERENT = 4
CASES = {"table": ["--no-annotate"], "table and annotated clip": []}
SIZES = {"640x360": (640, 360), "1920x1080": (1920, 1080), "3840x2160": (3840, 2160)}


def main() -> None:
    """Measure everything and write results/video_jobs.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each clip")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = _made(folder / "clips", options.clips, options.seconds)
        cases: dict[str, list[dict[int, dict[str, float]]]] = {case: [] for case in CASES}
        for _ in range(options.rounds):
            for case, arguments in CASES.items():
                figures = {n: _timed(clips, folder / "out", n, arguments) for n in options.jobs}
                cases[case].append(figures)
        memory = {size: _memory(folder, size) for size in SIZES}
    save(
        "video_jobs",
        {
            "usable_cores": usable_cores(),
            "clips": options.clips,
            "seconds_each": options.seconds,
            "size": "640x360",
            "frames_per_second": FPS,
            "rounds": options.rounds,
            "cases": {case: _summed(rounds) for case, rounds in cases.items()},
            "peak_memory_of_a_worker_mb": memory,
        },
    )


def _made(folder: Path, count: int, seconds: float) -> Path:
    """Clips of four lengths, as recordings differ: the last ones do not end at the same time."""
    folder.mkdir()
    for number in range(count):
        clip = folder / f"clip{number:02d}.mp4"
        if number < DIFFERENT:
            length_s = seconds * (0.85 + 0.1 * number)
            frames = sample_frames(length_s, FPS, size=(640, 360), scenario="expressions")
            write_frames(clip, frames, FPS)
        else:
            shutil.copy(folder / f"clip{number % DIFFERENT:02d}.mp4", clip)
    return folder


def _line(source: Path, out: Path, jobs: int, arguments: list[str]) -> list[str]:
    line = [sys.executable, "-m", "emotion_core", "analyze", str(source), "--out", str(out)]
    return [*line, "--force", "--jobs", str(jobs), "--progress", "json", *arguments]


def _timed(source: Path, out: Path, jobs: int, arguments: list[str]) -> dict[str, float]:
    began, used = time.perf_counter(), os.times()
    line = _line(source, out, jobs, arguments)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    now = os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    return {"seconds": time.perf_counter() - began, "cpu_seconds": cpu}


def _summed(rounds: list[dict[int, dict[str, float]]]) -> dict[str, Any]:
    """The quickest of each number of jobs counts: others only met a busier machine."""
    best = {n: min(r[n]["seconds"] for r in rounds) for n in rounds[0]}
    one = best.get(1)
    return {
        f"jobs {n}": {
            "seconds": round(seconds, 2),
            "seconds_each_round": [round(r[n]["seconds"], 2) for r in rounds],
            "cpu_seconds": round(min(r[n]["cpu_seconds"] for r in rounds), 2),
            "times_faster_than_one": round(one / seconds, 2) if one else None,
            "times_faster_each_round": [
                round(r[1]["seconds"] / r[n]["seconds"], 2) for r in rounds if 1 in r
            ],
        }
        for n, seconds in best.items()
    }


def _memory(folder: Path, size: str) -> float:
    """Largest resident memory of a worker, in MB, while two clips are read and drawn."""
    source = folder / size
    source.mkdir()
    for name in ("a", "b"):
        frames = sample_frames(3.0, FPS, size=SIZES[size], scenario="expressions")
        write_frames(source / f"{name}.mp4", frames, FPS)
    line = _line(source, folder / "memory", 2, [])
    largest = 0
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
        parent = psutil.Process(command.pid)
        while command.poll() is None:
            try:
                sizes = [child.memory_info().rss for child in parent.children()]
            except psutil.Error:
                continue
            largest = max([largest, *sizes])
            time.sleep(0.02)
    return round(largest / 1e6)


if __name__ == "__main__":
    main()
