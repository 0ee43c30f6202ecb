"""How well people keep their identities, and what that costs.

    python -m benchmarks.identity [--short] [--clips WORD] [--trackers NAME…] [--rounds 15]

Every clip (identity_clips.py, identity_real.py) goes through every tracker of TRACKERS; a table and
the measures of multi-object tracking (identity_metrics.py) say who was mixed up. Only boxes that
were seen count, not those held over a gap. The cost is the time of a frame with one face, as a
ratio to the first tracker in the same run; that of `whole video` includes the decoding. Writes
results/identity.json.
"""

import argparse
import atexit
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from benchmarks.common import save
from benchmarks.identity_clips import MADE, Clip, made
from benchmarks.identity_metrics import Row, Score, score
from benchmarks.identity_real import CUTS, missing, real
from emotion_core import Frame, Pipeline, PipelineSettings, TrackingSettings
from emotion_core.media import write_frames
from emotion_core.media.read import read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.model.classify import load_classifier
from emotion_core.results.export import read_faces
from emotion_core.results.paths import FACES
from emotion_core.video.analyze import Source, analyse_video
from emotion_core.video.options import VideoOptions

Tracker = Callable[[Clip], list[Row]]
# Left out of the short run.
_LONG: Final = ("away for 30 s", "cuts between close-ups")
_COLUMNS: Final = {
    "idf1": "IDF1", "mota": "MOTA", "switches": "switches", "fragments": "fragm.",
    "wrong_merges": "merged", "split_people": "split", "people": "people",
    "identities": "ids", "found": "found", "faces": "faces", "false_faces": "false",
}  # fmt: skip


def online(settings: PipelineSettings) -> Tracker:
    """Frame by frame through a pipeline with these settings: what a live stream shows."""

    def track(clip: Clip) -> list[Row]:
        pipeline = Pipeline(load_classifier(), settings)
        rows: list[Row] = []
        for frame in _pictures(file_of(clip)):
            result = pipeline.process(frame)
            for identity, box, predicted in zip(
                result.track_ids.tolist(), result.boxes.tolist(), result.predicted, strict=True
            ):
                if not predicted:
                    rows.append((frame.index, identity, tuple(box)))
        return rows

    return track


def whole_video(clip: Clip) -> list[Row]:
    """As a video file, analysed to its end: what a results page and its files show."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        options = VideoOptions(annotate=False)
        analyse_video(Source(file_of(clip), "0" * 64), results, load_classifier(), options)
        table = read_faces(results / FACES)
    rows: list[Row] = []
    for row in range(len(table)):
        x, y, width, height = table.boxes_xywh[row].tolist()
        if not table.predicted[row]:
            box = x, y, x + width, y + height
            rows.append((int(table.frame[row]), int(table.track_id[row]), box))
    return rows


# The first is what the others' costs are compared with.
TRACKERS: Final[Mapping[str, Tracker]] = {
    "tracks only": online(PipelineSettings(tracking=TrackingSettings(reidentify=False))),
    "live": online(PipelineSettings()),
    "whole video": whole_video,
}


@lru_cache(maxsize=1)
def _folder() -> Path:
    path = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def file_of(clip: Clip) -> Path:
    """The clip as an MP4, written once and removed at the end of the program.

    All trackers are given what the file holds: compressed pictures, as a camera's are.
    """
    return write_frames(_folder() / f"{file_of.cache_info().currsize}.mp4", clip.frames(), clip.fps)


@lru_cache(maxsize=1)
def _pictures(path: Path) -> list[Frame]:
    return list(read_frames(path))


def main() -> None:
    """Measure all clips with all trackers and write results/identity.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--short", action="store_true", help="leave out long and real clips")
    parser.add_argument("--clips", default="", help="only those with this in their name")
    parser.add_argument("--trackers", nargs="*", choices=TRACKERS, default=list(TRACKERS))
    parser.add_argument("--rounds", type=int, default=15, help="in which the costs are measured")
    options = parser.parse_args()
    trackers = {name: TRACKERS[name] for name in options.trackers}
    clips = {clip.name: _scores(clip, trackers) for clip in chosen(options.short, options.clips)}
    sums = {name: _total([of_clip[name] for of_clip in clips.values()]) for name in trackers}
    _print_row("all clips", sums)
    cost = costs(trackers, options.rounds)
    figures = {
        clip: {name: scored.to_dict() for name, scored in of_clip.items()}
        for clip, of_clip in clips.items()
    }
    if not options.clips:
        save("identity", {"short": options.short, "total": sums, "cost": cost, "clips": figures})
    print("Time of a frame with one face: " + "; ".join(_said(name, cost) for name in cost))


def chosen(short: bool, word: str) -> Iterator[Clip]:
    """The clips to show, made one at a time."""
    for name in MADE:
        if word in name and not (short and name in _LONG):
            yield made(name)
    if short:
        return
    if missing():
        print(missing())
        return
    for name in CUTS:
        if word in name:
            yield real(name)


def _scores(clip: Clip, trackers: Mapping[str, Tracker]) -> dict[str, Score]:
    scores = {
        name: score(clip.truth, track(clip), clip.ignored) for name, track in trackers.items()
    }
    _print_row(clip.name, {name: scored.to_dict() for name, scored in scores.items()})
    return scores


def _total(scores: Sequence[Score]) -> dict[str, Any]:
    """Means of the shares, sums of the counts."""
    rows = [scored.to_dict() for scored in scores]
    return {
        key: round(statistics.mean(row[key] for row in rows), 4)
        if key in ("idf1", "mota")
        else sum(row[key] for row in rows)
        for key in _COLUMNS
    }


def _print_row(clip: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """A block of the table: one line for each tracker."""
    print(f"{clip:30}" + "".join(f"{title:>9}" for title in _COLUMNS.values()))
    for name, values in figures.items():
        cells = (f"{v:9.3f}" if isinstance(v, float) else f"{v:9}" for v in _picked(values))
        print(f"  {name:28}" + "".join(cells), flush=True)


def _picked(values: Mapping[str, Any]) -> Iterable[Any]:
    return (values[key] for key in _COLUMNS)


def costs(trackers: Mapping[str, Tracker], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a frame with one face, and as times the first tracker, in turns."""
    frames = list(sample_frames(8.0, 25.0, size=(640, 360)))
    clip = Clip("one face", 25.0, lambda: iter(frames), [[] for _ in frames])
    spent: dict[str, list[float]] = {name: [] for name in trackers}
    for number in range(rounds + 1):
        # Whoever comes second finds a warmer machine: every other round goes backwards.
        for name, track in list(trackers.items())[:: 1 if number % 2 else -1]:
            begun = time.perf_counter()
            track(clip)
            if number:  # the first round loads and writes files
                spent[name].append((time.perf_counter() - begun) / len(frames))
    first = next(iter(spent.values()))
    return {
        name: {
            "ms": round(1000 * statistics.median(times), 2),
            "ratio": round(statistics.median(a / b for a, b in zip(times, first, strict=True)), 3),
        }
        for name, times in spent.items()
    }


def _said(name: str, cost: Mapping[str, Mapping[str, float]]) -> str:
    return f"{name} {cost[name]['ms']} ms ({cost[name]['ratio']}×)"


if __name__ == "__main__":
    main()
