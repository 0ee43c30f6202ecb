"""Who is who over the pieces of a stream, with appearances that are given."""

import numpy as np
import pytest

from emotion_core.pipeline import identity_joining
from emotion_core.pipeline.identity_joining import JoinedIdentities
from emotion_core.pipeline.tracklets import Tracklet


def tracklet(number: int, person: int, face: int, first_s: float, last_s: float) -> Tracklet:
    """Somebody whose face is unlike all faces of another number."""
    gradients = np.zeros(900, np.float32)
    gradients[face] = 1.0
    colours = np.zeros((2, 154), np.float32)
    colours[:, face] = colours[:, 150] = 1.0
    place = 100.0 * face, 50.0, 40.0
    looks = [gradients] * 5, [colours] * 5
    return Tracklet(number, person, 1, first_s, last_s, place, place, *looks, looks=5)


def test_a_track_that_goes_on_keeps_its_number_and_its_person() -> None:
    joined = JoinedIdentities()
    assert joined.add(
        {1: [1], 2: [2]}, [tracklet(1, 1, 1, 0, 9), tracklet(2, 2, 2, 1, 4)], {}, 0
    ) == {
        1: 1,
        2: 2,
    }
    numbers = joined.add(
        {5: [3], 6: [4]}, [tracklet(5, 3, 1, 7, 15), tracklet(6, 4, 3, 11, 15)], {5: 1}, 2
    )
    assert numbers == {5: 1, 6: 3}
    assert joined.resolve()[0] == {1: 1, 2: 2, 3: 3}


@pytest.mark.parametrize(("recognise", "person"), [(True, 2), (False, 3)])
def test_somebody_who_returns_is_recognised_where_that_is_wanted(
    recognise: bool, person: int
) -> None:
    joined = JoinedIdentities(recognise)
    joined.add({1: [1], 2: [2]}, [tracklet(1, 1, 1, 0, 9), tracklet(2, 2, 2, 1, 4)], {}, 0)
    joined.add({1: [1], 4: [2]}, [tracklet(1, 1, 1, 7, 15), tracklet(4, 2, 2, 11, 15)], {1: 1}, 0)
    assert joined.resolve()[0] == {1: 1, 2: 2, 3: person}


def test_who_is_in_view_at_the_same_time_is_somebody_else() -> None:
    joined = JoinedIdentities()
    joined.add({1: [1]}, [tracklet(1, 1, 1, 0, 9)], {}, 0)
    joined.add({4: [1]}, [tracklet(4, 1, 1, 8, 15)], {}, 0)
    assert joined.resolve()[0] == {1: 1, 2: 2}


def test_a_person_is_known_by_a_track_of_the_frames_that_both_pieces_read() -> None:
    """The track ended before the seam; the piece recognised the same person in a later one."""
    joined = JoinedIdentities()
    joined.add({1: [1], 2: [2]}, [tracklet(1, 1, 1, 0, 9), tracklet(2, 2, 2, 0, 8)], {}, 0)
    remembered = [tracklet(1, 1, 2, 6, 8), tracklet(2, 1, 4, 12, 15)]
    assert joined.add({2: [1]}, remembered, {1: 2}, 0) == {2: 3}
    assert joined.resolve()[0][3] == 2


def test_one_participant_is_everybody() -> None:
    joined = JoinedIdentities(only_person=1)
    joined.add({1: [1]}, [tracklet(1, 1, 1, 0, 9)], {}, 0)
    assert joined.add({3: [1]}, [tracklet(3, 1, 2, 11, 15)], {}, 0) == {3: 2}
    assert joined.resolve()[0] == {1: 1, 2: 1}


def test_memory_does_not_grow_with_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_joining, "REMEMBERED", 6)
    monkeypatch.setattr("emotion_core.pipeline.identities.REMEMBERED", 6)
    joined = JoinedIdentities(recognise=False)
    for piece in range(5):
        begun = 10.0 * piece
        found = [tracklet(n, n, n, begun + n, begun + n + 0.5) for n in range(1, 5)]
        joined.add({n: [n] for n in range(1, 5)}, found, {}, 0)
    assert len(joined._known) <= 6
    assert list(joined.resolve()[0]) == list(range(1, 21))


def test_a_number_is_used_up_by_somebody_who_was_new_at_first() -> None:
    """As in one go: 4 was shown for some frames, until the person was recognised."""
    joined = JoinedIdentities()
    joined.add({1: [1], 2: [2, 1]}, [tracklet(1, 1, 1, 0, 3), tracklet(2, 1, 1, 4, 9)], {}, 0)
    found = [tracklet(1, 1, 1, 7, 12), tracklet(2, 1, 1, 13, 15), tracklet(3, 3, 5, 16, 18)]
    joined.add({1: [1], 2: [2, 1], 3: [3]}, found, {1: 2}, 0)
    assert joined.resolve()[0] == {1: 1, 2: 1, 3: 1, 4: 4}
