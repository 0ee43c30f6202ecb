"""What the benchmark scripts share: clips, frames with many faces, and where results go."""

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from emotion_core import Frame
from emotion_core.datatypes import ImageArray
from emotion_core.media.synthetic import sample_photo
from emotion_core.pipeline.profiling import machine

RESULTS = Path(__file__).parent / "results"


def save(name: str, results: dict[str, Any]) -> None:
    """Write benchmarks/results/NAME.json, with the machine, and print it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **results}, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def crowd(faces: int, size: tuple[int, int] = (1280, 720)) -> ImageArray:
    """(H, W, 3) uint8: the portrait's head `faces` times on a plain wall, in a grid."""
    width, height = size
    image = np.full((height, width, 3), 140, np.uint8)
    columns = max(1, math.ceil(math.sqrt(faces * width / height)))
    rows = math.ceil(faces / columns)
    side = int(min(width / columns, height / rows, height / 2))
    head = sample_photo()[22:206, 69:253]
    tile = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA)
    for i in range(faces):
        x = int((i % columns + 0.5) * width / columns - side / 2)
        y = int((i // columns + 0.5) * height / rows - side / 2)
        image[y : y + side, x : x + side] = tile
    return image


def shaken(image: ImageArray, frames: int, fps: float = 30.0) -> list[Frame]:
    """A clip in which the whole picture sways by a few pixels, as people do."""
    clip = []
    for i in range(frames):
        shift = np.array([[1, 0, 6 * math.sin(i / 9)], [0, 1, 4 * math.sin(i / 7)]])
        moved = cv2.warpAffine(
            image, shift, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE
        )
        clip.append(Frame(np.asarray(moved, np.uint8), i, i / fps))
    return clip
