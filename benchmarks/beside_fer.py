"""Ours beside `fer` on the same frames in the same run, in turns, so that noise hits both.

python -m venv peer && peer/bin/pip install fer "opencv-python-headless<5"
python -m benchmarks.beside_fer --peer peer/bin/python [VIDEO…]
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import numpy as np

from benchmarks.common import save
from emotion_core import Frame, Pipeline
from emotion_core.media import read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.pipeline.profiling import spread

BLOCK = 25


def main() -> None:
    """Measure every clip and write results/beside_fer.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, help="Python of an environment with fer")
    parser.add_argument("videos", nargs="*", type=Path)
    options = parser.parse_args()
    clips = {path.name: list(read_frames(path)) for path in options.videos}
    clips["made in code, 640×480"] = list(sample_frames(4, 30))
    worker = Path(__file__).with_name("fer_worker.py")
    command = [options.peer, str(worker)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as peer:
        save("beside_fer", {"clips": {name: compare(peer, clip) for name, clip in clips.items()}})
        assert peer.stdin is not None
        peer.stdin.close()


def compare(peer: subprocess.Popen[str], frames: list[Frame]) -> dict[str, Any]:
    """One clip, a block of frames for the one, the same block for the other."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    pipeline = Pipeline.load()
    for frame in frames[:3]:
        pipeline.process(frame)
    pipeline.reset()
    ours: dict[str, list[float]] = {"ms": [], "cpu_ms": [], "faces": []}
    theirs: dict[str, list[float]] = {"ms": [], "cpu_ms": [], "faces": []}
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(frames), BLOCK):
            block = frames[start : start + BLOCK]
            file = Path(folder) / "block.npy"
            np.save(file, np.stack([frame.image for frame in block]))
            _add(theirs, _ask(peer.stdin, peer.stdout, file))
            _add(ours, _run(pipeline, block))
    return {
        "frames": len(frames),
        "ours": _summary(ours),
        "fer": _summary(theirs),
        # CPU time is what remains comparable where other programs keep the machine busy.
        "times_faster": {
            name: round(float(np.mean(theirs[key]) / np.mean(ours[key])), 1)
            for name, key in (("wall", "ms"), ("cpu", "cpu_ms"))
        },
    }


def _run(pipeline: Pipeline, block: list[Frame]) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {"ms": [], "cpu_ms": [], "faces": []}
    for frame in block:
        start, cpu_start = time.perf_counter(), time.process_time()
        result = pipeline.process(frame)
        spent["ms"].append(1000 * (time.perf_counter() - start))
        spent["cpu_ms"].append(1000 * (time.process_time() - cpu_start))
        spent["faces"].append(len(result))
    return spent


def _ask(stdin: IO[str], stdout: IO[str], file: Path) -> dict[str, list[float]]:
    print(file, file=stdin, flush=True)
    for line in stdout:
        if line.startswith("RESULT "):
            answer: dict[str, list[float]] = json.loads(line.removeprefix("RESULT "))
            return answer
    raise SystemExit("The peer ended early; run benchmarks/fer_worker.py by hand to see why.")


def _add(all_blocks: dict[str, list[float]], block: dict[str, list[float]]) -> None:
    for name, values in block.items():
        all_blocks[name] += values


def _summary(side: dict[str, list[float]]) -> dict[str, Any]:
    one = float(np.mean(np.array(side["faces"]) == 1))
    return {
        "ms": spread(side["ms"]),
        "cpu_ms": spread(side["cpu_ms"]),
        "share_of_frames_with_one_face": round(one, 4),
    }


if __name__ == "__main__":
    main()
