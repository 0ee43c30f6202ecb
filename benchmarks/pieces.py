"""A video read in pieces against the same video read in one go: what differs, and what it saves.

    python -m benchmarks.pieces [--pieces 3] [--jobs 2] [--minutes 4]

The clips: two people who change expression; scenes with returns, cuts, new light and look-alikes,
one after the other, in which everybody is known; and, where ../shared/media is present, a real
person who talks, repeated. Each table is compared with that of one go, face by face. What can be
expected at all is shown by a second reading in one go that begins a second later: the detector
searches in other frames then, which moves boxes by a pixel. Writes results/pieces.json.
"""

import argparse
import csv
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.common import save
from benchmarks.identity_clips import made
from benchmarks.identity_metrics import Row, score
from emotion_core import Frame
from emotion_core.batch.capacity import usable_cores
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.synthetic import sample_frames
from emotion_core.media.write import repeat_video, sample_video, write_frames
from emotion_core.model.classify import load_classifier
from emotion_core.results.export import read_faces
from emotion_core.results.paths import FACES
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions
from emotion_core.video.piece_joining import join_pieces
from emotion_core.video.piece_reading import read_piece
from emotion_core.video.pieces import Splitting, plan_pieces
from emotion_core.vision.boxes import from_xywh, iou_matrix

SHARED: Final = Path(__file__).resolve().parents[2] / "shared" / "media"
LATER_S: Final = 1.0
FPS: Final = 15.0
SCENES: Final = (
    "away for 5 s", "cuts to another person", "returns in dim light", "cuts between close-ups",
    "somebody else sits down", "returns in warm light", "away for 1 s", "cuts to the other side",
)  # fmt: skip
Named = tuple[str, tuple[float, float, float, float]]


def main() -> None:
    """Measure everything and write results/pieces.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pieces", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=4.0, help="of the clip that is timed")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = {
            title: _compared(make(folder), folder / title, options.pieces)
            for title, make in _CLIPS.items()
        }
        speed = _speed(folder, options.jobs, options.minutes, options.rounds)
    save("pieces", {"pieces": options.pieces, "clips": clips, "speed": speed})


def _two_people(folder: Path) -> tuple[Path, list[list[Named]] | None]:
    frames = sample_frames(100.0, 25.0, size=(640, 360), scenario="expressions")
    return write_frames(folder / "people.mp4", frames, 25.0), None


def _scenes(folder: Path) -> tuple[Path, list[list[Named]] | None]:
    """All scenes of SCENES, one after the other; who is visible where is known."""
    clips = [made(name) for name in SCENES]

    def frames() -> Iterator[Frame]:
        images = itertools.chain.from_iterable(
            (frame.image for frame in clip.frames()) for clip in clips
        )
        for index, image in enumerate(images):
            yield Frame(image, index, index / FPS)

    truth = [seen for clip in clips for seen in clip.truth]
    return write_frames(folder / "scenes.mp4", frames(), FPS), truth


def _talking(folder: Path) -> tuple[Path, list[list[Named]] | None]:
    source = SHARED / "one_face_talking.mp4"
    if not source.is_file():
        return Path(), None
    return repeat_video(source, folder / "talking.mp4", 24), None


_CLIPS: Final[dict[str, Callable[[Path], tuple[Path, list[list[Named]] | None]]]] = {
    "two people": _two_people,
    "scenes": _scenes,
    "real, talking": _talking,
}


def _compared(
    clip: tuple[Path, list[list[Named]] | None], folder: Path, count: int
) -> dict[str, Any]:
    path, truth = clip
    if not path.is_file():
        return {"left_out": "the file is not here"}
    source, classifier = Source(path, "0" * 64), load_classifier()
    options, later = VideoOptions(annotate=False), VideoOptions(annotate=False, start_s=LATER_S)
    analyse_video(source, folder / "one", classifier, options)
    analyse_video(source, folder / "later", classifier, later)
    plan = plan_pieces(source, options, {}, Splitting(count))
    pieces = [read_piece(plan, k, folder / "pieces", classifier) for k in range(len(plan.pieces))]
    summary = join_pieces(plan, folder / "pieces", pieces)
    found = {
        "seconds": summary["source"]["duration_s"],
        "pieces": summary["pieces"],
        "in pieces": _differences(folder / "one", folder / "pieces"),
        f"one go, begun {LATER_S:g} s later": _differences(folder / "one", folder / "later"),
    }
    if truth is not None:
        found |= {
            f"idf1 of {name}": round(score(truth, _rows(folder / name)).idf1, 4)
            for name in ("one", "pieces")
        }
    return found


def _differences(one: Path, other: Path) -> dict[str, Any]:
    """How a table differs from that of one go; frames that only the latter has do not count."""
    ours, theirs = _by_frame(one), _by_frame(other)
    first = min(theirs)
    ours = {frame: rows for frame, rows in ours.items() if frame >= first}
    apart, same_label, identical, faces = list[float](), 0, 0, 0
    for frame, rows in ours.items():
        others = theirs.get(frame, [])
        identical += sum(row in others for row in rows)
        seen = [row for row in rows if row["track_id"]]
        there = [row for row in others if row["track_id"]]
        faces += len(seen)
        for row in seen:
            likely = iou_matrix(_boxes([row]), _boxes(there))[0] if there else np.zeros(1)
            if likely.max() >= 0.5:
                match = there[int(likely.argmax())]
                apart.append(max(abs(float(row[e]) - float(match[e])) for e in EXPRESSIONS))
                same_label += row["emotion"] == match["emotion"]
    truth: list[list[Named]] = [[] for _ in range(max(ours) + 1)]
    for frame, track_id, box in _rows(one):
        if frame >= first:
            truth[frame].append((str(track_id), box))
    return {
        "same_frames": set(ours) == set(theirs),
        "rows_identical": round(identical / sum(len(rows) for rows in ours.values()), 4),
        "faces_in_both": round(len(apart) / faces, 4),
        "same_label": round(same_label / len(apart), 4),
        "difference_median": round(float(np.median(apart)), 4),
        "difference_p95": round(float(np.quantile(apart, 0.95)), 4),
        "difference_p99": round(float(np.quantile(apart, 0.99)), 4),
        "difference_largest": round(max(apart), 4),
        "identities_idf1": round(score(truth, _rows(other)).idf1, 4),
    }


def _by_frame(folder: Path) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    with (folder / FACES).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(int(row["frame"]), []).append(row)
    return found


def _boxes(rows: list[dict[str, str]]) -> Any:
    return from_xywh([[float(row[n]) for n in ("x", "y", "width", "height")] for row in rows])


def _rows(folder: Path) -> list[Row]:
    table = read_faces(folder / FACES)
    seen = table.rows(~table.predicted)
    boxes = from_xywh(seen.boxes_xywh).tolist()
    return [
        (int(frame), int(person), (box[0], box[1], box[2], box[3]))
        for frame, person, box in zip(seen.frame, seen.track_id, boxes, strict=True)
    ]


def _speed(folder: Path, jobs: int, minutes: float, rounds: int) -> dict[str, Any]:
    """The whole command, one go and pieces in turns; the quickest of each counts."""
    short = sample_video(folder / "short.mp4", 10.0, 25.0, "expressions")
    clip = repeat_video(short, folder / "long.mp4", round(6 * minutes))
    spent: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for case, more in {"table": ["--no-annotate"], "table and annotated clip": []}.items():
            for how in (("--jobs", "1"), ("--jobs", str(jobs), "--pieces", str(jobs))):
                line = [sys.executable, "-m", "emotion_core", "analyze", str(clip), "--force"]
                begun = time.perf_counter()
                subprocess.run(
                    [*line, "--out", str(folder / "speed"), *how, *more, "--progress", "json"],
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                seconds = time.perf_counter() - begun
                spent.setdefault(case, {}).setdefault(" ".join(how), []).append(round(seconds, 2))
    return {
        "usable_cores": usable_cores(),
        "minutes": minutes,
        "cases": {
            case: {
                "seconds": of_case,
                "times_faster": round(min(of_case["--jobs 1"]) / min(list(of_case.values())[1]), 2),
            }
            for case, of_case in spent.items()
        },
    }


if __name__ == "__main__":
    main()
