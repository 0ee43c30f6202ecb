"""Faces of other origin: the file, the scores, the command, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.datasets.other_faces import FaceSet, read_other_faces
from emotion_core.errors import DatasetError, ModelError
from emotion_core.evaluation.other_faces import (
    load_other_faces,
    save_other_faces,
    score_other_faces,
)
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import Reading
from emotion_core.model.likeness import Likeness
from emotion_core.video.options import described_network

LFW_WORDS = ("happy", "neutral", "surprise", "angry", "happy", "puzzled")


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n, m = 3 * len(LFW_WORDS), 4
    whole = {
        "lfw_images": rng.integers(0, 256, (n, 48, 48), np.uint8),
        "lfw_labels": np.array(3 * LFW_WORDS),
        "lfw_person": np.arange(n) // 2,
        "lfw_is_validation": np.arange(n) < 2 * len(LFW_WORDS),
        "london_images": rng.integers(0, 256, (m, 48, 48), np.uint8),
        "london_labels": np.array(["happy", "neutral"] * 2),
        "london_person": np.array([0, 0, 1, 1]),
    }
    return whole | changes


def write(path: Path, **changes: Any) -> Path:
    kept = {name: value for name, value in arrays(**changes).items() if value is not None}
    np.savez(path, **kept)
    return path


def test_only_what_is_meant_for_measuring_is_read(tmp_path: Path) -> None:
    lfw, london = read_other_faces(write(tmp_path / "faces.npz"))
    assert (lfw.name, len(lfw.images), london.name, len(london.images)) == ("LFW", 12, "London", 4)
    assert lfw.labels.tolist() == 2 * [3, 4, 6, 0, 3, -1]
    assert london.people.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lfw_person": None}, "lfw_person"),
        ({"lfw_images": np.zeros((18, 64, 64), np.uint8)}, r"64, 64.*not uint8 \(N, 48, 48\)"),
        ({"lfw_images": np.zeros((18, 48, 48), np.float32)}, "float32"),
        ({"london_labels": np.array(["happy"])}, "one entry for each image"),
        ({"london_labels": np.array(["happy"] * 4)}, "lack some of happy, neutral"),
        ({"lfw_is_validation": np.ones(3, bool)}, "one entry for each image"),
        ({"lfw_labels": np.array([{}] * 18, object)}, "lfw_images, lfw_labels"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read_other_faces(write(tmp_path / "faces.npz", **changes))


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_damaged_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "faces.npz").write_bytes(data)
    with pytest.raises(DatasetError, match=r"faces\.npz"):
        read_other_faces(tmp_path / "faces.npz")
    with pytest.raises(DatasetError, match="does not exist"):
        read_other_faces(tmp_path / "gone.npz")


class _ByFirstPixel:
    """Answers the expression whose number is the first pixel, with a probability of 0.8."""

    temperature, unsure_threshold = 1.0, 0.5

    def read(self, crops: Any, second_look: bool = True) -> Reading:
        probs = np.full((len(crops), 7), 0.2 / 6, np.float32)
        probs[np.arange(len(crops)), crops[:, 0, 0, 0].astype(int)] = 0.8
        features = np.zeros((len(crops), 1), np.float32)
        return Reading(np.log(probs), np.ones(len(crops), np.float32), features)

    def probabilities(self, logits: Any) -> Any:
        return np.exp(logits)


def faces_of(answers: list[int], labels: list[int], people: list[int]) -> FaceSet:
    images = np.zeros((len(answers), 48, 48), np.uint8)
    images += np.array(answers, np.uint8)[:, None, None]
    judged = tuple(EXPRESSIONS[i] for i in sorted(set(labels)))
    return FaceSet("made", "", judged, images, np.array(labels, np.int8), np.array(people))


def test_every_expression_of_every_set_counts_the_same(tmp_path: Path) -> None:
    source = write(tmp_path / "faces.npz")
    sets = [
        # Of happy three of four are found, of neutral none; one person a face.
        faces_of([3, 3, 3, 4, 3], [3, 3, 3, 3, 4], [0, 1, 2, 3, 4]),
        faces_of([3, 4], [3, 4], [0, 0]),
    ]
    scores = score_other_faces(_ByFirstPixel(), sets, source)  # type: ignore[arg-type]
    first, second = scores["sets"]
    assert [first["recall"][e]["value"] for e in ("happy", "neutral")] == [0.75, 0.0]
    assert first["recall"]["happy"]["images"] == 4
    assert first["recall"]["happy"]["low"] < 0.75 < first["recall"]["happy"]["high"] <= 1
    assert (first["people"], second["people"]) == (5, 1)
    assert first["accuracy"] == pytest.approx(0.6)
    assert first["ece"] == pytest.approx(0.2, abs=1e-6)
    assert scores["cross_score"]["value"] == pytest.approx((0.75 + 0 + 1 + 1) / 4)
    assert json.loads(json.dumps(scores)) == scores


def test_evaluate_keeps_the_scores_with_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "faces.npz")
    args = ["evaluate", "--data", str(source), "--out", str(tmp_path / "out")]
    assert main(args) == 0
    said = capsys.readouterr().out
    assert "cross-data-set score" in said
    assert "London: 4 faces of 2 people" in said
    (folder,) = (tmp_path / "out").iterdir()
    scores = load_other_faces(folder)
    assert scores is not None
    assert [block["name"] for block in scores["sets"]] == ["LFW", "London"]
    assert main([*args, "--split", "test"]) == 2
    (folder / "other_faces.json").write_text("{}")
    with pytest.raises(ModelError, match="is damaged"):
        load_other_faces(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"cross_score": {"value": 0.5, "low": 0.4}},
        {"sets": [{"name": "made"}]},
        {"confidence": None},
        {"images": "many"},
        {"recall": [1, 2]},
        {"recall": {"happy": {"value": 1.0, "low": 1.0, "high": 1.0}}},
    ],
)
def test_scores_that_lack_a_figure_are_called_damaged(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    source = write(tmp_path / "faces.npz")
    sets = [faces_of([3, 4], [3, 4], [0, 1])]
    scores = score_other_faces(_ByFirstPixel(), sets, source)  # type: ignore[arg-type]
    save_other_faces(tmp_path, scores)
    assert load_other_faces(tmp_path) == scores
    changed = scores if change.keys() & scores.keys() else scores["sets"][0]
    changed |= change
    save_other_faces(tmp_path, scores)
    with pytest.raises(ModelError, match="is damaged"):
        load_other_faces(tmp_path)


def test_scores_with_an_adaptation_name_it_and_leave_the_models_own(
    made_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("happy")] = 30
    model = described_network(load_bundle("tiny", made_models))
    file = save_adaptation(Adaptation("happier", model, offsets), tmp_path / "adaptations")
    before = {p: p.stat().st_mtime_ns for p in (made_models / "tiny").iterdir()}
    args = ["evaluate", "--data", str(write(tmp_path / "faces.npz")), "--model", "tiny"]
    args += ["--models-dir", str(made_models), "--adaptation", str(file)]
    assert main(args) == 0
    printed = capsys.readouterr().out
    assert "with the adaptation happier, strength 1.0" in printed
    assert "is left as it was" in printed
    assert {p: p.stat().st_mtime_ns for p in (made_models / "tiny").iterdir()} == before
    assert main([*args, "--out", str(tmp_path / "out")]) == 0
    scores = load_other_faces(tmp_path / "out" / "tiny")
    assert scores is not None
    assert scores["adaptation"]["name"] == "happier"
    recalls = {name: r["value"] for name, r in scores["sets"][0]["recall"].items()}
    assert recalls == {name: float(name == "happy") for name in recalls}


def test_faces_unlike_those_of_an_adaptation_are_scored_as_without_it(tmp_path: Path) -> None:
    source, sets = write(tmp_path / "faces.npz"), [faces_of([3, 4], [3, 4], [0, 1])]
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("happy")] = 30
    for middle, recalls in (
        (-50.0, {"happy": 1, "neutral": 0}),
        (50.0, {"happy": 1, "neutral": 1}),
    ):
        likeness = Likeness(np.zeros((1, 1)), np.array([middle]))
        adaptation = Adaptation("happier", {}, offsets, likeness=likeness)
        scores = score_other_faces(_ByFirstPixel(), sets, source, adaptation)  # type: ignore[arg-type]
        found = {name: r["value"] for name, r in scores["sets"][0]["recall"].items()}
        assert found == recalls


def test_the_served_network_reads_other_faces_as_its_folder_says(shared_data: Path) -> None:
    """Guards figures that pages, card and README quote."""
    from emotion_core.config import PROJECT_ROOT
    from emotion_core.model.classify import load_classifier

    kept = load_other_faces(PROJECT_ROOT / "models" / "ferplus")
    assert kept is not None
    source = shared_data / "other_faces.npz"
    found = score_other_faces(load_classifier("ferplus"), read_other_faces(source), source)
    value = kept["cross_score"]["value"]
    assert found["cross_score"]["value"] == pytest.approx(value, abs=0.01)
    assert value >= 0.80
    by_name = {block["name"]: block for block in kept["sets"]}
    assert by_name["LFW"]["ece"] <= 0.06
