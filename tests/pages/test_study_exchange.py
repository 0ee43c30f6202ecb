"""Study: downloads for other programs, and action units that other programs read."""

from pathlib import Path

from page_driver import run, words
from study_page_driver import add, folder_of, open_tab, page, way

from emotion_core.interchange.formats import FORMATS
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.ui.study_page import adding

OPENFACE = b"frame,face_id,timestamp,confidence,success,AU12_r\n1,0,0.0,0.9,1,2.5\n"


def filled(work: Path) -> tuple[str, Study]:
    token = add(work)
    study = Study.open(folder_of(work, token)).with_recordings([Recording("P1", "P1.mp4", "P1")])
    return token, study.with_events([Event("*", EventKind.STIMULUS, "film", 0.0, 2.0)])


def test_events_are_offered_for_other_programs(work: Path) -> None:
    token, _ = filled(work)
    app = open_tab(page(token), token, "Events")
    labels = {button.proto.label for button in app.get("download_button")}
    assert {known.label for known in FORMATS.values()} <= labels


def test_action_units_go_to_the_recording_of_their_name(work: Path) -> None:
    token, study = filled(work)
    app = way(page(token), token, adding.UNITS)
    files = [("p1.csv", OPENFACE, "text/csv"), ("P2.csv", OPENFACE, "text/csv")]
    app.file_uploader[0].set_value(files)
    app = run(app)
    app.button(key=f"study_{token[:8]}_units_add").click()
    app = run(app)
    assert "No recording and no video is called P2" in words(app)
    assert (study.folder / "recordings" / "P1" / "openface.csv").read_bytes() == OPENFACE
