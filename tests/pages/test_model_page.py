"""Model: what stands on the page for a whole folder, a damaged one, and none."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.calibrate import softmax
from emotion_core.training import evaluate
from emotion_core.training.answers import Answers
from emotion_core.training.dataset import Split
from emotion_core.training.files import write_json
from emotion_core.training.predictions import predictions_table, write_predictions
from emotion_core.training.robustness import DAMAGES
from emotion_core.training.runs import Run, log_run
from emotion_core.training.twins import COLUMNS

PAGE = str(PROJECT_ROOT / "pages" / "4_Model.py")
TEMPERATURE = 1.4


@pytest.fixture(autouse=True)
def fresh_caches():
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def write_split(folder, name: str, seed: int, hardness: float) -> None:
    """Predictions of a made split, and the report that goes with them."""
    rng = np.random.default_rng(seed)
    truth = np.arange(140) % 7
    votes = np.zeros((140, 10), np.int16)
    votes[np.arange(140), np.array([4, 5, 6, 1, 0, 3, 2])[truth]] = 8
    votes[:, 8] = 2
    names = np.array([f"{name}{i}.png" for i in range(140)])
    images = np.zeros((140, 48, 48), np.uint8)
    fer2013 = np.where(rng.random(140) < 0.3, (truth + 1) % 7, truth).astype(np.int8)
    split = Split(name, names, images, votes, fer2013)
    logits = rng.normal(0, hardness, (140, 7)) + 3 * np.eye(7)[truth]
    raw, served = softmax(logits), softmax(logits, TEMPERATURE)
    path = folder / f"predictions_ferplus_{name}.csv"
    write_predictions(path, predictions_table(split, raw, served))
    answers = Answers(served, raw, raw, 0.5)
    scores = {
        s: evaluate.score_label_set(s, split, split.labels(s), answers, None, resamples=50)
        for s in ("ferplus", "fer2013")
    }
    near = {"images": 140, "same_answer": 1.0, "mean_difference": 0.0, "largest_difference": 0.0}
    points = {s: {"accuracy": 0.0, "macro_f1": 0.0} for s in scores}
    speed = {
        "served_ms_per_face_one_thread": 0.5,
        "served_bytes": 700_000,
        "float_bytes": 3_000_000,
    }
    report = {
        "split": name,
        "headline": {},
        "scores": scores,
        "served_against_float": near | {"served_minus_float_points": points},
        "speed": speed,
    }
    file = folder / "evaluation.json"
    known = json.loads(file.read_text())["evaluations"] if file.exists() else {}
    write_json(file, {"version": 1, "evaluations": {**known, f"ferplus_{name}": report}})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A models folder with everything that the page reads, made without a network."""
    models = tmp_path_factory.mktemp("page") / "models"
    folder = models / "made"
    folder.mkdir(parents=True)
    unsure = {
        "threshold": 0.4,
        "coverage": 0.9,
        "accuracy_sure": 0.8,
        "accuracy_unsure": 0.3,
    }
    metadata = {
        "version": 1,
        "name": "made",
        "labels": list(EXPRESSIONS),
        "label_set": "ferplus",
        "temperature": TEMPERATURE,
        "unsure": unsure,
        "settings": {"epochs": 3, "network": {"channels": [4, 4, 8, 8]}},
        "training": {"epochs": 3, "best_epoch": 2},
    }
    write_json(folder / "model.json", metadata)
    write_split(folder, "test", 1, 2.0)
    write_split(folder, "validation", 2, 1.0)
    history = {"epoch": [1, 2, 3], "loss": [2.0, 1.5, 1.2], "accuracy": [0.2, 0.5, 0.6]}
    history |= {"val_loss": [1.9, 1.4, 1.5], "val_accuracy": [0.3, 0.6, 0.5]}
    pd.DataFrame(history | {"learning_rate": 1e-3, "seconds": 9.0}).to_csv(
        folder / "history.csv", index=False
    )
    levels = [("none", 0.0, "", 0.8)] + [
        (d.kind, x, d.unit, 0.6) for d in DAMAGES for x in d.levels
    ]
    pd.DataFrame(levels, columns=["damage", "level", "unit", "accuracy"]).assign(
        dataset="ferplus", split="test", label_set="ferplus", images=140, macro_f1=0.5
    ).to_csv(folder / "robustness.csv", index=False)
    twin = [("test", "test3.png", "train", "train9.png", 0.999, False)]
    pd.DataFrame(twin, columns=list(COLUMNS)).to_csv(models / "twins.csv", index=False)
    log_run(models, Run("made", "evaluate", "ferplus", "test", "ferplus", 140, {"accuracy": 0.8}))
    (models / "default.txt").write_text("made\n")
    return models


def page(models, monkeypatch) -> AppTest:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not app.exception
    return app


def scores_of(models, split: str, label_set: str = "ferplus") -> dict:
    reports = json.loads((models / "made" / "evaluation.json").read_text())["evaluations"]
    return reports[f"ferplus_{split}"]["scores"][label_set]["full"]


def test_the_headline_is_computed_from_the_test_predictions(whole, monkeypatch):
    app = page(whole, monkeypatch)
    assert app.title[0].value == "Model"
    values = {m.label: m.value for m in app.metric}
    test = scores_of(whole, "test")
    assert values["Accuracy"] == f"{test['accuracy']['value']:.1%}"
    assert values["Macro-F1"] == f"{test['macro_f1']['value']:.1%}"
    assert values["One face, one thread"] == "0.50 ms"
    assert not app.warning
    assert not app.expander[0].label.startswith("1 file")
    tabs = [t.label for t in app.tabs]
    assert tabs == [
        "Scores",
        "Confusions",
        "Confidence",
        "Robustness",
        "Training",
        "Labels",
        "About",
    ]


def test_every_chart_has_a_sentence_and_its_data(whole, monkeypatch):
    app = page(whole, monkeypatch)
    charts = app.get("vega_lite_chart")
    assert len(charts) >= 15
    downloads = [b for b in app.get("download_button") if "CSV" in b.proto.label]
    assert len(downloads) >= 11
    assert any("A row adds up to 100 %" in c.value for c in app.caption)
    assert any("epoch 2" in c.value for c in app.caption), "the kept epoch is the noted one"


def test_validation_and_test_are_never_mixed(whole, monkeypatch):
    app = page(whole, monkeypatch)
    assert any("test split" in m.value for m in app.markdown)
    app.segmented_control(key="model_split_made").set_value("ferplus_validation").run()
    assert not app.exception
    validation = scores_of(whole, "validation")["accuracy"]["value"]
    assert validation != scores_of(whole, "test")["accuracy"]["value"]
    assert app.metric[0].value == f"{validation:.1%}"
    assert any("Published figures are about the test split" in c.value for c in app.caption)


def test_the_other_label_set_gives_another_score(whole, monkeypatch):
    app = page(whole, monkeypatch)
    key = "model_labels_made_ferplus_test"
    app.segmented_control(key=key).set_value("fer2013").run()
    assert not app.exception
    score = scores_of(whole, "test", "fer2013")["accuracy"]["value"]
    assert app.metric[0].value == f"{score:.1%}"


@pytest.mark.parametrize("shown", ["of each answer", "counts"])
def test_the_confusion_matrix_can_be_read_three_ways(whole, monkeypatch, shown):
    app = page(whole, monkeypatch)
    app.segmented_control(key="model_shade").set_value(shown).run()
    assert not app.exception


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("evaluation.json", "missing"),
        ("history.csv", "missing"),
        ("robustness.csv", "missing"),
        ("model.json", "rubbish"),
        ("evaluation.json", "rubbish"),
        ("history.csv", "rubbish"),
        ("predictions_ferplus_validation.csv", "rubbish"),
    ],
)
def test_a_bad_file_is_named_and_the_rest_is_shown(whole, monkeypatch, tmp_path, file, damage):
    models = shutil.copytree(whole, tmp_path / "models")
    if damage == "rubbish":
        (models / "made" / file).write_text("{\x00")
    else:
        (models / "made" / file).unlink()
    app = page(models, monkeypatch)
    assert app.expander[0].label == "1 file is missing or damaged; the rest is shown"
    assert file in app.expander[0].markdown[0].value
    assert app.metric[0].value == f"{scores_of(whole, 'test')['accuracy']['value']:.1%}"


def test_a_folder_without_predictions_says_what_to_do(whole, monkeypatch, tmp_path):
    models = shutil.copytree(whole, tmp_path / "models")
    for file in models.glob("made/predictions_*.csv"):
        file.unlink()
    app = page(models, monkeypatch)
    assert any("emotion_core evaluate" in i.value for i in app.info)
    assert app.get("vega_lite_chart"), "the training curves are still there"


def test_no_model_at_all_says_what_to_do(monkeypatch, tmp_path):
    app = page(tmp_path / "nowhere", monkeypatch)
    assert "no trained model" in app.error[0].value


def test_the_page_never_imports_tensorflow():
    code = (
        "import sys; from emotion_core.ui import model_facts, model_scores, model_choice; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False)
    assert done.returncode == 0
