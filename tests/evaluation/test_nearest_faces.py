"""The cache of training faces, without a network."""

import os
from pathlib import Path

import numpy as np
import pytest

from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError
from emotion_core.evaluation import nearest_faces
from emotion_core.model.bundle import ModelBundle
from emotion_core.progress import Progress, ignore_progress


@pytest.fixture(scope="module")
def bundle(made_data: Path) -> ModelBundle:
    meta = {"dataset": {"fingerprint": load_dataset(made_data).fingerprint}}
    return ModelBundle(Path("none"), "made", "ferplus", 1.0, 0.5, meta)


def test_only_labelled_training_faces_are_kept(
    made_data: Path, bundle: ModelBundle, tmp_path: Path
) -> None:
    told: list[Progress] = []
    faces = nearest_faces.training_faces(bundle, made_data, tmp_path, told.append)
    train = load_dataset(made_data).split("train")
    kept = train.labels("ferplus") >= 0
    assert 0 < kept.sum() < len(train)
    assert np.array_equal(faces.images, train.images[kept])
    assert np.array_equal(faces.names, train.names[kept])
    assert told
    told.clear()
    again = nearest_faces.training_faces(bundle, made_data, tmp_path, told.append)
    assert again.folder == faces.folder
    assert not told


def test_a_damaged_cache_is_named_and_a_half_written_one_made_anew(
    made_data: Path, bundle: ModelBundle, tmp_path: Path
) -> None:
    def get() -> nearest_faces.TrainingFaces:
        return nearest_faces.training_faces(bundle, made_data, tmp_path, ignore_progress)

    folder = get().folder
    (folder / "faces.npz").write_bytes(b"PK cut")
    with pytest.raises(DatasetError, match="Delete it"):
        get()
    (folder / "data.json").unlink()
    assert len(get().names) > 0


def test_only_the_latest_data_sets_stay(tmp_path: Path) -> None:
    for age in range(5):
        (tmp_path / str(age)).mkdir()
        os.utime(tmp_path / str(age), (1000 - age, 1000 - age))
    nearest_faces._drop_oldest(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2"]


def test_the_nearest_come_first() -> None:
    images = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    labels = np.array([3, 5, 0], np.int8)
    faces = nearest_faces.TrainingFaces(np.array(["a", "b", "c"]), labels, images, Path())
    known = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    found = nearest_faces.nearest(faces, known, np.array([0, 1], np.float32), count=2)
    assert [(n.name, n.expression) for n in found] == [("b", "sad"), ("c", "angry")]
    assert found[1].similarity == pytest.approx(0.8)
    assert found[0].image[0, 0] == 1
