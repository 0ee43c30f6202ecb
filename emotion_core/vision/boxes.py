"""Pure functions on boxes: (N, 4) float32 arrays of left, top, right, bottom in pixels (xyxy)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.datatypes import FloatArray

# Boxes that share more than this of the smaller one are doubles of one face.
MOST_SHARED: Final = 0.4


def as_boxes(values: Any) -> FloatArray:
    """Anything box-like, also nothing at all, as (N, 4) float32."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 4)


def from_xywh(boxes_xywh: Any) -> FloatArray:
    """Left, top, width, height (as OpenCV answers; an empty tuple too) to (N, 4) float32 xyxy."""
    boxes = as_boxes(boxes_xywh).copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def to_cxcys(boxes_xyxy: FloatArray) -> NDArray[np.float64]:
    """(N, 4) xyxy to (N, 3) float64: centre x, centre y, side (geometric mean of the two)."""
    boxes = as_boxes(boxes_xyxy).astype(np.float64)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    states = np.empty((len(boxes), 3))
    states[:, :2] = (boxes[:, :2] + boxes[:, 2:]) / 2
    states[:, 2] = np.sqrt(sides[:, 0] * sides[:, 1])
    return states


def from_cxcys(values: Any) -> FloatArray:
    """(N, 3) centre x, centre y, side to square (N, 4) float32 xyxy boxes."""
    states = np.asarray(values, dtype=np.float64).reshape(-1, 3)
    return _around(states[:, :2], states[:, 2:] / 2)


def area(boxes_xyxy: FloatArray) -> FloatArray:
    """(N,) float32 areas in square pixels; a box turned inside out has the area 0."""
    sides = np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def clip_boxes(boxes_xyxy: FloatArray, width: int, height: int) -> FloatArray:
    """(N, 4) float32 boxes cut to a frame of the given size in pixels."""
    # A fifth of what numpy's clip takes for a few boxes.
    limits = np.array([width, height, width, height], np.float32)
    return np.minimum(np.maximum(boxes_xyxy, np.float32(0)), limits)


def expand(boxes_xyxy: FloatArray, factor: float) -> FloatArray:
    """Boxes with the same centre, their sides multiplied by `factor`."""
    centres = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    return _around(centres, (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]) * (factor / 2))


def _around(centres: NDArray[Any], half: NDArray[Any]) -> FloatArray:
    """(N, 4) float32 boxes from centres (N, 2) and half their sides (N, 1) or (N, 2)."""
    boxes = np.empty((len(centres), 4), np.float32)
    boxes[:, :2], boxes[:, 2:] = centres - half, centres + half
    return boxes


def intersection_matrix(first: FloatArray, second: FloatArray) -> FloatArray:
    """(N, M) float32 areas that each box of `first` shares with each box of `second`."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    return sides[..., 0] * sides[..., 1]


def iou_matrix(first: FloatArray, second: FloatArray) -> FloatArray:
    """(N, M) float32 intersection over union, 0 to 1; boxes without area overlap with nothing."""
    shared = intersection_matrix(first, second)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def covered_matrix(first: FloatArray, second: FloatArray) -> FloatArray:
    """(N, M) float32 intersection over the smaller of the two areas, 0 to 1."""
    smaller = np.minimum(area(first)[:, None], area(second)[None, :])
    shared = intersection_matrix(first, second)
    return np.asarray(shared / np.maximum(smaller, 1e-9), np.float32)


def visible_share(boxes_xyxy: FloatArray, width: int, height: int) -> FloatArray:
    """(N,) float32, the fraction of each box inside a frame of the given size, 0 to 1."""
    inside = area(clip_boxes(boxes_xyxy, width, height))
    return np.asarray(inside / np.maximum(area(boxes_xyxy), 1e-9), np.float32)


def suppress(
    boxes_xyxy: FloatArray, scores: FloatArray, most_shared: float = MOST_SHARED
) -> list[int]:
    """Indices of the boxes that stay, best score first, when doubles of one face are dropped.

    Two boxes are doubles where they share more than `most_shared` of the smaller one: Haar answers
    a face and a part of it as two boxes of very different size, which IoU would keep both.
    """
    if len(boxes_xyxy) < 2:
        return list(range(len(boxes_xyxy)))
    shared = covered_matrix(boxes_xyxy, boxes_xyxy)
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if all(shared[i, j] <= most_shared for j in kept):
            kept.append(int(i))
    return kept
