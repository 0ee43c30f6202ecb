"""Draws people into rooms: what a camera shows at one moment, and whose face is visible where."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from benchmarks.identity_people import HEIGHT, WIDTH, Person, face_box, picture
from emotion_core.datatypes import FloatArray, ImageArray

SIZE: Final = (640, 360)
Box = tuple[float, float, float, float]  # xyxy, pixels of the frame
ROOMS: Final = 3
# A face counts as visible while so much of its box lies in the frame and so little is covered.
INSIDE_LEAST: Final = 0.85
COVERED_MOST: Final = 0.3
_GRAINS: Final = 8


@dataclass(frozen=True, slots=True)
class Pose:
    """Somebody in a frame.

    Attributes:
        person: who.
        x, y: centre of the face as fractions of the frame.
        scale: side of the face as a fraction of the frame's height.
        angle: degrees the body leans, counter-clockwise.
        mood: expression, one of MOODS.
        away: turned away: no face is visible.
    """

    person: Person
    x: float
    y: float = 0.42
    scale: float = 0.3
    angle: float = 0.0
    mood: str = "happy"
    away: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """What one camera shows at one moment: people from back to front, and the light.

    Attributes:
        poses: the people; a later one covers an earlier one.
        room: number of the room, below ROOMS.
        light: factor of blue, green and red.
    """

    poses: tuple[Pose, ...]
    room: int = 0
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)


def render(scene: Scene, index: int) -> ImageArray:
    """(H, W, 3) uint8: the scene with the grain of a camera, which differs from frame to frame."""
    image = room(scene.room).copy()
    for pose in scene.poses:
        _paste(image, pose)
    if scene.light != (1.0, 1.0, 1.0):
        levels = np.arange(256, dtype=np.float32)[:, None] * np.array(scene.light, np.float32)
        table = np.clip(levels, 0, 255).astype(np.uint8)[None]
        image = np.asarray(cv2.LUT(image, table), np.uint8)
    return np.asarray(cv2.add(image, _grain(index % _GRAINS), dtype=cv2.CV_8U), np.uint8)


def faces(scene: Scene) -> tuple[list[tuple[str, Box]], list[Box]]:
    """The visible faces, and the boxes of those that are there but hardly visible."""
    seen, hidden = [], []
    for row, pose in enumerate(scene.poses):
        box = _box(pose)
        inside = _inside(box)
        covered = _covered(box, scene.poses[row + 1 :])
        if not pose.away and inside >= INSIDE_LEAST and covered <= COVERED_MOST:
            seen.append((pose.person.name, box))
        elif inside > 0:
            hidden.append(box)
    return seen, hidden


@lru_cache(maxsize=ROOMS)
def room(number: int) -> ImageArray:
    """(H, W, 3) uint8, read-only: an empty room of its own colours, furniture and texture."""
    width, height = SIZE
    rng = np.random.default_rng(100 + number)
    wall = ((150, 165, 170), (175, 160, 140), (120, 150, 140))[number]
    light = np.linspace(1.1, 0.8, width, dtype=np.float32)[None, :, None]
    image = np.full((height, width, 3), wall, np.float32)
    image *= light if number != 1 else light[:, ::-1]
    (_window, _shelf, _pictures)[number](image, rng)
    image[320:] = 0.6 * np.array(wall, np.float32)
    rough = cv2.GaussianBlur(rng.normal(0, 14, (height, width)).astype(np.float32), (0, 0), 1.5)
    drawn = np.clip(cv2.GaussianBlur(image, (0, 0), 0.8) + rough[:, :, None], 0, 255)
    drawn = drawn.astype(np.uint8)
    drawn.setflags(write=False)
    return drawn


def _window(image: FloatArray, _: np.random.Generator) -> None:
    """A window with a sky, and a door."""
    image[30:200, 40:210] = (235, 225, 205)
    image[150:200, 40:210] = (110, 170, 130)
    for x in (40, 123, 206):
        image[26:204, x : x + 6] = (240, 240, 240)
    for y in (26, 112, 200):
        image[y : y + 6, 40:212] = (240, 240, 240)
    image[60:320, 500:600] = (70, 100, 140)
    image[70:180, 515:585] = (60, 88, 125)
    cv2.circle(image, (512, 210), 5, (80, 200, 220), -1)


def _shelf(image: FloatArray, rng: np.random.Generator) -> None:
    """Books along the whole wall."""
    for y in (20, 110, 200):
        image[y + 78 : y + 86] = (50, 70, 95)
        x = 10
        while x < SIZE[0] - 20:
            thick, tall = int(rng.integers(8, 22)), int(rng.integers(48, 76))
            if rng.random() < 0.85:
                colour = rng.integers(50, 190, 3)
                image[y + 78 - tall : y + 78, x : x + thick] = colour
                image[y + 86 - tall : y + 90 - tall, x : x + thick] = 0.7 * colour
            x += thick + 1


def _pictures(image: FloatArray, rng: np.random.Generator) -> None:
    """Striped wallpaper with framed pictures of nothing in particular."""
    for x in range(0, SIZE[0], 32):
        image[:, x : x + 14] *= 0.93
    for x, y in ((60, 40), (270, 25), (480, 50)):
        image[y : y + 90, x : x + 110] = (60, 60, 70)
        small = rng.integers(60, 200, (5, 6, 3)).astype(np.float32)
        image[y + 8 : y + 82, x + 8 : x + 102] = cv2.resize(small, (94, 74))


@lru_cache(maxsize=_GRAINS)
def _grain(number: int) -> FloatArray:
    rng = np.random.default_rng(number)
    return rng.normal(0, 2.5, (SIZE[1], SIZE[0], 3)).astype(np.float32)


def _matrix(pose: Pose) -> FloatArray:
    """(2, 3): from the person's picture into the frame."""
    left, top, right, bottom = face_box(pose.person).tolist()
    centre = (left + right) / 2, (top + bottom) / 2
    factor = pose.scale * SIZE[1] / (right - left)
    matrix = cv2.getRotationMatrix2D(centre, pose.angle, factor)
    matrix[:, 2] += (pose.x * SIZE[0] - centre[0], pose.y * SIZE[1] - centre[1])
    return matrix.astype(np.float32)


def _box(pose: Pose) -> Box:
    x, y, half = pose.x * SIZE[0], pose.y * SIZE[1], pose.scale * SIZE[1] / 2
    return x - half, y - half, x + half, y + half


def _inside(box: Box) -> float:
    """Share of a box that lies in the frame."""
    across = min(box[2], SIZE[0]) - max(box[0], 0)
    down = min(box[3], SIZE[1]) - max(box[1], 0)
    return max(across, 0) * max(down, 0) / ((box[2] - box[0]) * (box[3] - box[1]))


def _covered(box: Box, in_front: Sequence[Pose]) -> float:
    """Share of a box that people further in front cover: looked up at a grid of points."""
    x, y = np.meshgrid(np.linspace(box[0], box[2], 14), np.linspace(box[1], box[3], 14))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    covered = np.zeros(x.size, np.bool_)
    for pose in in_front:
        place = (cv2.invertAffineTransform(_matrix(pose)) @ points).round().astype(int)
        within = (place >= 0).all(axis=0) & (place[0] < WIDTH) & (place[1] < HEIGHT)
        alpha = picture(pose.person, pose.mood, pose.away)[:, :, 3]
        covered[within] |= alpha[place[1, within], place[0, within]] > 127
    return float(covered.mean())


def _paste(image: ImageArray, pose: Pose) -> None:
    """Draw a person, touching no more of the image than the person fills."""
    matrix = _matrix(pose)
    corners = np.array([(0, 0, 1), (WIDTH, 0, 1), (0, HEIGHT, 1), (WIDTH, HEIGHT, 1)])
    spread = matrix @ corners.T
    x0, y0 = np.maximum(np.floor(spread.min(axis=1)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(spread.max(axis=1)).astype(int), SIZE)
    if x1 <= x0 or y1 <= y0:
        return
    matrix[:, 2] -= (x0, y0)
    cut = picture(pose.person, pose.mood, pose.away)
    warped = cv2.warpAffine(cut, matrix, (int(x1 - x0), int(y1 - y0)))
    alpha = warped[:, :, 3].astype(np.float32) / 255
    place = image[y0:y1, x0:x1]
    place[:] = cv2.blendLinear(place, warped[:, :, :3].copy(), 1 - alpha, alpha)
