"""What a session's log says of events, ratings and interruptions, and how it becomes a row."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from study_folders import recording, study_with, write_faces

from emotion_core.errors import InputError, OutputError
from emotion_core.study.definitions import Event, EventKind
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.presentation.log import LOG, Head, Log, LogWriter, read_head, read_log
from emotion_core.study.presentation.outcome import (
    COMPLETE,
    LOST,
    Lag,
    capture_lag,
    completed,
    frames_of,
    loads_of,
    outcome_of,
    rating_column,
    summary_of,
)
from emotion_core.study.presentation.plan import Item, ItemKind, item_values
from emotion_core.study.presentation.sessions import (
    NUMBERS,
    give_back_number,
    keep_outcome,
    next_number,
    sessions_of,
    take_number,
)

ITEMS = (
    Item("rest", ItemKind.PAUSE, seconds=5.0, baseline=True),
    Item("cat", ItemKind.PICTURE, "cat.png", 2.0),
    Item("liked", ItemKind.QUESTION, text="Liked?", points=5),
    Item("film", ItemKind.CLIP, "film.mp4"),
    Item("overall", ItemKind.QUESTION, text="And all?", stays=True),
)
HEAD = Head(
    participant="P001",
    number=1,
    order=tuple(item.name for item in ITEMS),
    items=tuple(item_values(item) for item in ITEMS),
    consent="Agreed?",
    consent_utc="2026-01-01T10:00:00Z",
    started_utc="2026-01-01T10:01:00Z",
    zero_s=1000.0,
)


class Browser:
    """Writes entries as a browser does; its clock is behind the server's by 900 s."""

    def __init__(self, load: str = "a", offset_s: float = 900.0) -> None:
        self.load, self.offset_s, self.count = load, offset_s, 0
        self.entries: list[dict[str, Any]] = []

    def tell(self, kind: str, recorded_s: float, **more: Any) -> "Browser":
        """An entry at a second of the recording."""
        at_ms = (1000.0 + recorded_s - self.offset_s) * 1000
        self.count += 1
        entry = {"id": f"{self.load}-{self.count}", "load": self.load, "type": kind, "at": at_ms}
        self.entries.append(entry | more)
        return self

    def compare(self, recorded_s: float) -> "Browser":
        t0 = (1000.0 + recorded_s - self.offset_s) * 1000
        s1 = 1000.0 + recorded_s + 0.002
        return self.tell("clock", recorded_s, t0=t0, s1=s1, s2=s1, t1=t0 + 4)

    def show(self, place: int, from_s: float, to_s: float) -> "Browser":
        return self.tell("onset", from_s, place=place).tell("offset", to_s, place=place)


def end(how: str = COMPLETE) -> dict[str, Any]:
    return {"type": "end", "how": how}


def whole_session() -> Browser:
    browser = Browser().tell("load", 0.5, origin=1e12).compare(1.0)
    browser.show(0, 2.0, 7.0).show(1, 8.0, 10.0)
    browser.tell("onset", 10.5, place=2).tell("rating", 12.0, place=2, value=4)
    browser.show(3, 13.0, 20.0).tell("onset", 20.5, place=4)
    return browser.tell("rating", 21.0, place=4, value=7)


def test_a_whole_session_gives_its_events_and_ratings() -> None:
    outcome = outcome_of(Log(HEAD, (*whole_session().entries, end())), "P001")
    assert [(e.kind, e.label, round(e.start_s, 6), round(e.end_s, 6)) for e in outcome.events] == [
        (EventKind.BASELINE, "rest", 2.0, 7.0),
        (EventKind.STIMULUS, "cat", 8.0, 10.0),
        (EventKind.STIMULUS, "film", 13.0, 20.0),
    ]
    assert outcome.ratings == {"rating_liked_cat": "4", "rating_overall": "7"}
    assert (outcome.how, outcome.shown, outcome.items) == (COMPLETE, 5, 5)
    assert outcome.uncertainty_s == pytest.approx(0.002)
    assert outcome.problems == ()


def test_a_session_that_is_cut_off_keeps_what_was_shown() -> None:
    entries = whole_session().entries[:5]
    assert entries[-1]["type"] == "onset"
    outcome = outcome_of(Log(HEAD, tuple(entries)), "P001")
    assert [(e.label, round(e.start_s, 6)) for e in outcome.events] == [
        ("rest", 2.0),
        ("cat (interrupted)", 8.0),
    ]
    assert outcome.events[-1].kind is EventKind.EVENT
    assert (outcome.how, outcome.shown) == (LOST, 1)


def test_after_a_reload_the_clock_is_another_and_the_item_begins_again() -> None:
    first = whole_session().entries[:5]
    second = Browser("b", offset_s=990.0).tell("load", 30.0, origin=1e12).compare(30.5)
    second.show(1, 31.0, 33.0)
    outcome = outcome_of(Log(HEAD, (*first, *second.entries, end())), "P001")
    assert completed(first) == 1
    assert completed([*first, *second.entries]) == 2
    assert [(e.label, round(e.start_s, 3), round(e.end_s, 3)) for e in outcome.events] == [
        ("rest", 2.0, 7.0),
        ("cat (interrupted)", 8.0, 8.0),
        ("cat", 31.0, 33.0),
    ]
    assert set(outcome.offsets) == {"a", "b"}


def test_disturbances_are_events_and_problems_are_told() -> None:
    browser = Browser().compare(0.0).tell("onset", 1.0, place=1)
    browser.tell("disturbed", 2.0, what="page hidden").tell("undisturbed", 3.0, what="page hidden")
    browser.tell("disturbed", 4.0, what="no connection").tell("problem", 5.0, what="film broke.")
    outcome = outcome_of(Log(HEAD, tuple(browser.entries)), "P001")
    found = {e.label: (round(e.start_s, 3), round(e.end_s, 3)) for e in outcome.events}
    assert found["page hidden"] == (2.0, 3.0)
    assert found["no connection"] == (4.0, 5.0)
    assert outcome.problems == ("film broke.",)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "onset", "load": "a", "at": 1.0, "place": 99},
        {"type": "onset", "load": "a", "at": 1.0, "place": "1"},
        {"type": "rating", "load": "a", "at": 1.0, "place": 2, "value": 6},
        {"type": "rating", "load": "a", "at": 1.0, "place": 2, "value": "5"},
        {"type": "offset", "load": "a", "at": 1.0},
        {"type": "onset", "load": "a", "at": "soon", "place": 1},
        {"type": "clock", "load": "a", "t0": None},
        {"type": "dance", "load": "a", "at": 1.0},
    ],
)
def test_entries_that_a_browser_made_up_change_nothing(entry: dict[str, Any]) -> None:
    known = whole_session().entries
    right = outcome_of(Log(HEAD, (*known, end())), "P001")
    outcome = outcome_of(Log(HEAD, (*known, entry, end())), "P001")
    assert (outcome.events, outcome.ratings) == (right.events, right.ratings)


def test_without_a_compared_clock_no_event_is_guessed() -> None:
    entries = [e for e in whole_session().entries if e["type"] != "clock"]
    outcome = outcome_of(Log(HEAD, (*entries, end())), "P001")
    assert outcome.events == ()
    assert outcome.uncertainty_s is None
    assert "could not be compared" in outcome.problems[0]


def test_the_onset_of_a_clip_is_what_its_frames_say() -> None:
    browser = Browser().compare(0.0).tell("onset", 1.2, place=3)
    began_ms = (1000.0 + 1.0 - browser.offset_s) * 1000
    browser.tell("offset", 9.0, place=3, began=began_ms, late=312.0)
    outcome = outcome_of(Log(HEAD, tuple(browser.entries)), "P001")
    assert outcome.events[0].start_s == pytest.approx(1.0)
    assert outcome.problems == (
        "film was shown up to 312 ms late: the participant’s computer was busy.",
    )
    browser.entries[-1] |= {"began": began_ms - 60_000, "late": 20.0}
    outcome = outcome_of(Log(HEAD, tuple(browser.entries)), "P001")
    assert outcome.events[0].start_s == pytest.approx(1.2)
    assert outcome.problems == ()


def test_columns_of_ratings_name_the_stimulus() -> None:
    assert rating_column(ITEMS, 2) == "rating_liked_cat"
    assert rating_column(ITEMS, 4) == "rating_overall"
    assert rating_column(ITEMS[2:3], 0) == "rating_liked"


def test_how_late_pictures_arrive_is_a_median_of_what_can_be() -> None:
    browser = whole_session()
    log = Log(HEAD, tuple(browser.entries))
    offsets, loads = outcome_of(log, "P001").offsets, loads_of(log.entries)
    assert loads == {"a": 1e9}
    # Taken at a second of the recording, on the wall clock; 80 ms later at the server.
    wall_s = 1e9 + 1000.0 - 900.0
    frames = [(1000.0 + t / 10 + 0.08, wall_s + t / 10) for t in range(50)]
    wild = [(1000.0, wall_s + 500.0), (1000.0, wall_s - 500.0)]
    lag = capture_lag([*frames, *wild], loads, offsets)
    assert lag is not None
    assert lag.median_s == pytest.approx(0.08, abs=1e-4)
    assert lag.frames == 50
    noted = [{"type": "frames", "pairs": [list(f) for f in frames]}, {"type": "frames"}]
    noted += [{"type": "frames", "pairs": [[1.0], None, ["a", 2.0]]}]
    assert frames_of(json.loads(json.dumps(noted))) == frames
    assert capture_lag(wild * 9, loads, offsets) is None
    assert capture_lag(frames, {}, offsets) is None


def log_in(study: Study, name: str, entries: list[dict[str, Any]]) -> Path:
    folder = write_faces(study.folder / ANALYSED / name, 25.0)
    writer = LogWriter(folder / LOG)
    writer.begin(HEAD)
    writer.add(entries)
    return folder


def test_a_session_becomes_a_row_once(tmp_path: Path) -> None:
    study = study_with(tmp_path / "study", [recording("other", group="A")])
    study.change_events(lambda _: [Event("other", EventKind.EVENT, "smile", 1.0, 1.0)])
    log_in(study, "P001", whole_session().entries)
    outcome = outcome_of(read_log(study.folder / ANALYSED / "P001" / LOG), "P001")
    for _ in range(2):
        keep_outcome(study, "P001", HEAD, outcome, Lag(0.08, 0.01, 50))
    now = study.reopened()
    assert [r.recording for r in now.recordings] == ["other", "P001"]
    row = now.recordings[1]
    assert (row.participant, row.clock_offset_s) == ("P001", -0.08)
    assert row.variables == {
        "group": "",
        "order": "cat > film",
        "session_ended": LOST,
        "rating_liked_cat": "4",
        "rating_overall": "7",
    }
    assert now.results_folder(row) == study.folder / ANALYSED / "P001"
    assert len([e for e in now.events if e.recording == "P001"]) == 3
    assert len(now.events) == 4
    summary = summary_of(HEAD, outcome, Lag(0.08, 0.01, 50))
    assert summary["clock"]["capture_lag_s"] == 0.08
    assert json.loads(json.dumps(summary)) == summary
    (shown,) = sessions_of(study)
    assert (shown.number, shown.order, shown.result) == (1, "cat > film", {})


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    study = study_with(tmp_path / "study", [])
    path = log_in(study, "P001", whole_session().entries) / LOG
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    assert len(read_log(path).entries) == len(whole_session().entries) - 1
    path.write_bytes(data[40:])
    for read in (read_log, read_head):
        with pytest.raises(InputError, match="damaged"):
            read(path)
        with pytest.raises(InputError, match="cannot be read"):
            read(path.with_name("gone"))


def test_a_log_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emotion_core.study.presentation.log.MOST_ENTRIES", 4)
    writer = LogWriter(tmp_path / LOG)
    writer.begin(HEAD)
    entries = whole_session().entries
    # The browser is told that all of them are kept: it would send them for ever.
    assert [*writer.add(entries[:3]), *writer.add(entries[3:])] == entries
    assert read_log(tmp_path / LOG).entries == tuple(entries[:4])


def test_an_entry_is_written_once_and_what_is_no_entry_not_at_all(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / LOG)
    writer.begin(HEAD)
    entries = whole_session().entries
    assert writer.add(entries) == entries
    assert len(writer.add(entries)) == len(entries)
    bad: list[Any] = [None, 3, {}, {"id": "x", "type": "onset", "load": "a", "at": float("nan")}]
    bad += [{**entries[0], "id": "y" * 100}, {**entries[0], "id": "z", "what": "x" * 5000}]
    assert writer.add(bad) == []
    assert len(read_log(tmp_path / LOG).entries) == len(entries)
    with pytest.raises(OutputError):
        LogWriter(tmp_path / "gone" / LOG).note(type="end", how=COMPLETE)


def test_numbers_are_given_once_and_kept_with_the_code(tmp_path: Path) -> None:
    assert next_number(tmp_path) == 1
    assert take_number(tmp_path) == ("P001", 1)
    assert take_number(tmp_path, " Anna ") == ("Anna", 2)
    assert take_number(tmp_path, "Anna") == ("Anna", 2)
    give_back_number(tmp_path, "P001")
    assert take_number(tmp_path, "P001") == ("P001", 1)
    assert take_number(tmp_path, "P003") == ("P003", 3)
    assert take_number(tmp_path) == ("P004", 4)
    with pytest.raises(InputError, match="at most 40"):
        take_number(tmp_path, "x" * 41)
    (tmp_path / NUMBERS).write_text("[")
    with pytest.raises(OutputError, match="cannot be read"):
        take_number(tmp_path)


def test_two_who_begin_at_once_get_two_numbers(tmp_path: Path) -> None:
    found: list[tuple[str, int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(take_number(tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(f"P{n:03}", n) for n in range(1, 9)]
