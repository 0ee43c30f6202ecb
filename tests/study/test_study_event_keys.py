"""Keys that mark events: what a press changes, and what study.toml may hold."""

from pathlib import Path
from typing import Any

import pytest

from emotion_core.errors import InputError
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.event_keys import (
    DEFAULT_KEYS,
    EventKey,
    event_keys_of,
    event_keys_table,
    pressed,
    running_event,
)
from emotion_core.study.folder import Study
from emotion_core.study.freshness import inputs_digest

P01 = Recording("P01", "videos/P01.mp4", "P01")
SMILE = EventKey("1", "smile")
TALK = EventKey("2", "talk", EventKind.EXCLUDE, is_interval=True)


def event(start_s: float, end_s: float, of: str = "P01", label: str = "talk") -> Event:
    return Event(of, EventKind.EXCLUDE, label, start_s, end_s)


def test_a_moment_is_a_point_event_of_this_recording() -> None:
    made = pressed((), P01, SMILE, 3.21049)
    assert made.applied(()) == [Event("P01", EventKind.EVENT, "smile", 3.21, 3.21)]
    assert running_event(made.applied(()), P01, SMILE) is None
    with pytest.raises(InputError, match="smile is marked here already"):
        pressed(made.applied(()), P01, SMILE, 3.2104)


@pytest.mark.parametrize(("second_s", "span"), [(5.5, (3.0, 5.5)), (1.5, (1.5, 3.0))])
def test_an_interval_runs_from_the_first_press_to_the_second(
    second_s: float, span: tuple[float, float]
) -> None:
    others = [event(0, 1), event(9, 9, of="P02"), event(8, 8, label="cough")]
    begun = pressed(others, P01, TALK, 3.0).applied(others)
    assert running_event(begun, P01, TALK) == event(3, 3)
    ended = pressed(begun, P01, TALK, second_s)
    assert ended.applied(begun) == [*others, event(*span)]
    assert running_event(ended.applied(begun), P01, TALK) is None
    assert ended.undone.applied(ended.applied(begun)) == begun


def test_an_interval_that_would_have_no_length_goes_on() -> None:
    with pytest.raises(InputError, match="talk began here"):
        pressed([event(3, 3)], P01, TALK, 3.0004)


def test_undo_takes_back_the_newest_of_equal_events() -> None:
    first = [event(3, 3), event(4, 4), event(3, 3)]
    undone = pressed((), P01, TALK, 3.0).undone
    assert undone.applied(first) == first[:2]
    with pytest.raises(InputError, match="changed in the meantime"):
        undone.applied([event(4, 4)])


def test_keys_are_kept_and_make_no_result_old(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", "Films")
    assert study.event_keys == DEFAULT_KEYS
    digest = inputs_digest(study)
    kept = study.with_event_keys([SMILE, TALK])
    assert kept.event_keys == (SMILE, TALK)
    assert inputs_digest(kept) == digest
    changed = kept.with_event_keys([TALK])
    assert changed.event_keys == (TALK,)
    assert inputs_digest(changed) == digest
    assert inputs_digest(changed.with_name("Faces")) != digest
    assert inputs_digest(changed.with_name("Films")) == digest
    assert not changed.problems


def test_the_first_keys_that_are_chosen_replace_the_usual_ones(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", "Films")
    wanted = [key for key in DEFAULT_KEYS if key.key != "1"]
    assert study.with_event_keys(wanted).event_keys == tuple(wanted)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"0": {"label": "x"}}, "1 to 9"),
        ({"1": "x"}, "Write it as"),
        ({"1": {"label": " "}}, "label"),
        ({"1": {"label": 5}}, "label"),
        ({"1": {"label": "x" * 81}}, "label"),
        ({"1": {"label": "x", "kind": "film"}}, "kind"),
        ({"1": {"label": "x", "kind": ["event"]}}, "kind"),
        ({"1": {"label": "x", "lasts": 3}}, "moment or interval"),
    ],
)
def test_a_key_that_cannot_be_used_costs_only_itself(table: dict[str, Any], said: str) -> None:
    keys, problems = event_keys_of({**table, "9": {"label": "ok"}}, "study.toml")
    assert keys == (EventKey("9", "ok"),)
    (problem,) = problems
    assert said in problem.message
    assert problem.file == "study.toml"


def test_two_keys_for_the_same_events_are_refused() -> None:
    twin = EventKey("3", "smile", is_interval=True)
    with pytest.raises(InputError, match="different labels"):
        event_keys_table([SMILE, twin])
    assert event_keys_table([SMILE, EventKey("3", "smile", EventKind.STIMULUS)])
