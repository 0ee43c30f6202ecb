"""Study: every way to add recordings and events, and edits that lose nothing."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import video_page_driver
from streamlit.testing.v1 import AppTest
from study_page_driver import (
    PAGE,
    add,
    folder_of,
    open_tab,
    page,
    rows_of,
    run,
    token_of,
    way,
    words,
)

from emotion_core.datatypes import FrameResult
from emotion_core.errors import InputError
from emotion_core.live.recording_store import SessionStore
from emotion_core.media.write import sample_video
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.ui.study_page import adding
from emotion_core.ui.study_page import recordings as recordings_tab
from emotion_core.ui.study_page.event_table import events_after, keep_events
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.video_page.jobs import job_store


def test_uploaded_videos_become_recordings_and_are_analysed(work: Path, tmp_path: Path) -> None:
    token = add(work)
    app = page(token)
    clip = sample_video(tmp_path / "clip.mp4", 1.0, 10.0).read_bytes()
    key = f"study_{token[:8]}"
    names = ("P01_funny.mp4", "P02_funny.mp4", "other.mp4")
    app.file_uploader[0].set_value([(name, clip, "video/mp4") for name in names])
    app.text_input(key=f"{key}_pattern").set_value("{participant}_{stimulus}")
    app = run(app)
    app.button(key=f"{key}_upload_add").click()
    app = run(app)
    assert "other.mp4" in words(app)
    rows = Study.open(folder_of(work, token)).recordings
    assert [(r.participant, r.variables) for r in rows] == [
        ("P01", {"stimulus": "funny"}),
        ("P02", {"stimulus": "funny"}),
    ]
    end = time.monotonic() + 90
    study = Study.open(folder_of(work, token))
    while any(study.results_folder(r) is None for r in rows):
        assert time.monotonic() < end, "the videos were not analysed"
        time.sleep(0.3)
        app = run(app)
    summary = study.analysis_folder(rows[0]) / "summary.json"
    assert json.loads(summary.read_text())["settings"]["one_person"] is True


def test_a_zip_is_taken_in_without_files_of_the_server(work: Path, tmp_path: Path) -> None:
    study = Study.create(tmp_path / "study", "From elsewhere")
    study.change_recordings(
        lambda _: [Recording("a", "videos/a.mp4", "P1"), Recording("b", "/etc/passwd", "P2")]
    )
    app = page()
    app.file_uploader[0].set_value(("s.zip", b"".join(study.zip_pieces()), "application/zip"))
    app = run(app)
    assert "From elsewhere" in words(app)
    assert "not in the study’s folder: b" in words(app)
    kept = Study.open(folder_of(work, token_of(app))).recordings
    assert [r.recording for r in kept] == ["a"]


@pytest.mark.parametrize("data", [b"", b"no zip"])
def test_what_is_no_study_is_told(data: bytes, work: Path) -> None:
    app = page()
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme.txt", "hello")
    app.file_uploader[0].set_value(("s.zip", data or empty.getvalue(), "application/zip"))
    app = run(app)
    assert app.error
    assert "study" not in app.query_params
    assert not list((work / "studies").glob("*"))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ({}, {}),
        ({"participant": " P9 ", "group": "B"}, {"participant": "P9", "variables": {"group": "B"}}),
        ({"start_s": 2, "end_s": 5.5}, {"start_s": 2.0, "end_s": 5.5}),
        ({"end_s": None, "start_s": None}, {"end_s": None, "start_s": 0.0}),
        ({"include": False, "reason": "laughs"}, {"include": False, "reason": "laughs"}),
    ],
)
def test_what_is_typed_changes_one_row(typed: dict[str, Any], wanted: dict[str, Any]) -> None:
    first, second = recordings_tab.edited_rows(rows_of(), {1: typed})
    assert first == rows_of()[0]
    assert {name: getattr(second, name) for name in wanted} == wanted


def test_a_range_that_runs_backward_is_refused() -> None:
    with pytest.raises(InputError, match="end after it starts"):
        recordings_tab.edited_rows(rows_of(), {0: {"start_s": 5, "end_s": 2}})


@pytest.mark.parametrize(
    ("name", "ok"),
    [("session", True), ("", False), ("group", False), ("start_s", False), ("a{b", False)],
)
def test_names_of_columns(name: str, ok: bool) -> None:
    assert (recordings_tab.column_problem(name, ["group"]) == "") == ok


def test_two_tabs_lose_nothing_of_each_other(work: Path) -> None:
    token = add(work)
    study = Study.open(folder_of(work, token)).change_recordings(lambda _: rows_of(3))
    first, second = StudyView(token, study.folder), StudyView(token, study.folder)
    shown = first.study.recordings
    recordings_tab._keep(first, shown, {"edited_rows": {0: {"group": "B"}}})
    recordings_tab._keep(second, shown, {"edited_rows": {1: {"group": "C"}}})
    event = {"start_s": 1.0, "label": "film", "kind": "stimulus", "recording": "*"}
    other = event | {"label": "other", "end_s": 2.0}
    for view, row in ((first, event), (second, other)):
        keep_events(view, (), events_after((), {"added_rows": [row]}))
    kept = Study.open(study.folder)
    assert [r.variables["group"] for r in kept.recordings] == ["B", "C", "A"]
    assert sorted(e.label for e in kept.events) == ["film", "other"]


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ({}, ["a", "b"]),
        ({"deleted_rows": [0]}, ["b"]),
        ({"edited_rows": {1: {"label": "c"}}}, ["a", "c"]),
        ({"added_rows": [{"start_s": 3}]}, ["a", "b"]),
        ({"added_rows": [{"start_s": 3, "label": "new"}]}, ["a", "b", "new"]),
    ],
)
def test_events_after_what_was_typed(typed: dict[str, Any], labels: list[str]) -> None:
    shown = [Event("*", EventKind.EVENT, name, 1.0, 2.0) for name in ("a", "b")]
    assert [e.label for e in events_after(shown, typed)] == labels


def test_an_event_that_runs_backward_is_refused() -> None:
    with pytest.raises(InputError, match="before it starts"):
        events_after([], {"added_rows": [{"start_s": 3, "end_s": 1, "label": "x"}]})


def test_a_video_that_cannot_be_read_does_not_keep_the_others_from_results(
    work: Path, computed: Path
) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    (folder / "videos").mkdir()
    (folder / "videos" / "bad.mp4").write_bytes(b"no video")
    rows = [Recording("bad", "videos/bad.mp4", "P99", {"group": "A"})]
    Study.open(folder).change_recordings(lambda now: [*now, *rows])
    app = page(token)
    assert {"study_analyse", "study_run"} <= {b.key for b in app.button}
    app.button(key="study_analyse").click()
    app = run(app)
    end = time.monotonic() + 60
    while "bad" not in words(app) or any(b.key == "study_cancel" for b in app.button):
        assert time.monotonic() < end, "the failure was not told"
        time.sleep(0.3)
        app = run(app)
    assert "bad.mp4 · cannot be opened as a video" in words(app).replace("\\", "")
    assert "study_run" in {b.key for b in app.button}
    app.button(key=f"study_{token[:8]}_dismiss_analyze").click()
    assert not any(str(b.key).endswith("dismiss_analyze") for b in run(app).button)


def test_another_person_of_a_video_is_a_recording_of_the_same_file(work: Path) -> None:
    token = add(work)
    Study.open(folder_of(work, token)).change_recordings(lambda _: rows_of(1))
    app, key = page(token), f"study_{token[:8]}_second"
    app.button(key=f"{key}_add").click()
    assert "Say which person" in words(run(app))
    app.text_input(key=f"{key}_person").set_value("2")
    app.text_input(key=f"{key}_participant").set_value("P9")
    app.button(key=f"{key}_add").click()
    run(app)
    first, second = Study.open(folder_of(work, token)).recordings
    assert first == rows_of(1)[0]
    assert (second.file, second.person, second.participant) == (first.file, "2", "P9")
    assert second.recording != first.recording


def test_finished_analyses_are_added_with_one_click(work: Path, tmp_path: Path) -> None:
    clip = sample_video(tmp_path / "clip.mp4", 1.0, 10.0).read_bytes()
    video = video_page_driver.start(video_page_driver.page(), ("P07_funny.mp4", clip))
    video = video_page_driver.until_ended(video)
    token = add(work)
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params["study"] = token
    app.session_state["video_jobs"] = [video_page_driver.job_id(video)]
    app = way(app, token, adding.ANALYSES)
    app.text_input(key=f"study_{token[:8]}_pattern").set_value("{participant}_{stimulus}")
    app = run(app)
    app.button(key=f"study_{token[:8]}_take_0").click()
    app = run(app)
    assert "added" in words(app)
    study = Study.open(folder_of(work, token))
    (row,) = study.recordings
    assert (row.participant, row.variables) == ("P07", {"stimulus": "funny"})
    folder = study.results_folder(row)
    assert folder is not None
    assert folder.is_relative_to(study.folder), "it stays when the analysis is deleted"
    job_store().delete(video_page_driver.job_id(video))


def test_without_analyses_and_recordings_the_page_says_where_they_come_from(work: Path) -> None:
    token = add(work)
    app = page(token)
    assert "no finished analyses" in words(way(app, token, adding.ANALYSES))
    assert "Finish a recording on the Live page" in words(way(app, token, adding.LIVE))


def test_the_live_recording_is_added_with_one_click(work: Path) -> None:
    store = SessionStore(work / "live")
    live, session = store.start("tiny")
    listen = session.begin_stream()
    probs, box = np.eye(7, dtype=np.float32)[[3]], np.array([[1, 2, 41, 42]], np.float32)
    one, no = np.ones(1, np.float32), np.zeros(1, bool)
    for i in range(10):
        frame = FrameResult(i, 0.0, box, np.array([1]), probs, probs, one, no, no, ((),))
        listen(frame, session._zero_s + i / 10)
    store.stop(live)
    token = add(work)
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params["study"] = token
    app.session_state["live_recording"] = live
    app = way(app, token, adding.LIVE)
    app.text_input(key=f"study_{token[:8]}_live_participant").set_value("P12")
    app = run(app)
    app.button(key=f"study_{token[:8]}_live_add").click()
    run(app)
    (row,) = Study.open(folder_of(work, token)).recordings
    assert (row.recording, row.participant) == ("P12", "P12")


def test_tables_of_recordings_and_events_are_taken_in(work: Path) -> None:
    token = add(work)
    app = way(page(token), token, adding.TABLE)
    table = "subject;file;group\nP1;videos/a.mp4;A\nP2;/etc/passwd;B\n"
    app.file_uploader[0].set_value(("list.csv", table.encode(), "text/csv"))
    app = run(app)
    assert "not in the study’s folder" in words(app)
    (row,) = Study.open(folder_of(work, token)).recordings
    assert (row.participant, row.variables) == ("P1", {"group": "A"})
    assert "are not there" in words(run(app)), "a likely mistake is told"
    app = open_tab(app, token, "Events")
    events = "onset\tduration\ttrial_type\n1.5\t3\tfilm\n"
    app.file_uploader[0].set_value(("events.tsv", events.encode(), "text/tab-separated-values"))
    app = run(app)
    app.button(key=f"study_{token[:8]}_events_import").click()
    app = run(app)
    (event,) = Study.open(folder_of(work, token)).events
    assert (event.label, event.start_s, event.end_s) == ("film", 1.5, 4.5)
    app.file_uploader[0].set_value(("bad.csv", b"a,b\n1,2\n", "text/csv"))
    app = run(app)
    app.button(key=f"study_{token[:8]}_events_import").click()
    assert run(app).error
