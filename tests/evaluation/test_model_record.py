import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import numpy as np
import pandas as pd
import pytest
from made_networks import describe

from emotion_core import atomic_io
from emotion_core.atomic_io import replace_file, write_json
from emotion_core.datasets.dataset import Split
from emotion_core.errors import ModelError
from emotion_core.evaluation import evaluate, experiment_log, model_record, predictions
from emotion_core.labels import EXPRESSIONS


def test_json_has_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_io.write_json(path, {"a": [float("nan"), 1.5, (2, float("inf"))], "b": {"c": None}})
    assert json.loads(path.read_text()) == {"a": [None, 1.5, [2, None]], "b": {"c": None}}


def test_a_failed_write_leaves_the_old_file_and_no_crumbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(self: Path, _: object) -> Never:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_in_its_place_leaves_no_crumbs(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        replace_file(tmp_path / "a.json", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def small_split() -> Split:
    votes = np.zeros((2, 10), np.int16)
    votes[0, 1] = 10  # happiness
    names = np.array(["fer1.png", "fer2.png"])
    fer2013 = np.array([-1, 1], np.int8)
    return Split("test", names, np.zeros((2, 48, 48), np.uint8), votes, fer2013)


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(7), 2).astype(np.float32)
    table = predictions.predictions_table(small_split(), probs, probs[::-1])
    path = predictions.predictions_path(tmp_path, "ferplus", "test")
    predictions.write_predictions(path, table)
    header = path.read_text().splitlines()[0].split(",")
    assert header[:4] == ["image", "ferplus_label", "fer2013_label", "angry"]
    assert header[-1] == "served_surprise"
    assert len(header) == 17
    rows = predictions.read_predictions(path)
    assert rows.labels["ferplus"].tolist() == [3, -1]
    assert rows.labels["fer2013"].tolist() == [-1, 1]
    # Four significant digits.
    assert rows.float_probs is not None
    np.testing.assert_allclose(rows.float_probs, probs, rtol=5.1e-4)
    np.testing.assert_allclose(rows.served_probs, probs[::-1], rtol=5.1e-4)


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    probs = np.full((2, 7), 1 / 7)
    table = predictions.predictions_table(small_split(), probs, probs)
    path = tmp_path / "p.csv"
    predictions.write_predictions(path, table[table.columns[::-1]])
    assert predictions.read_predictions(path).labels["ferplus"].tolist() == [3, -1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["served_sad"]), "lacks the columns served_sad"),
        (lambda t: t.assign(ferplus_label="joyful"), "unknown expressions: joyful"),
        (lambda t: t.assign(angry="many"), "no number"),
        (lambda t: t.assign(served_angry=None), "without served"),
        (lambda t: t.assign(served_angry=0.9), "do not add up to 1"),
        (lambda t: t.assign(served_angry=-1 / 7, served_sad=3 / 7), "do not add up to 1"),
    ],
)
def test_damaged_predictions_are_named(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    probs = np.full((2, 7), 1 / 7)
    path = tmp_path / "predictions_ferplus_test.csv"
    table = predictions.predictions_table(small_split(), probs, probs)
    predictions.write_predictions(path, change(table))
    with pytest.raises(ModelError, match=message):
        predictions.read_predictions(path)


def run(model: str = "a", note: str = "") -> experiment_log.Run:
    scores = {"accuracy": 0.8123456, "macro_f1": 0.7, "unknown": 1.0}
    return experiment_log.Run(model, "evaluate", "ferplus", "test", "ferplus", 10, scores, note)


def test_runs_are_added_to_the_end(tmp_path: Path) -> None:
    assert experiment_log.read_runs(tmp_path).empty
    experiment_log.log_run(tmp_path, run("a", 'a note, with a comma and "quotes"'))
    experiment_log.log_run(tmp_path, run("b"))
    table = experiment_log.read_runs(tmp_path)
    assert table["model"].tolist() == ["a", "b"]
    assert table["note"].tolist() == ['a note, with a comma and "quotes"', ""]
    assert table["accuracy"].tolist() == [0.81235] * 2
    assert table["ece"].isna().all()


def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("model\na\n")
    with pytest.raises(ModelError, match="lacks the columns date"):
        experiment_log.read_runs(tmp_path)


def test_a_folder_of_rubbish_is_described_not_refused(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "model.json").write_text("{")
    (folder / "evaluation.json").write_text('{"version": 99}')
    (folder / "history.csv").write_text("epoch,loss\n1,2\n")
    (folder / "predictions_ferplus_test.csv").write_text("image\n")
    found = model_record.read_record(folder)
    assert found.label_set == "ferplus"
    assert not any((found.metadata, found.evaluations, found.predictions))
    named = " ".join(found.problems)
    for file in (
        "model.json",
        "evaluation.json",
        "history.csv",
        "robustness.csv",
        "near_duplicates.csv",
    ):
        assert file in named, file
    assert "predictions_ferplus_test.csv" in named
    assert "has no predictions_" not in named


def test_what_is_damaged_of_a_network_made_elsewhere_is_named_and_what_is_absent_is_not(
    tmp_path: Path,
) -> None:
    folder = describe(tmp_path / "theirs", "network.tflite")
    assert model_record.read_record(folder).problems == []
    (folder / "evaluation.json").write_text("{")
    (problem,) = model_record.read_record(folder).problems
    assert "evaluation.json" in problem


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("history.csv", "epoch,loss,accuracy,val_loss,val_accuracy\n", "no row"),
        ("history.csv", "epoch,loss,accuracy,val_loss,val_accuracy\n1,a,1,1,1\n", "no number"),
        ("robustness.csv", "split,damage,level,unit,accuracy\n", "no row"),
        ("evaluation.json", '{"version": 1, "evaluations": {"a_test": {}}}', "a_test"),
        ("evaluation.json", '{"version": 1, "evaluations": []}', "another version"),
        ("evaluation.json", "[]", "JSON object"),
        ("model.json", '{"temperature": "warm"}', "temperature"),
        ("model.json", '{"temperature": 1.0, "settings": []}', "settings"),
    ],
)
def test_empty_and_half_files_are_named(tmp_path: Path, file: str, text: str, problem: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / file).write_text(text)
    named = [p for p in model_record.read_record(folder).problems if file in p]
    assert len(named) == 1
    assert problem in named[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "has the version 2"),
        ({"labels": list(EXPRESSIONS[::-1])}, "lists the labels"),
        ({"labels": None}, "lists the labels None"),
    ],
)
def test_another_version_or_order_is_said_and_the_rest_is_read(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    whole = {"version": 1, "labels": list(EXPRESSIONS), "temperature": 1.5, "label_set": "fer2013"}
    write_json(folder / "model.json", whole)
    assert not [p for p in model_record.read_record(folder).problems if "model.json" in p]
    write_json(folder / "model.json", whole | change)
    found = model_record.read_record(folder)
    assert [words in p for p in found.problems if "model.json" in p] == [True]
    assert found.metadata["temperature"] == 1.5
    assert found.label_set == "fer2013"


def test_a_report_that_lost_a_score_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    truth = np.arange(14) % 7
    block = evaluate.score_block(truth, np.eye(7)[truth], np.eye(7)[truth], resamples=5)
    score = {"name": "FER2013", "full": block, "without_near_duplicates": None, "chance": {}}
    headline = {"label_set": "fer2013", "name": "FER2013", "accuracy": 1.0}
    report = {"split": "test", "headline": headline, "speed": {}, "scores": {"fer2013": score}}
    write_json(folder / "evaluation.json", {"version": 1, "evaluations": {"a_test": report}})
    assert list(model_record.read_record(folder).evaluations) == ["a_test"]
    for name in ("macro_f1", "confusion_matrix", "per_class"):
        less = {k: v for k, v in block.items() if k != name}
        part = report | {"scores": {"fer2013": score | {"full": less}}}
        write_json(folder / "evaluation.json", {"version": 1, "evaluations": {"a_test": part}})
        found = model_record.read_record(folder)
        assert not found.evaluations
        assert any("a_test is no complete report" in p for p in found.problems)


def test_a_folder_of_an_earlier_version_is_read_by_the_present_names(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    truth = np.arange(14) % 7
    block = evaluate.score_block(truth, np.eye(7)[truth], np.eye(7)[truth], resamples=5)
    score = {"name": "FER2013", "full": block, "without_twins": block, "chance": {}}
    headline = {"label_set": "fer2013", "name": "FER2013", "accuracy": 1.0}
    report = {
        "split": "test",
        "headline": headline | {"accuracy_without_twins": 1.0},
        "speed": {},
        "scores": {"fer2013": score},
    }
    write_json(folder / "evaluation.json", {"version": 1, "evaluations": {"a_test": report}})
    former = tmp_path / "twins.csv"
    former.write_text(
        "split,image,twin_split,twin_image,correlation,mirrored\ntest,a.png,train,b.png,1.0,False\n"
    )
    found = model_record.read_record(folder)
    present = found.evaluations["a_test"]
    assert present["scores"]["fer2013"]["without_near_duplicates"]["images"] == 14
    assert present["headline"]["accuracy_without_near_duplicates"] == 1.0
    assert found.near_duplicates is not None
    assert found.near_duplicates["other_image"].tolist() == ["b.png"]
    assert model_record.near_duplicates_file(folder) == former
    # Where `evaluate` has written the file again, the former one no longer counts.
    (tmp_path / "near_duplicates.csv").write_bytes(b"")
    assert model_record.near_duplicates_file(folder) == tmp_path / "near_duplicates.csv"


def test_folders_without_a_description_are_listed_too(tmp_path: Path) -> None:
    for name, file in (("b", "model.json"), ("a", "history.csv"), ("c", "evaluation.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("")
    (tmp_path / ".part").mkdir()
    (tmp_path / ".part" / "history.csv").write_text("")
    (tmp_path / "empty").mkdir()
    assert model_record.list_records(tmp_path) == ["b", "a", "c"]
