"""What the people of a finished piece look like, described again from the video.

Descriptors are never written. Where the program was ended before all pieces were joined, those of
its finished pieces are gone, and only the frames that are needed for new ones are looked at.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotion_core.datatypes import QualityHint
from emotion_core.media.read import FrameSelector, read_frames
from emotion_core.pipeline.identities import LEAST_SIDE_PX
from emotion_core.pipeline.tracklets import LOOKS_KEPT, Place, Tracklet
from emotion_core.results.export import COLUMNS
from emotion_core.results.paths import FACES
from emotion_core.video.piece_seams import TICKS_PER_S, table_rows
from emotion_core.video.pieces import PiecePlan
from emotion_core.vision.reidentification import describe


class _Seen(NamedTuple):
    """A face seen in a frame, as its row of the table says it; its time is in microseconds."""

    frame: int
    tick: int
    tracklet: int
    person: int
    shot: int
    box_xywh: tuple[float, ...]
    angle: float
    frontal: bool

    @property
    def place(self) -> Place:
        x, y, width, height = self.box_xywh
        return x + width / 2, y + height / 2, math.sqrt(width * height)


@dataclass(slots=True)
class _These(FrameSelector):
    """Takes the frames that are shown at given times; the table rounds them to microseconds."""

    ticks: frozenset[int] = frozenset()

    def takes(self, position: int, time_s: float) -> bool:  # noqa: ARG002
        return round(time_s * TICKS_PER_S) in self.ticks


def described_again(plan: PiecePlan, number: int, folder: Path) -> tuple[Tracklet, ...]:
    """The tracklets of a finished piece, with new descriptors where people are recognised.

    Raises:
        VideoError: the video cannot be read any more.
        InputError: the table is missing or damaged.
    """
    rows: dict[int, list[_Seen]] = defaultdict(list)
    for seen in _seen(folder / FACES):
        rows[seen.tracklet].append(seen)
    tracklets = {tracklet: _tracklet(of_it) for tracklet, of_it in rows.items()}
    options, piece = plan.options, plan.pieces[number]
    if not options.reidentify or options.one_person:
        return tuple(tracklets.values())
    wanted: dict[int, list[_Seen]] = defaultdict(list)
    for of_it in rows.values():
        for look in _spread(of_it):
            wanted[look.frame].append(look)
    ticks = frozenset(look.tick for looks in wanted.values() for look in looks)
    for frame in read_frames(
        plan.source.path,
        start_s=piece.read_from_s,
        end_s=piece.end_s,
        selector=_These(ticks=ticks),
        begin=piece.begin,
    ):
        for look in wanted[frame.index]:
            x, y, width, height = look.box_xywh
            box = np.array([x, y, x + width, y + height], np.float32)
            told = describe(frame.image, box, look.angle)
            tracklets[look.tracklet].remember(told, frame.time_s)
    return tuple(tracklets.values())


def _seen(path: Path) -> Iterator[_Seen]:
    for tick, values in table_rows(path):
        row = dict(zip(COLUMNS, values, strict=True))
        if not row["track_id"] or row["predicted"] == "1":
            continue
        yield _Seen(
            int(row["frame"]),
            tick,
            int(row["tracklet"]),
            int(row["track_id"]),
            int(row["shot"]),
            tuple(float(row[name]) for name in ("x", "y", "width", "height")),
            float(row["angle"]),
            QualityHint.TURNED not in row["quality"].split("+"),
        )


def _tracklet(rows: list[_Seen]) -> Tracklet:
    first, last = rows[0], rows[-1]
    return Tracklet(
        first.tracklet,
        last.person,
        first.shot,
        first.tick / TICKS_PER_S,
        last.tick / TICKS_PER_S,
        first.place,
        last.place,
    )


def _spread(rows: list[_Seen]) -> list[_Seen]:
    """A few looks at one face, spread over the time in which it was seen well."""
    good = [row for row in rows if row.frontal and row.box_xywh[2] >= LEAST_SIDE_PX]
    count = min(len(good), LOOKS_KEPT)
    return [good[i] for i in np.linspace(0, len(good) - 1, count).round().astype(int)]
