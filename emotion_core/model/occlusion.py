"""What happens to an answer when a part of the face is covered (Zeiler & Fergus 2014, 1311.2901).

The served network answers here, the one that reads live pictures; no tensorflow is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# (N, 48, 48, 1) float32 0-255 → (N, 7) probabilities.
Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]

# About a fifth of a face: as wide as an eye. Smaller ones are seen through, larger ones cover two
# parts at once.
PATCH_PX: Final = 10
STRIDE_PX: Final = 2
# Positions of the parts in a crop as the detector cuts it, (left, top, right, bottom) in its 48×48
# pixels, from the mean of the training faces; approximate for any one face.
PARTS: Final[dict[str, tuple[tuple[int, int, int, int], ...]]] = {
    "brows and forehead": ((5, 1, 43, 14),),
    "eyes": ((5, 14, 43, 23),),
    "nose": ((17, 23, 31, 34),),
    "cheeks": ((3, 23, 17, 34), (31, 23, 45, 34)),
    "mouth": ((10, 34, 38, 46),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """The answers to one face, whole and covered.

    Attributes:
        whole: (7,) float32, the face as it is.
        drop: (7, 48, 48) float32: by how much an expression's log-odds fall, on average, when a
            patch lies over the pixel; negative where they rise. A probability near 1 hardly moves
            under a small patch; its odds do.
        parts: name of a part → (7,) float32, the answer with this part covered.
    """

    whole: NDArray[np.float32]
    drop: NDArray[np.float32]
    parts: dict[str, NDArray[np.float32]]


def cover_parts(answer: Answer, crop: NDArray[Any], patch: int = PATCH_PX) -> Occlusion:
    """Cover a face bit by bit, and part by part, with the mean grey of the crop.

    Args:
        answer: the network's probabilities.
        crop: (48, 48) or (48, 48, 1), grey, 0-255.
        patch: side of the sliding square in pixels; it moves by two pixels.
    """
    face = np.asarray(crop, np.float32).reshape(48, 48)
    masks = np.concatenate([sliding_masks(patch), part_masks()])
    covered = np.where(masks, face.mean(), face)[..., None].astype(np.float32)
    answers = answer(np.concatenate([face[None, ..., None], covered]))
    whole, slid = answers[0], answers[1 : -len(PARTS)]
    falls = log_odds(whole) - log_odds(slid)
    over = masks[: -len(PARTS)].reshape(len(slid), -1).astype(np.float32)
    drop = (falls.T @ over) / over.sum(axis=0)
    return Occlusion(
        whole,
        drop.reshape(-1, 48, 48).astype(np.float32),
        dict(zip(PARTS, answers[-len(PARTS) :], strict=True)),
    )


def log_odds(probs: NDArray[np.float32]) -> NDArray[np.float32]:
    """ln(p / (1 - p)) of any array of probabilities; those beyond float32 count as one in 10^6."""
    p = np.clip(probs.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p)).astype(np.float32)


def sliding_masks(patch: int = PATCH_PX, stride: int = STRIDE_PX) -> NDArray[np.bool_]:
    """(P, 48, 48) bool: a square at every place, reaching over the edges so that no pixel of the
    rim is covered less often than its neighbours."""
    starts = np.arange(-patch + stride, 48, stride)
    line = np.arange(48)
    inside = (line >= starts[:, None]) & (line < starts[:, None] + patch)
    return np.asarray(inside[:, None, :, None] & inside[None, :, None, :]).reshape(-1, 48, 48)


def part_masks() -> NDArray[np.bool_]:
    """(parts, 48, 48) bool, in the order of `PARTS`."""
    masks = np.zeros((len(PARTS), 48, 48), bool)
    for mask, boxes in zip(masks, PARTS.values(), strict=True):
        for left, top, right, bottom in boxes:
            mask[top:bottom, left:right] = True
    return masks
