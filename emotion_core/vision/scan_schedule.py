"""When to scan which part of the frame for new faces: piecewise, sooner where it changes."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import BoolArray, FloatArray, ImageArray
from emotion_core.vision import boxes as bx

# From this share of the frame's shorter side on a face is near: scanning for near faces only costs
# a quarter, so the whole frame is one piece. The look for far ones is cut into strips.
NEAR_SHARE: Final = 0.22
FAR_STRIPS: Final = 4
# Rows of the thumbnail that tells whether anything has changed.
THUMB_CELLS: Final = 30
# A cell has changed by this many grey levels; a face as small as can be found covers nine cells.
CHANGED_LEVELS: Final = 24
CHANGED_CELLS: Final = 3
# A piece never scanned is due, but not before one that is long overdue.
NEVER_SCANNED: Final = 1.5
# One scan misses one face in five; a second soon after, whose sizes lie between those of the first,
# finds most of them: a new face need not wait for the next regular scan.
SECOND_S: Final = 0.1
# Movement around a known face (hair, shoulders) does not count as a change: box sides left out.
PERSON_SIDES: Final = 1.8


class Crowd(Enum):
    """Who is known; the value: seconds between two looks at a near piece where something changed
    and where nothing did, then the same for a far piece."""

    NOBODY = (0.06, 0.12, 0.2, 0.8)
    LOST = (0.1, 0.1, 0.4, 0.4)
    CALM = (0.7, 1.5, 1.6, 3.0)


@dataclass(slots=True, eq=False)
class Piece:
    """A part of the frame and the sizes of faces looked for in it, in pixels."""

    box: tuple[int, int, int, int]
    face_px: tuple[float, float]
    far: bool
    scanned_s: float = -math.inf
    scans: int = 0
    thumb: NDArray[np.int16] | None = None


class ScanSchedule:
    """Chooses the pieces to scan in each frame. Not thread-safe: one a stream.

    The first frame is looked at whole; later ones scan one piece, or one of each kind while no
    face is known, so that no frame takes much longer than another.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._made_for: tuple[object, ...] = ()

    def reset(self) -> None:
        """Scan the whole of the next frame."""
        self._pieces, self._made_for = [], ()

    def due(
        self,
        image_bgr: ImageArray,
        time_s: float,
        smallest_px: float,
        known_boxes: FloatArray,
        crowd: Crowd,
    ) -> list[Piece]:
        """Pieces to scan now, near faces first; call `done` for each one that was scanned.

        Args:
            image_bgr: (H, W, 3) uint8.
            time_s: never smaller than before.
            smallest_px: side of the smallest face looked for.
            known_boxes: (K, 4) xyxy; what changes there is no news.
            crowd: who is known.
        """
        height, width = image_bgr.shape[:2]
        if self._made_for != (width, height, smallest_px):
            self._pieces = pieces(width, height, smallest_px)
            self._made_for = (width, height, smallest_px)
        if all(math.isinf(piece.scanned_s) for piece in self._pieces):
            return list(self._pieces)
        if not any(
            time_s - piece.scanned_s + 5e-4 >= _periods(piece, crowd)[0] for piece in self._pieces
        ):
            return []
        thumb = _thumb(image_bgr)
        news = _outside(known_boxes, thumb.shape, image_bgr.shape)
        urgency = [_urgency(piece, thumb, news, time_s, crowd, height) for piece in self._pieces]
        kinds = ((False,), (True,)) if crowd is Crowd.NOBODY else ((False, True),)
        chosen = [
            max(
                (i for i, piece in enumerate(self._pieces) if piece.far in kind),
                key=urgency.__getitem__,
                default=None,
            )
            for kind in kinds
        ]
        return [self._pieces[i] for i in chosen if i is not None and urgency[i] >= 1]

    def done(self, piece: Piece, image_bgr: ImageArray, time_s: float) -> None:
        """Note that a piece was scanned."""
        piece.scanned_s, piece.thumb = time_s, _thumb(image_bgr)
        piece.scans += 1

    def is_whole(self, scanned: list[Piece]) -> bool:
        """Whether these are all pieces of the frame."""
        return len(scanned) == len(self._pieces)


def pieces(width: int, height: int, smallest_px: float) -> list[Piece]:
    """The frame for near faces, then strips across its longer side for far ones.

    Neighbouring strips overlap by the largest far face, so that none is cut.
    """
    short, long = float(min(width, height)), max(width, height)
    border = max(smallest_px, NEAR_SHARE * short)
    made = [Piece((0, 0, width, height), (border, short), False)] if border < short else []
    if border <= smallest_px:
        return made
    overlap = math.ceil(border)
    step = math.ceil((long - overlap) / FAR_STRIPS)
    for start in range(0, long - overlap, step):
        end = min(start + step + overlap, long)
        box = (start, 0, end, height) if width >= height else (0, start, width, end)
        made.append(Piece(box, (smallest_px, border), True))
    return made


def _thumb(image_bgr: ImageArray) -> NDArray[np.int16]:
    """(h, w) int16: the green channel on a coarse grid; takes a few microseconds at any size."""
    every = _every(image_bgr.shape)
    return image_bgr[::every, ::every, 1].astype(np.int16)


def _every(shape: tuple[int, ...]) -> int:
    return max(1, min(shape[:2]) // THUMB_CELLS)


def _outside(boxes_xyxy: FloatArray, cells: tuple[int, ...], shape: tuple[int, ...]) -> BoolArray:
    """(h, w) bool: cells of the thumbnail outside the known persons."""
    outside = np.ones(cells, np.bool_)
    around = bx.expand(boxes_xyxy, PERSON_SIDES) / _every(shape)
    for x0, y0, x1, y1 in np.maximum(around, 0).astype(int).tolist():
        outside[y0 : y1 + 1, x0 : x1 + 1] = False
    return outside


def _periods(piece: Piece, crowd: Crowd) -> tuple[float, float]:
    """Seconds between two scans of a piece where something changed, and where nothing did."""
    if piece.scans == 1:
        return SECOND_S, SECOND_S
    return crowd.value[2:] if piece.far else crowd.value[:2]


def _urgency(
    piece: Piece,
    thumb: NDArray[np.int16],
    news: BoolArray,
    time_s: float,
    crowd: Crowd,
    height: int,
) -> float:
    """Age in periods: a piece is due at 1."""
    # Half a millisecond of tolerance: time stamps of 25 frames a second are rounded.
    age = time_s - piece.scanned_s + 5e-4
    if math.isinf(age):
        return NEVER_SCANNED
    changed_s, still_s = _periods(piece, crowd)
    if age < changed_s or age >= still_s or piece.thumb is None:
        return age / (changed_s if age < changed_s else still_s)
    x0, y0, x1, y1 = (round(v * thumb.shape[0] / height) for v in piece.box)
    part = np.s_[y0:y1, x0:x1]
    changed = (np.abs(thumb[part] - piece.thumb[part]) > CHANGED_LEVELS) & news[part]
    return age / (changed_s if np.count_nonzero(changed) >= CHANGED_CELLS else still_s)
