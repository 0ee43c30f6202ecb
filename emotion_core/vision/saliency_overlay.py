"""Maps over a face, drawn for people: where the evidence is, and what covering it changes."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import ImageArray

PICTURE_PX: Final = 384
# Orange lowers, blue raises: a pair that the colour-blind can tell apart (Okabe & Ito 2008). BGR.
_FALLS: Final = (0, 94, 213)
_RISES: Final = (178, 114, 0)


def enlarged(crop: NDArray[Any], side: int = PICTURE_PX) -> ImageArray:
    """A crop (48, 48) grey 0-255 as (side, side, 3) uint8 BGR."""
    grey = np.clip(np.asarray(crop, np.float32).reshape(48, 48), 0, 255).astype(np.uint8)
    large = cv2.resize(grey, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), np.uint8)


def draw_heat(crop: NDArray[Any], heat: NDArray[np.float32], side: int = PICTURE_PX) -> ImageArray:
    """The face in grey, glowing where a map (48, 48) of 0-1 is high; (side, side, 3) uint8 BGR.

    Brightness grows with the value (the inferno colours), so the picture can be read without
    telling hues apart; what is low stays the plain face.
    """
    face = enlarged(crop, side).astype(np.float32)
    value = np.clip(_smooth(heat, side), 0, 1)
    scale = (90 + 165 * value).astype(np.uint8)
    colour = cv2.applyColorMap(scale, cv2.COLORMAP_INFERNO).astype(np.float32)
    strength = (0.85 * value**0.7)[:, :, None]
    return np.asarray(face * (1 - strength) + colour * strength, np.uint8)


def draw_drop(
    crop: NDArray[Any], drop: NDArray[np.float32], full: float, side: int = PICTURE_PX
) -> ImageArray:
    """The face in grey, orange where covering weakens an answer and blue where it strengthens it.

    Args:
        crop: (48, 48) grey, 0-255.
        drop: (48, 48) by how much the answer weakens; negative where it grows stronger.
        full: the change that gets the full colour, above 0.
        side: of the picture.

    Returns:
        (side, side, 3) uint8 BGR.
    """
    face = enlarged(crop, side).astype(np.float32)
    value = np.clip(_smooth(drop, side) / full, -1, 1)
    falls, rises = (np.array(c, np.float32) for c in (_FALLS, _RISES))
    colour = np.where(value[:, :, None] >= 0, falls, rises)
    strength = 0.75 * np.abs(value)[:, :, None]
    return np.asarray(face * (1 - strength) + colour * strength, np.uint8)


def _smooth(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    large = cv2.resize(np.asarray(values, np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)
