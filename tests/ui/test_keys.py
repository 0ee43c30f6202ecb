"""Presses of keys: each is kept once, in order, whatever a browser sends again or makes up."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.errors import InputError, OutputError
from emotion_core.ui.common import keys
from emotion_core.ui.common.keys import KeyPress, TakenPresses, presses_in, take_presses
from emotion_core.ui.common.playhead import component_key


def sent(*ids: str) -> dict[str, Any]:
    items = [{"id": i, "key": "1", "time": n / 2} for n, i in enumerate(ids)]
    return {"presses": {"server": "s", "items": items}}


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Sessions of one server: `state` is that of the present one."""
    taken = TakenPresses()
    taken.server = "s"
    found = SimpleNamespace(state={}, kept=[])
    monkeypatch.setattr(keys, "taken_presses", lambda: taken)
    monkeypatch.setattr(keys, "st", SimpleNamespace(session_state=found.state))
    return found


def ids_of(presses: list[KeyPress]) -> list[str]:
    return [press.press_id for press in presses]


def test_each_press_is_taken_once_and_confirmed(sessions: SimpleNamespace) -> None:
    sessions.state["bar-ukeys"] = sent("a", "b")
    take_presses("bar", sessions.kept.append)
    sessions.state["bar-ukeys"] = sent("a", "b", "c")
    take_presses("bar", sessions.kept.append)
    take_presses("bar", sessions.kept.append)
    assert ids_of(sessions.kept) == ["a", "b", "c"]
    assert [press.time_s for press in sessions.kept] == [0.0, 0.5, 1.0]
    assert sessions.state["bar_keys_confirmed"] == ["a", "b", "c"]


def test_a_page_that_is_loaded_again_offers_nothing_twice(sessions: SimpleNamespace) -> None:
    sessions.state["bar-ukeys"] = sent("a")
    take_presses("bar", sessions.kept.append)
    sessions.state.clear()
    sessions.state["bar-ukeys"] = sent("a", "b")
    take_presses("bar", sessions.kept.append)
    assert ids_of(sessions.kept) == ["a", "b"]
    assert sessions.state["bar_keys_confirmed"] == ["a", "b"]


def test_what_could_not_be_written_is_offered_again_in_order(sessions: SimpleNamespace) -> None:
    def refuse(press: KeyPress) -> None:
        raise OutputError("full")

    sessions.state["bar-ukeys"] = sent("a", "b")
    with pytest.raises(OutputError):
        take_presses("bar", refuse)
    assert sessions.state["bar_keys_confirmed"] == []
    take_presses("bar", sessions.kept.append)
    assert ids_of(sessions.kept) == ["a", "b"]


def test_a_press_that_is_impossible_stops_no_later_one(sessions: SimpleNamespace) -> None:
    def refuse_first(press: KeyPress) -> None:
        if press.press_id == "a":
            raise InputError("no")
        sessions.kept.append(press)

    sessions.state["bar-ukeys"] = sent("a", "b")
    with pytest.raises(InputError):
        take_presses("bar", refuse_first)
    take_presses("bar", refuse_first)
    assert ids_of(sessions.kept) == ["b"]
    assert sessions.state["bar_keys_confirmed"] == ["a", "b"]


def test_what_an_earlier_server_was_sent_is_left_to_the_browser(sessions: SimpleNamespace) -> None:
    sessions.state["bar-ukeys"] = sent("a")
    sessions.state["bar-ukeys"]["presses"]["server"] = "before"
    take_presses("bar", sessions.kept.append)
    assert not sessions.kept
    assert sessions.state["bar_keys_confirmed"] == []


@pytest.mark.parametrize("state", [None, {}, {"presses": None}, {"presses": "a"}, {"presses": []}])
def test_without_presses_there_is_nothing_to_keep(state: Any) -> None:
    assert presses_in(state, "s") == []


@pytest.mark.parametrize(
    "items",
    [
        None,
        "a",
        [1, {}, {"id": "a"}, {"id": "a", "key": "1", "time": -1}],
        [{"id": "a", "key": "1", "time": float("nan")}],
        [{"id": "", "key": "1", "time": 1}, {"id": "a", "key": "1" * 99, "time": 1}],
        [{"id": 5, "key": "1", "time": 1}, {"id": "a", "key": "1", "time": "1"}],
    ],
)
def test_what_is_made_up_is_left_out(items: Any) -> None:
    assert presses_in({"presses": {"server": "s", "items": items}}, "s") == []


def test_few_presses_are_remembered_without_end() -> None:
    taken = TakenPresses(2)
    assert [taken.take(i) for i in "abcab"] == [True, True, True, True, True]
    assert not taken.take("b")
    taken.give_back("b")
    assert taken.take("b")


def test_keys_of_components_hold_no_two_underscores() -> None:
    names = ["a__b", "a_b", "a-b", "a--b", "a_-b", "a-_b", "a-ub", "_", "__", "a_"]
    made = [component_key(name) for name in names]
    assert len(set(made)) == len(names)
    assert not any("_" in key for key in made)


def players() -> None:
    from emotion_core.ui.common.document import show_document
    from emotion_core.ui.common.keys import KeyBinding, show_keys
    from emotion_core.ui.common.playhead import show_playhead

    show_playhead("job_my__clip_", [])
    show_keys("study__P__01_", [KeyBinding("1", "smile")])
    show_document("<p>x</p>", title="x", key="study__")


def test_names_with_two_underscores_break_no_component() -> None:
    app = AppTest.from_function(players).run()
    assert not app.exception
    assert len(app.get("bidi_component")) == 3
