"""The public-domain portrait of the samples, as photographed or with another expression.

The photographed woman smiles. Her mouth, brows and eyes are moved along outlines that were measured
by hand, the mouth is closed or darkened inside, and the folds of the smile are smoothed. How far
each part moves was tuned until the served network read the intended expression. That makes a clip
that shows what a timeline is for; it proves nothing about the network, and says nothing about how
real people show what they feel.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.errors import MediaError

PORTRAIT: Final[Path] = Path(__file__).parent / "assets" / "portrait.jpg"

# All lengths and places below are pixels of the 320×320 portrait; y points down.
_SIDE: Final = 320
_MOUTH_X, _MOUTH_Y, _MOUTH_HALF = 160.5, 139.9, 21.5  # between the corners, and half their distance
_NOSE_Y, _CHEEK_Y, _CHIN_Y, _NECK_Y = 128.0, 118.0, 176.0, 200.0
# Each brow: inner end, outer end, and the direction of the other brow.
_BROWS: Final = (((150, 92), (127, 91), 1), ((174, 94), (198, 94), -1))
_EYES: Final = ((139.0, 101.0), (184.0, 102.5))
_FOLDS: Final = (
    ((146, 126), (137, 131), (132, 136), (131, 144)),
    ((176, 126), (183, 132), (188, 138), (188, 146)),
)
_CHEEKS: Final = ((134, 121), (187, 122))
_Heights = TypeVar("_Heights", float, FloatArray)
_INSIDE_BGR, _LINE_BGR = (38.0, 34.0, 62.0), (70.0, 72.0, 118.0)


@dataclass(frozen=True, slots=True)
class FaceShape:
    """Where the movable parts of the face are; the defaults are those of the photograph.

    Attributes:
        gap: between the lips, in the middle, in pixels.
        middle: y of the line between the lips, in the middle.
        corners: how far the corners of the mouth lie below its middle; negative in a smile.
        width: of the mouth, 1 as photographed.
        lips: thickness of the lips, 1 as photographed.
        jaw: how far the chin is lowered.
        brow_in: how far the inner ends of the brows are lowered.
        brow_out: how far the outer ends of the brows are lowered.
        brow_close: how far the inner ends of the brows are drawn together, on each side.
        eyes: opening of the eyes, 1 as photographed.
        folds: depth of the folds beside the mouth, 1 as photographed, 0 smooth.
        cheeks: light on the raised cheeks, 1 as photographed, 0 smooth.
        dark: how dark the mouth is inside, 0 (teeth as photographed) to 1.
    """

    gap: float = 7.0
    middle: float = 147.0
    corners: float = -7.0
    width: float = 1.0
    lips: float = 1.0
    jaw: float = 0.0
    brow_in: float = 0.0
    brow_out: float = 0.0
    brow_close: float = 0.0
    eyes: float = 1.0
    folds: float = 1.0
    cheeks: float = 1.0
    dark: float = 0.0

    def towards(self, other: "FaceShape", share: float) -> "FaceShape":
        """The shape on the way to another one: 0 is this one, 1 the other."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return FaceShape(*(a + share * (b - a) for a, b in pairs))


SHAPES: Final[Mapping[str, FaceShape]] = MappingProxyType(
    {
        "happy": FaceShape(),
        "neutral": FaceShape(
            gap=0.4, middle=148.2, corners=3.2, width=0.75, lips=0.7, brow_out=-1.5, eyes=0.95,
            folds=0.0, cheeks=0.0, dark=0.9,
        ),
        "surprise": FaceShape(
            gap=14.0, middle=149.0, corners=-3.0, width=0.72, jaw=5.0, brow_in=-5.0, brow_out=-4.0,
            eyes=1.25, folds=0.1, cheeks=0.2, dark=1.0,
        ),
        "sad": FaceShape(
            gap=2.0, middle=147.0, corners=5.5, width=0.9, lips=1.1, brow_in=-5.3, brow_out=3.0,
            brow_close=3.5, eyes=0.72, folds=0.2, dark=0.9,
        ),
        "angry": FaceShape(
            gap=3.5, middle=149.3, corners=5.5, width=0.72, lips=0.75, jaw=0.4, brow_in=5.5,
            brow_out=-4.4, brow_close=3.7, eyes=0.7, folds=0.0, cheeks=0.2, dark=0.92,
        ),
    }
)  # fmt: skip


@lru_cache(maxsize=1)
def portrait() -> ImageArray:
    """(320, 320, 3) uint8 BGR, read-only: astronaut Eileen Collins, photographed by NASA.

    Raises:
        MediaError: the picture is not in the package.
    """
    image = cv2.imdecode(np.fromfile(PORTRAIT, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"{PORTRAIT} is missing or damaged: install the package again.")
    image.setflags(write=False)
    return image.astype(np.uint8, copy=False)


# Most frames of a clip show one of a few shapes; the ways between them are seldom repeated.
@lru_cache(maxsize=16)
def portrait_as(shape: FaceShape) -> ImageArray:
    """The portrait with another expression.

    Args:
        shape: where the parts of the face go.

    Returns:
        (320, 320, 3) uint8 BGR, read-only.
    """
    if shape == FaceShape():
        return portrait()
    smooth = _smoothed(1 - shape.folds, 1 - shape.cheeks)
    moved = cv2.remap(smooth, *_source_of(shape), cv2.INTER_LINEAR)
    inside = _mouth_inside(shape)[:, :, None]
    openness = min(1.0, shape.gap / 4)
    colour = openness * np.array(_INSIDE_BGR) + (1 - openness) * np.array(_LINE_BGR)
    image = np.clip(moved * (1 - inside) + colour * inside, 0, 255).astype(np.uint8)
    image.setflags(write=False)
    return image


@lru_cache(maxsize=1)
def _grid() -> tuple[FloatArray, FloatArray]:
    """y and x of every pixel."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    return y, x


def _ease(share: ArrayLike) -> FloatArray:
    """0 to 1 without a bend at either end (smoothstep)."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _bump(x: float, y: float, width: float, height: float) -> FloatArray:
    """1 at a place, falling to 0 around it."""
    grid_y, grid_x = _grid()
    distance = ((grid_x - x) / width) ** 2 + ((grid_y - y) / height) ** 2
    return np.asarray(np.exp(-distance / 2), np.float32)


def _smoothed(folds: float, cheeks: float) -> FloatArray:
    """The portrait with softer folds and flatter cheeks, each 0 (as it is) to 1."""
    fold_mask, cheek_mask = _masks()
    image = portrait().astype(np.float32)
    image += 0.8 * cheeks * cheek_mask * (_blurred(11) - image)
    image += np.clip(1.3 * folds * fold_mask, 0, 1) * (_blurred(5) - image)
    return image


@lru_cache(maxsize=1)
def _masks() -> tuple[FloatArray, FloatArray]:
    """Where the folds and the cheeks are, (320, 320, 1) float32 in [0, 1] each."""
    folds, cheeks = np.zeros((2, _SIDE, _SIDE), np.float32)
    for fold in _FOLDS:
        cv2.polylines(folds, [np.array(fold)], False, 1.0, 5)
    for centre in _CHEEKS:
        cv2.circle(cheeks, centre, 11, 1.0, -1)
    soft_folds, soft_cheeks = (
        cv2.GaussianBlur(folds, (0, 0), 2.2),
        cv2.GaussianBlur(cheeks, (0, 0), 4),
    )
    return soft_folds[:, :, None].astype(np.float32), soft_cheeks[:, :, None].astype(np.float32)


@lru_cache(maxsize=2)
def _blurred(sigma: int) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(portrait(), (0, 0), sigma), np.float32)


def _source_of(shape: FaceShape) -> tuple[FloatArray, FloatArray]:
    """x and y of the photograph's pixel that is shown at each pixel."""
    y, x = _grid()
    away = _ease(1 - (np.abs(x - _MOUTH_X) - _MOUTH_HALF * shape.width) / 22)
    stretch = (1 / shape.width - 1) * away
    near = _ease(1 - (np.abs(y - 146) - 9) / 20)
    source_x = x + (x - _MOUTH_X) * stretch * near
    source_y = y.copy()
    for column in range(105, 217):
        place = (column - _MOUTH_X) * (1 + float(stretch[0, column])) / _MOUTH_HALF
        shown, photographed = _mouth_column(shape, place)
        source_y[:, column] = np.interp(y[:, column], shown, photographed)
    for inner, outer, towards in _BROWS:
        inner_bump = _bump(*inner, 9, 7)
        source_y -= shape.brow_in * inner_bump + shape.brow_out * _bump(*outer, 9, 7)
        source_x -= shape.brow_close * towards * inner_bump
    for eye_x, eye_y in _EYES:
        source_y += (y - eye_y) * (1 / shape.eyes - 1) * _bump(eye_x, eye_y, 12, 6)
    return source_x.astype(np.float32, copy=False), source_y


def _mouth_column(shape: FaceShape, place: float) -> tuple[list[float], list[float]]:
    """Heights in one column through mouth and chin: where they are shown, and where they were.

    Args:
        shape: of the face.
        place: -1 and 1 are the corners of the mouth, 0 its middle.
    """
    middle = shape.middle + shape.corners * min(place * place, 1.0)
    if abs(place) >= 1:  # beside the mouth: its corners take the cheek along, less and less
        pull = float(_ease(2 - abs(place)))
        shown = [_CHEEK_Y, _MOUTH_Y + (middle - _MOUTH_Y) * pull, _CHIN_Y + 0.6 * shape.jaw * pull]
        photographed = [_CHEEK_Y, _MOUTH_Y, _CHIN_Y]
    else:
        arch = 1 - place * place
        lips = [
            _MOUTH_Y - 0.2 - arch,
            _MOUTH_Y + 3.9 * arch**0.8,
            _MOUTH_Y + 10.4 * arch**0.75,
            _MOUTH_Y + 0.3 + 15.6 * arch**0.75,
        ]
        upper, lower = (max(0.6, shape.lips * (lips[i + 1] - lips[i])) for i in (0, 2))
        top, bottom = _lip_edges(shape, middle, arch)
        chin = _CHIN_Y + shape.jaw * (1 - 0.4 * place * place)
        shown = [_NOSE_Y, top - upper, top, bottom, bottom + lower, chin]
        photographed = [_NOSE_Y, *lips, _CHIN_Y]
    # What overlaps is pressed together: the order from top to bottom never changes.
    rising = np.maximum.accumulate(np.array(shown) - 0.05 * np.arange(len(shown)))
    shown = (rising + 0.05 * np.arange(len(shown))).tolist()
    ends = (_NECK_Y, float(_SIDE - 1))
    return [0.0, *shown, *ends], [0.0, *photographed, *ends]


def _lip_edges(shape: FaceShape, middle: _Heights, arch: _Heights) -> tuple[_Heights, _Heights]:
    """Lower edge of the upper lip and upper edge of the lower one."""
    gap = shape.gap * arch**0.75
    return middle - 0.4 * gap, middle + 0.6 * gap


def _mouth_inside(shape: FaceShape) -> FloatArray:
    """(320, 320) float32: 1 where the mouth is dark inside, or where closed lips meet."""
    y, x = _grid()
    place = (x - _MOUTH_X) / (_MOUTH_HALF * shape.width)
    arch = np.maximum(1 - place**2, 0)
    middle = shape.middle + shape.corners * np.minimum(place**2, 1)
    top, bottom = _lip_edges(shape, middle, arch)
    half = np.maximum(bottom - top, 1.3 * arch**0.3) / 2
    inside = _ease((half - np.abs(y - (top + bottom) / 2)) / 1.4 + 0.5)
    return np.asarray(inside * (arch > 0) * shape.dark, np.float32)
