"""Recordings with video whose server is killed: each must open, with at most a second missing.

python -m benchmarks.torture recordings [--short]

A process records readings and pictures at their pace and writes down what it has handed over; at a
random moment it is ended by SIGKILL. Then the recording is finished, as the page offers it, and the
last times of its table and of its clip are compared with what was handed over. Writes
results/torture_recordings.json.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.common import save
from emotion_core.errors import EmotionCoreError
from emotion_core.live.recording_store import SessionStore
from emotion_core.media.read import read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.results.export import read_faces
from emotion_core.results.paths import CLIP

_KILLS: Final = 20
_LONGEST_S: Final = 12.0
_FPS: Final = 15.0
# Before anything is on the disk there is nothing to open.
_SHORTEST_S: Final = 0.5
_MOST_LOST_S: Final = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Record, kill and open; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="three kills within three seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.record:
        record(options.record)
        return 0
    kills, longest_s = (3, 3.0) if options.short else (_KILLS, _LONGEST_S)
    with tempfile.TemporaryDirectory() as folder:
        figures = torture(Path(folder), kills, longest_s, options.seed)
    save("torture_recordings", figures | {"short": options.short})
    return int(figures["opened"] < kills or figures["most_lost_s"] > _MOST_LOST_S)


def torture(folder: Path, kills: int, longest_s: float, seed: int = 0) -> dict[str, Any]:
    """Kill so many recordings, each within so many seconds, and open them."""
    moment = random.Random(seed)
    lost: list[tuple[float, float]] = []
    failures = []
    for number in range(kills):
        root = folder / str(number)
        root.mkdir()
        kill_one(root, moment.uniform(_SHORTEST_S, longest_s))
        try:
            lost.append(lost_of(root))
        except EmotionCoreError as error:
            failures.append(str(error))
    readings, clips = zip(*lost, strict=True) if lost else ((0.0,), (0.0,))
    worst = round(max(*readings, *clips), 3)
    return {
        "verdict": f"{len(lost)} of {kills} recordings open, at most {worst:.2f} s lost",
        "kills": kills,
        "opened": len(lost),
        "failures": failures,
        "most_lost_s": worst,
        "lost_readings_s": [round(v, 3) for v in readings],
        "lost_clip_s": [round(v, 3) for v in clips],
    }


def kill_one(root: Path, after_s: float) -> None:
    """Let a process record into a folder, and kill it so long after its first frame."""
    command = [sys.executable, "-m", "benchmarks.torture_recordings", "--record", str(root)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1]) as process:
        while not (root / "handed_over.txt").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)


def record(root: Path) -> None:
    """Record until killed; a line for each frame that was handed over."""
    from emotion_core.datatypes import FrameResult

    _, session = SessionStore(root / "live").start("none")
    session.keep_video(True)
    add = session.begin_stream()
    images = [frame.image for frame in sample_frames(2.0, _FPS)]
    with (root / "handed_over.txt").open("w") as handed_over:
        for number in range(10**6):
            arrived_s = time.monotonic()
            time_s = session.now_s()
            image = images[number % len(images)]
            add(_one_face(FrameResult, number), arrived_s, lambda image=image: image)
            handed_over.write(f"{time_s}\n")
            handed_over.flush()
            time.sleep(max(0.0, arrived_s + 1 / _FPS - time.monotonic()))


def _one_face(kind: Any, index: int) -> Any:
    probs = np.full((1, 7), 1 / 7, np.float32)
    box, one, no = np.array([[10, 10, 60, 60]], np.float32), np.ones(1), np.zeros(1, bool)
    return kind(index, 0.0, box, one.astype(np.int64), probs, probs, one, no, no, ((),))


def lost_of(root: Path) -> tuple[float, float]:
    """Finish the killed recording; seconds missing at the end of its table and of its clip."""
    handed_over_s = float((root / "handed_over.txt").read_text().split("\n")[-2])
    (folder,) = (root / "live").iterdir()
    summary = SessionStore(root / "live").stop(folder.name)
    readings_s = float(read_faces(folder / "faces.csv").frame_times[-1])
    clip_s = [frame.time_s for frame in read_frames(folder / CLIP)][-1]
    return handed_over_s - readings_s, handed_over_s - clip_s - summary["clip"]["origin_s"]


if __name__ == "__main__":
    sys.exit(main())
