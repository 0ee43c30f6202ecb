"""Photo: pictures in, boxes and bars out, and pictures that are none."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from page_driver import open_page, words
from PIL import Image
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.media.portrait import PORTRAIT
from emotion_core.ui.photo_page.view import Reading, csv_text, json_text

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "3_Photo.py")


def page() -> AppTest:
    return open_page(PAGE)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def give(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()
    assert not app.exception
    return app


def test_the_page_says_limits_and_privacy() -> None:
    app = page()
    assert app.title[0].value == "Photo"
    assert "60 megapixels" in app.file_uploader[0].label
    assert "never written to its disk" in words(app)


def test_the_sample_has_one_face_with_bars() -> None:
    app = page()
    app.segmented_control(key="photo_source").set_value("Sample").run()
    assert not app.exception
    text = words(app)
    assert "one face" in text
    assert "Face #1" in text
    assert text.count("lab-bar") >= 7
    assert len(app.get("image")) == 1


def test_many_pictures_with_one_bad_among_them() -> None:
    app = give(
        page(),
        ("good.jpg", PORTRAIT.read_bytes()),
        ("bad*.png", b"no picture at all"),
        ("tiny.png", png(Image.new("RGB", (1, 1)))),
        ("huge.png", png(Image.new("1", (20_000, 20_000)))),
        ("strip.png", png(Image.new("1", (30_000, 1)))),
    )
    text = words(app)
    assert "strip.png is a strip" in text
    assert "Face #1" in text
    assert "bad*.png is no picture" in text
    assert "huge.png has too many pixels" in text
    assert "No face found" in text
    assert len(app.get("image")) == 2


def test_the_camera_is_asked_for_only_when_chosen() -> None:
    app = page()
    assert not app.get("camera_input")
    app.segmented_control(key="photo_source").set_value("Camera").run()
    assert not app.exception
    assert len(app.get("camera_input")) == 1


def test_largest_face_only(shared_media: Path) -> None:
    data = (shared_media / "multi_face.jpg").read_bytes()
    app = give(page(), ("many.jpg", data))
    assert "Face #2" in words(app)
    app.toggle(key="photo_largest").set_value(True).run()
    assert "one face" in words(app)


def test_small_pictures_are_enlarged_until_their_names_fit() -> None:
    small = Image.open(PORTRAIT).resize((160, 160))
    app = give(page(), ("small.png", png(small)), ("dot.png", png(Image.new("RGB", (1, 1)))))
    first, dot = app.session_state["photo_readings"].values()
    assert (first.width, dot.width) == (480, 8)
    assert Image.open(io.BytesIO(first.jpeg)).size == (480, 480)
    # What is exported is about the picture as it was given.
    assert first.result.boxes.max() <= 160


def test_exports_hold_every_face_and_every_problem() -> None:
    app = give(page(), ("a,b.jpg", PORTRAIT.read_bytes()), ("bad.png", b"x"))
    readings = list(app.session_state["photo_readings"].values())
    (row,) = csv.DictReader(io.StringIO(csv_text(readings)))
    assert (row["picture"], row["face"]) == ("a,b.jpg", "1")
    assert float(row["width"]) > 50
    assert row["emotion"]
    entries = json.loads(json_text(readings))
    assert len(entries[0]["faces"]) == 1
    assert "bad.png" in entries[1]["problem"]


def test_nothing_read_nothing_to_download() -> None:
    app = give(page(), ("bad.png", b"x"))
    assert not app.get("download_button")
    assert csv_text([Reading("bad.png", problem="x")]).startswith("picture,face,x,y")


def test_a_replaced_network_reads_the_picture_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    for name in ("ferplus", "fer2013"):
        (models / name).mkdir(parents=True)
        for file in ("model.json", "model.tflite"):
            shutil.copy(PROJECT_ROOT / "models" / name / file, models / name / file)
    (models / "default.txt").write_text("ferplus\n")
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(models))
    app = give(page(), ("a.jpg", PORTRAIT.read_bytes()))
    (before,) = app.session_state["photo_readings"].values()
    (again,) = app.run().session_state["photo_readings"].values()
    assert again is before
    # Another default leaves this visitor with the network that the page names.
    (models / "default.txt").write_text("fer2013\n")
    (again,) = app.run().session_state["photo_readings"].values()
    assert again is before
    shutil.copy(models / "fer2013" / "model.tflite", models / "ferplus" / "model.tflite")
    (after,) = app.run().session_state["photo_readings"].values()
    assert not app.exception
    assert (after.result.raw_probs != before.result.raw_probs).any()


def test_a_missing_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_MODELS_DIR", str(tmp_path / "none"))
    app = page()
    assert "network cannot be used" in app.error[0].value
