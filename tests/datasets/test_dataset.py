"""Reading labelled faces in every layout, and refusing what is damaged, by file and row."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core.datasets.dataset import (
    VOTE_COLUMNS,
    Split,
    ferplus_labels,
    targets,
)
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError
from emotion_core.labels import EXPRESSIONS

RANDOM = np.random.default_rng(0)
FACES = RANDOM.integers(0, 256, (4, 48, 48), dtype=np.uint8)
# neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF
VOTES = np.array(
    [
        [0, 9, 0, 0, 0, 0, 0, 0, 1, 0],  # happy: the single unknown is noise
        [4, 0, 0, 0, 5, 0, 1, 0, 0, 0],  # angry: 5 of 9 once the single fear is dropped
        [0, 0, 0, 5, 0, 0, 0, 5, 0, 0],  # half is not more than half
        [2, 0, 0, 0, 0, 0, 0, 0, 0, 8],  # not a face
    ],
    np.int16,
)


def png(face: np.ndarray) -> bytes:
    return cv2.imencode(".png", face)[1].tobytes()


def ferplus_files(folder: str = "FER2013Test") -> dict[str, bytes]:
    rows = [
        f'fer{i:07d}.png,"(0, 0, 48, 48)",{",".join(map(str, votes))}'
        for i, votes in enumerate(VOTES)
    ]
    files = {f"{folder}/fer{i:07d}.png": png(face) for i, face in enumerate(FACES)}
    return files | {f"{folder}/label.csv": "\n".join(rows).encode()}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def test_majority_rule() -> None:
    happy, angry = EXPRESSIONS.index("happy"), EXPRESSIONS.index("angry")
    assert ferplus_labels(VOTES).tolist() == [happy, angry, -1, -1]
    assert ferplus_labels(VOTES[:0]).tolist() == []


def test_every_vote_column_lands_on_its_expression() -> None:
    ours = {
        "neutral": "neutral",
        "happiness": "happy",
        "surprise": "surprise",
        "sadness": "sad",
        "anger": "angry",
        "disgust": "disgust",
        "fear": "fear",
    }
    labels = ferplus_labels(np.eye(10, dtype=np.int16) * 10)
    for column, label in zip(VOTE_COLUMNS, labels, strict=True):
        assert (EXPRESSIONS[label] if label >= 0 else None) == ours.get(column)


@pytest.mark.parametrize("packed", [True, False])
def test_ferplus_layout_with_original_labels(tmp_path: Path, packed: bool) -> None:
    files = ferplus_files() | {
        "labels.csv": b"Usage,Image name,emotion\nPrivateTest,fer0000000.png,3\n"
        b"PrivateTest,fer0000001.png,6\nPrivateTest,fer0000002.png,\n"
    }
    source = write_zip(tmp_path / "f.zip", files) if packed else write_folder(tmp_path / "f", files)
    dataset = load_dataset(source)
    split = dataset.split("test")
    assert split.names[1] == "fer0000001.png"
    np.testing.assert_array_equal(split.images, FACES)
    np.testing.assert_array_equal(split.votes, VOTES)
    happy, neutral = EXPRESSIONS.index("happy"), EXPRESSIONS.index("neutral")
    assert split.fer2013.tolist() == [happy, neutral, -1, -1]
    assert split.inputs().shape == (4, 48, 48, 1)
    with pytest.raises(DatasetError, match="no images in its train split"):
        dataset.split("train")


def fer2013_csv(rows: list[str]) -> str:
    return "\n".join(["emotion,pixels,Usage", *rows]) + "\n"


def fer2013_row(face: np.ndarray, code: int, usage: str) -> str:
    return f"{code},{' '.join(map(str, face.ravel()))},{usage}"


def test_original_csv_with_votes_beside_it(tmp_path: Path) -> None:
    usages = ("Training", "PublicTest", "PrivateTest", "PrivateTest")
    rows = [fer2013_row(f, i, u) for i, (f, u) in enumerate(zip(FACES, usages, strict=True))]
    file = tmp_path / "fer2013.csv"
    file.write_text(fer2013_csv(rows))
    plain = load_dataset(file)
    assert [len(plain.splits[n]) for n in ("train", "validation", "test")] == [1, 1, 2]
    assert EXPRESSIONS[plain.split("test").fer2013[1]] == "happy"
    assert (plain.split("test").ferplus == -1).all()

    votes = VOTES.copy()
    votes[3] = [0] * 9 + [10]
    header = "Usage,Image name," + ",".join(VOTE_COLUMNS)
    lines = [f"{u},x.png,{','.join(map(str, v))}" for u, v in zip(usages, votes, strict=True)]
    (tmp_path / "fer2013new.csv").write_text("\n".join([header, *lines]))
    both = load_dataset(file)
    assert len(both.split("test")) == 1, "what all voters call no face is left out"
    assert EXPRESSIONS[both.split("train").ferplus[0]] == "happy"
    assert both.fingerprint != plain.fingerprint


def test_folders_of_pictures_in_any_size_and_colour(tmp_path: Path) -> None:
    colour = cv2.imencode(".jpg", np.full((96, 80, 3), 200, np.uint8))[1].tobytes()
    files = {"train/happy/a.png": png(FACES[0]), "valid/sad/b.jpg": colour}
    dataset = load_dataset(write_folder(tmp_path / "mine", files))
    assert set(dataset.splits) == {"train", "validation"}
    assert dataset.split("validation").images.shape == (1, 48, 48)
    assert abs(int(dataset.split("validation").images.mean()) - 200) < 3
    flat = load_dataset(write_folder(tmp_path / "flat", {"fear/c.png": png(FACES[1])}))
    assert EXPRESSIONS[flat.split("test").fer2013[0]] == "fear"


def damaged(change: dict[str, bytes | None]) -> dict[str, bytes]:
    files = ferplus_files() | {k: v for k, v in change.items() if v is not None}
    return {k: v for k, v in files.items() if change.get(k, b"") is not None}


CSV = "FER2013Test/label.csv"
GOOD_ROW = b'fer0000000.png,"(0, 0, 48, 48)",0,9,0,0,0,0,0,0,1,0\n'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"FER2013Test/fer0000002.png": b"no picture"}, "fer0000002.png is no readable picture"),
        ({"FER2013Test/fer0000002.png": b""}, "fer0000002.png is no readable picture"),
        (
            {"FER2013Test/fer0000002.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"},
            "fer0000002.png is no readable picture",
        ),
        (
            {"FER2013Test/fer0000002.png": b"P5 65000 65000 255\n"},
            "fer0000002.png has (far too many|65,000×65,000) pixels",
        ),
        ({"FER2013Test/fer0000001.png": None}, "row 2: there is no picture"),
        ({CSV: None}, "no label.csv"),
        ({CSV: b"a,b,c\n"}, "has 3 columns, expected 12"),
        ({CSV: GOOD_ROW + GOOD_ROW.replace(b"9", b"x")}, "row 2: a vote count is no number"),
        ({CSV: GOOD_ROW.replace(b"9", b"-9")}, "row 1: a vote count is no number"),
        ({CSV: b""}, "no readable CSV"),
        ({"labels.csv": b"Image name,emotion\nfer0000000.png,9\n"}, "row 2: emotion must be 0-6"),
        (
            {"labels.csv": b"Image name,emotion\na.png,\nfer0000000.png,9\n"},
            "row 3: emotion must be 0-6",
        ),
        ({"labels.csv": b"name,emotion\n"}, "lacks the column Image name"),
    ],
)
def test_damage_is_named_by_file_and_row(
    tmp_path: Path, change: dict[str, bytes | None], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        load_dataset(write_zip(tmp_path / "f.zip", damaged(change)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["3,1 2 3,Training"], "row 2: 3 pixels, expected 2304"),
        (["3,a b,Training"], "row 2: pixels must be numbers"),
        (["8," + " ".join(["0"] * 2304) + ",Training"], "row 2: emotion must be 0-6"),
        (["3," + " ".join(["0"] * 2304) + ",Priv"], "row 2: Usage must be one of"),
        (["3," + " ".join(["0"] * 2304)], "row 2 has 2 cells, the header 3"),
    ],
)
def test_damaged_fer2013_csv(tmp_path: Path, rows: list[str], message: str) -> None:
    (tmp_path / "fer2013.csv").write_text(fer2013_csv(rows))
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path / "fer2013.csv")


def test_other_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "nothing")
    (tmp_path / "x.tar").write_bytes(b"x")
    with pytest.raises(DatasetError, match="neither a folder"):
        load_dataset(tmp_path / "x.tar")
    with pytest.raises(DatasetError, match="no labelled faces"):
        load_dataset(write_folder(tmp_path / "empty", {"readme.md": b"x"}))
    with pytest.raises(DatasetError, match="'bored'"):
        load_dataset(write_folder(tmp_path / "odd", {"test/bored/a.png": png(FACES[0])}))


def test_truncated_zips_are_refused(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "f.zip", ferplus_files()).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="cut short"):
        load_dataset(tmp_path / "cut.zip")


def split_with(votes: np.ndarray, fer2013: list[int]) -> Split:
    n = len(votes)
    images = np.zeros((n, 48, 48), np.uint8)
    return Split("train", np.array(["x"] * n), images, votes, np.array(fer2013, np.int8))


def test_targets_mix_both_label_sets() -> None:
    split = split_with(VOTES, [6, 6, 0, 0])
    plain = targets(split, "ferplus")
    np.testing.assert_allclose(plain.sum(axis=1), [1, 1, 0, 0])
    np.testing.assert_allclose(plain[1, [0, 4]], [5 / 9, 4 / 9], rtol=1e-6)
    mixed = targets(split, "ferplus", label_mix=0.25)
    np.testing.assert_allclose(mixed[0, [3, 6]], [0.75, 0.25])
    other = targets(split, "fer2013", label_mix=0.25)
    np.testing.assert_allclose(other[0, [3, 6]], [0.25, 0.75])
    np.testing.assert_allclose(other[3], np.eye(7)[0])
    alone = targets(split_with(VOTES[:1], [-1]), "ferplus", label_mix=0.25)
    np.testing.assert_allclose(alone[0], np.eye(7)[3])
    smooth = targets(split, "fer2013", label_smoothing=0.07)
    np.testing.assert_allclose(smooth[2].min(), 0.01, rtol=1e-5)


def test_hard_targets_are_what_most_say() -> None:
    votes = np.zeros((2, 10), np.int16)
    votes[0, [0, 1]] = 3, 7  # neutral, happiness
    votes[1, [0, 1]] = 5, 5  # nobody has the majority
    split = Split(
        "train",
        np.array(["a", "b"]),
        np.zeros((2, 48, 48), np.uint8),
        votes,
        np.full(2, -1, np.int8),
    )
    hard = targets(split, "ferplus", hard=True)
    assert hard.tolist() == [[0, 0, 0, 1, 0, 0, 0], [0] * 7]


def test_shared_data_has_the_published_counts(shared_data: Path) -> None:
    dataset = load_dataset(shared_data / "ferplus.zip")
    counts = {n: int((s.ferplus >= 0).sum()) for n, s in dataset.splits.items()}
    assert counts == {"train": 24_925, "validation": 3_175, "test": 3_122}
    test = dataset.split("test")
    per_class = np.bincount(test.ferplus[test.ferplus >= 0], minlength=7)
    assert per_class.tolist() == [269, 16, 86, 892, 1083, 382, 394]
    assert int((test.fer2013 >= 0).sum()) == 3_564
