"""The identities of a whole video: joined where it is sure, never where two were seen at once."""

import math

import numpy as np
import pytest

from emotion_core.datatypes import FloatArray
from emotion_core.pipeline.identity_resolution import SUGGESTIONS, resolve
from emotion_core.pipeline.tracklets import Tracklet, evidence

PLACE = (100.0, 100.0, 80.0)


def direction(*parts: float) -> FloatArray:
    vector = np.zeros(900, np.float32)
    vector[: len(parts)] = parts
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


ANNA, BELA = direction(1, 0), direction(0, 1)
# Somewhat like Anna: cosine 0.65.
LIKE_ANNA = direction(0.65, 0.0, 0.76)
UNKNOWN = np.full((2, 154), np.nan, np.float32)


def tracklet(
    number: int,
    face: FloatArray,
    first_s: float,
    last_s: float,
    person: int = 0,
    shot: int = 1,
    place: tuple[float, float, float] = PLACE,
) -> Tracklet:
    made = Tracklet(number, person or number, shot, first_s, last_s, place, place)
    made.gradients, made.colours, made.looks = [face], [UNKNOWN], 1
    return made


def test_one_person_is_joined_over_gaps() -> None:
    found = resolve([tracklet(1, ANNA, 0, 2), tracklet(2, BELA, 3, 5), tracklet(3, ANNA, 6, 8)])
    assert found.people == {1: 1, 2: 2, 3: 1}
    assert found.suggestions == ()


def test_two_who_were_seen_at_one_time_are_never_one_person() -> None:
    found = resolve([tracklet(1, ANNA, 0, 4), tracklet(2, ANNA, 2, 6)])
    assert found.people == {1: 1, 2: 2}
    assert found.suggestions == ()


def test_who_may_be_either_of_two_is_asked_about() -> None:
    # Twins side by side, and later one of them alone.
    found = resolve([tracklet(1, ANNA, 0, 4), tracklet(2, ANNA, 0, 4), tracklet(3, ANNA, 6, 8)])
    assert found.people == {1: 1, 2: 2, 3: 3}
    assert {(s.person, s.other) for s in found.suggestions} == {(1, 3), (2, 3)}


def test_what_is_likely_but_not_sure_is_suggested() -> None:
    found = resolve([tracklet(1, ANNA, 0, 2), tracklet(2, LIKE_ANNA, 30, 31, shot=2)])
    assert found.people == {1: 1, 2: 2}
    ((person, other, likelihood),) = [(s.person, s.other, s.likelihood) for s in found.suggestions]
    assert (person, other) == (1, 2)
    assert 0.6 < likelihood < 0.9


def test_what_was_joined_in_the_stream_stays_joined() -> None:
    found = resolve([tracklet(1, ANNA, 0, 2), tracklet(2, BELA, 3, 5, person=1)])
    assert found.people == {1: 1, 2: 1}


def test_the_smaller_number_stays_over_several_joins() -> None:
    faces = [tracklet(number, ANNA, 10.0 * number, 10.0 * number + 2) for number in range(1, 9)]
    found = resolve(faces)
    assert set(found.people.values()) == {1}


def test_who_was_never_described_keeps_their_number() -> None:
    blank = tracklet(2, ANNA, 5, 6)
    blank.gradients, blank.colours = [], []
    assert resolve([tracklet(1, ANNA, 0, 2), blank]).people == {1: 1, 2: 2}
    assert resolve([]).people == {}


def test_no_more_questions_than_somebody_answers() -> None:
    many = [
        tracklet(n, direction(*np.eye(60)[n] * 0.8, 0.6), 3.0 * n, 3.0 * n + 1, shot=n)
        for n in range(1, 30)
    ]
    assert len(resolve(many).suggestions) <= SUGGESTIONS


@pytest.mark.parametrize(
    ("shot", "place", "gains"),
    [
        (1, PLACE, True),
        (1, (300.0, 100.0, 80.0), False),
        (1, (100.0, 100.0, 200.0), False),
        (2, PLACE, False),
    ],
)
def test_the_same_place_speaks_for_one_person_within_a_shot(
    shot: int, place: tuple[float, float, float], gains: bool
) -> None:
    one, other = tracklet(1, LIKE_ANNA, 0, 2), tracklet(2, ANNA, 4, 5, shot=shot, place=place)
    gain = evidence([one], [other]).total - evidence([one], [other], same_place=False).total
    assert (gain > 1) == gains
    later = tracklet(2, ANNA, 120, 121, shot=shot, place=place)
    assert evidence([one], [later]).total <= evidence([one], [other]).total
    assert math.isclose(evidence([one], [other]).face, evidence([other], [one]).face)
