"""Who is who in a live recording, compared once more at its end."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from emotion_core.datatypes import FrameResult
from emotion_core.live.recording import LiveSession
from emotion_core.pipeline.identity_resolution import Resolution, Suggestion
from emotion_core.results import identities


@pytest.fixture
def session(tmp_path: Path) -> LiveSession:
    return LiveSession(tmp_path / "s", "tiny", clock=lambda: 1000.0)


def seen(*people: tuple[int, int]) -> FrameResult:
    """A frame with these (tracklet, identity)."""
    n = len(people)
    probs = np.full((n, 7), 1 / 7, np.float32)
    boxes, ones = np.tile(np.array([1, 2, 11, 12], np.float32), (n, 1)), np.ones(n, np.float32)
    no, (tracklets, ids) = np.zeros(n, bool), np.array(people).T
    result = FrameResult(0, 0.0, boxes, ids, probs, probs, ones, no, no, ((),) * n)
    return replace(result, tracklets=tracklets)


def told(people: dict[int, int], *suggestions: Suggestion) -> Resolution:
    return Resolution(people, suggestions)


def written(session: LiveSession) -> list[int]:
    rows = csv.DictReader(io.StringIO((session.folder / "faces.csv").read_text()))
    return [int(row["track_id"]) for row in rows]


def record(session: LiveSession, end: Resolution, *frames: FrameResult) -> None:
    add = session.begin_stream(lambda: end)
    for number, frame in enumerate(frames):
        add(frame, 1001.0 + number)


def test_a_person_recognised_at_the_end_is_one_in_the_table(session: LiveSession) -> None:
    record(session, told({1: 1, 2: 1}), seen((1, 1)), seen((2, 2)), seen((3, 3)))
    summary = session.stop()
    assert written(session) == [1, 1, 3]
    assert [person["track_id"] for person in summary["people"]] == [1, 3]
    assert summary["identities"]["joined"] == [{"tracklet": 2, "track_id": 1}]


def test_numbers_of_a_later_stream_are_those_of_the_recording(session: LiveSession) -> None:
    record(session, told({1: 1, 2: 1}), seen((1, 1), (2, 2)))
    later = told({1: 1, 2: 2, 3: 2}, Suggestion(1, 2, 0.7))
    record(session, later, seen((1, 1)), seen((2, 2)), seen((3, 3)))
    summary = session.stop()
    assert written(session) == [1, 1, 3, 4, 4]
    assert summary["identities"]["suggestions"] == [
        {"track_id": 3, "other_id": 4, "likelihood": 0.7}
    ]


def test_a_name_goes_with_its_person(session: LiveSession) -> None:
    record(session, told({1: 1, 2: 1}), seen((1, 1)), seen((2, 2)))
    session.rename(2, "Ada")
    assert [person["name"] for person in session.stop()["people"]] == ["Ada"]
    assert dict(session.edits.names) == {1: "Ada"}


def test_people_of_different_names_stay_two(session: LiveSession) -> None:
    record(session, told({1: 1, 2: 1, 3: 1}), seen((1, 1)), seen((2, 2)), seen((3, 3)))
    session.rename(1, "Ada")
    session.rename(2, "Bob")
    assert [person["name"] for person in session.stop()["people"]] == ["Ada", "Bob"]
    assert written(session) == [1, 2, 1]


def test_people_of_different_names_do_not_meet_in_one_without_a_name(session: LiveSession) -> None:
    one = told({1: 1, 2: 1, 3: 1, 4: 1})
    record(session, one, seen((1, 1)), seen((2, 2)), seen((3, 3)), seen((4, 4)))
    session.rename(2, "Ada")
    session.rename(3, "Bob")
    session.rename(4, "Ada")
    assert [person["name"] for person in session.stop()["people"]] == ["Ada", "Bob"]
    assert written(session) == [1, 1, 3, 1]


def test_who_was_seen_in_a_pause_is_nobody_of_the_next_stream(session: LiveSession) -> None:
    first = told({1: 1, 2: 1, 3: 2}, Suggestion(2, 3, 0.9), Suggestion(1, 2, 0.8))
    record(session, first, seen((1, 1)))
    record(session, told({}), seen((1, 1)), seen((2, 2)))
    summary = session.stop()
    assert written(session) == [1, 2, 3]
    assert summary["identities"]["joined"] == []
    assert summary["identities"]["suggestions"] == []


def test_a_comparison_that_fails_costs_nothing(
    session: LiveSession, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> NoReturn:
        raise RuntimeError("out of memory")

    add = session.begin_stream(fail)
    add(seen((1, 1)), 1001.0)
    add(seen((2, 2)), 1002.0)
    assert session.stop()["frames_analysed"] == 2
    assert written(session) == [1, 2]
    assert "could not be compared" in caplog.text


def test_a_table_that_cannot_be_written_again_stays_as_recorded(
    session: LiveSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record(session, told({1: 1, 2: 1}), seen((1, 1)), seen((2, 2)))
    session.rename(2, "Ada")

    def full(path: Path) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(identities, "replacing", full)
    assert [person["name"] for person in session.stop()["people"]] == ["", "Ada"]
    assert written(session) == [1, 2]
    assert "stay as recorded" in caplog.text
