"""Networks made elsewhere, and networks that learnt somebody's folders, on the pages."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_model_folders import write_model
from made_networks import describe, write_tflite
from page_driver import open_page, run, words
from streamlit.testing.v1 import AppTest

from emotion_core.atomic_io import write_json
from emotion_core.config import PROJECT_ROOT
from emotion_core.datasets.near_duplicates import COLUMNS, FILE_NAME, write_near_duplicates
from emotion_core.errors import OutputError
from emotion_core.evaluation.evaluate import SCORE_NAMES, score_block
from emotion_core.evaluation.predictions import read_predictions
from emotion_core.jobs.store import JobStore
from emotion_core.media.portrait import PORTRAIT
from emotion_core.media.write import sample_video
from emotion_core.model.bundle import DEFAULT, default_name, load_bundle
from emotion_core.ui.common.network_choice import network_named
from emotion_core.ui.video_page import form
from emotion_core.video.options import described_network

PAGES = PROJECT_ROOT / "pages"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default network, one made elsewhere, and one that cannot be used."""
    models = tmp_path_factory.mktemp("models")
    name = default_name()
    (models / name).mkdir()
    for file in ("model.json", "model.tflite"):
        shutil.copy(PROJECT_ROOT / "models" / name / file, models / name / file)
    (models / "default.txt").write_text(name)
    write_tflite(models / "theirs")
    describe(models / "unusable", "network.tflite", labels=["happy", "boredom"], names={})
    return models


@pytest.fixture
def models(made: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(made))
    return made


def choose(app: AppTest, name: str) -> AppTest:
    """Choose a network in the list of this page."""
    (menu,) = [box for box in app.selectbox if box.label == "Network"]
    menu.select(name)
    return run(app)


def test_photos_are_read_by_the_network_that_is_chosen(models: Path) -> None:
    app = open_page(PAGES / "3_Photo.py")
    app.file_uploader[0].set_value([("a.jpg", PORTRAIT.read_bytes(), "image/jpeg")])
    (before,) = run(app).session_state["photo_readings"].values()
    choose(app, "theirs")
    (after,) = app.session_state["photo_readings"].values()
    assert after.result.unsure.all()
    assert not before.result.unsure.any()
    assert "Network: “theirs”." in words(app)
    choose(app, default_name())
    assert "Network: “" not in words(app)


def test_a_network_that_cannot_be_used_is_listed_with_the_reason(models: Path) -> None:
    app = open_page(PAGES / "3_Photo.py")
    (menu,) = [box for box in app.selectbox if box.label == "Network"]
    assert menu.options == [default_name(), "theirs", "unusable (cannot be used)"]
    assert "'boredom', which is none of the seven" in words(app)
    choose(app, "unusable")
    assert "none of the seven" in app.error[0].value
    # There is a way back.
    assert not choose(app, default_name()).error


def test_results_name_the_network_that_explains_them(models: Path) -> None:
    assert network_named("theirs") == "theirs"
    assert network_named("gone") == network_named("") == DEFAULT


def test_a_video_is_read_by_the_network_that_is_chosen(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def start(_store: JobStore, _inputs: Any, arguments: Any, model: Any, _owner: str) -> str:
        asked.extend((arguments, model))
        raise OutputError("Not in this test.")

    monkeypatch.setattr(JobStore, "start", start)
    sample = sample_video(tmp_path / "sample.mp4", 0.2, 10.0)
    monkeypatch.setattr(form, "_sample_file", lambda: sample)
    app = open_page(PAGES / "2_Video.py")
    choose(app, "theirs")
    app.button(key="video_sample").click()
    run(app)
    arguments, model = asked
    assert arguments[arguments.index("--model") + 1] == "theirs"
    assert model == described_network(load_bundle("theirs", models))


def test_the_live_page_offers_the_networks(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in test_live_page.py: AppTest has neither such a session nor a browser.
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
    monkeypatch.setattr("emotion_core.ui.live_page.stream.FIRST_LOOK_S", 0)
    app = choose(open_page(PAGES / "1_Live.py"), "theirs")
    assert "Network: “theirs”." in words(app)


def model_page(
    models: Path, name: str, tab: str, monkeypatch: pytest.MonkeyPatch, second: str = ""
) -> AppTest:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = AppTest.from_file(str(PAGES / "4_Model.py"), default_timeout=60)
    app.session_state["model_name"], app.session_state["model_tab"] = name, tab
    if second:
        app.session_state["model_second"] = second
    return run(app)


def test_the_model_page_tells_what_a_network_made_elsewhere_takes_and_gives(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = model_page(models, "theirs", "Network", monkeypatch)
    shown = words(app)
    assert "learnt labels of its own, elsewhere" in shown
    assert "takes 64×64 pixels, gray, and gives 8 logits" in shown
    assert "FER+" not in shown
    assert ["contempt", "left out"] in app.dataframe[0].value.to_numpy().tolist()
    app = model_page(models, "unusable", "Card", monkeypatch)
    assert "none of the seven" in app.error[0].value


@pytest.fixture(scope="module")
def of_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network fine-tuned on folders without a face of disgust or fear."""
    models = tmp_path_factory.mktemp("folders")
    write_model(models / "ours", "fer2013", 1, 3.0)
    folder = models / "ours"
    for file in folder.glob("*_test.csv"):
        file.unlink()
    (folder / "robustness.csv").unlink(missing_ok=True)
    values = json.loads((folder / "model.json").read_text())
    values["settings"]["start_from"] = "base"
    values["dataset"] = {"source": "my-faces", "fingerprint": "f00d"}
    write_json(folder / "model.json", values)
    _without_rare_faces(folder)
    (models / "default.txt").write_text("ours\n")
    write_near_duplicates(models / FILE_NAME, pd.DataFrame(columns=list(COLUMNS)))
    return models


def _without_rare_faces(folder: Path) -> None:
    """As `train` writes it: one label a face, in the column of FER2013."""
    old = folder / "predictions_ferplus_validation.csv"
    table = pd.read_csv(old)
    table = table[~table["ferplus_label"].isin(["disgust", "fear"])]
    table["fer2013_label"], table["ferplus_label"] = table["ferplus_label"], None
    table.to_csv(folder / "predictions_folder_validation.csv", index=False)
    old.unlink()
    rows = read_predictions(folder / "predictions_folder_validation.csv")
    full = score_block(rows.labels["labels"], rows.served_probs, rows.served_probs, 50)
    score: dict[str, Any] = {
        "name": SCORE_NAMES["labels"],
        "full": full,
        "without_near_duplicates": None,
        "chance": {"largest": 0.2},
    }
    report = json.loads((folder / "evaluation.json").read_text())["evaluations"]
    report = report["ferplus_validation"] | {"scores": {"labels": score}, "fingerprint": "f00d"}
    report["headline"] = {"label_set": "labels", "name": score["name"], "accuracy": 0.8}
    report["served_against_float"] = None
    write_json(
        folder / "evaluation.json", {"version": 1, "evaluations": {"folder_validation": report}}
    )


TABS = ("Scores", "Confusions", "Confidence", "Trade-offs", "Robustness", "Labels", "Network")


@pytest.mark.parametrize("tab", [*TABS, "Training", "Card"])
def test_a_network_of_folders_is_not_said_to_know_fer2013(
    of_folders: Path, tab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = model_page(of_folders, "ours", tab, monkeypatch)
    shown = words(app)
    assert "The network learnt the labels of the folders of my-faces" in shown
    assert "beginning with the network base" in shown
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Rare faces found"] == "–"
    assert "nan" not in " ".join(values.values())
    if tab != "Card":
        assert "FER" not in shown.replace("FER+ 7-class", "")
    assert not [e for e in app.expander if "missing or damaged" in e.label]


@pytest.mark.parametrize("fingerprint", ["f00d", "beef"])
def test_networks_of_two_folders_are_not_compared_face_by_face(
    of_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fingerprint: str
) -> None:
    models = shutil.copytree(of_folders, tmp_path / "models")
    other = shutil.copytree(models / "ours", models / "other")
    for name in ("model.json", "evaluation.json"):
        text = (other / name).read_text()
        (other / name).write_text(text.replace("f00d", fingerprint))
    shown = words(model_page(models, "ours", "Scores", monkeypatch, "other"))
    assert ("measured on different images" in shown) == (fingerprint != "f00d")


def test_the_card_names_the_folders(of_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = words(model_page(of_folders, "ours", "Card", monkeypatch))
    assert "| **ours** (served by default) | folders of my-faces |" in shown
    assert "Those faces are not part of this project" in shown
    assert "| nan" not in shown


def test_scores_say_which_expressions_do_not_occur(
    of_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No image shows disgust or fear." in words(
        model_page(of_folders, "ours", "Scores", monkeypatch)
    )
    areas = model_page(of_folders, "ours", "Trade-offs", monkeypatch).dataframe[0].value
    assert areas["expression"].iloc[-1] == "mean of the 5 that occur"
