"""Synthetic pictures and clips from a public-domain portrait: samples, benchmarks and tests.

The person moves, grows, turns, dims, crosses another, is covered, changes expression or is not
there at all, so that there is something to find, to follow and to read; where each face is, is
known exactly (`sample_boxes`).
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, Frame, ImageArray
from emotion_core.errors import MediaError
from emotion_core.media.portrait import SHAPES, FaceShape, portrait, portrait_as

SCENARIOS: Final[tuple[str, ...]] = (
    "move",  # from side to side and back
    "scale",  # towards the camera and away
    "turn",  # head tilts a few degrees to each side
    "dim",  # the light goes down to a quarter and comes back
    "cross",  # two people change sides, one passing in front of the other
    "walk",  # two people walk in from either side, lean, pass each other and leave
    "cover",  # a hand-like block hides the face for less than a second
    "empty",  # no face
    "still",  # one face that stays
    "expressions",  # one face that changes; a second one comes, changes and leaves
)
# The face in the portrait as Haar boxes it: left, top, side in pixels of the 320×320 picture.
_FACE_LEFT, _FACE_TOP, _FACE_SIDE = 113.0, 66.0, 96.0
_COVER_S = 0.7


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a person's face centre is (fractions of the frame) and how it looks."""

    x: float
    y: float
    scale: float  # 1: the face is a fifth of the frame's height
    angle: float = 0.0  # degrees, counter-clockwise
    mirrored: bool = False
    shape: FaceShape = SHAPES["happy"]


def sample_photo() -> ImageArray:
    """The portrait itself, (320, 320, 3) uint8 BGR: one frontal, smiling face of 96 pixels."""
    return portrait().copy()


def _poses(scenario: str, phase: float) -> tuple[_Pose, ...]:
    """The people at `phase` in [0, 1] of the clip; the order of people never changes."""
    wave = math.sin(2 * math.pi * phase)
    if scenario == "move":
        return (_Pose(0.5 + 0.22 * wave, 0.45 + 0.06 * math.sin(4 * math.pi * phase), 1.25),)
    if scenario == "scale":
        return (_Pose(0.5, 0.45, 1.35 - 0.55 * math.cos(2 * math.pi * phase)),)
    if scenario == "turn":
        return (_Pose(0.5, 0.45, 1.4, angle=8 * wave),)
    if scenario == "cross":
        return (
            _Pose(0.22 + 0.56 * phase, 0.42, 1.0),
            _Pose(0.78 - 0.56 * phase, 0.50, 1.15, mirrored=True),
        )
    if scenario == "walk":
        return (
            _Pose(-0.25 + 1.5 * phase, 0.42, 1.0, angle=15 * wave),
            _Pose(1.4 - 1.7 * phase, 0.52, 1.2, angle=-12 * wave, mirrored=True),
        )
    if scenario == "expressions":
        return _changing_people(phase)
    return () if scenario == "empty" else (_Pose(0.5, 0.45, 1.4),)


# Who looks how from which phase on; between two entries less than 0.04 apart the face changes.
_FIRST_STORY: Final = (
    (0.00, "happy"), (0.14, "happy"), (0.17, "neutral"), (0.30, "neutral"), (0.33, "surprise"),
    (0.46, "surprise"), (0.50, "sad"), (0.64, "sad"), (0.68, "angry"), (0.80, "angry"),
    (0.83, "neutral"), (0.87, "neutral"), (0.90, "happy"), (1.00, "happy"),
)  # fmt: skip
_SECOND_STORY: Final = (
    (0.00, "neutral"), (0.52, "neutral"), (0.55, "surprise"), (0.66, "surprise"), (0.69, "happy"),
    (1.00, "happy"),
)  # fmt: skip


def _changing_people(phase: float) -> tuple[_Pose, ...]:
    """One person who stays and, from a quarter to nine tenths of the clip, a second one."""
    sway = math.sin(6 * math.pi * phase)
    first = _Pose(0.32 + 0.01 * sway, 0.46, 1.5, shape=_shape_at(_FIRST_STORY, phase))
    second_x = float(np.interp(phase, (0.2, 0.36, 0.8, 0.96), (1.25, 0.76, 0.76, 1.25)))
    if second_x >= 1.25:
        return (first,)
    shape = _shape_at(_SECOND_STORY, phase)
    return first, _Pose(second_x, 0.5 + 0.01 * sway, 1.2, mirrored=True, shape=shape)


def _shape_at(story: Sequence[tuple[float, str]], phase: float) -> FaceShape:
    index = max(0, bisect_right([start for start, _ in story], phase) - 1)
    (start, before), (end, after) = story[index], story[min(index + 1, len(story) - 1)]
    share = 0.0 if before == after else (phase - start) / (end - start)
    return SHAPES[before].towards(SHAPES[after], share)


def sample_boxes(
    time_s: float, seconds: float, size: tuple[int, int] = (640, 480), scenario: str = "move"
) -> FloatArray:
    """Where the faces truly are at `time_s` of a clip of `seconds`.

    Returns:
        (N, 4) float32, xyxy in pixels; row i is always the same person (a turned head is boxed
        upright; a covered or passed face is listed too).
    """
    width, height = size
    rows = []
    for pose in _poses(scenario, _phase(time_s, seconds)):
        half = pose.scale * height / 10
        x, y = pose.x * width, pose.y * height
        rows.append((x - half, y - half, x + half, y + half))
    return np.array(rows, np.float32).reshape(-1, 4)


def _phase(time_s: float, seconds: float) -> float:
    return min(1.0, time_s / seconds) if seconds > 0 else 0.0


@lru_cache(maxsize=4)
def _background(width: int, height: int) -> ImageArray:
    """A calm room: a soft slope of light with a little grain, the same in every run."""
    slope = np.linspace(150, 90, height, dtype=np.float32)[:, None, None]
    tint = np.array([1.0, 0.96, 0.90], np.float32)
    grain = np.random.default_rng(7).normal(0, 3, (height, width, 1)).astype(np.float32)
    return np.clip(slope * tint + grain, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _soft_edges() -> FloatArray:
    """(320, 320) float32 in [0, 1]: the portrait fades out towards its edges."""
    y, x = np.mgrid[0:320, 0:320].astype(np.float32)
    border = np.minimum(np.minimum(x, 319 - x), np.minimum(y, 319 - y))
    return np.asarray(np.clip(border / 40, 0, 1), np.float32)


def _paste(canvas: ImageArray, pose: _Pose) -> ImageArray:
    height, width = canvas.shape[:2]
    picture = portrait_as(pose.shape)
    centre = (_FACE_LEFT + _FACE_SIDE / 2, _FACE_TOP + _FACE_SIDE / 2)
    if pose.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
        centre = (319 - centre[0], centre[1])
    factor = pose.scale * height / 5 / _FACE_SIDE
    matrix = cv2.getRotationMatrix2D(centre, pose.angle, factor)
    matrix[:, 2] += (pose.x * width - centre[0], pose.y * height - centre[1])
    mask = cv2.warpAffine(_soft_edges(), matrix, (width, height))
    warped = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blendLinear(canvas, warped, 1 - mask, mask), np.uint8)


def _cover(image: ImageArray, box_xyxy: FloatArray) -> None:
    """Hide the face behind a skin-coloured block with finger-like gaps."""
    left, top, right, bottom = (round(float(v)) for v in box_xyxy)
    margin = (right - left) // 6
    image[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = (
        120,
        150,
        200,
    )
    for i in range(1, 4):
        x = left + i * (right - left) // 4
        cv2.line(image, (x, top - margin), (x, (top + bottom) // 2), (90, 110, 150), 3)


def _render(time_s: float, seconds: float, size: tuple[int, int], scenario: str) -> ImageArray:
    width, height = size
    phase = _phase(time_s, seconds)
    image = _background(width, height).copy()
    for pose in _poses(scenario, phase):
        image = _paste(image, pose)
    if scenario == "dim":
        light = 0.625 + 0.375 * math.cos(2 * math.pi * phase)
        image = np.asarray(image * np.float32(light), np.uint8)
    covered_s = min(_COVER_S, seconds / 3)
    if scenario == "cover" and abs(time_s - seconds / 2) < covered_s / 2:
        _cover(image, sample_boxes(time_s, seconds, size, scenario)[0])
    return image


def sample_frames(
    seconds: float = 4.0,
    fps: float = 30.0,
    size: tuple[int, int] = (640, 480),
    scenario: str = "move",
) -> Iterator[Frame]:
    """Frames of a synthetic clip, `round(seconds * fps)` of them, at least one.

    Args:
        seconds: length of the clip.
        fps: frames a second; frame i is shown at i / fps.
        size: width and height in pixels.
        scenario: one of SCENARIOS.

    Yields:
        Frame with image (height, width, 3) uint8 BGR.

    Raises:
        MediaError: there is no such scenario.
    """
    if scenario not in SCENARIOS:
        raise MediaError(f"No scenario {scenario!r}; choose one of {', '.join(SCENARIOS)}.")
    for index in range(max(1, round(seconds * fps))):
        time_s = index / fps
        yield Frame(_render(time_s, seconds, size, scenario), index, time_s)
