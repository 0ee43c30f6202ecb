"""A whole video: ours beside `fer`'s own video analysis, on the same file, in turns.

python -m venv peer && peer/bin/pip install fer "opencv-python-headless<5"
python -m benchmarks.video --peer peer/bin/python [VIDEO…]

Times are of the analysis alone: both programs have loaded their network before. With an annotated
clip ours writes H.264 that a browser plays, the peer MPEG-4 that none does.
"""

import argparse
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from benchmarks.common import save
from emotion_core.media import repeat_video, write_frames
from emotion_core.media.probe import probe
from emotion_core.media.synthetic import sample_frames
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions

MADE = "made in code, 640×360, 25 frames a second"
CASES = {"table": False, "table and annotated clip": True}


def main() -> None:
    """Measure every clip and write results/video.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, help="Python of an environment with fer")
    parser.add_argument("--rounds", type=int, default=3, help="ours and the peer take turns")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of the made clip; shorter ones are repeated"
    )
    parser.add_argument("videos", nargs="*", type=Path)
    options = parser.parse_args()
    worker = Path(__file__).with_name("fer_video_worker.py")
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [options.peer, str(worker)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as peer,
    ):
        made = Path(folder) / "made.mp4"
        write_frames(made, sample_frames(options.seconds, 25.0, size=(640, 360)), 25.0)
        clips = {
            path.name: _repeated(path, Path(folder), options.seconds) for path in options.videos
        } | {MADE: made}
        figures = {
            name: _clip(path, Path(folder), peer, options.rounds) for name, path in clips.items()
        }
        save("video", {"rounds": options.rounds, "clips": figures})
        assert peer.stdin is not None
        peer.stdin.close()


def _repeated(path: Path, folder: Path, seconds: float) -> Path:
    """The same clip, one after another until it is as long: a few seconds measure the opening."""
    length = probe(path).duration_s
    assert length is not None
    times = math.ceil(seconds / length)
    return repeat_video(path, folder / path.name, times) if times > 1 else path.resolve()


def _clip(path: Path, folder: Path, peer: subprocess.Popen[str], rounds: int) -> dict[str, Any]:
    """All rounds of one clip; the quickest of each counts, others only met a busier machine."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    classifier, info = load_classifier(), probe(path)
    assert info.duration_s is not None
    spent: dict[str, dict[str, list[dict[str, Any]]]] = {
        case: {"ours": [], "fer": []} for case in CASES
    }
    for _ in range(rounds):
        for case, annotate in CASES.items():
            task = {"file": str(path), "out": str(folder / "peer"), "annotate": annotate}
            spent[case]["fer"].append(_ask(peer.stdin, peer.stdout, task))
            spent[case]["ours"].append(_ours(path, folder / "ours", classifier, annotate))
    return {
        "size": f"{info.width}x{info.height}",
        "frames_per_second": round(info.fps, 2),
        "duration_s": round(info.duration_s, 2),
        **{case: _case(sides, info.duration_s) for case, sides in spent.items()},
    }


def _ours(path: Path, folder: Path, classifier: Classifier, annotate: bool) -> dict[str, Any]:
    start, cpu_start = time.perf_counter(), time.process_time()
    options = VideoOptions(annotate=annotate)
    summary = analyse_video(Source(path, "0" * 64), folder, classifier, options)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu_start,
        "frames_with_a_face": round(summary["valid_share"] * summary["frames_analysed"]),
    }


def _ask(stdin: IO[str], stdout: IO[str], task: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(task), file=stdin, flush=True)
    for line in stdout:
        if line.startswith("RESULT "):
            answer: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return answer
    raise SystemExit("The peer ended early; run benchmarks/fer_video_worker.py by hand to see why.")


def _case(sides: dict[str, list[dict[str, Any]]], duration_s: float) -> dict[str, Any]:
    figures = {side: _side(rounds, duration_s) for side, rounds in sides.items()}
    ours, fer = figures["ours"], figures["fer"]
    return figures | {
        "times_faster": {
            "wall": round(fer["seconds"] / ours["seconds"], 1),
            "cpu": round(fer["cpu_seconds"] / ours["cpu_seconds"], 1),
        }
    }


def _side(rounds: list[dict[str, Any]], duration_s: float) -> dict[str, Any]:
    best = min(rounds, key=lambda r: float(r["seconds"]))
    return {
        "times_real_time": round(duration_s / best["seconds"], 2),
        "times_real_time_each_round": [round(duration_s / r["seconds"], 2) for r in rounds],
        "seconds": round(best["seconds"], 3),
        "cpu_seconds": round(min(float(r["cpu_seconds"]) for r in rounds), 3),
        "frames_with_a_face": best["frames_with_a_face"],
    }


if __name__ == "__main__":
    main()
