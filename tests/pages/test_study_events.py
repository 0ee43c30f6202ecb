"""Study: events marked by key, the name, the frames, and the report in the page."""

import json
from pathlib import Path
from typing import Any

import pytest
from key_presses import pressed_state
from streamlit.testing.v1 import AppTest
from study_page_driver import add, folder_of, open_tab, page, rows_of, run, words

from emotion_core.errors import OutputError
from emotion_core.jobs.store import JobStore
from emotion_core.media.write import sample_video
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.event_keys import DEFAULT_KEYS, EventKey
from emotion_core.study.folder import Study
from emotion_core.ui.common.playhead import component_key
from emotion_core.ui.study_page import event_keys
from emotion_core.ui.study_page.events import BY_KEY
from emotion_core.ui.study_page.recording_video import recording_video


@pytest.fixture
def study(work: Path) -> tuple[str, Study]:
    """A study with one video, whose events' clock is 100 s ahead; and its token."""
    token = add(work)
    folder = folder_of(work, token)
    (folder / "videos").mkdir()
    sample_video(folder / "videos" / "P01.mp4", 1.0, 10.0)
    row = Recording("P01", "videos/P01.mp4", "P01", clock_offset_s=100.0)
    return token, Study.open(folder).change_recordings(lambda _: [row, *rows_of()])


def keys_shown(token: str) -> AppTest:
    app = page(token)
    app.session_state[f"study_{token[:8]}_events_way"] = BY_KEY
    return open_tab(app, token, "Events")


def press(app: AppTest, token: str, *presses: tuple[str, str, float]) -> AppTest:
    """What the component sends for presses: id, key and time."""
    key = component_key(f"study_{token[:8]}_keys_P01_keys")
    app.session_state[key] = pressed_state(*presses)
    return run(app)


def test_presses_become_events_on_the_events_clock(study: tuple[str, Study]) -> None:
    token, found = study
    app = keys_shown(token)
    assert app.selectbox(key=f"study_{token[:8]}_keys_of").options == ["P01"]
    assert len(app.get("video")) == 1
    assert "+100 s" in words(app)
    press(app, token, ("a", "1", 0.25), ("b", "2", 0.3), ("c", "9", 0.4), ("d", "2", 0.8))
    expected = (
        Event("P01", EventKind.EVENT, "event", 100.25, 100.25),
        Event("P01", EventKind.BASELINE, "baseline", 100.3, 100.8),
    )
    assert found.reopened().events == expected
    # A page that was loaded again sends its last presses once more, and forgets what to undo.
    again = press(keys_shown(token), token, ("d", "2", 0.8), ("e", "undo", 0.9))
    assert found.reopened().events == expected
    press(again, token, ("f", "1", 0.5), ("g", "undo", 0.9), ("h", "undo", 0.9))
    assert found.reopened().events == expected


def test_a_press_that_cannot_be_written_is_told_and_kept_later(
    study: tuple[str, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    token, found = study
    app = keys_shown(token)
    with monkeypatch.context() as patch:
        patch.setattr(Study, "change_events", refuse)
        app = press(app, token, ("full", "1", 0.25))
        assert "The disk is full" in words(app)
    app = press(app, token, ("full", "1", 0.25))
    assert len(found.reopened().events) == 1
    assert "The disk is full" not in words(app)


def refuse(self: Study, change: Any) -> Study:
    raise OutputError("The disk is full.")


def test_without_a_video_the_reason_is_told(work: Path) -> None:
    token = add(work)
    Study.open(folder_of(work, token)).change_recordings(lambda _: rows_of())
    assert "No recording of this study has a video here" in words(keys_shown(token))


def test_a_video_outside_the_study_is_not_shown(study: tuple[str, Study], tmp_path: Path) -> None:
    _, found = study
    clip = sample_video(tmp_path / "elsewhere.mp4", 0.5, 10.0)
    row = Recording("x", str(clip), "P")
    assert recording_video(found, row, []) is None
    shown = recording_video(found, row, [tmp_path])
    assert shown is not None
    assert shown.path == clip


def test_of_a_video_that_browsers_do_not_play_the_clip_is_shown(study: tuple[str, Study]) -> None:
    _, found = study
    (found.folder / "videos" / "P02.avi").write_bytes(b"x")
    row = Recording("P02", "videos/P02.avi", "P02")
    results = found.analysis_folder(row)
    results.mkdir(parents=True)
    shown = recording_video(found, row, [])
    assert shown is not None
    assert shown.path.name == "P02.avi"
    assert shown.frame_s == 1 / 25
    (results / "faces.csv").write_text("")
    (results / "annotated.mp4").write_bytes(b"x")
    (results / "summary.json").write_text(json.dumps({"clip": {"origin_s": 4.0}}))
    shown = recording_video(found, row, [])
    assert shown is not None
    assert (shown.path.name, shown.origin_s) == ("annotated.mp4", 4.0)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ({}, DEFAULT_KEYS),
        ({"edited_rows": {0: {"label": None}, 1: {"label": ""}}}, DEFAULT_KEYS[2:]),
        (
            {"edited_rows": {8: {"label": " wince ", "kind": "stimulus", "lasts": "interval"}}},
            (*DEFAULT_KEYS, EventKey("9", "wince", EventKind.STIMULUS, is_interval=True)),
        ),
        (
            {"edited_rows": {3: {"label": "x", "kind": None, "lasts": None}}},
            (*DEFAULT_KEYS, EventKey("4", "x")),
        ),
    ],
)
def test_keys_after_what_was_typed(typed: dict[str, Any], keys: tuple[EventKey, ...]) -> None:
    assert tuple(event_keys.keys_after({k.key: k for k in DEFAULT_KEYS}, typed)) == keys


def test_a_study_is_renamed(work: Path) -> None:
    token = add(work)
    app = page(token)
    (field,) = [t for t in app.text_input if "_new_name_" in str(t.key)]
    field.set_value("  Films *2* ")
    app.button(key="study_rename").click()
    app = run(app)
    assert "Films \\*2\\*" in words(app)
    assert Study.open(folder_of(work, token)).name == "Films *2*"
    (field,) = [t for t in app.text_input if "_new_name_" in str(t.key)]
    field.set_value("  ")
    app.button(key="study_rename").click()
    assert "A study needs a name" in words(run(app))


def test_the_frames_that_are_chosen_are_analysed(
    study: tuple[str, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = study
    key = f"study_{token[:8]}_frames"
    started: list[list[str]] = []
    monkeypatch.setattr(
        JobStore, "start", lambda self, inputs, line, *_, **__: started.append(line)
    )
    app = page(token)
    app.selectbox(key=f"{key}_new").set_value("4 per second")
    app = run(app)
    assert app.selectbox(key=f"{key}_waiting").value == "4 per second"
    app.button(key="study_analyse").click()
    run(app)
    (line,) = started
    assert "--rate 4 --recording P01" in " ".join(line)


def test_the_report_is_in_the_page_and_harmless(work: Path, computed: Path) -> None:
    token = add(work, computed)
    report = folder_of(work, token) / "results" / "report.html"
    report.write_text("<p>Käse</p><img src='https://elsewhere.example/a.png'>", "utf-8")
    app = open_tab(page(token), token, "Report")
    (frame,) = [c for c in app.get("bidi_component") if "iframe" in c.proto.html_content]
    assert 'sandbox=""' in frame.proto.html_content
    html = json.loads(frame.proto.json)["html"]
    assert "default-src 'none'" in html.partition("<p>Käse</p>")[0]
    report.write_bytes(b"\xff" * 9_000_000)
    app = run(app)
    assert "too large to be shown" in words(app)
    report.unlink()
    assert "written when the results are computed" in words(run(app))
