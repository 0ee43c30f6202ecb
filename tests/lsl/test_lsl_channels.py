"""Whose reading is sent, and as which numbers; this needs no LSL."""

import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.lsl.channels import CHANNELS, MainPerson, sample


def faces(time_s: float, *people: tuple[int, float], held: tuple[int, ...] = ()) -> FrameResult:
    """A frame with people, each a number and the side of the face in pixels."""
    n = len(people)
    ids = np.array([number for number, _ in people])
    boxes = np.array([[0, 0, side, side] for _, side in people], np.float32)
    probs = np.tile(np.eye(7, dtype=np.float32)[3], (n, 1))
    ones, no = np.ones(n, np.float32), np.zeros(n, bool)
    predicted = np.isin(ids, held)
    return FrameResult(0, time_s, boxes, ids, probs, probs, ones, predicted, no, ((),) * n)


def test_the_main_person_stays_while_in_view_and_gives_way_after_a_second() -> None:
    main = MainPerson()
    frames = [
        (faces(0.0), None),
        (faces(0.1, (1, 50), (2, 90)), 1),  # the largest face begins
        (faces(0.2, (1, 95), (2, 90)), 1),  # and stays, although another is larger now
        (faces(0.3, (2, 90), held=(2,)), None),  # held over a gap: not seen
        (faces(0.9, (1, 95)), None),  # away for less than a second
        (faces(1.3, (1, 95)), 0),  # away for longer
        (faces(1.4, (1, 95), (2, 200)), 0),
    ]
    assert [main.row(result) for result, _ in frames] == [row for _, row in frames]


def test_a_clock_that_steps_back_does_not_keep_a_person_who_is_gone() -> None:
    main = MainPerson()
    assert main.row(faces(500.0, (1, 50))) == 0
    assert main.row(faces(0.0, (2, 50))) == 0


def test_a_sample_holds_the_reading_and_says_where_there_is_none() -> None:
    labels = [channel.label for channel in CHANNELS]
    values = dict(zip(labels, sample(faces(0.0, (4, 50)), 0).tolist(), strict=True))
    assert (values["happy"], values["angry"], values["face_found"], values["person"]) == (
        *(1, 0, 1),
        4,
    )
    assert values["valence"] == pytest.approx(0.83)
    none = dict(zip(labels, sample(faces(0.0), None).tolist(), strict=True))
    assert none.pop("face_found") == 0
    assert np.isnan(list(none.values())).all()
