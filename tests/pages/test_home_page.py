"""Home: what a visitor sees, with and without a usable network."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
from page_driver import words
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.media import encoder
from emotion_core.media.write import sample_video
from emotion_core.ui.common import resources
from emotion_core.ui.home_page import sample

HOME = str(Path(__file__).resolve().parents[2] / "Home.py")


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    st.cache_data.clear()


def test_home_says_what_where_and_what_not() -> None:
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "Facial-expression lab"
    text = words(app)
    for phrase in ("is loaded", "H.264", "Barrett et al. 2019", "Article 5(1)(f)", "24 hours"):
        assert phrase in text


def test_home_promises_no_clip_where_there_is_no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_is_there", lambda name: False)
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert not app.exception
    (line,) = (m.value for m in app.markdown if "Video encoder" in m.value)
    assert line.startswith(":red[")
    for phrase in ("without an annotated clip", "recordings keep no video", "pip install"):
        assert phrase in line


def test_home_names_the_encoder_that_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_is_there", lambda name: name == "libvpx-vp9")
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert "Annotated clips are written as VP9." in words(app)


def test_the_sample_is_read_by_the_real_pipeline() -> None:
    app = AppTest.from_file(HOME, default_timeout=120).run()
    app.button(key="sample").click().run()
    assert not app.exception
    assert "2 people · 300 frames analysed" in words(app)
    assert "network ferplus" in words(app)
    assert app.segmented_control(key="home_results_person").options == ["Person 1", "Person 2"]


def test_a_missing_network_is_said_and_the_page_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(tmp_path / "none"))
    app = AppTest.from_file(HOME, default_timeout=60).run()
    assert not app.exception
    assert ":red[" in words(app)
    app.button(key="sample").click().run()
    assert not app.exception
    assert "The network cannot be used" in app.error[0].value
    assert resources.app_settings().models_dir == tmp_path / "none"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of both served networks, to be changed."""
    folder = tmp_path / "models"
    for name in ("ferplus", "fer2013"):
        (folder / name).mkdir(parents=True)
        for file in ("model.json", "model.tflite"):
            shutil.copy(PROJECT_ROOT / "models" / name / file, folder / name / file)
    (folder / "default.txt").write_text("ferplus\n")
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(folder))
    return folder


def test_another_default_network_is_taken_up_at_the_next_look(models: Path) -> None:
    first = resources.shared_classifier()
    assert resources.shared_classifier() is first
    (models / "default.txt").write_text("fer2013\n")
    assert resources.shared_classifier().bundle.name == "fer2013"


def test_a_replaced_model_folder_is_taken_up_at_the_next_look(models: Path) -> None:
    key = resources.network_key(resources.shared_classifier())
    for file in ("model.json", "model.tflite"):
        shutil.copy(models / "fer2013" / file, models / "ferplus" / file)
    replaced = resources.shared_classifier()
    assert replaced.bundle.name == "fer2013"
    assert resources.network_key(replaced) != key


def test_the_sample_is_read_again_by_another_network(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A short clip is enough here.
    monkeypatch.setattr(sample, "write_sample", lambda path: sample_video(path, 0.5, 10.0))
    app = AppTest.from_file(HOME, default_timeout=120).run()
    app.button(key="sample").click().run()
    assert "network ferplus" in words(app)
    (models / "default.txt").write_text("fer2013\n")
    app.run()
    assert not app.exception
    assert "“fer2013” is loaded" in words(app)
    assert "network fer2013" in words(app)
