"""Boxes as plain arithmetic, the empty rows first."""

import numpy as np
import pytest

from emotion_core.vision import boxes as bx

NONE = np.empty((0, 4), np.float32)
A = np.array([[0, 0, 10, 10]], np.float32)


@pytest.mark.parametrize("values", [(), [], NONE])
def test_nothing_becomes_no_boxes(values: object) -> None:
    assert bx.as_boxes(values).shape == (0, 4)
    assert bx.from_xywh(values).dtype == np.float32
    assert bx.from_cxcys(bx.to_cxcys(bx.as_boxes(values))).shape == (0, 4)


def test_no_boxes_pass_through_every_function() -> None:
    assert bx.iou_matrix(NONE, A).shape == (0, 1)
    assert bx.covered_matrix(A, NONE).shape == (1, 0)
    assert bx.area(NONE).shape == bx.visible_share(NONE, 5, 5).shape == (0,)
    assert bx.expand(NONE, 2).shape == bx.clip_boxes(NONE, 5, 5).shape == (0, 4)
    assert bx.suppress(NONE, np.empty(0, np.float32)) == []


def test_conversions_there_and_back() -> None:
    boxes = bx.from_xywh([(10, 20, 30, 30), (1, 2, 4, 4)])
    np.testing.assert_allclose(boxes, [[10, 20, 40, 50], [1, 2, 5, 6]])
    np.testing.assert_allclose(bx.from_cxcys(bx.to_cxcys(boxes)), boxes, atol=1e-4)


@pytest.mark.parametrize(
    ("other", "iou", "covered"),
    [
        ([0, 0, 10, 10], 1.0, 1.0),
        ([5, 0, 15, 10], 1 / 3, 0.5),
        ([2, 2, 4, 4], 0.04, 1.0),
        ([10, 0, 20, 10], 0.0, 0.0),
        ([5, 5, 5, 5], 0.0, 0.0),
    ],
)
def test_overlaps(other: list[float], iou: float, covered: float) -> None:
    second = bx.as_boxes([other])
    assert bx.iou_matrix(A, second)[0, 0] == pytest.approx(iou)
    assert bx.covered_matrix(A, second)[0, 0] == pytest.approx(covered)


def test_expand_keeps_the_centre_and_clip_the_frame() -> None:
    np.testing.assert_allclose(bx.expand(A, 2), [[-5, -5, 15, 15]])
    np.testing.assert_allclose(bx.clip_boxes(bx.expand(A, 2), 12, 8), [[0, 0, 12, 8]])
    assert bx.visible_share(bx.expand(A, 2), 5, 100)[0] == pytest.approx(0.25 * 0.75)


def test_of_doubles_the_best_score_stays() -> None:
    boxes = bx.as_boxes([[0, 0, 10, 10], [2, 2, 6, 6], [20, 0, 30, 10]])
    assert bx.suppress(boxes, np.array([1.0, 2.0, 0.5], np.float32)) == [1, 2]
