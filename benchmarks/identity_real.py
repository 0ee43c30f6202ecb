"""Real clips of one person each, cut together: nobody may become somebody else at a cut."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.identity_clips import Clip
from benchmarks.identity_metrics import Box
from benchmarks.identity_scenes import SIZE
from emotion_core import Frame, Pipeline
from emotion_core.media.read import read_frames
from emotion_core.vision.boxes import area

SHARED: Final = Path(__file__).resolve().parents[2] / "shared" / "media"
SOURCES: Final = ("one_face_talking.mp4", "one_face_signing.mkv", "face_appears_hevc.mov")
FPS: Final = 25.0
# Name → which source is shown how long, in frames; each goes on where it was left, and begins anew
# at its end.
CUTS: Final = {
    "real, A B A": ((0, 50), (1, 50), (0, 50)),
    "real, A B A C B A": ((0, 40), (1, 30), (0, 40), (2, 40), (1, 40), (0, 30)),
    "real, quick cuts": tuple((i % 3, 18) for i in range(12)),
}
# The face in the last clip appears late.
_SKIPPED: Final = (0, 0, 90)


def missing() -> str:
    """Why the real clips cannot be shown, or nothing."""
    lacking = [name for name in SOURCES if not (SHARED / name).is_file()]
    return f"No real clips: {', '.join(lacking)} not in ../shared/media." if lacking else ""


def real(name: str) -> Clip:
    """The real clip of that name; true are the faces that the program finds in each source when it
    is not cut, and whose they are."""
    shown: list[tuple[int, int]] = []
    places = [0, 0, 0]
    for source, count in CUTS[name]:
        for _ in range(count):
            shown.append((source, places[source] % len(_pictures(source))))
            places[source] += 1
    truth = [_face(source, place) for source, place in shown]

    def frames() -> Iterator[Frame]:
        for index, (source, place) in enumerate(shown):
            yield Frame(_pictures(source)[place], index, index / FPS)

    return Clip(name, FPS, frames, truth)


def _face(source: int, place: int) -> list[tuple[str, Box]]:
    box = _boxes(source)[place]
    return [] if box is None else [(SOURCES[source], box)]


@lru_cache(maxsize=len(SOURCES))
def _pictures(source: int) -> list[np.ndarray]:
    """Of the size of the made clips, with black at the sides where the shape differs."""
    pictures = []
    for frame in list(read_frames(SHARED / SOURCES[source]))[_SKIPPED[source] :]:
        factor = min(SIZE[0] / frame.width, SIZE[1] / frame.height)
        size = round(frame.width * factor), round(frame.height * factor)
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        left, top = (SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2
        picture[top : top + size[1], left : left + size[0]] = small
        pictures.append(picture)
    return pictures


@lru_cache(maxsize=len(SOURCES))
def _boxes(source: int) -> list[Box | None]:
    """The largest face of each picture, where one is seen."""
    pipeline, boxes = Pipeline.load(), list[Box | None]()
    for index, picture in enumerate(_pictures(source)):
        result = pipeline.process(Frame(picture, index, index / FPS))
        seen = result.boxes[~result.predicted]
        if len(seen):
            left, top, right, bottom = seen[area(seen).argmax()].tolist()
            boxes.append((left, top, right, bottom))
        else:
            boxes.append(None)
    return boxes
