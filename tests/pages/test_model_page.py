"""Model: what stands on the page for a whole folder, a damaged one, and none."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from made_model_folders import write_model
from page_driver import words
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.datasets.near_duplicates import COLUMNS, FILE_NAME
from emotion_core.evaluation.experiment_log import Run, log_run
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.model_page import face_grid

PAGE = str(PROJECT_ROOT / "pages" / "4_Model.py")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one model, made without a network."""
    models = tmp_path_factory.mktemp("page") / "models"
    write_model(models / "made", "ferplus", 1, 3.0)
    pair = [("test", "test3.png", "train", "train9.png", 0.999, False)]
    pd.DataFrame(pair, columns=list(COLUMNS)).to_csv(models / FILE_NAME, index=False)
    log_run(models, Run("made", "evaluate", "ferplus", "test", "ferplus", 140, {"accuracy": 0.8}))
    (models / "default.txt").write_text("made\n")
    return models


@pytest.fixture(scope="module")
def two(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same models folder with a second model, worse and of other labels, beside the first."""
    models = shutil.copytree(whole, tmp_path_factory.mktemp("two") / "models")
    write_model(models / "other", "fer2013", 5, 1.2)
    return models


TABS = (
    *("Scores", "Confusions", "Confidence", "Trade-offs", "Other faces", "Robustness", "Labels"),
    *("Training", "Network", "Card"),
)


def page(
    models: Path, monkeypatch: pytest.MonkeyPatch, tab: str = "Scores", second: str = ""
) -> AppTest:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.session_state["model_tab"] = tab
    if second:
        app.session_state["model_second"] = second
    app.run()
    assert not app.exception, app.exception
    return app


def every_tab(models: Path, monkeypatch: pytest.MonkeyPatch, second: str = "") -> Iterator[AppTest]:
    """The page with each of its tabs open in turn."""
    app = page(models, monkeypatch, second=second)
    for tab in TABS:
        app.session_state["model_tab"] = tab
        assert not app.run().exception, tab
        yield app


def words_of_warnings(app: AppTest) -> str:
    return "\n".join(warning.value for warning in app.warning)


def scores_of(
    models: Path, split: str, label_set: str = "ferplus", model: str = "made"
) -> dict[str, Any]:
    reports = json.loads((models / model / "evaluation.json").read_text())["evaluations"]
    return reports[f"ferplus_{split}"]["scores"][label_set]["full"]


def test_the_headline_is_computed_from_the_test_predictions(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(whole, monkeypatch)
    assert app.title[0].value == "Model"
    values = {m.label: m.value for m in app.metric}
    test = scores_of(whole, "test")
    assert values["Accuracy"] == f"{test['accuracy']['value']:.1%}"
    assert values["Macro-F1"] == f"{test['macro_f1']['value']:.1%}"
    assert values["One face, one thread"] == "0.50 ms"
    assert not app.warning
    assert not app.expander[0].label.startswith("1 file")
    assert [t.label for t in app.tabs] == list(TABS)


@pytest.mark.parametrize(
    ("tab", "charts", "downloads", "phrase"),
    [
        ("Scores", 2, 2, "F1 is high only where"),
        ("Confusions", 1, 2, "A row adds up to 100%"),
        ("Confidence", 2, 2, "below it the network is too sure"),
        ("Trade-offs", 2, 3, "Guessing scores 0.5 in ROC AUC"),
        ("Robustness", 6, 1, "From left to right the damage grows"),
        ("Labels", 1, 2, "No network can please both"),
        ("Training", 4, 2, "epoch 2 are kept"),
        ("Network", 0, 1, "model.keras is missing"),
        ("Card", 0, 0, "Intended use and misuse"),
    ],
)
@pytest.mark.parametrize("second", ["", "other"])
def test_every_tab_has_its_charts_words_and_data(
    two: Path,
    monkeypatch: pytest.MonkeyPatch,
    tab: str,
    charts: int,
    downloads: int,
    phrase: str,
    second: str,
) -> None:
    app = page(two, monkeypatch, tab, second)
    found = len(app.get("vega_lite_chart"))
    assert found == (2 * charts if second and tab == "Confusions" else charts), "the open tab only"
    csv = [b for b in app.get("download_button") if "CSV" in b.proto.label]
    assert len(csv) >= downloads
    assert phrase in words(app)
    for chart in app.get("vega_lite_chart"):
        assert json.loads(chart.proto.spec)["description"], "each chart has a text alternative"


def test_two_models_are_judged_on_the_same_images(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(two, monkeypatch, second="other")
    text = words(app)
    assert "The two models learnt different labels" in text
    ours = scores_of(two, "test")["accuracy"]["value"]
    theirs = scores_of(two, "test", model="other")["accuracy"]["value"]
    assert [m.value for m in app.metric if m.label == "Accuracy"] == [
        f"{ours:.1%}",
        f"{theirs:.1%}",
    ]
    assert "**made is right more often**" in text
    assert f"{100 * (ours - theirs):+.1f} points of accuracy" in text
    app.segmented_control(key="model_split_made").set_value("ferplus_validation").run()
    theirs = scores_of(two, "validation", model="other")["accuracy"]["value"]
    assert [m.value for m in app.metric if m.label == "Accuracy"][1] == f"{theirs:.1%}"


def test_robustness_of_other_labels_is_not_set_against_ours(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(two, monkeypatch, "Robustness", "other")
    assert "Not the same task for both" in words(app)
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert spec["layer"][1]["encoding"]["y"]["field"] == "left"


def test_a_second_model_without_these_images_is_said(
    two: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(two, tmp_path / "models")
    for file in ("predictions_ferplus_test.csv", "evaluation.json"):
        (models / "other" / file).unlink()
    for app in every_tab(models, monkeypatch, "other"):
        assert "other was not measured on these images by these labels" in words(app)


def test_scores_alone_are_enough_for_scores(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    for file in (models / "made").glob("predictions_*"):
        file.unlink()
    app = page(models, monkeypatch)
    assert app.metric[0].value == f"{scores_of(whole, 'test')['accuracy']['value']:.1%}"
    assert len(app.get("vega_lite_chart")) == 2
    confusions = page(models, monkeypatch, "Confusions")
    assert len(confusions.get("vega_lite_chart")) == 1
    assert "squares cannot be opened" in words(confusions)
    assert "keeps no predictions of these images" in words(page(models, monkeypatch, "Confidence"))


def test_every_tab_reads_columns_in_any_order(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    for file in models.rglob("*.csv"):
        table = pd.read_csv(file)
        table[table.columns[::-1]].to_csv(file, index=False)
    for app in every_tab(models, monkeypatch):
        assert not app.expander or not app.expander[0].label.startswith("1 file")
    assert app.metric[0].value == f"{scores_of(whole, 'test')['accuracy']['value']:.1%}"


def test_a_model_of_another_version_is_shown_with_a_word_about_it(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    file = models / "made" / "model.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"version": 7, "labels": values["labels"][::-1]}))
    for app in every_tab(models, monkeypatch):
        assert app.expander[0].label == "2 files are missing or damaged; the rest is shown"
        assert "has the version 7" in app.expander[0].markdown[0].value
        assert "lists the labels" in app.expander[0].markdown[0].value


def test_sizes_and_speed_stand_side_by_side(
    two: Path, made_models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(two, tmp_path / "models")
    shutil.copy(made_models / "tiny" / "model.keras", models / "made" / "model.keras")
    app = page(models, monkeypatch, "Network", "other")
    table = app.table[0].value
    assert list(table.loc["one face, float"]) == ["1.25 ms", "1.25 ms"]
    assert list(table.loc["one face, int8"]) == ["0.50 ms", "0.50 ms"]
    assert table.loc["parameters", "other"] == "–"
    drawn = next(e.proto.body for e in app.get("html") if "lab-net" in e.proto.body)
    for phrase in ("block 4: 3×3×8", "dense 2: 16", "softmax: 7"):
        assert phrase in drawn
    count = int(str(table.loc["parameters", "made"]).replace(",", ""))
    metadata = json.loads((made_models / "tiny" / "model.json").read_text())
    assert count == metadata["network"]["parameters"]
    assert "model.json says" not in words_of_warnings(app)


def test_a_click_on_a_square_opens_it(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = page(whole, monkeypatch, "Confusions")
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert [p["name"] for p in spec["params"]] == ["cell"]
    app.session_state["model_truth"], app.session_state["model_answer"] = "fear", "fear"
    app.run()
    block = scores_of(whole, "test")["confusion_matrix"]
    assert app.expander[-1].label.startswith(f"The list of {block[2][2]} images")


def test_the_faces_are_shown_where_the_data_set_is_at_hand(
    made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_DATA", str(made_data))
    cell = pd.DataFrame({"image": ["fer0020003.png", "nowhere.png"], "confidence": [0.9, 0.5]})

    def show(cell: "pd.DataFrame") -> None:
        from emotion_core.ui.model_page.face_grid import show_faces

        show_faces(cell, "happy", "sad")

    app = AppTest.from_function(show, kwargs={"cell": cell}, default_timeout=30).run()
    assert not app.exception
    html = app.get("html")[0].proto.body
    assert html.count("<img") == 1
    assert 'alt="fer0020003.png: happy, called sad, 90% sure"' in html
    for source, said in (
        (tmp_path, "another data set"),
        (tmp_path / "none", "EMOTION_LAB_DATA must"),
    ):
        st.cache_resource.clear()
        st.cache_data.clear()
        monkeypatch.setenv("EMOTION_LAB_DATA", str(source))
        assert said in words(app.run())
    assert face_grid._AT_ONCE < 100, "a page of faces, not a data set"


def test_validation_and_test_are_never_mixed(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = page(whole, monkeypatch)
    assert any("test split" in m.value for m in app.markdown)
    app.segmented_control(key="model_split_made").set_value("ferplus_validation").run()
    assert not app.exception
    validation = scores_of(whole, "validation")["accuracy"]["value"]
    assert validation != scores_of(whole, "test")["accuracy"]["value"]
    assert app.metric[0].value == f"{validation:.1%}"
    assert any("Published figures are about the test split" in c.value for c in app.caption)


def test_the_other_label_set_gives_another_score(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(whole, monkeypatch)
    key = "model_labels_made_ferplus_test"
    app.segmented_control(key=key).set_value("fer2013").run()
    assert not app.exception
    score = scores_of(whole, "test", "fer2013")["accuracy"]["value"]
    assert app.metric[0].value == f"{score:.1%}"


def test_the_tables_under_the_charts_are_sent_when_they_are_opened(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = page(whole, monkeypatch)
    assert not app.dataframe
    app.session_state["model_who"] = app.session_state["model_figures"] = True
    sources, figures = (frame.value for frame in app.run().dataframe)
    assert sources["source"].str.len().min() > 3
    assert list(figures["expression"]) == list(EXPRESSIONS)


def test_the_table_of_both_label_sets_agrees_with_the_headline(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    file = models / "made" / "evaluation.json"
    report = json.loads(file.read_text())
    # An evaluation of unrounded answers may differ by an image; a page must not differ from itself.
    report["evaluations"]["ferplus_test"]["scores"]["ferplus"]["full"]["accuracy"]["value"] = 0.123
    file.write_text(json.dumps(report))
    app = page(models, monkeypatch, "Labels")
    table = app.dataframe[0].value
    assert table["judged by"].tolist() == ["FER+ 7-class", "FER2013"]
    assert f"{table['accuracy'][0]:.1f}%" == app.metric[0].value
    assert table["accuracy"][1] == pytest.approx(
        100 * scores_of(whole, "test", "fer2013")["accuracy"]["value"]
    )


@pytest.mark.parametrize("shown", ["of each answer", "counts"])
def test_the_confusion_matrix_can_be_read_three_ways(
    whole: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    app = page(whole, monkeypatch, "Confusions")
    app.segmented_control(key="model_shade").set_value(shown).run()
    assert not app.exception


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("evaluation.json", "missing"),
        ("history.csv", "missing"),
        ("robustness.csv", "missing"),
        ("model.json", "missing"),
        ("model.json", "rubbish"),
        ("evaluation.json", "rubbish"),
        ("history.csv", "rubbish"),
        ("predictions_ferplus_validation.csv", "rubbish"),
    ],
)
def test_a_bad_file_is_named_and_the_rest_is_shown(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, damage: str
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    if damage == "rubbish":
        (models / "made" / file).write_text("{\x00")
    else:
        (models / "made" / file).unlink()
    app = page(models, monkeypatch)
    assert app.expander[0].label == "1 file is missing or damaged; the rest is shown"
    assert file in app.expander[0].markdown[0].value
    assert app.metric[0].value == f"{scores_of(whole, 'test')['accuracy']['value']:.1%}"


def test_a_folder_without_predictions_says_what_to_do(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = shutil.copytree(whole, tmp_path / "models")
    for file in models.glob("made/predictions_*.csv"):
        file.unlink()
    (models / "made" / "evaluation.json").unlink()
    app = page(models, monkeypatch, "Training")
    assert any("emotion_core evaluate" in i.value for i in app.info)
    assert [t.label for t in app.tabs] == ["Training", "Network", "Card"]
    assert app.get("vega_lite_chart"), "the training curves are still there"


def test_no_model_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = page(tmp_path / "nowhere", monkeypatch)
    assert "no trained model" in app.error[0].value


def test_the_page_never_imports_tensorflow() -> None:
    code = (
        "import sys; from emotion_core.ui.model_page import about, confidence, confusion, "
        "facts, headline, network, scores, selection, tabs, training; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False)
    assert done.returncode == 0
