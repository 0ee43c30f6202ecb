"""What happens to the answers when the picture gets worse: six kinds of damage at several levels.

Everything is drawn from a fixed seed, so that two networks meet the same damaged faces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_core.errors import InputError
from emotion_core.evaluation import metrics
from emotion_core.labels import EXPRESSIONS

Images = NDArray[np.uint8]
LogitsOf = Callable[[Images], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage.

    Attributes:
        kind: its name in robustness.csv.
        unit: what the level counts.
        levels: from mild to severe.
    """

    kind: str
    unit: str
    levels: tuple[float, ...]


DAMAGES: Final[tuple[Damage, ...]] = (
    Damage("blur", "standard deviation in pixels of the 48×48 face", (0.5, 1.0, 1.5, 2.0)),
    Damage("noise", "standard deviation in grey levels of 255", (5, 10, 20, 40)),
    Damage("darkness", "share of the light taken away", (0.3, 0.5, 0.7, 0.85)),
    Damage("size", "side of the face in pixels before it is scaled up", (36, 24, 16, 12)),
    Damage("occlusion", "share of the face covered by a grey square", (0.05, 0.1, 0.2, 0.3)),
    Damage("rotation", "degrees, to either side", (10, 20, 30, 45)),
)
COLUMNS: Final[tuple[str, ...]] = (
    "dataset",
    "split",
    "label_set",
    "damage",
    "level",
    "unit",
    "images",
    "accuracy",
    "macro_f1",
)


def damaged(images: Images, kind: str, level: float, seed: int = 0) -> Images:
    """The same faces, made worse.

    Args:
        images: (N, H, W) uint8, grey.
        kind: one of `DAMAGES`.
        level: in the unit of that kind.
        seed: of noise, places and directions.

    Returns:
        (N, H, W) uint8, a new array.

    Raises:
        InputError: an unknown kind of damage.
    """
    change = _CHANGES.get(kind)
    if change is None:
        raise InputError(f"Unknown damage {kind!r}; known are {', '.join(_CHANGES)}.")
    if not len(images):
        return images.copy()
    return change(images, level, np.random.default_rng(seed))


def _blur(images: Images, level: float, _: np.random.Generator) -> Images:
    return np.stack([cv2.GaussianBlur(i, (0, 0), level) for i in images]).astype(np.uint8)


def _noise(images: Images, level: float, rng: np.random.Generator) -> Images:
    noisy = images + rng.normal(0, level, images.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _darkness(images: Images, level: float, _: np.random.Generator) -> Images:
    return np.rint(images * (1 - level)).astype(np.uint8)


def _size(images: Images, level: float, _: np.random.Generator) -> Images:
    side, (height, width) = int(level), images.shape[1:]
    small = (cv2.resize(i, (side, side), interpolation=cv2.INTER_AREA) for i in images)
    whole = [cv2.resize(i, (width, height), interpolation=cv2.INTER_LINEAR) for i in small]
    return np.stack(whole).astype(np.uint8)


def _occlusion(images: Images, level: float, rng: np.random.Generator) -> Images:
    count, height, width = images.shape
    tall, wide = (max(1, round(side * level**0.5)) for side in (height, width))
    tops = rng.integers(0, height - tall + 1, count)
    lefts = rng.integers(0, width - wide + 1, count)
    covered = images.copy()
    for image, top, left in zip(covered, tops, lefts, strict=True):
        image[top : top + tall, left : left + wide] = 128
    return covered


def _rotation(images: Images, level: float, rng: np.random.Generator) -> Images:
    count, height, width = images.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    angles = level * rng.choice([-1, 1], count)
    turned = [
        cv2.warpAffine(
            image,
            cv2.getRotationMatrix2D(centre, float(angle), 1.0),
            (width, height),
            borderMode=cv2.BORDER_REPLICATE,
        )
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.stack(turned).astype(np.uint8)


_CHANGES: Final[dict[str, Callable[[Images, float, np.random.Generator], Images]]] = {
    "blur": _blur,
    "noise": _noise,
    "darkness": _darkness,
    "size": _size,
    "occlusion": _occlusion,
    "rotation": _rotation,
}


def measure_robustness(
    images: Images, truth: NDArray[np.integer], logits_of: LogitsOf, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Score the same faces undamaged and at every level; one dictionary a step, for progress.

    Args:
        images: (N, 48, 48) uint8, N >= 1, all with a label.
        truth: (N,) indices into EXPRESSIONS.
        logits_of: (N, 48, 48, 1) float32 0-255 → (N, 7) float32.
        seed: of the damage.
    """
    steps = [("none", 0.0, "")] + [(d.kind, x, d.unit) for d in DAMAGES for x in d.levels]
    for kind, level, unit in steps:
        seen = images if kind == "none" else damaged(images, kind, level, seed)
        answers = logits_of(seen).argmax(axis=1)
        confusion = metrics.confusion_matrix(truth, answers, len(EXPRESSIONS))
        yield {
            "damage": kind,
            "level": level,
            "unit": unit,
            "images": len(images),
            "accuracy": round(float(metrics.accuracy(confusion)), 5),
            "macro_f1": round(float(metrics.macro_f1(confusion)), 5),
        }


def robustness_table(
    rows: list[dict[str, Any]], dataset: str, split: str, label_set: str
) -> "pd.DataFrame":
    """The rows of `measure_robustness` with the columns of robustness.csv."""
    whole = [{"dataset": dataset, "split": split, "label_set": label_set, **r} for r in rows]
    return pd.DataFrame(whole, columns=list(COLUMNS))
