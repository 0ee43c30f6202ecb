"""Identities on made-up detections: no picture is needed to cross two boxes."""

import numpy as np
import pytest

from emotion_core.config import TrackingSettings
from emotion_core.vision import boxes as bx
from emotion_core.vision.detection import Detections
from emotion_core.vision.tracker import Tracker, Tracks

FPS = 30


def step(
    tracker: Tracker,
    time_s: float,
    faces: list[tuple[float, float, float]],
    score: float = 6.0,
    agreement: float = 1.0,
    looked: bool = True,
) -> Tracks:
    """One frame with faces given as centre x, centre y, side."""
    known = tracker.expect(time_s)
    n = len(faces)
    found = Detections(
        bx.from_cxcys(faces),
        np.full(n, score, np.float32),
        np.full(n, agreement, np.float32),
        np.full(len(known.boxes), looked),
        (None,) * n,
    )
    return tracker.update(found, time_s)


def test_nobody_is_tracked_in_an_empty_stream() -> None:
    tracker = Tracker()
    for i in range(5):
        tracks = step(tracker, i / FPS, [])
        assert tracks.track_ids.shape == tracks.scores.shape == tracks.predicted.shape == (0,)
        assert tracks.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("score", "agreement", "hits"), [(6.0, 1.0, 1), (2.0, 1.0, 3), (6.0, 0.5, 10)]
)
def test_how_many_looks_announce_a_face(score: float, agreement: float, hits: int) -> None:
    tracker = Tracker()
    counts = [
        len(step(tracker, i / FPS, [(100, 100, 50)], score, agreement).track_ids) for i in range(12)
    ]
    assert counts == [0] * (hits - 1) + [1] * (13 - hits)


def test_what_no_other_cascade_sees_is_never_announced() -> None:
    tracker = Tracker()
    for i in range(200):
        assert not len(step(tracker, i / FPS, [(100, 100, 50)], 9.0, 0.0).track_ids)


def test_a_photo_announces_at_once() -> None:
    tracks = step(Tracker(TrackingSettings(confirm_hits=1)), 0, [(9, 9, 9), (50, 9, 9)], 1.5)
    assert tracks.track_ids.tolist() == [1, 2]


@pytest.mark.parametrize("fps", [5, 15, 30, 60])
def test_a_walk_keeps_the_identity_at_every_rate(fps: int) -> None:
    tracker = Tracker()
    for i in range(3 * fps):
        tracks = step(tracker, i / fps, [(80 + 120 * i / fps, 200, 90)])
        assert tracks.track_ids.tolist() == [1]
    assert tracks.boxes[0, 0] == pytest.approx(80 + 120 * i / fps - 45, abs=8)


@pytest.mark.parametrize(("gap_s", "same"), [(0.2, True), (0.9, True), (1.3, False)])
def test_a_gap_of_up_to_a_second_is_held(gap_s: float, same: bool) -> None:
    tracker = Tracker()
    for i in range(10):
        step(tracker, i / FPS, [(100 + i, 100, 60)])
    held = [step(tracker, i / FPS, []) for i in range(10, 10 + round(gap_s * FPS))]
    back = step(tracker, (10 + gap_s * FPS) / FPS, [(115, 100, 60)])
    assert all(t.predicted.all() for t in held)
    assert back.track_ids.tolist() == ([1] if same else [2])
    assert not back.predicted.any()
    if not same:
        assert len(held[-1].track_ids) == 0


def test_a_face_that_waits_for_its_turn_is_not_called_missing() -> None:
    tracker = Tracker()
    step(tracker, 0, [(100, 100, 60)])
    assert step(tracker, 1 / FPS, [], looked=False).predicted.tolist() == [False]
    assert step(tracker, 2 / FPS, [], looked=True).predicted.tolist() == [True]


@pytest.mark.parametrize("fps", [10, 30])
@pytest.mark.parametrize("hidden_s", [0.0, 0.3, 0.8])
def test_two_who_cross_keep_their_identities(fps: int, hidden_s: float) -> None:
    tracker = Tracker()
    for i in range(2 * fps):
        t = i / fps
        left, right = (100 + 200 * t, 200.0, 90.0), (500 - 200 * t, 205.0, 85.0)
        faces = [left] if abs(t - 1) < hidden_s / 2 else [right, left]
        tracks = step(tracker, t, faces)
        if i == 1:
            left_id = int(tracks.track_ids[tracks.boxes[:, 0].argmin()])
    assert len(tracks.track_ids) == 2
    assert int(tracks.track_ids[tracks.boxes[:, 0].argmax()]) == left_id


def test_the_sum_of_distances_decides_not_the_first_come() -> None:
    tracker = Tracker()
    step(tracker, 0, [(100, 100, 50), (140, 100, 50)])
    tracks = step(tracker, 0.05, [(128, 100, 50), (165, 100, 50)])
    assert tracks.track_ids.tolist() == [1, 2]
    assert tracks.boxes[0, 0] < tracks.boxes[1, 0]


def test_far_away_is_somebody_else() -> None:
    tracker = Tracker()
    step(tracker, 0, [(100, 100, 50)])
    tracks = step(tracker, 0.04, [(500, 400, 50)])
    assert tracks.track_ids.tolist() == [1, 2]
    assert tracks.predicted.tolist() == [True, False]


@pytest.mark.parametrize(("others", "ids"), [([], [1]), ([(300, 300, 50)], [1, 2, 3])])
def test_a_leap_is_believed_only_where_nobody_else_is_in_question(
    others: list[tuple[float, float, float]], ids: list[int]
) -> None:
    tracker = Tracker()
    step(tracker, 0, [(100, 100, 50), *others])
    tracks = step(tracker, 0.1, [(190, 100, 50)])
    assert tracks.track_ids.tolist() == ids


def test_rescale_carries_over_forget_and_reset_do_not() -> None:
    tracker = Tracker()
    step(tracker, 0, [(100, 100, 50)])
    tracker.rescale(2, 2)
    assert step(tracker, 0.04, [(200, 200, 100)]).track_ids.tolist() == [1]
    tracker.forget()
    assert step(tracker, 0.08, [(200, 200, 100)]).track_ids.tolist() == [2]
    tracker.reset()
    assert step(tracker, 0.12, [(200, 200, 100)]).track_ids.tolist() == [1]


def test_the_same_time_twice_does_no_harm() -> None:
    tracker = Tracker()
    for _ in range(3):
        tracks = step(tracker, 1.0, [(100, 100, 50)])
    assert tracks.track_ids.tolist() == [1]
    assert np.isfinite(tracks.boxes).all()
