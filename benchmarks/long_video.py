"""Peak memory of the command `analyze` over long videos, of the process that runs it.

python -m benchmarks.long_video [--minutes 10] [--every N] [--no-annotate]

The clip is made in code: ten seconds of 1280×720 with one face, repeated packet by packet, so that
every frame of the long one is decoded anew. Nothing moves in it, which makes it cheap to decode and
changes nothing about memory. Results of several runs are kept beside each other in
results/long_video.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, save
from emotion_core.media import repeat_video, write_frames
from emotion_core.media.synthetic import sample_frames

PIECE_S, FPS = 10.0, 25.0


def main() -> None:
    """Measure one length and add it to results/long_video.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=int, default=1, help="analyse every Nth frame")
    parser.add_argument("--no-annotate", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.mp4"
        frames = sample_frames(PIECE_S, FPS, size=(1280, 720), scenario="still")
        write_frames(piece, frames, FPS)
        times = round(options.minutes * 60 / PIECE_S)
        clip = repeat_video(piece, Path(folder) / "long.mp4", times)
        more = ["--every", str(options.every)] + ["--no-annotate"] * options.no_annotate
        figures = analyse(clip, Path(folder), more)
    name = f"{options.minutes:g} minutes, every {options.every}"
    name += ", table" if options.no_annotate else ", table and annotated clip"
    save("long_video", {"size": "1280x720", "runs": _earlier() | {name: figures}})


def analyse(clip: Path, folder: Path, more: list[str]) -> dict[str, Any]:
    """Run the command and read what the system says about its process."""
    answer = folder / "answer.json"
    command = [sys.executable, "-m", "emotion_core", "analyze", str(clip)]
    command += ["--out", str(folder / "out"), "--json", str(answer), *more]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # The usage of this very child; others' peaks must not hide in it.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"analyze ended with {process.returncode}")
    seconds = time.perf_counter() - start
    summary = json.loads(answer.read_text("utf-8"))[0]["summary"]
    return {
        "peak_memory_mb": round(usage.ru_maxrss * 1024 / 1e6, 1),
        "length_s": round(summary["source"]["duration_s"], 1),
        "frames_decoded": summary["frames_decoded"],
        "frames_analysed": summary["frames_analysed"],
        "seconds": round(seconds, 1),
        "times_real_time": round(summary["source"]["duration_s"] / seconds, 2),
    }


def _earlier() -> dict[str, Any]:
    try:
        runs = json.loads((RESULTS / "long_video.json").read_text("utf-8"))["runs"]
    except (OSError, ValueError, KeyError):
        return {}
    return dict(runs)


if __name__ == "__main__":
    main()
