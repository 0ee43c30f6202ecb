"""Study: the start, the sample's tour, edits that lose nothing, and what goes wrong."""

import io
import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import video_page_driver
from streamlit.testing.v1 import AppTest

from emotion_core.commands.study_run import compute
from emotion_core.config import PROJECT_ROOT
from emotion_core.datatypes import FrameResult
from emotion_core.errors import InputError, SettingsError
from emotion_core.live.recording_store import SessionStore
from emotion_core.media.write import sample_video
from emotion_core.progress import ignore_progress
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.study.sample import make_sample_study
from emotion_core.study.store import StudyStore
from emotion_core.ui.study_page import adding
from emotion_core.ui.study_page import events as events_tab
from emotion_core.ui.study_page import recordings as recordings_tab
from emotion_core.ui.study_page.jobs import study_jobs
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.video_page.jobs import job_store

PAGE = str(PROJECT_ROOT / "pages" / "5_Study.py")
TABS = ["Recordings", "Events", "Measures", "Statistics", "Curves", "Two people", "Report"]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path / "work"
    for folder in (tmp_path / "work" / "study_jobs" / "jobs").glob("*"):
        study_jobs().delete(folder.name)
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample study with its results."""
    folder = tmp_path_factory.mktemp("computed") / "study"
    compute(make_sample_study(folder), None, ignore_progress)
    return folder


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.warning, *app.error, *app.info, *app.subheader]
    return "\n".join(element.value for element in shown)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def page(token: str = "") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    if token:
        app.query_params["study"] = token
    return run(app)


def add(work: Path, source: Path | None = None) -> str:
    """A study of somebody else, whose address is known: a copy, or an empty one."""

    def fill(folder: Path) -> None:
        if source is None:
            Study.create(folder, "Empty")
        else:
            shutil.copytree(source, folder)

    return StudyStore(work / "studies").add("somebody", fill)


def folder_of(work: Path, token: str) -> Path:
    folder = StudyStore(work / "studies").find(token)
    assert folder is not None
    return folder


def token_of(app: AppTest) -> str:
    given = app.query_params["study"]
    return given if isinstance(given, str) else given[0]


def open_tab(app: AppTest, token: str, name: str) -> AppTest:
    app.session_state[f"study_{token[:8]}_tab"] = name
    return run(app)


def test_the_start_offers_three_ways_and_lists_nobody_elses(work: Path) -> None:
    token = add(work)
    app = page()
    assert app.title[0].value == "Study"
    labels = {b.label for b in app.button}
    assert {"Open the sample study", "Create study"} <= labels
    assert "Your studies" not in words(app)
    assert "until you delete it" in app.caption[-1].value
    app = page(token)
    assert "Empty" in words(app)
    app.button(key="study_leave").click()
    assert "Your studies" in words(run(app))


def test_a_study_is_created_found_again_and_deleted(work: Path) -> None:
    app = page()
    app.button(key="study_create").click()
    assert "Give the study a name" in words(run(app))
    app.text_input(key="study_name").set_value("Käse *1*")
    app.button(key="study_create").click()
    app = run(app)
    token = token_of(app)
    assert "Käse \\*1\\*" in words(app)
    assert Study.open(folder_of(work, token)).name == "Käse *1*"
    assert "0 recordings" in words(page(token))
    app.button(key="study_delete").click()
    assert "Your studies" not in words(run(app))
    assert "was deleted" in words(page(token))


def test_one_click_opens_the_sample_and_computes_it(work: Path) -> None:
    app = page()
    app.button(key="study_sample").click()
    app = run(app)
    token = token_of(app)
    assert "All data of this study are synthetic" in words(app)
    end = time.monotonic() + 120
    while not (folder_of(work, token) / "results" / "report.html").is_file():
        assert time.monotonic() < end, "the results were not computed"
        time.sleep(0.5)
        app = run(app)
    while any(b.key == "study_cancel" for b in app.button):
        assert time.monotonic() < end
        time.sleep(0.2)
        app = run(app)
    assert not any(b.key == "study_run" for b in app.button), "the results are current"


def test_every_tab_of_the_sample_shows_its_part(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    # A copy has other times of change: its results count as older.
    compute(Study.open(folder), None, ignore_progress)
    app = page(token)
    assert [tab.label for tab in app.tabs] == TABS
    found = {name: words(open_tab(app, token, name)) for name in TABS}
    assert "Recordings in each cell" in found["Recordings"]
    assert "baseline" in found["Events"]
    assert "Left out: 3" in found["Measures"]
    assert "linear mixed model" in found["Statistics"]
    assert "was higher" in found["Statistics"] or "was lower" in found["Statistics"]
    assert "cluster-based permutation" in found["Curves"]
    assert "Mean peak correlation" in found["Two people"]
    assert "byte for byte" in found["Report"]
    app = open_tab(app, token, "Statistics")
    assert len(app.get("vega_lite_chart")) == 2
    labels = {b.proto.label for b in open_tab(app, token, "Report").get("download_button")}
    assert {"Report to print", "Whole study (zip)", "Long table", "Tests"} <= labels


def test_what_is_asked_is_kept_in_the_study(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    app = open_tab(page(token), token, "Statistics")
    key = f"study_{token[:8]}_ask"
    (measure,) = [s for s in app.selectbox if str(s.key).startswith(f"{key}_measure")]
    measure.set_value("max")
    app = run(app)
    assert Study.open(folder).design["measure"] == "max"
    (events,) = [m for m in app.multiselect if str(m.key).startswith(f"{key}_events")]
    events.set_value(["funny film"])
    app = run(app)
    (factors,) = [m for m in app.multiselect if str(m.key).startswith(f"{key}_factors")]
    factors.set_value(["group"])
    app = run(app)
    design = Study.open(folder).design
    assert design["events"] == ["funny film"]
    assert design["synthetic"] is True
    assert "Welch" in words(app)
    assert any(b.key == "study_run" for b in app.button), "the report is older now"


def test_settings_are_saved_and_make_the_results_old(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    compute(Study.open(folder), None, ignore_progress)
    app = open_tab(page(token), token, "Measures")
    assert not any(b.key == "study_run" for b in app.button)
    key = f"study_{token[:8]}_set"
    app.number_input(key=f"{key}_min_valid_share").set_value(0.9)
    (save,) = [b for b in app.button if b.label == "Save settings"]
    save.click()
    app = run(app)
    assert Study.open(folder).settings.min_valid_share == 0.9
    assert any(b.key == "study_run" for b in app.button)


def test_the_stimulus_plays_next_to_the_curve(work: Path, computed: Path, tmp_path: Path) -> None:
    token = add(work, computed)
    app = open_tab(page(token), token, "Curves")
    assert not app.get("video")
    clip = sample_video(tmp_path / "film.mp4", 1.0, 10.0).read_bytes()
    app.file_uploader[0].set_value(("film.mp4", clip, "video/mp4"))
    app = run(app)
    assert (folder_of(work, token) / "stimuli" / "funny film.mp4").read_bytes() == clip
    assert len(app.get("video")) == 1
    app.button(key=f"study_{token[:8]}_stimulus_remove").click()
    assert not run(app).get("video")


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


def test_a_damaged_study_can_be_left_and_deleted(work: Path) -> None:
    token = add(work)
    (folder_of(work, token) / "study.toml").write_text("[[[")
    app = page(token)
    assert "cannot be read" in words(app)
    app.button(key="study_delete").click()
    run(app)
    assert StudyStore(work / "studies").find(token) is None


def rows_of(count: int = 2) -> list[Recording]:
    return [Recording(f"r{i}", f"{i}.mp4", f"P{i}", {"group": "A"}) for i in range(count)]


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
    events_tab._keep(first, (), {"added_rows": [event]})
    events_tab._keep(second, (), {"added_rows": [event | {"label": "other", "end_s": 2.0}]})
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
    assert [e.label for e in events_tab.events_after(shown, typed)] == labels


def test_an_event_that_runs_backward_is_refused() -> None:
    with pytest.raises(InputError, match="before it starts"):
        events_tab.events_after([], {"added_rows": [{"start_s": 3, "end_s": 1, "label": "x"}]})


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


def way(app: AppTest, token: str, name: str) -> AppTest:
    app.session_state[f"study_{token[:8]}_way"] = name
    return run(app)


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


def test_pairs_of_a_column_are_compared_with_shuffled_partners(work: Path, computed: Path) -> None:
    token = add(work, computed)
    study = Study.open(folder_of(work, token))
    films = [r.recording for r in study.recordings if r.variables["stimulus"] == "funny film"]
    dyads = {name: f"d{i // 2}" for i, name in enumerate(films)}
    study.change_recordings(
        lambda rows: [
            replace(r, variables={**r.variables, "dyad": dyads.get(r.recording, "")}) for r in rows
        ]
    )
    app = page(token)
    app.session_state[f"study_{token[:8]}_pairs_way"] = "All pairs of a column"
    app = open_tab(app, token, "Two people")
    assert "Over 12 pairs" in words(app)
    assert len(app.get("vega_lite_chart")) == 1


def odd(kind: str, study: Study) -> Study:
    """The sample, reduced to something that hardly makes a study."""
    rows = list(study.recordings)
    if kind == "one participant":
        return study.with_recordings([r for r in rows if r.participant == "P01"])
    if kind == "one recording":
        return study.with_recordings(rows[:1])
    if kind == "nothing included":
        return study.with_recordings([replace(r, include=False, reason="x") for r in rows])
    if kind == "no participants":
        return study.with_recordings([replace(r, participant="") for r in rows])
    if kind == "no events":
        return study.with_events([])
    if kind == "a participant in two groups":
        other = [replace(rows[0], variables={**rows[0].variables, "group": "B"})]
        return study.with_recordings([*other, *rows[1:]])
    if kind == "no variables":
        return study.with_recordings([replace(r, variables={}) for r in rows])
    assert kind == "nonsense in [design]"
    return study.with_design({**study.design, "measure": "joy", "factors": "group"})


@pytest.mark.parametrize(
    "kind",
    [
        "one participant",
        "one recording",
        "nothing included",
        "no participants",
        "no events",
        "a participant in two groups",
        "no variables",
        "nonsense in [design]",
    ],
)
def test_odd_studies_are_shown_with_a_sentence(kind: str, work: Path, computed: Path) -> None:
    token = add(work, computed)
    study = odd(kind, Study.open(folder_of(work, token)))
    if "design" in kind:
        with pytest.raises(SettingsError, match="joy"):
            compute(study, None, ignore_progress)
    else:
        compute(study, None, ignore_progress)
        assert (study.folder / "results" / "report.html").stat().st_size > 5000
    app = page(token)
    found = {name: words(open_tab(app, token, name)) for name in TABS}
    assert "Traceback" not in "".join(found.values())
    expected = {
        "one recording": ("Two people", "Two recordings with results are needed"),
        "nothing included": ("Statistics", "No event is left to compare"),
        "no participants": ("Statistics", "No participant is left"),
        "no events": ("Curves", "There are no events"),
        "a participant in two groups": ("Recordings", "P01"),
        "nonsense in [design]": ("Statistics", "joy"),
    }
    if kind in expected:
        tab, said = expected[kind]
        assert said in found[tab], found[tab]
