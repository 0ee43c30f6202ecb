"""The model folder and the served network: complete, damaged, and hammered from many threads."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emotion_core.config import PROJECT_ROOT
from emotion_core.errors import FrameError, ModelError
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.synthetic import sample_photo
from emotion_core.model.bundle import default_name, list_models, load_bundle
from emotion_core.model.classify import UNCLEAR_MARGIN, Classifier, load_classifier

CROPS = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the served model under the name `copy`, to be damaged."""
    source = PROJECT_ROOT / "models" / default_name()
    folder = tmp_path / "models"
    (folder / "copy").mkdir(parents=True)
    for name in ("model.json", "model.tflite"):
        shutil.copy(source / name, folder / "copy" / name)
    (folder / "default.txt").write_text("copy\n")
    return folder


def change_json(models: Path, **changes: Any) -> None:
    file = models / "copy" / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_shipped_models_follow_the_contract() -> None:
    for name in list_models(served=True):
        bundle = load_bundle(name)
        assert bundle.name == name
        assert bundle.metadata["labels"] == list(EXPRESSIONS)
        assert bundle.served_file.stat().st_size <= 3_200_000
    total = sum(f.stat().st_size for f in (PROJECT_ROOT / "models").rglob("*") if f.is_file())
    assert total < 30_000_000


@pytest.mark.parametrize("n", [0, 1, 5])
def test_logits_and_probabilities_for_any_number_of_faces(classifier: Classifier, n: int) -> None:
    logits = classifier.logits(CROPS[:n])
    assert logits.shape == (n, 7)
    assert logits.dtype == np.float32
    probs = classifier.probabilities(logits)
    assert probs.shape == (n, 7)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert (probs > 0).all(), "logits leave no exact zeros"


def test_a_face_reads_the_same_alone_and_among_others(classifier: Classifier) -> None:
    together = classifier.logits(CROPS)
    alone = np.concatenate([classifier.logits(CROPS[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(together, alone)


def test_unclear_faces_get_a_second_look(classifier: Classifier) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 48, 48, 1)).astype(np.float32)
    face = cv2.cvtColor(sample_photo()[60:180, 100:220], cv2.COLOR_BGR2GRAY)
    share = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None, None]
    faces = share * cv2.resize(face, (48, 48))[..., None] + (1 - share) * noise
    once = classifier.logits(faces, second_look=False)
    turned = classifier.logits(faces[:, :, ::-1], second_look=False)
    best = np.sort(once, axis=1)
    unclear = best[:, -1] - best[:, -2] < UNCLEAR_MARGIN
    assert 0 < unclear.sum() < len(faces), "faces of both kinds, or this proves nothing"
    expected = np.where(unclear[:, None], (once + turned) / 2, once)
    np.testing.assert_allclose(classifier.logits(faces), expected, atol=1e-6)


def test_the_same_network_is_loaded_once(models: Path) -> None:
    first = load_classifier("copy", models)
    assert load_classifier("copy", models) is first
    change_json(models, temperature=2.5)
    assert load_classifier("copy", models).temperature == 2.5


def test_crops_of_another_shape_are_refused(classifier: Classifier) -> None:
    with pytest.raises(FrameError, match=r"\(N, 48, 48, 1\)"):
        classifier.logits(CROPS[0])


def test_many_threads_share_one_network_without_a_wrong_answer(classifier: Classifier) -> None:
    expected = classifier.logits(CROPS)

    def hammer(seed: int) -> bool:
        random = np.random.default_rng(seed)
        for _ in range(40):
            rows = random.permutation(5)[: random.integers(1, 6)]
            if not np.array_equal(classifier.logits(CROPS[rows]), expected[rows]):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(hammer, range(16)))


def test_serving_never_imports_tensorflow() -> None:
    code = (
        "import sys, numpy as np; from emotion_core.model.classify import load_classifier\n"
        "load_classifier().logits(np.zeros((1, 48, 48, 1), np.float32))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_names_lead_nowhere_else(models: Path) -> None:
    for name in ("nothing", "../copy", "..", "copy/../../x", ""):
        with pytest.raises(ModelError, match="There is no model"):
            load_bundle(name, models)
    assert load_bundle("default", models).path.name == "copy"


def test_without_a_default_the_message_says_what_to_do(models: Path) -> None:
    (models / "default.txt").write_text("\n")
    with pytest.raises(ModelError, match="is empty"):
        load_bundle(models_dir=models)
    (models / "default.txt").unlink()
    with pytest.raises(ModelError, match="Restore the models folder"):
        load_bundle(models_dir=models)
    assert list_models(models) == ["copy"]
    assert list_models(models / "nowhere") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2"),
        ({"labels": list(EXPRESSIONS[::-1])}, "lists the labels"),
        ({"label_set": "mine"}, "label set 'mine'"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "NaN"}, "temperature"),
        ({"unsure": {"threshold": 3}}, "unsure threshold"),
        ({"unsure": {}}, "lacks 'threshold'"),
    ],
)
def test_descriptions_that_do_not_fit(models: Path, changes: dict[str, Any], message: str) -> None:
    change_json(models, **changes)
    with pytest.raises(ModelError, match=message):
        load_bundle("copy", models)


@pytest.mark.parametrize("content", [b"", b"TFL3 but not really", b"\0" * 1000])
def test_a_damaged_network_is_named(models: Path, content: bytes) -> None:
    (models / "copy" / "model.tflite").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.tflite is damaged"):
        load_classifier("copy", models)


def test_missing_files_are_named(models: Path) -> None:
    (models / "copy" / "model.tflite").unlink()
    with pytest.raises(ModelError, match=r"model\.tflite is missing"):
        load_bundle("copy", models)
    (models / "copy" / "model.json").write_text("{")
    with pytest.raises(ModelError, match=r"model\.json cannot be read"):
        load_bundle("copy", models)
