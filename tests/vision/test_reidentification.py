"""Descriptors of faces: alike for one person in other light, unlike for two."""

import math

import numpy as np
import pytest

from benchmarks.identity_clips import alive
from benchmarks.identity_people import ADA, BEN, CHO, DAN, EVA, TWIN, Person
from benchmarks.identity_scenes import Scene, faces, render
from emotion_core.datatypes import ImageArray
from emotion_core.vision.reidentification import (
    FaceDescriptor,
    colour_similarity,
    describe,
    gradient_similarity,
)


def looks(
    person: Person, light: tuple[float, float, float] = (1, 1, 1), at_s: float = 0.0
) -> list[FaceDescriptor]:
    """Three looks at somebody within half a second."""
    found = []
    for index in range(3):
        shown = Scene((alive(person, at_s + index / 4, 0.5),), 1, light)
        ((_, box),), _ = faces(shown)
        found.append(describe(render(shown, index), np.array(box, np.float32)))
    return found


def face(a: list[FaceDescriptor], b: list[FaceDescriptor]) -> float:
    return gradient_similarity(
        np.stack([d.gradients for d in a]), np.stack([d.gradients for d in b])
    )


def clothes(a: list[FaceDescriptor], b: list[FaceDescriptor]) -> float:
    return colour_similarity(
        np.stack([d.colours[1] for d in a]), np.stack([d.colours[1] for d in b])
    )


@pytest.mark.parametrize("light", [(0.5, 0.5, 0.5), (0.55, 0.8, 1.0)])
def test_other_light_changes_little(light: tuple[float, float, float]) -> None:
    by_day, later = looks(BEN), looks(BEN, light, at_s=0.3)
    assert face(by_day, later) > 0.8
    assert clothes(by_day, later) > 0.9


def test_everybody_is_most_like_themselves() -> None:
    people = (ADA, BEN, CHO, DAN, EVA)
    first, second = ({p.name: looks(p, at_s=s) for p in people} for s in (0.0, 4.0))
    for name in first:
        own = face(first[name], second[name])
        assert own > max(face(first[name], second[other]) for other in second if other != name)


def test_clothes_tell_twins_apart() -> None:
    assert face(looks(ADA), looks(TWIN)) > 0.8
    assert clothes(looks(ADA), looks(TWIN)) < 0.8 < clothes(looks(ADA), looks(ADA, at_s=3))


def test_a_descriptor_has_unit_gradients_and_two_regions() -> None:
    (look, *_) = looks(ADA)
    assert look.gradients.shape == (900,)
    assert float(np.linalg.norm(look.gradients)) == pytest.approx(1, abs=1e-5)
    assert look.colours.shape == (2, 154)


def photo(value: int = 120, shape: tuple[int, int] = (200, 200)) -> ImageArray:
    return np.full((*shape, 3), value, np.uint8)


def test_what_is_out_of_the_frame_says_nothing() -> None:
    whole = describe(photo(), np.array([60, 60, 120, 120], np.float32))
    cut = describe(photo(), np.array([60, 140, 120, 200], np.float32))
    assert not np.isnan(cut.colours[0]).any()
    assert np.isnan(cut.colours[1]).all()
    assert math.isnan(colour_similarity(whole.colours[1:], cut.colours[1:]))
    assert colour_similarity(whole.colours[:1], cut.colours[:1]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (0, 0, 1, 1), (190, 190, 400, 400)])
@pytest.mark.parametrize("value", [0, 255])
def test_any_box_and_any_picture_can_be_described(box: tuple[float, ...], value: int) -> None:
    look = describe(photo(value), np.array(box, np.float32))
    assert np.isfinite(look.gradients).all()
    assert (np.isnan(look.colours) | (look.colours >= 0)).all()
