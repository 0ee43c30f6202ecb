"""How well it is told who speaks, how much readings flicker meanwhile, and what that costs.

    python -m benchmarks.speaking [--rates 10 15 20 30] [--seed 100] [--rounds 15]

Clips made in code (speaking_clips.py) are written as MP4 and read by the pipeline. Each second of
each face counts as speech or silence, true and told, by what it was for most of its frames; seconds
in which it is not known are left out and counted apart. The thresholds were chosen with the seed 0
at 10 and 25 frames a second. Flicker is how often the shown expression changes in a second while
somebody speaks, and `late` the delay in seconds of what is told where speech begins or ends within
a clip. The cost is the CPU time of a frame with one face, as a ratio to the time without what this
takes, in the same run. For real clips (../shared/media) nobody noted who speaks: there it is only
said what was told. Writes results/speaking.json.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np

from benchmarks.common import save
from benchmarks.speaking_clips import SECONDS, Clip, silent_clips, speaking_clips
from emotion_core import Frame, Pipeline, PipelineSettings
from emotion_core.datatypes import FloatArray, IntArray
from emotion_core.media import write_frames
from emotion_core.media.read import read_frames
from emotion_core.media.synthetic import sample_frames
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline import readings
from emotion_core.pipeline.smoothing import Smoother
from emotion_core.vision.mouth_motion import SpeechDetector

SHARED: Final = Path(__file__).resolve().parents[2] / "shared" / "media"
REAL: Final = ("one_face_talking.mp4", "one_face_signing.mkv", "face_appears_hevc.mov")
STRONGER: Final = (0.7, 0.9)
Stretches = Sequence[tuple[float, float]]


@dataclass(slots=True)
class Track:
    """What was told of one face: a row for each frame in which it was seen."""

    left: float
    times: list[float] = field(default_factory=list)
    speaking: list[int] = field(default_factory=list)
    raw: list[FloatArray] = field(default_factory=list)


def tracks(frames: Iterable[Frame]) -> list[Track]:
    """The faces of a stream, from left to right; short-lived ones are left out."""
    pipeline = Pipeline(load_classifier(), PipelineSettings())
    found: dict[int, Track] = {}
    for frame in frames:
        result = pipeline.process(frame)
        for row, person in enumerate(result.track_ids.tolist()):
            track = found.setdefault(person, Track(float(result.boxes[row, 0])))
            track.times.append(frame.time_s)
            track.speaking.append(int(result.speaking[row]))
            track.raw.append(result.raw_probs[row])
    long = [track for track in found.values() if len(track.times) > 10]
    return sorted(long, key=lambda track: track.left)


@dataclass(slots=True)
class Score:
    """Seconds of faces: speech told as speech, missed; silence told as speech, as silence; not
    known; and the delays of changes, in seconds."""

    hit: int = 0
    missed: int = 0
    false: int = 0
    silent: int = 0
    unknown: int = 0
    late: list[float] = field(default_factory=list)

    def add(self, track: Track, truth: Stretches) -> None:
        """Take in one face."""
        times, told = np.array(track.times), np.array(track.speaking)
        true = np.array([any(a <= t < b for a, b in truth) for t in track.times])
        for second in range(int(SECONDS)):
            inside = (times >= second) & (times < second + 1)
            if inside.sum() < 3:
                continue
            known = inside & (told >= 0)
            if known.sum() * 2 < inside.sum():
                self.unknown += 1
                continue
            case = (bool(true[inside].mean() >= 0.5), bool((told[known] == 1).mean() >= 0.5))
            self.hit += case == (True, True)
            self.missed += case == (True, False)
            self.false += case == (False, True)
            self.silent += case == (False, False)
        for start, end in truth:
            self.late += [*_delay(times, told, start, 1), *_delay(times, told, end, 0)]

    def plus(self, other: "Score") -> "Score":
        """Both together."""
        return Score(
            self.hit + other.hit,
            self.missed + other.missed,
            self.false + other.false,
            self.silent + other.silent,
            self.unknown + other.unknown,
            self.late + other.late,
        )

    def to_dict(self) -> dict[str, Any]:
        """Counts, precision and recall; None where there is nothing to divide by."""
        told, true = self.hit + self.false, self.hit + self.missed
        return {
            "hit": self.hit,
            "missed": self.missed,
            "false": self.false,
            "silent": self.silent,
            "unknown": self.unknown,
            "precision": round(self.hit / told, 3) if told else None,
            "recall": round(self.hit / true, 3) if true else None,
            "late": round(statistics.median(self.late), 2) if self.late else None,
        }


def _delay(times: np.ndarray, told: np.ndarray, at_s: float, state: int) -> list[float]:
    """How long after a moment within the clip another state is told; [] where it is not."""
    after = np.flatnonzero((times >= at_s) & (told == state))
    if not 0.5 < at_s < SECONDS - 0.5 or not len(after):
        return []
    return [float(times[after[0]] - at_s)]


def flicker(track: Track, truth: Stretches, stronger: float | None) -> tuple[int, float]:
    """Changes of the shown expression while somebody speaks, and for how many seconds they do.

    Args:
        track: with raw readings; they are smoothed here as the pipeline does.
        truth: when they speak.
        stronger: smoothing while they speak, None: as usual.
    """
    smoother, number = Smoother(0.5, stronger), np.ones(1, np.int64)
    shown: IntArray = np.array(
        [
            int(smoother.update(number, raw[None], time_s, [speaks]).argmax())
            for raw, time_s, speaks in zip(track.raw, track.times, track.speaking, strict=True)
        ]
    )
    times = np.array(track.times)
    inside = np.array([any(a <= t < b for a, b in truth) for t in track.times])
    changes = (np.diff(shown) != 0) & inside[1:]
    return int(changes.sum()), float(np.diff(times)[inside[1:]].sum())


def main() -> None:
    """Measure everything and write results/speaking.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rates", nargs="*", type=float, default=[10.0, 15.0, 20.0, 30.0])
    parser.add_argument("--seed", type=int, default=100, help="of the rhythm of speech")
    parser.add_argument("--rounds", type=int, default=15, help="in which the cost is measured")
    options = parser.parse_args()
    figures: dict[str, Any] = {"seed": options.seed, "clips": {}}
    sums = {rate: Score() for rate in options.rates}
    shaken = _Flickers()
    for clip in [*speaking_clips(options.seed), *silent_clips()]:
        figures["clips"][clip.name] = {}
        for rate in options.rates:
            score = _measured(clip, rate, shaken)
            sums[rate] = sums[rate].plus(score)
            figures["clips"][clip.name][f"{rate:g}"] = score.to_dict()
            _print_row(f"{clip.name}, {rate:g} fps", score)
    total = Score()
    for rate, score in sums.items():
        _print_row(f"all clips, {rate:g} fps", score)
        total = total.plus(score)
    _print_row("all clips", total)
    figures["rates"] = {f"{rate:g}": score.to_dict() for rate, score in sums.items()}
    figures["total"] = total.to_dict()
    figures["changes_a_second"] = shaken.to_dict()
    figures["real"] = dict(_real())
    figures["cost"] = cost(options.rounds)
    save("speaking", figures)


class _Flickers:
    """Label changes and seconds of speech, by the smoothing meanwhile."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def add(self, track: Track, truth: Stretches) -> None:
        for stronger in (None, *STRONGER):
            sums = self._sums.setdefault("as usual" if stronger is None else f"{stronger}", [0, 0])
            for place, value in enumerate(flicker(track, truth, stronger)):
                sums[place] += value

    def to_dict(self) -> dict[str, float]:
        return {name: round(n / seconds, 2) for name, (n, seconds) in self._sums.items() if seconds}


def _measured(clip: Clip, rate: float, shaken: _Flickers) -> Score:
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        path = write_frames(Path(folder) / "clip.mp4", clip.frames(rate), rate)
        found = tracks(read_frames(path))
    for track, truth in zip(found, clip.speaks, strict=True):
        score.add(track, truth)
        shaken.add(track, truth)
    return score


def _print_row(name: str, score: Score) -> None:
    cells = (f"{key} {'–' if v is None else v}" for key, v in score.to_dict().items())
    print(f"{name:34}" + "  ".join(cells), flush=True)


def _real() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is told of the real clips, and how much their readings flicker."""
    for name in REAL:
        if not (SHARED / name).is_file():
            print(f"No real clip: {name} is not in ../shared/media.")
            continue
        for number, track in enumerate(tracks(read_frames(SHARED / name)), 1):
            told = np.array(track.speaking)
            shaken = _Flickers()
            shaken.add(track, [(0.0, np.inf)])
            yield (
                f"{name}, face {number}",
                {
                    "seconds": round(track.times[-1] - track.times[0], 1),
                    "speaking": round(float((told == 1).mean()), 3),
                    "unknown": round(float((told < 0).mean()), 3),
                    "changes_a_second": shaken.to_dict(),
                },
            )


class _Timed(SpeechDetector):
    """Counts the CPU time that it takes itself."""

    spent_s = 0.0

    def update(self, numbers: IntArray, crops: FloatArray, time_s: float) -> list[int]:
        # Of this thread: the detector searches in others meanwhile.
        begun = time.thread_time()
        states = super().update(numbers, crops, time_s)
        self.spent_s += time.thread_time() - begun
        return states


def cost(rounds: int) -> dict[str, float]:
    """Milliseconds of CPU time a frame with one face takes with and without this, and their ratio.

    Both are of the same run: on a busy machine two runs differ by more than this takes.
    """
    frames = list(sample_frames(8.0, 25.0, size=(640, 360)))
    spent: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        timed = _Timed()
        with mock.patch.object(readings, "SpeechDetector", lambda timed=timed: timed):
            pipeline = Pipeline(load_classifier(), PipelineSettings())
        begun = time.process_time()
        for frame in frames:
            pipeline.process(frame)
        whole = time.process_time() - begun
        if number:  # the first round loads files
            spent.append((whole / len(frames), (whole - timed.spent_s) / len(frames)))
    with_, without = (statistics.median(column) for column in zip(*spent, strict=True))
    return {
        "ms_without": round(1000 * without, 3),
        "ms_with": round(1000 * with_, 3),
        "ratio": round(statistics.median(a / b for a, b in spent), 4),
    }


if __name__ == "__main__":
    main()
