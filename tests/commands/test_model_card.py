import json
import shutil
from pathlib import Path

import pytest
from made_networks import describe

from emotion_core.cli import main
from emotion_core.config import PROJECT_ROOT
from emotion_core.evaluation.experiment_log import Run, log_run


@pytest.fixture(scope="module")
def tested_models(
    made_models: Path, made_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny model, measured on the made test split too."""
    models = shutil.copytree(made_models, tmp_path_factory.mktemp("card") / "models")
    assert main(["evaluate", "--data", str(made_data), "--models-dir", str(models)]) == 0
    return models


def card(models: Path, tmp_path: Path, *more: str) -> tuple[int, str]:
    out = tmp_path / "MODEL_CARD.md"
    status = main(["model-card", "--models-dir", str(models), "--out", str(out), *more])
    return status, out.read_text("utf-8") if out.exists() else ""


def test_the_card_tells_the_figures_of_the_files(tested_models: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    status, text = card(tested_models, tmp_path, "--json", str(file))
    assert status == 0
    reports = json.loads((tested_models / "tiny" / "evaluation.json").read_text())["evaluations"]
    full = reports["ferplus_test"]["scores"]["ferplus"]["full"]
    for score in ("accuracy", "macro_f1", "ece"):
        value = full[score]
        assert f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]" in text, score
    assert json.loads(file.read_text())["models"]["tiny"]["ferplus_test"]["images"] == 37
    for words in (
        "Article 5(1)(f)",
        "terms of FER2013",
        "arXiv 1608.01041",
        "without near-duplicates",
        "human agreement",
        "Failure modes",
        "Damaged faces (test split)",
        "int8 against float",
        "served by default",
        "| evaluate | test |",
        "What each step brought",
        "unclear faces also mirrored",
    ):
        assert words in text, words
    assert "nan" not in text


def test_trials_stand_beside_the_mean_of_the_plain_ones(
    tested_models: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(tested_models, tmp_path / "models")
    assert "What helps on faces of other origin" not in card(models, tmp_path)[1]
    for name, accuracy, other, changed in (
        ("plain", 0.80, 0.70, "nothing"),
        ("plain, seed 1", 0.82, 0.66, "nothing but the seed"),
        ("CutMix", 0.8, 0.75, "CutMix"),
        ("CutMix", 0.81, 0.65, "CutMix"),
    ):
        scores = {"accuracy": accuracy, "macro_f1": 0.7, "cross_score": other}
        note = f"one change: {changed}"
        log_run(models, Run(name, "trial", "f.zip", "validation", "ferplus", 9, scores, note))
    text = card(models, tmp_path)[1]
    assert "| CutMix | 0.810 (+0.000) | 0.700 (+0.000) | 0.650 (-0.030) | – | – | CutMix |" in text
    assert "the mean of the 2 plain ones" in text
    assert "lie up to 0.020, 0.000, 0.040 apart" in text
    assert text.index("| CutMix | 0.8") < text.index("| plain, seed 1 | 0.8")
    steps = text.split("What each step brought")[1].split("What helps")[0]
    assert "CutMix" not in steps


def test_scores_on_validation_are_called_so(made_models: Path, tmp_path: Path) -> None:
    status, text = card(made_models, tmp_path)
    assert status == 1, "robustness.csv is not there yet"
    assert "On validation, on which choices were made; not on the test" in text
    accuracy = json.loads((made_models / "tiny" / "model.json").read_text())["metrics"]
    assert f"| tiny | {accuracy['validation']['accuracy']:.3f} |" in text
    assert "FER+ VGG13" not in text, "published test figures do not stand beside validation"


def test_damaged_files_are_named_and_the_rest_is_written(
    tested_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = shutil.copytree(tested_models, tmp_path / "models")
    (models / "tiny" / "evaluation.json").write_text("{")
    status, text = card(models, tmp_path)
    assert status == 1
    assert "Not evaluated yet" in text
    assert "evaluation.json" in capsys.readouterr().err


def test_a_network_made_elsewhere_that_cannot_be_used_is_named(
    tested_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = shutil.copytree(tested_models, tmp_path / "models")
    describe(models / "theirs", "network.tflite")
    status, text = card(models, tmp_path)
    assert status == 1
    assert "## theirs" in text
    assert "network.tflite is missing" in capsys.readouterr().err


def test_no_model_no_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    status, text = card(tmp_path / "empty", tmp_path)
    assert (status, text) == (1, "")
    assert "no model" in capsys.readouterr().err


def test_the_card_lies_beside_the_models_it_tells_of(made_models: Path, tmp_path: Path) -> None:
    models = shutil.copytree(made_models, tmp_path / "place" / "models")
    ours = PROJECT_ROOT / "MODEL_CARD.md"
    before = ours.stat().st_mtime_ns
    main(["model-card", "--models-dir", str(models)])
    assert "tiny" in (tmp_path / "place" / "MODEL_CARD.md").read_text("utf-8")
    assert ours.stat().st_mtime_ns == before
