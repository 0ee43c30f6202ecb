"""One long video in pieces that are read at the same time: where each begins and ends.

A piece begins at a key frame, long enough before its own part for the pipeline to settle
(`settling_s`), and ends where the next one is settled for some seconds: both have read the frames
of these seconds, and the pieces are joined where they agree best (piece_seams.py).
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.errors import SettingsError
from emotion_core.media.frame_times import FrameTimes, frame_times
from emotion_core.media.probe import probe
from emotion_core.media.read import FrameSelector, KeyFrame
from emotion_core.pipeline.settling import settling_s
from emotion_core.results.paths import PIECES
from emotion_core.video.analyze import Source, analysed_step_s, pipeline_settings, result_key
from emotion_core.video.options import VideoOptions

MOST_PIECES: Final = 1000
# Seconds in which two settled pieces read the same frames: the seam is one of these frames.
SHARED_S: Final = 4.0
# Where the number of pieces is left to the program, at most a twentieth of the video is read twice.
AUTO_OVERLAPS: Final = 20


@dataclass(frozen=True, slots=True)
class Splitting:
    """Into how many pieces each video is split.

    Attributes:
        count: pieces, 1 to `MOST_PIECES`; a shorter video has fewer.
        automatic: it was left to the program: pieces are long, and finished results are taken
            however many pieces they were read in.

    Raises:
        SettingsError: the number is out of range.
    """

    count: int
    automatic: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_PIECES:
            raise SettingsError(
                f"A video can be read in 1 to {MOST_PIECES} pieces, got {self.count}."
            )

    @property
    def asked(self) -> int | str:
        """As on the command line."""
        return "auto" if self.automatic else self.count


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a video; times are seconds on the video's clock, halfway between two frames.

    Attributes:
        number: 0 for the first.
        read_from_s: where its reading begins: just behind a key frame.
        own_from_s: where the piece before it ends: problems from here on count as its own.
        end_s: where its reading ends; None: with the video.
        passed, next_s: of the `FrameSelector` at its first frame.
        begin: the key frame; None: the piece begins where the video or its range does.
    """

    number: int
    read_from_s: float
    own_from_s: float
    end_s: float | None
    passed: int = 0
    next_s: float = -math.inf
    begin: KeyFrame | None = None


@dataclass(frozen=True, slots=True)
class PiecePlan:
    """How one video is read in pieces. Can be pickled: any process can read a piece of it.

    Attributes:
        source: the video.
        options: what to read and make.
        model: of the network, as for `analyse_video`.
        splitting: what was asked for.
        pieces: two or more; one where the video cannot be split.
        overlap_s: seconds that two neighbours read both, at least.
        whole_because: why there is one piece only, as a part of a sentence.
    """

    source: Source
    options: VideoOptions
    model: Mapping[str, Any]
    splitting: Splitting
    pieces: tuple[Piece, ...]
    overlap_s: float
    whole_because: str = ""

    @property
    def key(self) -> str:
        """The key of the joined results."""
        return result_key(self.source.sha256, self.options, self.model, len(self.pieces))

    def piece_key(self, number: int) -> str:
        """What a finished piece must have been read with to be used: 64 hexadecimal digits."""
        whole = result_key(self.source.sha256, self.options, self.model)
        parts = [whole, asdict(self.pieces[number])]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def folder(self, results: Path, number: int) -> Path:
        """Where a piece is kept until all are joined; in the results folder of the video."""
        return results / PIECES / str(number)


def plan_pieces(
    source: Source,
    options: VideoOptions,
    model: Mapping[str, Any],
    splitting: Splitting,
) -> PiecePlan:
    """Choose where to split a video. Its packets are read, which takes a second for an hour.

    Args:
        source: the video.
        options: what to read and make, as `feasible` gives them.
        model: of the network (`described_network`).
        splitting: into how many pieces.

    Raises:
        VideoError: the file cannot be opened as a video.
    """
    info = probe(source.path)
    step_s = analysed_step_s(info, options)
    overlap_s = settling_s(pipeline_settings(info, options), step_s) + SHARED_S
    least_s = AUTO_OVERLAPS * overlap_s if splitting.automatic else overlap_s
    whole = Piece(0, options.start_s, -math.inf, options.end_s)
    pieces: tuple[Piece, ...] = (whole,)
    why = "a single piece was asked for"
    if splitting.count > 1:
        frames = frame_times(source.path)
        if frames is None:
            why = "the file does not say when each of its frames is shown"
        else:
            pieces = _split(frames, options, splitting.count, overlap_s, least_s) or pieces
            why = f"it is too short, or has too few key frames, for pieces of {least_s:.0f} s"
    why = "" if len(pieces) > 1 else why
    return PiecePlan(source, options, dict(model), splitting, pieces, overlap_s, why)


def _split(
    frames: FrameTimes, options: VideoOptions, count: int, overlap_s: float, least_s: float
) -> tuple[Piece, ...]:
    """The pieces of the range; () where there is no frame in it."""
    times_s, end_s = frames.times_s, options.end_s
    first = int(np.searchsorted(times_s, options.start_s))
    last = len(times_s) if end_s is None else int(np.searchsorted(times_s, end_s))
    if last - first < 2:
        return ()
    length_s = float(times_s[last - 1] - times_s[first])
    count = max(1, min(count, int(length_s / least_s)))
    begins, ends = [first], list[int]()
    for number in range(1, count):
        wanted_s = float(times_s[first]) + length_s * number / count - overlap_s
        key = _nearest_key(frames, wanted_s, max([*begins, *ends]), times_s[last - 1] - overlap_s)
        if key is not None and abs(times_s[key] - wanted_s) < length_s / count:
            begins.append(key)
            ends.append(int(np.searchsorted(times_s, times_s[key] + overlap_s)))
    between = np.append(-math.inf, (times_s[1:] + times_s[:-1]) / 2)
    # The key frame itself is decoded only: a reading that begins between it and the next frame
    # cannot miss it by a rounding error.
    places = [0, *(begin + 1 - first for begin in begins[1:])]
    states = _selector_states(times_s[first:last], options, places)
    reads = [options.start_s, *(float(between[first + place]) for place in places[1:])]
    stops: list[float | None] = [*(float(between[end]) for end in ends), end_s]
    owns = [-math.inf, *(float(between[end]) for end in ends)]
    return tuple(
        Piece(number, *times, *state, _key_frame(frames, begins[number]) if number else None)
        for number, (times, state) in enumerate(
            zip(zip(reads, owns, stops, strict=True), states, strict=True)
        )
    )


def _key_frame(frames: FrameTimes, index: int) -> KeyFrame:
    return KeyFrame(int(frames.ticks[index]), index)


def _nearest_key(frames: FrameTimes, wanted_s: float, behind: int, before_s: float) -> int | None:
    """The key frame next to a time, of those behind a frame and before another time."""
    keys = frames.keys[(frames.keys > behind) & (frames.times_s[frames.keys] < before_s)]
    if not len(keys):
        return None
    return int(keys[np.abs(frames.times_s[keys] - wanted_s).argmin()])


def _selector_states(
    times_s: np.ndarray, options: VideoOptions, places: list[int]
) -> list[tuple[int, float]]:
    """`passed` and `next_s` of a selector that has seen all frames before each place."""
    if options.rate is None:
        return [(place, -math.inf) for place in places]
    selector, states, begun = FrameSelector(1, options.rate), [], 0
    for place in places:
        for position in range(begun, place):
            selector.takes(position, float(times_s[position]))
        states.append((place, selector.next_s))
        begun = place
    return states
