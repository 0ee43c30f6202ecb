"""`explain`: every kind of input, good and bad, with a barely trained network."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_core.cli import main
from emotion_core.errors import InputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.portrait import PORTRAIT
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import load_classifier
from emotion_core.model.likeness import Likeness
from emotion_core.model.occlusion import PARTS
from emotion_core.results.explanation import load_explanation
from emotion_core.video.options import described_network


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def explain(made_models: Path, cache: Path, tmp_path: Path) -> Callable[..., int]:
    def run(*paths: Path, **options: object) -> int:
        given = {"out": tmp_path / "out", "models-dir": made_models, "cache": cache} | options
        more = [word for name, value in given.items() for word in (f"--{name}", str(value))]
        return main(["explain", *map(str, paths), *more])

    return run


@pytest.fixture
def crop(tmp_path: Path) -> Path:
    path = tmp_path / "crop.npy"
    np.save(path, np.random.default_rng(0).uniform(0, 255, (48, 48)).astype(np.float32))
    return path


def picture(path: Path) -> NDArray[Any]:
    read = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert read is not None
    return read


def test_a_photo_a_crop_and_a_bad_file_in_one_run(
    explain: Callable[..., int], crop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    file = tmp_path / "all.json"
    assert explain(PORTRAIT, bad, crop, json=file, progress="json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "start", "files": 3}
    assert lines[-1] == {"event": "end"}
    assert all(0 <= line["fraction"] <= 1 for line in lines if line["event"] == "progress")
    found = json.loads(file.read_text())
    assert [f["status"] for f in found] == ["done", "failed", "done"]
    assert "bad.jpg" in found[1]["message"]
    values = found[0]["values"]
    for key in ("before_calibration", "after_calibration"):
        assert list(values[key]) == list(EXPRESSIONS)
        assert sum(values[key].values()) == pytest.approx(1, abs=1e-4)
    assert set(values["covered"]) == set(PARTS)
    assert "not at hand" in values["no_nearest_training_faces"]
    folder = tmp_path / "out" / "portrait"
    assert len(list(folder.glob("*.png"))) == 2
    read = load_explanation(folder)
    assert read.heat.shape == read.drop.shape == (7, 48, 48)
    assert EXPRESSIONS[read.top] == values["emotion"]
    assert read.part_drops(read.top)[0][1] >= read.part_drops(read.top)[-1][1]


def test_a_picture_of_the_crop_s_size_is_the_crop(
    explain: Callable[..., int], made_data: Path, tmp_path: Path
) -> None:
    face = next((made_data / "FER2013Train").glob("*.png"))
    assert explain(face) == 0
    read = load_explanation(tmp_path / "out" / face.stem)
    assert np.array_equal(read.crop, picture(face))


def test_the_nearest_training_face_of_a_training_face_is_itself(
    explain: Callable[..., int], made_data: Path, tmp_path: Path, cache: Path
) -> None:
    face = sorted((made_data / "FER2013Train").glob("*.png"))[0]
    assert explain(face, data=made_data) == 0
    read = load_explanation(tmp_path / "out" / face.stem)
    assert len(read.near) == len(read.near_images) == 8
    assert read.near[0].similarity == pytest.approx(1, abs=1e-4)
    same = [f.name for f in read.near if f.similarity > 0.9999]
    assert face.name in same
    assert all(n.similarity <= read.near[0].similarity for n in read.near)
    labels = (made_data / "FER2013Test" / "label.csv").read_text()
    assert not [n for n in read.near if n.name in labels]
    kept = {p: p.stat().st_mtime_ns for p in cache.rglob("*.np*")}
    assert explain(face, data=made_data) == 0
    assert {p: p.stat().st_mtime_ns for p in cache.rglob("*.np*")} == kept


def test_another_data_set_is_not_taken_for_the_training(
    explain: Callable[..., int], crop: Path, made_data: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(made_data, tmp_path / "other")
    rows = (other / "FER2013Train" / "label.csv").read_text().splitlines()
    (other / "FER2013Train" / "label.csv").write_text("\n".join(rows[:-1]) + "\n")
    for data, words in ((other, "is not the one"), (tmp_path / "none.zip", "is not there")):
        assert explain(crop, data=data) == 0
        read = load_explanation(tmp_path / "out" / "crop")
        assert words in read.no_near
        assert read.near == ()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 48, 48)), "shape"),
        (np.full((48, 48), 999.0), "0 to 255"),
        (np.array([{"a": 1}], object), "no face crop"),
    ],
)
def test_arrays_that_are_no_crop_are_refused(
    explain: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    array: NDArray[Any],
    words: str,
) -> None:
    path = tmp_path / "bad.npy"
    np.save(path, array, allow_pickle=True)
    assert explain(path, progress="json") == 1
    assert words in capsys.readouterr().out


def test_a_face_that_is_not_there_and_a_missing_network_are_named(
    explain: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(PORTRAIT, face=2, progress="json") == 1
    assert "no face #2" in capsys.readouterr().out
    assert explain(PORTRAIT, model="nobody") == 1
    assert "nobody" in capsys.readouterr().err


def test_without_the_float_network_the_rest_is_explained(
    explain: Callable[..., int], crop: Path, made_models: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(made_models, tmp_path / "models")
    (models / "tiny" / "model.keras").unlink()
    assert explain(crop, **{"models-dir": models}) == 0
    read = load_explanation(tmp_path / "out" / "crop")
    assert "model.keras is missing" in read.no_heat
    assert "float network" in read.no_near
    assert not read.heat.any()
    assert read.drop.any()


def test_a_damaged_explanation_is_named(
    explain: Callable[..., int], crop: Path, tmp_path: Path
) -> None:
    assert explain(crop) == 0
    folder = tmp_path / "out" / "crop"
    (folder / "explanation.npz").write_bytes(b"cut")
    with pytest.raises(InputError, match="no readable explanation"):
        load_explanation(folder)
    (folder / "explanation.json").write_text('{"version": 99}')
    with pytest.raises(InputError, match="another version"):
        load_explanation(folder)


def test_two_pictures_of_one_name_keep_a_folder_each(
    explain: Callable[..., int], made_data: Path, tmp_path: Path
) -> None:
    faces = sorted((made_data / "FER2013Train").glob("*.png"))[:2]
    paths = [tmp_path / place / "face.png" for place in "ab"]
    for face, path in zip(faces, paths, strict=True):
        path.parent.mkdir()
        shutil.copy(face, path)
    assert explain(*paths) == 0
    for face, name in zip(faces, ("face", "face-2"), strict=True):
        read = load_explanation(tmp_path / "out" / name)
        assert np.array_equal(read.crop, picture(face))


def test_a_face_that_is_not_there(
    explain: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(PORTRAIT, face=2) == 1
    assert "portrait.jpg shows 1 face; there is no face #2." in capsys.readouterr().err


def test_a_face_unlike_those_of_an_adaptation_keeps_its_answer(
    explain: Callable[..., int], crop: Path, made_models: Path, tmp_path: Path
) -> None:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 3
    model = described_network(load_bundle("tiny", made_models))
    blank = np.zeros((1, 48, 48, 1), np.float32)
    count = load_classifier("tiny", made_models).read(blank).features.size
    unlike = Likeness(np.zeros((1, count)), np.array([50.0]))
    sadder = Adaptation("sadder", model, offsets, likeness=unlike)
    file = save_adaptation(sadder, tmp_path / "adaptations")
    assert explain(crop, adaptation=file) == 0
    read = load_explanation(tmp_path / "out" / "crop")
    assert read.adapted is not None
    np.testing.assert_allclose(read.adapted, read.after, atol=1e-5)


def test_the_corrected_answer_is_explained_and_the_adaptation_named(
    explain: Callable[..., int],
    crop: Path,
    made_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 3
    model = described_network(load_bundle("tiny", made_models))
    file = save_adaptation(Adaptation("sadder", model, offsets), tmp_path / "adaptations")
    assert explain(crop) == 0
    plain = load_explanation(tmp_path / "out" / "crop")
    assert plain.adaptation is None
    assert "heat_maps_explain" not in plain.to_dict()
    everything = tmp_path / "all.json"
    assert explain(crop, adaptation=file, json=everything) == 0
    printed = capsys.readouterr().out
    assert "with the adaptation sadder, strength 1.0" in printed
    assert "explain the network's own answer, before the adaptation" in printed
    (found,) = json.loads(everything.read_text())
    assert found["values"]["adaptation"]["name"] == "sadder"
    assert "before the adaptation" in found["values"]["heat_maps_explain"]
    read = load_explanation(tmp_path / "out" / "crop")
    assert read.adaptation == found["values"]["adaptation"]
    assert np.allclose(read.after, plain.after)
    sad = EXPRESSIONS.index("sad")
    assert read.top == sad
    assert read.answer[sad] > 2 * plain.answer[sad]
    assert all(part[sad] > 1.5 * plain.parts[name][sad] for name, part in read.parts.items())
    assert np.array_equal(read.heat, plain.heat), "the network's own"
    capsys.readouterr()
    assert explain(crop, adaptation="none") == 1
    assert "There is no adaptation" in capsys.readouterr().err


def test_an_explanation_of_before_adaptations_is_read(
    explain: Callable[..., int], crop: Path, tmp_path: Path
) -> None:
    assert explain(crop) == 0
    file = tmp_path / "out" / "crop" / "explanation.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2}))
    assert load_explanation(file.parent).adapted is None
