"""Video: people who return, questions about likely returns, and one participant."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_driver import words
from streamlit.testing.v1 import AppTest
from video_page_driver import page, start, until_ended, view_key

from benchmarks.identity_clips import made_clip, other_people, replaced
from benchmarks.identity_people import ADA, TWIN
from emotion_core.media import write_frames
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.ui.video_page.jobs import job_store


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    yield
    for folder in (tmp_path / "work" / "videos" / "jobs").glob("*"):
        job_store().delete(folder.name)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ada, her twin in the same place, and Ada again."""
    clip = made_clip("twins", 13, 12, replaced(ADA, TWIN))
    path = tmp_path_factory.mktemp("clips") / "twins.mp4"
    return write_frames(path, clip.frames(), clip.fps).read_bytes()


def analysed(data: bytes) -> tuple[AppTest, str, Path]:
    app = until_ended(start(page(), ("twins.mp4", data)))
    return (app, *view_key(app))


def keys(app: AppTest) -> list[str]:
    return [str(button.key) for button in app.button]


def test_a_likely_return_is_asked_about_and_every_answer_can_be_taken_back(twins: bytes) -> None:
    app, key, folder = analysed(twins)
    assert "**Are Person 1 and Person 2 the same person?**" in words(app)
    app.button(key=f"{key}_same_1_2_no").click().run()
    assert load_edits(folder).different == {(1, 2)}
    assert "the same person?" not in words(app)
    assert "Person 1 and Person 2 are different people." in words(app)
    app.button(key=f"{key}_again_1_2").click().run()
    app.button(key=f"{key}_same_1_2_yes").click().run()
    assert not app.exception
    assert load_edits(folder).merged == {2: 1}
    app.button(key=f"{key}_1_split_2").click().run()
    assert load_edits(folder).merged == {}
    app.button(key=f"{key}_same_1_2_later").click().run()
    assert "the same person?" not in words(app)
    assert "1 left for later" in words(app)


def test_somebody_recognised_by_mistake_is_taken_apart_and_put_back(twins: bytes) -> None:
    app, key, folder = analysed(twins)
    ((tracklet, person),) = [
        (entry["tracklet"], entry["track_id"])
        for entry in json.loads((folder / "summary.json").read_text())["identities"]["joined"]
    ]
    assert person == 1
    app.selectbox(key=f"{key}_1_recognised_0").set_value(tracklet).run()
    app.button(key=f"{key}_apart_{tracklet}").click().run()
    assert not app.exception
    assert load_edits(folder).apart == {tracklet: 3}
    assert "**Person 3**" in words(app)
    app.button(key=f"{key}_rejoin_{tracklet}").click().run()
    assert load_edits(folder).apart == {}
    assert "**Person 3**" not in words(app)


def test_one_participant_is_chosen_in_the_form(tmp_path: Path) -> None:
    clip = made_clip("cuts", 6, 12, other_people)
    data = write_frames(tmp_path / "cuts.mp4", clip.frames(), clip.fps).read_bytes()
    app = page()
    app.selectbox(key="video_faces").set_value("One participant").run()
    app = until_ended(start(app, ("cuts.mp4", data)))
    _, folder = view_key(app)
    assert read_faces(folder / "faces.csv").people == [1]
    assert "Dashed lines are cuts of the camera." in words(app)
