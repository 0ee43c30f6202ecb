import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core.datasets.dataset import Dataset, Split
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError, ModelError
from emotion_core.evaluation import evaluate, experiment_log, metrics, model_record
from emotion_core.evaluation.inference import Answers, ask_both
from emotion_core.evaluation.predictions import read_predictions, write_predictions
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import load_bundle


def split(name: str, labels: list[int], votes: bool = False, prefix: str = "a/") -> Split:
    count = len(labels)
    images = np.random.default_rng(count).integers(0, 256, (count, 48, 48)).astype(np.uint8)
    counts = np.zeros((count, 10), np.int16)
    if votes:
        counts[:, 1] = 10
    names = np.array([f"{prefix}{i:07d}.png" for i in range(count)])
    return Split(name, names, images, counts, np.array(labels, np.int8))


@pytest.mark.parametrize(
    ("made", "kind", "label_sets"),
    [
        (split("test", [0, 1], votes=True), "ferplus", {"ferplus", "fer2013"}),
        (split("test", [-1, -1], votes=True), "ferplus", {"ferplus"}),
        (split("test", [0, 1], prefix="fer"), "fer2013", {"fer2013"}),
        (split("test", [0, 1]), "folder", {"labels"}),
    ],
)
def test_the_kind_of_data_decides_which_scores_there_are(
    made: Split, kind: str, label_sets: set[str]
) -> None:
    assert evaluate.dataset_kind(made) == kind
    assert set(evaluate.label_sets_of(made)) == label_sets


@pytest.fixture(scope="module")
def found(made_models: Path, made_data: Path) -> evaluate.Evaluation:
    bundle = load_bundle("tiny", made_models)
    return evaluate.evaluate_model(bundle, load_dataset(made_data), "test")


def test_the_report_holds_every_score_of_both_label_sets(found: evaluate.Evaluation) -> None:
    report = found.report
    assert (report["model"], report["dataset"], report["split"]) == ("tiny", "ferplus", "test")
    assert report["images"] == 42
    assert set(report["scores"]) == {"ferplus", "fer2013"}
    block = report["scores"]["ferplus"]
    # One image in eight gave fewer than half of its votes to any of the seven.
    assert block["full"]["images"] == report["headline"]["images"] == 37
    assert report["scores"]["fer2013"]["full"]["images"] == 42
    for score in ("accuracy", "balanced_accuracy", "macro_f1", "ece", "nll", "accuracy_at_80"):
        values = block["full"][score]
        assert values["low"] <= values["value"] <= values["high"], score
    assert np.sum(block["full"]["confusion_matrix"]) == 37
    assert set(block["full"]["per_class"]) == set(EXPRESSIONS)
    # Eight voters agree among ten: each of them does, the two others do not.
    assert block["human_agreement"]["value"] == pytest.approx(0.8)
    assert report["served_against_float"]["same_answer"] > 0.9
    json.dumps(report)


def test_the_scores_are_those_of_the_predictions(
    found: evaluate.Evaluation, tmp_path: Path
) -> None:
    path = tmp_path / "predictions_ferplus_test.csv"
    write_predictions(path, found.predictions)
    rows = read_predictions(path)
    kept = rows.labelled("ferplus")
    truth, probs = rows.labels["ferplus"][kept], rows.served_probs[kept]
    again = metrics.point_scores(truth, probs)
    full = found.report["scores"]["ferplus"]["full"]
    for name in ("accuracy", "macro_f1", "ece", "nll"):
        assert full[name]["value"] == pytest.approx(again[name], abs=1e-5), name
    assert rows.float_probs is not None
    float_scores = metrics.point_scores(truth, rows.float_probs[kept])
    ours = found.report["scores"]["ferplus"]["float"]
    assert ours["accuracy"] == pytest.approx(float_scores["accuracy"])


def test_answers_equal_in_the_file_are_equal_in_the_scores(
    made_models: Path, made_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nearly_tied(*arguments: Any) -> Answers:
        answers = ask_both(*arguments)
        probs = np.full_like(answers.served_probs, 0.1)
        # The later of two wins by a digit that the file does not hold.
        probs[:, 2], probs[:, 5] = 0.25, 0.2500001
        return replace(answers, served_probs=probs)

    monkeypatch.setattr(evaluate, "ask_both", nearly_tied)
    data = load_dataset(made_data)
    found = evaluate.evaluate_model(
        load_bundle("tiny", made_models), data, "test", with_robustness=False
    )
    path = tmp_path / "predictions_ferplus_test.csv"
    write_predictions(path, found.predictions)
    rows = read_predictions(path)
    assert set(rows.served_probs.argmax(axis=1)) == {2}
    matrix = np.array(found.report["scores"]["ferplus"]["full"]["confusion_matrix"])
    assert matrix[:, 2].sum() == matrix.sum()


def test_served_probabilities_are_calibrated_ones(
    found: evaluate.Evaluation, made_models: Path, made_data: Path
) -> None:
    from emotion_core.model.classify import load_classifier

    classifier = load_classifier("tiny", made_models)
    images = load_dataset(made_data).split("test").inputs()
    expected = classifier.probabilities(classifier.logits(images))
    served = found.predictions[[f"served_{e}" for e in EXPRESSIONS]].to_numpy()
    # Four digits are written.
    assert np.abs(served - expected).max() < 1e-4


def test_without_near_duplicates_leaves_them_out(made_models: Path, made_data: Path) -> None:
    dataset = load_dataset(made_data)
    test, train = dataset.split("test"), dataset.split("train")
    images = test.images.copy()
    images[:4] = train.images[10:14][:, :, ::-1]
    doubled = Split("test", test.names, images, test.votes, test.fer2013)
    bundle = load_bundle("tiny", made_models)
    report = evaluate.evaluate_model(
        bundle,
        Dataset(dataset.source, {**dataset.splits, "test": doubled}),
        "test",
        with_robustness=False,
    ).report
    scores = report["scores"]["ferplus"]
    assert scores["without_near_duplicates"]["images"] == scores["full"]["images"] - 4
    assert report["headline"]["accuracy_without_near_duplicates"] is not None


def test_a_test_split_alone_has_no_near_duplicates_to_leave_out(made_models: Path) -> None:
    alone = Dataset(Path("made"), {"test": split("test", [0, 3, 3])})
    bundle = load_bundle("tiny", made_models)
    report = evaluate.evaluate_model(bundle, alone, "test", with_robustness=False).report
    assert report["scores"]["labels"]["without_near_duplicates"] is None
    assert report["headline"]["name"] == "labels of the folders"
    assert report["labels_agree"] is None


def test_labels_that_are_not_there_are_named(made_models: Path) -> None:
    bundle = load_bundle("tiny", made_models)
    only_original = Dataset(Path("made"), {"test": split("test", [0, 3], prefix="fer")})
    with pytest.raises(DatasetError, match="no ferplus labels; it has fer2013"):
        evaluate.evaluate_model(bundle, only_original, "test", "ferplus")
    with pytest.raises(DatasetError, match="validation"):
        evaluate.evaluate_model(bundle, only_original, "validation")


def test_a_damaged_float_network_is_named(made_models: Path, tmp_path: Path) -> None:
    import shutil

    models = shutil.copytree(made_models, tmp_path / "models")
    (models / "tiny" / "model.keras").write_bytes(b"PK no network")
    data = Dataset(Path("made"), {"test": split("test", [0, 3])})
    with pytest.raises(ModelError, match=r"model\.keras is damaged"):
        evaluate.evaluate_model(load_bundle("tiny", models), data, "test")


def test_a_folder_without_the_float_network_is_still_scored(
    made_models: Path, tmp_path: Path
) -> None:
    import shutil

    models = shutil.copytree(made_models, tmp_path / "models")
    (models / "tiny" / "model.keras").unlink()
    data = Dataset(Path("made"), {"test": split("test", [0, 3])})
    found = evaluate.evaluate_model(load_bundle("tiny", models), data, "test")
    assert found.report["served_against_float"] is None
    write_predictions(tmp_path / "p.csv", found.predictions)
    assert read_predictions(tmp_path / "p.csv").float_probs is None


def test_training_leaves_a_complete_folder(made_models: Path, made_data: Path) -> None:
    folder = made_models / "tiny"
    expected = "evaluation.json history.csv model.json model.keras model.tflite"
    files = {p.name for p in folder.iterdir()}
    expected += " predictions_ferplus_validation.csv reference_faces.npz"
    assert files == set(expected.split())
    values = json.loads((folder / "model.json").read_text())
    assert values["dataset"]["fingerprint"] == load_dataset(made_data).fingerprint
    rows = read_predictions(folder / "predictions_ferplus_validation.csv")
    kept = rows.labelled("ferplus")
    right = rows.served_probs[kept].argmax(1) == rows.labels["ferplus"][kept]
    assert values["metrics"]["validation"]["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert values["unsure"]["coverage"] == pytest.approx(0.9, abs=0.05)
    whole = model_record.read_record(folder)
    assert set(whole.evaluations) == set(whole.predictions) == {"ferplus_validation"}
    assert whole.history is not None
    assert len(whole.history) == 2
    assert [p for p in whole.problems if "robustness.csv" not in p] == []
    log = experiment_log.read_runs(made_models)
    assert log[["model", "event", "split"]].values.tolist() == [["tiny", "train", "validation"]]
    assert "best epoch" in log["note"][0]


def test_the_temperature_is_the_best_on_validation(made_models: Path, made_data: Path) -> None:
    from emotion_core.model.calibrate import logits_nll
    from emotion_core.model.classify import Classifier

    bundle = load_bundle("tiny", made_models)
    validation = load_dataset(made_data).split("validation")
    kept = validation.ferplus >= 0
    # Not from the file: its four digits are too few for a network that has learnt nothing.
    logits = Classifier(bundle).logits(validation.inputs()[kept])
    truth = validation.ferplus[kept].astype(np.int64)
    fitted = logits_nll(logits, truth, bundle.temperature)
    for other in (0.8, 1.25):
        assert fitted <= logits_nll(logits, truth, bundle.temperature * other)
