"""Evaluate my data, from the zip to the report, and back to the shipped scores."""

import io
import json
import subprocess
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.ui.evaluate import jobs
from emotion_core.video.options import described_network

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "4_Model.py")


def zip_of_faces(*names: str, shape: tuple[int, ...] = (48, 48)) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as target:
        for seed, name in enumerate(names):
            image = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
            target.writestr(name, cv2.imencode(".png", image)[1].tobytes())
    return data.getvalue()


@pytest.fixture
def page(made_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(made_models))
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("EMOTION_LAB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(tmp_path / "adaptations"))
    (tmp_path / "data" / "mine" / "happy").mkdir(parents=True)
    (tmp_path / "data" / "notes.txt").write_text("no data set")
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    cv2.imwrite(str(tmp_path / "data" / "mine" / "happy" / "a.png"), image)
    app = AppTest.from_file(PAGE, default_timeout=120).run()
    app.segmented_control(key="model_mode").set_value("Evaluate my data").run()
    assert not app.exception
    return app


def test_a_mistyped_folder_is_named_and_uploads_go_on(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_LAB_DATA_DIR", "/no/such/folder")
    st.cache_resource.clear()
    page.run()
    assert not page.exception
    assert "EMOTION_LAB_DATA_DIR must be a folder that exists" in page.warning[0].value
    assert page.file_uploader


@pytest.fixture
def app(page: AppTest, jobs_run_here: list[list[str]]) -> AppTest:
    return page


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    return app


def give(app: AppTest, name: str, data: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, data, "application/zip")).run()
    app.toggle(key="evaluate_robustness").set_value(False).run()
    return press(app, "evaluate_start")


def words(app: AppTest) -> str:
    return "\n".join(e.value for e in [*app.markdown, *app.caption, *app.error, *app.info])


def test_a_zip_becomes_a_report_that_can_be_deleted(
    app: AppTest, made_models: Path, tmp_path: Path, jobs_run_here: list[list[str]]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in made_models.rglob("*")}
    faces = [f"{e}/{i}.png" for e in ("happy", "sad", "fear") for i in range(4)]
    give(app, "our faces.zip", zip_of_faces(*faces, shape=(60, 50, 3)))
    text = words(app)
    assert "**Your own data**: tiny on our faces.zip, 12 faces." in text
    assert "12 of 12 pictures were scaled to 48×48" in text
    assert "**Labels of the folders, your own faces**: 12 images" in text
    assert {m.label for m in app.metric} >= {"Accuracy", "Macro-F1"}
    (command,) = [code.value for code in app.code]
    assert "--start-from tiny --data 'our faces.zip' --person " in command
    assert jobs_run_here[0][0] == "evaluate"
    assert {p: p.stat().st_mtime_ns for p in made_models.rglob("*")} == before
    store = jobs.evaluate_store()
    (state,) = [store.state(job_id) for job_id in store._ids()]
    assert state is not None
    folder = state.files[0].folder
    assert folder is not None
    with zipfile.ZipFile(io.BytesIO(b"".join(jobs.zip_of(folder)))) as result:
        assert "tiny/predictions_folder_test.csv" in result.namelist()
        report = json.loads(result.read("tiny/evaluation.json"))
    assert report["evaluations"]["folder_test"]["images"] == 12
    press(app, "evaluate_delete")
    assert [p for p in (tmp_path / "work" / "evaluations").rglob("*") if p.is_file()] == []
    assert "Your own data" not in words(app)
    app.segmented_control(key="model_mode").set_value("Measured scores").run()
    assert not app.exception
    assert app.selectbox(key="model_name").value == "tiny"


def test_scores_with_an_adaptation_name_it(app: AppTest, made_models: Path, tmp_path: Path) -> None:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 30
    model = described_network(load_bundle("tiny", made_models))
    save_adaptation(Adaptation("sad_der", model, offsets), tmp_path / "adaptations")
    app.run()
    next(box for box in app.selectbox if box.label == "Adaptation").set_value("sad_der").run()
    assert "Adaptation applied: “sad\\_der”" in words(app)
    give(app, "mine.zip", zip_of_faces(*(f"{e}/{i}.png" for e in ("happy", "sad") for i in "ab")))
    text = words(app)
    assert "tiny with the adaptation sad\\_der, strength 1.0, fingerprint " in text
    assert next(m for m in app.metric if m.label == "Accuracy").value == "50.0%"
    press(app, "evaluate_new")
    assert "mine.zip, with tiny and adaptation “sad\\_der” – done" in words(app)


def test_a_folder_of_the_administrator_is_used_where_it_lies(app: AppTest, tmp_path: Path) -> None:
    box = app.selectbox(key="evaluate_listed")
    assert box.options == ["mine"]
    box.set_value("mine").run()
    app.toggle(key="evaluate_robustness").set_value(False).run()
    press(app, "evaluate_start")
    assert "tiny on mine, one face" in words(app)
    press(app, "evaluate_new")
    assert "Your evaluations" in words(app)
    press(app, next(b.key for b in app.button if b.label == "Open" and b.key))
    press(app, "evaluate_delete")
    assert (tmp_path / "data" / "mine" / "happy" / "a.png").is_file()


def test_the_command_that_trains_on_such_faces_is_shown(app: AppTest) -> None:
    (command,) = [code.value for code in app.code]
    assert command.startswith("python -m emotion_core train --start-from tiny --data my-faces/ ")
    divided = [f"{s}/{e}/0.png" for s in ("train", "validation") for e in ("happy", "sad")]
    give(app, "divided.zip", zip_of_faces(*divided))
    (command,) = [code.value for code in app.code]
    assert "--data divided.zip --name" in command


def test_what_cannot_be_used_is_refused_with_the_reason(app: AppTest) -> None:
    bad = {
        "../happy/a.png": "outside of itself",
        "joy/a.png": "none of the seven expressions",
        "readme.png": "no labelled faces",
    }
    for name, reason in bad.items():
        give(app, "bad.zip", zip_of_faces(name))
        assert reason in app.error[0].value
        press(app, "evaluate_other")
        assert app.button(key="evaluate_start").disabled


@pytest.mark.parametrize("name", ["..", "../secret", "/etc", "link"])
def test_folders_elsewhere_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    (tmp_path / "secret").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="allowed folder"):
        jobs.refer_to(name, tmp_path / "data")


def test_cancel_half_way_ends_the_process_and_leaves_three_ways_on(
    page: AppTest, jobs_never_end: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    give(page, "mine.zip", zip_of_faces("happy/a.png"))
    deadline = time.monotonic() + 60
    while not [p for p in page.get("progress") if "40% · half way" in p.proto.text]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        assert not page.run().exception
    press(page, "evaluate_cancel")
    jobs_never_end[0].wait(30)
    page.run()
    assert "The evaluation of mine.zip was cancelled" in page.warning[0].value
    assert not page.get("progress")
    assert not page.metric, "no score of half the faces"
    press(page, "evaluate_other")
    assert "mine.zip, with tiny – cancelled" in words(page)
    press(page, next(b.key for b in page.button if b.label == "Open" and b.key))
    press(page, "evaluate_again")
    assert len(jobs_never_end) == 2
    assert jobs_never_end[1].poll() is None
    jobs.delete_evaluation(next(iter(jobs.evaluate_store()._ids())))
    jobs_never_end[1].wait(30)
    assert [p for p in (tmp_path / "work" / "evaluations").rglob("*") if p.is_file()] == []
