"""What is drawn, looked for in pixels."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import FrameResult, ImageArray, QualityHint
from emotion_core.labels import EXPRESSIONS, colour_bgr
from emotion_core.vision import overlay
from emotion_core.vision.overlay import draw_overlay

BOXES_ONLY = OverlaySettings(labels=False)


def blank(size: tuple[int, int] = (320, 240)) -> ImageArray:
    return np.full((size[1], size[0], 3), 200, np.uint8)


def result(
    expression: str = "happy",
    box: tuple[float, ...] = (100, 80, 180, 160),
    predicted: bool = False,
    unsure: bool = False,
    hints: tuple[QualityHint, ...] = (),
) -> FrameResult:
    probs = np.full((1, 7), 0.05, np.float32)
    probs[0, EXPRESSIONS.index(expression)] = 0.7
    return FrameResult(
        index=0,
        time_s=0.0,
        boxes=np.array([box], np.float32),
        track_ids=np.array([1]),
        raw_probs=probs,
        probs=probs,
        detection_scores=np.ones(1, np.float32),
        predicted=np.array([predicted]),
        unsure=np.array([unsure]),
        quality=(hints,),
    )


def share_of_colour(image: ImageArray, expression: str) -> float:
    """How much of the box's upper edge has exactly an expression's colour."""
    return float((image[80, 100:180] == colour_bgr(expression)).all(axis=1).mean())


def test_nobody_and_nothing_to_show_leave_the_picture_as_it_is() -> None:
    image = blank()
    np.testing.assert_array_equal(
        draw_overlay(image, FrameResult.empty(0, 0), OverlaySettings()), image
    )
    hidden = draw_overlay(image, result(), OverlaySettings(show=False))
    np.testing.assert_array_equal(hidden, image)
    assert hidden is not image


def test_the_frame_given_is_not_written_to() -> None:
    image = blank()
    image.setflags(write=False)
    drawn = draw_overlay(image, result(), OverlaySettings(bars=True))
    assert (image == 200).all()
    assert drawn.flags.writeable


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_box_has_the_colour_of_its_expression(expression: str) -> None:
    drawn = draw_overlay(blank(), result(expression), BOXES_ONLY)
    assert share_of_colour(drawn, expression) == 1.0


def test_a_held_box_is_dashed() -> None:
    drawn = draw_overlay(blank(), result(predicted=True), BOXES_ONLY)
    assert 0.3 < share_of_colour(drawn, "happy") < 0.8


def changed(image: ImageArray) -> int:
    return int((image != 200).any(axis=2).sum())


def test_labels_and_bars_are_drawn_where_wanted() -> None:
    bare = changed(draw_overlay(blank(), result(), BOXES_ONLY))
    labelled = changed(draw_overlay(blank(), result(), OverlaySettings()))
    barred = changed(draw_overlay(blank(), result(), OverlaySettings(bars=True)))
    assert bare < labelled < barred


def test_names_hints_and_doubt_change_the_label() -> None:
    plain = draw_overlay(blank(), result(), OverlaySettings())
    for other in (
        draw_overlay(blank(), result(), OverlaySettings(), {1: "Zoë"}),
        draw_overlay(blank(), result(unsure=True), OverlaySettings()),
        draw_overlay(blank(), result(hints=(QualityHint.DARK,)), OverlaySettings()),
    ):
        assert (other != plain).any()


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (320, 240)])
@pytest.mark.parametrize("box", [(0, 0, 20, 20), (-50, -50, 400, 400), (300, 200, 319, 239)])
def test_no_place_is_too_small_to_draw(size: tuple[int, int], box: tuple[float, ...]) -> None:
    drawn = draw_overlay(blank(size), result(box=box), OverlaySettings(bars=True))
    assert drawn.shape == (size[1], size[0], 3)


def test_a_turned_view_is_drawn_too() -> None:
    view = blank()[:, ::-1][::2, ::2]
    assert draw_overlay(view, result(), OverlaySettings()).flags.c_contiguous


@pytest.mark.parametrize("second", [(150, 75, 230, 155), (100, 95, 180, 175), (60, 80, 120, 150)])
def test_labels_of_neighbours_can_both_be_read(second: tuple[float, ...]) -> None:
    one, two = result(hints=(QualityHint.SMALL,)), result("sad", second)
    both = FrameResult(
        index=0,
        time_s=0.0,
        boxes=np.concatenate([one.boxes, two.boxes]),
        track_ids=np.array([1, 2]),
        raw_probs=np.concatenate([one.probs, two.probs]),
        probs=np.concatenate([one.probs, two.probs]),
        detection_scores=np.ones(2, np.float32),
        predicted=np.zeros(2, bool),
        unsure=np.zeros(2, bool),
        quality=(*one.quality, *two.quality),
    )
    drawn = draw_overlay(blank(), both, OverlaySettings(boxes=False))
    apart = [
        draw_overlay(blank(), face, OverlaySettings(boxes=False))
        for face in (one, replace(two, track_ids=np.array([2])))
    ]
    dark = [np.argwhere((image != 200).any(axis=2)) for image in apart]
    for image, inked in zip(apart, dark, strict=True):
        (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
        label = image[top:bottom, left:right]
        found = cv2.matchTemplate(drawn, label, cv2.TM_SQDIFF).min()
        assert found < 1, "a label is covered"


def test_names_that_no_font_has_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay._fonts.cache_clear()
    monkeypatch.setattr(overlay, "_SYSTEM_FONTS", ())
    assert overlay.can_write("Ada 2")
    assert not overlay.can_write("Ülkü")
    assert not overlay.can_write("Анна")
    overlay._fonts.cache_clear()


def test_a_font_of_the_system_helps_out() -> None:
    overlay._fonts.cache_clear()
    fonts = overlay._fonts(16)
    if len(fonts) == 1:
        pytest.skip("this computer has none of the fonts that are looked for")
    assert overlay.can_write("Ülkü")
    assert not np.array_equal(overlay._text_mask("Ü", 16), overlay._text_mask("Ж", 16))
