"""Video: the form, a real job, its result with edits, and what goes wrong."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from page_driver import words
from streamlit.testing.v1 import AppTest
from video_page_driver import PAGE, job_id, page, start, until_ended, view_key

from emotion_core.interchange.formats import FORMATS
from emotion_core.media import encoder
from emotion_core.media.write import repeat_video, sample_video
from emotion_core.results.annotations import Hide
from emotion_core.results.edits_file import load_edits
from emotion_core.ui.video_page import form
from emotion_core.ui.video_page.form import _sample_file, _sample_input
from emotion_core.ui.video_page.jobs import job_store


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    st.cache_data.clear()
    yield tmp_path / "work"
    for folder in (tmp_path / "work" / "videos" / "jobs").glob("*"):
        job_store().delete(folder.name)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 2.0, 10.0, "cross")
    return path.read_bytes()


def test_the_form_says_limits_and_retention_before_anything_is_given() -> None:
    app = page()
    assert app.title[0].value == "Video"
    assert "500 MB" in app.file_uploader[0].label
    assert app.button(key="video_start").disabled
    assert "24 hours" in words(app)
    assert "Delete" in words(app)


def test_an_upload_becomes_people_timeline_and_downloads(clip: bytes) -> None:
    app = until_ended(start(page(), ('it\'s "q" 😀.mp4', clip)))
    text = words(app)
    assert "20 frames analysed" in text
    assert "**Person 1**" in text
    assert [tab.label for tab in app.tabs] == [
        "Timeline", "Key moments", "Share of time", "Markers", "Downloads"
    ]  # fmt: skip
    assert len(app.get("vega_lite_chart")) == 3
    labels = {b.proto.label for b in app.get("download_button")}
    assert {"Everything", "Clip", "Table (CSV)", "Table (Parquet)", "Summary"} <= labels
    assert {"Subtitles", "Report to print"} <= labels
    assert {known.label for known in FORMATS.values()} <= labels


def test_the_same_video_again_is_answered_from_the_results(clip: bytes) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    key, folder = view_key(app)
    made = (folder / "faces.csv").stat().st_mtime_ns
    app.button(key="video_new").click().run()
    again = start(app, ("a.mp4", clip))
    assert any(b.key == "video_new" for b in again.button), "at once"
    assert view_key(again) == (key, folder)
    other_key, other_folder = view_key(until_ended(start(page(), ("a.mp4", clip))))
    assert other_key != key, "another visitor's names and markers are their own"
    assert (other_folder / "faces.csv").stat().st_mtime_ns == made


def test_people_are_renamed_merged_and_left_out(clip: bytes) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    key, folder = view_key(app)
    app.text_input(key=f"{key}_1_name").set_value("Ada *").run()
    assert not app.exception
    assert "**Ada \\*** " in words(app)
    app.selectbox(key=f"{key}_2_merge_0").set_value(1).run()
    assert not app.exception
    assert "**Person 2**" not in words(app)
    assert json.loads((folder / "edits.json").read_text())["merged"] == {"2": 1}
    app.button(key=f"{key}_1_split_2").click().run()
    assert "**Person 2**" in words(app)
    app.button(key=f"{key}_2_exclude").click().run()
    assert not app.exception
    assert "excluded from tables, charts and report" in words(app)


def pictures(app: AppTest) -> int:
    """How many pictures of faces are on the page."""
    return sum("data:image/jpeg" in element.proto.body for element in app.get("html"))


def test_hidden_faces_are_left_out_of_the_page(clip: bytes) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    key, folder = view_key(app)
    shown = pictures(app)
    assert shown
    app.selectbox(key=f"{key}_hide").set_value(Hide.EVERYBODY).run()
    assert not app.exception
    assert load_edits(folder).hide is Hide.EVERYBODY
    assert not pictures(app)
    assert not app.get("video")
    assert [b for b in app.button if b.key == f"{key}_redraw"]
    assert "Faces are hidden" in words(app)
    app.selectbox(key=f"{key}_hide").set_value(Hide.NOBODY).run()
    assert pictures(app) == shown


def test_the_clip_is_drawn_again_with_the_changes(clip: bytes, work_folder: Path) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    key, folder = view_key(app)
    redraw = f"{key}_redraw"
    assert not [b for b in app.button if b.key == redraw], "nothing was changed yet"
    app.text_input(key=f"{key}_1_name").set_value("Ada").run()
    assert "drawn before your changes" in words(app)
    app.button(key=redraw).click().run()
    assert not app.exception
    end = time.monotonic() + 60
    while not list(folder.glob("edited_*.mp4")):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
        app.run()
        assert not app.exception
        assert "20 frames analysed" in words(app), "what was found stays in view"
    while "drawn before your changes" in words(app):
        assert time.monotonic() < end, "waited in vain"
        app.run()
    assert not [b for b in app.button if b.key == redraw]
    app.button(key=f"{key}_1_exclude").click().run()
    assert [b for b in app.button if b.key == redraw], "the one there shows her"
    for upload in (work_folder / "videos" / "incoming").glob("*/*"):
        upload.unlink()
    app.button(key=redraw).click().run()
    assert "has been deleted" in words(app)
    app.button(key="video_delete").click().run()
    assert not [p for p in (work_folder / "videos").rglob("*") if p.is_file()]


def test_a_reload_finds_the_job_by_its_address(clip: bytes) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    other = AppTest.from_file(PAGE, default_timeout=60)
    other.query_params["job"] = job_id(app)
    other.run()
    assert not other.exception
    assert "20 frames analysed" in words(other)


def test_delete_removes_everything(clip: bytes, work_folder: Path) -> None:
    app = until_ended(start(page(), ("a.mp4", clip)))
    app.button(key="video_delete").click().run()
    assert not app.exception
    assert app.file_uploader
    assert not [p for p in (work_folder / "videos").rglob("*") if p.is_file()]


def test_a_foreign_or_expired_address_is_explained() -> None:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params["job"] = "../../etc"
    app.run()
    assert not app.exception
    assert "no longer available" in words(app)
    assert app.file_uploader


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "0 bytes"), (b"dear reader " * 90, "cannot be opened")]
)
def test_a_bad_file_is_named_and_the_others_go_on(clip: bytes, data: bytes, said: str) -> None:
    app = until_ended(start(page(), ("letter.mp4", data), ("good.mp4", clip)))
    text = words(app)
    assert "letter.mp4" in text
    assert said in text
    assert "20 frames analysed" in text


def test_only_bad_files(clip: bytes) -> None:
    app = until_ended(start(page(), ("letter.mp4", b"dear reader")))
    assert "None of the videos could be read" in words(app)


def test_cancel_shows_what_is_done(tmp_path: Path) -> None:
    piece = sample_video(tmp_path / "piece.mp4", 2.0, 20.0)
    long = repeat_video(piece, tmp_path / "long.mp4", 60).read_bytes()
    app = start(page(), ("long.mp4", long))
    _wait_for_progress(app)
    app.button(key="video_cancel").click().run()
    app = until_ended(app)
    assert "what was done is kept" in words(app)
    assert "frames analysed" in words(app)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_worker_is_told_on_the_page(tmp_path: Path, work_folder: Path) -> None:
    piece = sample_video(tmp_path / "piece.mp4", 2.0, 20.0)
    long = repeat_video(piece, tmp_path / "long.mp4", 60).read_bytes()
    app = start(page(), ("long.mp4", long))
    _wait_for_progress(app)
    process = work_folder / "videos" / "jobs" / job_id(app) / "process.json"
    os.kill(json.loads(process.read_text())["pid"], signal.SIGKILL)
    app = until_ended(app)
    assert "ended unexpectedly" in words(app)
    assert any(b.key == "video_again" for b in app.button)


def _wait_for_progress(app: AppTest) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = job_store().state(job_id(app))
        assert state is not None
        if state.current and state.current.fraction > 0:
            app.run()
            assert not app.exception
            return
        time.sleep(0.2)
    pytest.fail("no progress")


def test_several_videos_are_compared(clip: bytes) -> None:
    still = clip[:-1] + b"\0"
    app = until_ended(start(page(), ("a.mp4", clip), ("b.mp4", still)))
    app.segmented_control(key="video_chosen").set_value("Compare all").run()
    assert not app.exception
    said = [s.value for s in app.subheader]
    assert said == ["Share of time, everybody together", "Dominant expression over time"]
    table = app.dataframe[0].value
    assert set(table["video"]) == {"a.mp4", "b.mp4"}


def test_the_allowed_folder_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: bytes
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "one.mp4").write_bytes(clip)
    (tmp_path / "films" / "notes.txt").write_text("no video")
    monkeypatch.setenv("EMOTION_LAB_VIDEO_DIR", str(tmp_path / "films"))
    st.cache_resource.clear()
    app = page()
    assert app.multiselect(key="video_folder_files").options == ["one.mp4"]
    app.multiselect(key="video_folder_files").set_value(["one.mp4"]).run()
    app.button(key="video_start").click().run()
    app = until_ended(app)
    assert "20 frames analysed" in words(app)


def test_a_mistyped_folder_is_named_where_it_is_needed_and_uploads_go_on(
    monkeypatch: pytest.MonkeyPatch, clip: bytes
) -> None:
    monkeypatch.setenv("EMOTION_LAB_VIDEO_DIR", "/no/such/folder")
    st.cache_resource.clear()
    app = page()
    assert "EMOTION_LAB_VIDEO_DIR must be a folder that exists" in app.warning[0].value
    app.file_uploader[0].set_value([("a.mp4", clip, "video/mp4")]).run()
    assert not app.button(key="video_start").disabled
    for other in ("Home.py", "pages/3_Photo.py", "pages/4_Model.py"):
        app = AppTest.from_file(str(Path(PAGE).parents[1] / other), default_timeout=60).run()
        assert not app.exception
        assert not any("EMOTION_LAB" in element.value for element in [*app.error, *app.warning])


def test_without_an_encoder_no_clip_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_is_there", lambda name: False)
    toggle = page().toggle(key="video_annotate")
    assert toggle.disabled
    assert toggle.value is False
    assert "pip install" in toggle.help


def test_an_impossible_range_is_refused_before_the_start(clip: bytes) -> None:
    app = page()
    app.number_input(key="video_from").set_value(5.0).run()
    app.number_input(key="video_to").set_value(2.0).run()
    assert "must end after it begins" in words(app)
    app.file_uploader[0].set_value([("a.mp4", clip, "video/mp4")]).run()
    assert app.button(key="video_start").disabled


def test_a_missing_network_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: bytes
) -> None:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(tmp_path / "none"))
    st.cache_resource.clear()
    app = start(page(), ("a.mp4", clip))
    assert app.error
    assert "none" in app.error[0].value


def test_a_range_is_passed_on_to_the_hundredth_of_a_second(clip: bytes) -> None:
    app = page()
    app.number_input(key="video_from").set_value(36000.25).run()
    app = until_ended(start(app, ("a.mp4", clip)))
    assert "starts at 36000.2" in words(app)
    state = job_store().state(job_id(app))
    assert state is not None
    arguments = state.options["arguments"]
    assert arguments[arguments.index("--start") + 1] == "36000.25"


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are no bytes")
def test_a_name_that_no_browser_can_show_does_not_break_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: bytes
) -> None:
    (tmp_path / "films").mkdir()
    for name in ("one.mp4", "no\udcfftext.mp4", "line\nbreak.mp4", "猫.mp4"):
        (tmp_path / "films" / name).write_bytes(clip)
    monkeypatch.setenv("EMOTION_LAB_VIDEO_DIR", str(tmp_path / "films"))
    st.cache_resource.clear()
    app = page()
    offered = app.multiselect(key="video_folder_files").options
    assert offered == ["line\nbreak.mp4", "one.mp4", "猫.mp4"]


def test_the_sample_is_made_again_where_the_system_removed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(form, "write_sample", lambda path: sample_video(path, 0.2, 10.0))
    made = _sample_file()
    made.unlink()
    assert _sample_input().name == "sample.mp4"
    assert made.is_file()


def test_a_work_folder_that_cannot_be_made_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "file" / "work"))
    app = start(page(), ("a.mp4", b"x"))
    assert "a.mp4 could not be kept" in app.error[0].value
    app.button(key="video_sample").click().run()
    assert not app.exception
    assert "The sample could not be made" in app.error[0].value


def test_settings_that_cannot_be_used_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_RETENTION_H", "soon")
    app = page()
    assert "EMOTION_LAB_RETENTION_H must be a number, got 'soon'" in app.error[0].value
    assert not app.file_uploader


def test_shares_can_leave_out_who_speaks(clip: bytes) -> None:
    app = page()
    app.toggle(key="video_speaking").set_value(True)
    app = until_ended(start(app, ("talk.mp4", clip)))
    key, folder = view_key(app)
    settings = json.loads((folder / "summary.json").read_text("utf-8"))["settings"]
    assert settings["speaking_smoothing"] == 0.9
    # Nobody speaks in the sample clip: then there is nothing to leave out.
    assert f"{key}_silent" not in [toggle.key for toggle in app.toggle]
    header, *rows = (folder / "faces.csv").read_text("utf-8").splitlines()
    place = header.split(",").index("speaking")
    cells = [row.split(",") for row in rows]
    talking = [
        ",".join([*row[:place], str(int(i % 3 > 0)), *row[place + 1 :]])
        for i, row in enumerate(cells)
    ]
    (folder / "faces.csv").write_text("\n".join([header, *talking, ""]), "utf-8")
    st.cache_data.clear()
    app = app.run()
    assert "shows speaking" in words(app)
    app.toggle(key=f"{key}_silent").set_value(True).run()
    assert not app.exception
