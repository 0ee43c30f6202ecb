"""Adaptations on the pages: chosen, opened from a file, made from labelled photos."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_driver import run, words
from PIL import Image, ImageEnhance
from streamlit.testing.v1 import AppTest

from emotion_core.labels import EXPRESSIONS
from emotion_core.media.portrait import PORTRAIT
from emotion_core.media.write import sample_video
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation, to_json
from emotion_core.model.bundle import load_bundle
from emotion_core.ui.video_page.jobs import job_store
from emotion_core.video.options import described_network

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installation's adaptations: `sadder` calls everything sad."""
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(tmp_path / "adaptations"))
    save_adaptation(sadder(), tmp_path / "adaptations")
    return tmp_path / "adaptations"


def sadder(name: str = "sadder", **model: str) -> Adaptation:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 30
    return Adaptation(name, described_network(load_bundle()) | model, offsets)


def page(name: str) -> AppTest:
    app = AppTest.from_file(str(PAGES / name), default_timeout=60).run()
    assert not app.exception
    return app


def choice(app: AppTest) -> Any:
    return next(box for box in app.selectbox if box.label == "Adaptation")


def opened(app: AppTest) -> Any:
    return next(u for u in app.file_uploader if u.label == "Open an adaptation file")


def read(app: AppTest) -> tuple[str, ...]:
    (reading,) = app.session_state["photo_readings"].values()
    return tuple(reading.result.labels)


def sample(app: AppTest) -> AppTest:
    app.segmented_control(key="photo_source").set_value("Sample")
    return run(app)


def test_a_photo_is_read_with_the_chosen_one_and_the_page_names_it() -> None:
    app = sample(page("3_Photo.py"))
    assert "adaptation “sadder”" not in words(app)
    choice(app).set_value("sadder")
    assert "Adaptation applied: “sadder”, strength 1." in words(run(app))
    assert read(app) == ("sad",)
    next(s for s in app.slider if s.label == "Strength").set_value(0.0)
    assert read(run(app)) == ("happy",)


def test_one_of_another_network_is_refused(folder: Path) -> None:
    save_adaptation(sadder("foreign", sha256="b"), folder)
    app = sample(page("3_Photo.py"))
    choice(app).set_value("foreign")
    said = words(run(app))
    assert "another version of it" in said
    assert "Adaptation applied:" not in said


@pytest.mark.parametrize("text", [b"{}", b"no json", json.dumps({"version": 9}).encode()])
def test_a_file_that_is_none_is_refused(text: bytes) -> None:
    app = page("3_Photo.py")
    opened(app).set_value([("x.json", text, "application/json")])
    assert "cannot be used" in words(run(app))
    assert choice(app).value == "None"


def test_a_file_is_opened_and_chosen_for_this_session_only(folder: Path) -> None:
    app = page("3_Photo.py")
    text = json.dumps(to_json(sadder("mine"))).encode()
    opened(app).set_value([("mine.json", text, "application/json")])
    assert choice(run(app)).value == "mine"
    assert [path.name for path in folder.iterdir()] == ["sadder.json"]
    assert "mine" not in choice(page("3_Photo.py")).options


def changed(factor: float) -> bytes:
    image = Image.open(PORTRAIT).convert("RGB")
    buffer = io.BytesIO()
    ImageEnhance.Brightness(image).enhance(factor).save(buffer, "PNG")
    return buffer.getvalue()


def label(app: AppTest, *labels: str) -> AppTest:
    boxes = [box for box in app.selectbox if box.label == "Face #1 shows"]
    assert len(boxes) == len(labels)
    for box, word in zip(boxes, labels, strict=True):
        box.set_value(word)
    return run(app)


def test_faces_are_labelled_and_too_few_are_told() -> None:
    app = label(sample(page("3_Photo.py")), "sad")
    assert "**Your labels**: sad 1" in words(app)
    next(b for b in app.button if b.label == "Create adaptation").click()
    assert "there are: sad 1" in words(run(app))
    next(b for b in app.button if b.label == "Clear labels").click()
    assert "Your labels" not in words(run(app))
    boxes = [box for box in app.selectbox if box.label == "Face #1 shows"]
    assert [box.value for box in boxes] == ["–"]


def test_labels_make_an_adaptation_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The faces alone decide what it learns: here the network's answers are fixed, to be wrong in
    a way that can be learnt."""
    from emotion_core.model.classify import Classifier, Reading

    def answers(self: Classifier, crops: np.ndarray, second_look: bool = True) -> Reading:
        logits = np.zeros((len(crops), 7), np.float32)
        bright = crops.mean(axis=(1, 2, 3)) > 100
        logits[:, EXPRESSIONS.index("happy")] = np.where(bright, 2.0, 1.2)
        logits[:, EXPRESSIONS.index("neutral")] = 1.0
        known = np.ones(len(crops), np.float32)
        return Reading(logits, known, np.empty((len(crops), 0), np.float32))

    monkeypatch.setattr(Classifier, "read", answers)
    app = page("3_Photo.py")
    factors = [0.5, 0.52, 0.54, 0.56, 0.58, 1.0, 1.02, 1.04, 1.06, 1.08]
    app.file_uploader[0].set_value(
        [(f"{i}.png", changed(factor), "image/png") for i, factor in enumerate(factors)]
    )
    app = label(run(app), *["neutral"] * 5, *["happy"] * 5)
    assert "neutral 5" in words(app)
    assert "happy 5" in words(app)
    next(b for b in app.button if b.label == "Create adaptation").click()
    run(app)
    assert choice(app).value == "my faces"
    said = words(app)
    assert "Adaptation applied: “my faces”" in said
    assert "10 faces of 10 people or takes" in said
    assert "from 0.50 to 1.00" in said


def test_a_video_job_reads_with_the_chosen_one(tmp_path: Path) -> None:
    app = page("2_Video.py")
    choice(app).set_value("sadder")
    run(app)
    clip = sample_video(tmp_path / "clip.mp4", 1.0, 10.0).read_bytes()
    app.file_uploader[0].set_value([("clip.mp4", clip, "video/mp4")])
    run(app)
    app.button(key="video_start").click()
    run(app)
    (job,) = (app.query_params["job"],)
    state = job_store().state(job if isinstance(job, str) else job[0])
    assert state is not None
    arguments = state.options["arguments"]
    assert json.loads(arguments[arguments.index("--adaptation") + 1])["name"] == "sadder"
    job_store().delete(job if isinstance(job, str) else job[0])


def controls() -> None:
    import streamlit as st

    from emotion_core.model.bundle import load_bundle
    from emotion_core.ui.live_page.controls import live_controls

    recording = st.session_state.get("recording", False)
    st.session_state["made"] = live_controls(load_bundle(), recording)


def chosen(app: AppTest) -> str | None:
    adaptation = app.session_state["made"].adaptation
    return None if adaptation is None else str(adaptation.name)


def test_a_stream_is_read_with_the_chosen_one_unless_it_is_recorded() -> None:
    app = AppTest.from_function(controls, default_timeout=60).run()
    assert chosen(app) is None
    choice(app).set_value("sadder")
    assert chosen(run(app)) == "sadder"
    app.session_state["recording"] = True
    run(app)
    assert chosen(app) == "sadder"
    assert choice(app).disabled
    assert "Finish it to choose another" in words(app)


def test_another_one_of_the_same_name_has_its_own_strength() -> None:
    app = page("3_Photo.py")

    def open_one(strength: float) -> str:
        mine = sadder("mine").with_strength(strength)
        mine = dataclasses.replace(mine, offsets=mine.offsets * strength)
        text = json.dumps(to_json(mine)).encode()
        opened(app).set_value([("mine.json", text, "application/json")])
        return words(run(app))

    assert "“mine”, strength 0.4" in open_one(0.4)
    next(s for s in app.slider if s.label == "Strength").set_value(0.2)
    assert "“mine”, strength 0.2" in words(run(app))
    assert "“mine”, strength 0.9" in open_one(0.9)
    assert [b.proto.label for b in app.get("download_button")] == ["Download this adaptation"]


@pytest.mark.parametrize("gain", [{"faces": 3}, [1], {"difference": None}, "much"])
def test_a_record_that_cannot_be_read_breaks_no_page(gain: object) -> None:
    app = page("3_Photo.py")
    text = json.dumps(to_json(sadder("mine")) | {"record": {"gain": gain}}).encode()
    opened(app).set_value([("mine.json", text, "application/json")])
    said = words(run(app))
    assert "“mine”, strength 1" in said
    assert "What it brings cannot be read" in said
