from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import ArrayLike

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import (
    MIN_RUN_S,
    FaceTable,
    Run,
    averaged,
    dominant_runs,
    key_moments,
    legible_run_s,
    row_seconds,
    seconds_between,
    shares,
    transitions,
    valid_share,
)
from emotion_core.results.summary import marker_statistics, summarise_person
from emotion_core.results.valence_arousal import valence_arousal


def table(
    labels: Sequence[str],
    step: float = 0.1,
    track_ids: ArrayLike | None = None,
    times: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    confidence: float = 0.9,
) -> FaceTable:
    """One face a frame with the given dominant expression."""
    n = len(labels)
    probs = np.full((n, 7), (1 - confidence) / 6, np.float32)
    for row, label in enumerate(labels):
        probs[row, EXPRESSIONS.index(label)] = confidence
    moments = np.asarray(np.arange(n) * step if times is None else times, np.float64)
    return FaceTable(
        frame=np.arange(n),
        time_s=moments,
        track_id=np.ones(n, np.int64) if track_ids is None else np.asarray(track_ids),
        boxes_xywh=np.zeros((n, 4), np.float32),
        probs=probs,
        detection_score=np.ones(n, np.float32),
        predicted=np.zeros(n, bool) if predicted is None else np.asarray(predicted),
        unsure=np.zeros(n, bool),
        frame_times=moments,
    )


def spell(text: str) -> list[str]:
    names = {"h": "happy", "n": "neutral", "s": "sad", "a": "angry"}
    return [names[c] for c in text]


def said(runs: Iterable[Run]) -> list[tuple[str, float, float]]:
    return [(r.expression[0], round(r.start_s, 3), round(r.end_s, 3)) for r in runs]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("h", [("h", 0, 0.04)]),
        ("hhhhh", [("h", 0, 0.5)]),
        ("hhhhnnnn", [("h", 0, 0.4), ("n", 0.4, 0.8)]),
        ("hhhhnhhhh", [("h", 0, 0.9)]),
        ("hhhhnnhhhh", [("h", 0, 1.0)]),
        ("hhhhnnnhhhh", [("h", 0, 0.4), ("n", 0.4, 0.7), ("h", 0.7, 1.1)]),
        ("nhhhh", [("h", 0, 0.5)]),
        ("hhhhsnnnnnn", [("h", 0, 0.4), ("n", 0.4, 1.1)]),
        ("hn", [("n", 0, 0.2)]),
        ("hsnahhhhh", [("h", 0, 0.9)]),
    ],
)
def test_runs_shorter_than_their_least_length_join_a_neighbour(
    text: str, expected: list[tuple[str, float, float]]
) -> None:
    assert said(dominant_runs(table(spell(text)))) == expected


def test_runs_cover_the_time_without_overlap() -> None:
    rng = np.random.default_rng(3)
    labels = [EXPRESSIONS[k] for k in rng.integers(0, 7, 3000)]
    runs = dominant_runs(table(labels, step=0.04))
    assert all(run.seconds >= 0.3 - 1e-6 for run in runs)
    assert runs[0].start_s == 0
    assert runs[-1].end_s == pytest.approx(120)
    for before, after in pairwise(runs):
        assert before.end_s == pytest.approx(after.start_s)
        assert before.expression != after.expression


def test_a_run_does_not_reach_over_an_absence() -> None:
    whole = table(spell("hhhhhhhhhh"))
    seen = whole.rows(np.array([True] * 4 + [False] * 2 + [True] * 4))
    assert said(dominant_runs(seen)) == [("h", 0, 0.4), ("h", 0.6, 1.0)]
    assert transitions(dominant_runs(seen)).sum() == 0


def test_a_camera_that_slows_down_breaks_no_run() -> None:
    times = np.concatenate([np.arange(60) / 30, 2 + np.arange(16) / 8])
    slow = table(["happy"] * 76, times=times)
    assert said(dominant_runs(slow)) == [("h", 0, round(times[-1] + 1 / 30, 3))]
    assert row_seconds(times, times).sum() == pytest.approx(times[-1] + 1 / 30)


def test_a_pause_of_the_recording_breaks_a_run() -> None:
    times = np.concatenate([np.arange(10) / 10, 5 + np.arange(10) / 10])
    assert said(dominant_runs(table(["happy"] * 20, times=times))) == [("h", 0, 1), ("h", 5, 6)]


def test_transitions_count_direct_changes() -> None:
    counts = transitions(dominant_runs(table(spell("hhhhnnnnhhhhnnnn"))))
    happy, neutral = EXPRESSIONS.index("happy"), EXPRESSIONS.index("neutral")
    assert counts[happy, neutral] == 2
    assert counts[neutral, happy] == 1
    assert counts.sum() == 3


def test_shares_follow_time_not_rows() -> None:
    # The second half has frames twice as far apart: the same number of rows, more time.
    times = [0, 0.1, 0.2, 0.3, 0.5, 0.7]
    share = shares(table(spell("hhhnnn"), times=times))
    assert share["happy"] == pytest.approx(0.3 / share_total(times))
    assert sum(share.values()) == pytest.approx(1)


def share_total(times: list[float]) -> float:
    steps = np.diff(times)
    return steps.sum() + np.median(steps)


def test_nobody_has_no_shares() -> None:
    empty = table([])
    assert set(shares(empty).values()) == {0.0}
    assert valid_share(empty) == 0.0
    assert key_moments(empty) == []
    assert empty.people == []


def test_a_stretch_that_did_not_decode_is_nobodys_time() -> None:
    times = np.array([0, 0.1, 0.2, 10.0, 10.1])
    assert row_seconds(times, times).sum() < 1


def test_key_moments_are_the_strongest_and_truly_seen() -> None:
    rows = table(spell("hhsss"), predicted=[False, False, True, False, False])
    rows.probs[1, EXPRESSIONS.index("happy")] = 0.99
    rows.probs[2, EXPRESSIONS.index("sad")] = 0.99
    found = {m.expression: m.frame for m in key_moments(rows)}
    assert found == {"happy": 1, "sad": 3}


def test_an_interval_takes_its_share_of_each_frame() -> None:
    """Also where frames are seldom, and longer than the interval."""
    rows = table(spell("hhhhhaaa"), times=[0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 1.5])
    inside = seconds_between(rows, 0.45, 0.75)
    assert inside == pytest.approx([0, 0, 0, 0, 0.05, 0.25, 0, 0])
    assert shares(rows, inside)["happy"] == pytest.approx(1 / 6)
    assert seconds_between(rows, 0.6, 0.9) == pytest.approx([0, 0, 0, 0, 0, 0.3, 0, 0])
    assert not seconds_between(rows, 0.5, 0.5).any(), "a point lasts no time"
    assert not seconds_between(rows, 9.0, 10.0).any()
    assert seconds_between(rows, 0.5, 2.0)[4] == 0, "what ends as the interval begins is outside"
    (marked,) = marker_statistics(rows, 0.6, 0.9, Edits())
    assert (marked["frames"], marked["share"]["angry"]) == (1, 1.0)


def test_means_are_by_time_as_shares_are() -> None:
    rows = table(spell("h" * 20 + "aa"), times=[*np.arange(20) / 20, 1.0, 2.0])
    person = summarise_person(rows, 1, Edits())
    ends = 1.05 / 2.05
    assert person["share"]["angry"] == pytest.approx(ends, abs=1e-4)
    means = person["mean_probability"]
    assert means["angry"] == pytest.approx(0.9 * ends + 0.1 / 6 * (1 - ends), abs=1e-4)
    middle = np.array([[means[name] for name in EXPRESSIONS]])
    assert [person["valence"], person["arousal"]] == pytest.approx(
        valence_arousal(middle)[0].tolist(), abs=2e-4
    )


def test_valid_share_counts_frames_not_faces() -> None:
    rows = table(spell("hhhh"), predicted=[False, False, True, True])
    assert valid_share(rows) == 0.5


def test_boxes_held_after_somebody_left_do_not_count() -> None:
    rows = table(spell("hhhhhh"), predicted=[True, False, True, False, True, True])
    assert rows.without_tails().frame.tolist() == [0, 1, 2, 3]
    never = table(spell("hh"), predicted=[True, True])
    assert len(never.without_tails()) == 0


def test_between_cuts_frames_and_faces() -> None:
    part = table(spell("hhhhh")).between(0.1, 0.3)
    assert len(part) == len(part.frame_times) == 2


def test_people_come_in_order_of_appearance() -> None:
    assert table(spell("hhh"), track_ids=[5, 2, 5]).people == [5, 2]


def test_a_short_timeline_is_drawn_row_by_row() -> None:
    person = table(spell("hhns"))
    times, probs = averaged(person)
    assert times.tolist() == person.time_s.tolist()
    assert (probs == person.probs).all()
    times, probs = averaged(person.rows(np.zeros(4, bool)))
    assert (times.shape, probs.shape) == ((0,), (0, 7))


def test_a_long_timeline_is_drawn_as_means_of_equal_stretches() -> None:
    n = 45_000
    person = table(spell("h" * (n // 2) + "n" * (n // 2)), step=0.04)
    times, probs = averaged(person, 100)
    assert len(times) == 100
    assert all(np.diff(times) > 0)
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(probs.mean(axis=0), person.probs.mean(axis=0), atol=0.01)
    assert probs[10].argmax() == EXPRESSIONS.index("happy")
    assert probs[90].argmax() == EXPRESSIONS.index("neutral")


@pytest.mark.parametrize("rows", [60, 6000])
def test_a_drawn_line_breaks_where_somebody_was_away(rows: int) -> None:
    whole = table(spell("h" * rows), step=0.1)
    here = np.ones(rows, bool)
    here[rows // 3 : rows // 2] = False
    times, probs = averaged(whole.rows(here), 200)
    (gap,) = np.flatnonzero(np.isnan(probs[:, 0]))
    assert rows / 30 < times[gap] < rows / 20
    assert all(np.diff(times) > 0)


def test_a_drawn_line_goes_on_while_the_camera_stutters() -> None:
    times = np.cumsum(np.random.default_rng(0).choice([0.03, 0.2, 0.5], 200))
    assert not np.isnan(averaged(table(spell("h" * 200), times=times))[1]).any()


def test_runs_are_drawn_longer_where_there_are_many() -> None:
    assert legible_run_s(np.empty(0)) == MIN_RUN_S
    assert legible_run_s(np.arange(0, 60, 0.1)) == MIN_RUN_S
    assert legible_run_s(np.array([0.0, 1800.0]), people=3, most=1500) == pytest.approx(3.6)
    flicker = table(spell("hn" * 9000), step=0.5)
    runs = dominant_runs(flicker, legible_run_s(flicker.frame_times, most=500))
    assert len(runs) <= 500
