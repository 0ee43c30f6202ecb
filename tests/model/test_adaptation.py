"""Adaptations: what they do to probabilities, and their files."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emotion_core import (
    Adaptation,
    Frame,
    Pipeline,
    load_adaptation,
    load_classifier,
    sample_photo,
    save_adaptation,
)
from emotion_core.config import PipelineSettings
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation_file import check_name, from_json, list_adaptations, to_json
from emotion_core.model.likeness import Likeness
from emotion_core.results.summary import adaptation_words, network_words

MODEL = {"name": "ferplus", "sha256": "a" * 64}
HAPPY, SAD = EXPRESSIONS.index("happy"), EXPRESSIONS.index("sad")


LIKENESS = Likeness(np.array([[1.0, -0.5, 0.25, 0.0], [0.5, 0, 0, 1.5]]), np.array([0.5, -1.0]))


def some_probs(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(7), count).astype(np.float32)


def made(**changes: Any) -> Adaptation:
    rng = np.random.default_rng(1)
    whole: dict[str, Any] = {
        "offsets": rng.normal(0, 1, 7),
        "mixing": rng.normal(0, 0.1, (7, 7)),
        "log_scale": -0.2,
        "strength": 0.75,
        "prior": np.array([0.1, 0.05, 0.05, 0.2, 0.4, 0.1, 0.1]),
        "likeness": LIKENESS,
    }
    return Adaptation("lab", MODEL, **(whole | changes))


def test_without_strength_or_corrections_nothing_changes() -> None:
    probs = some_probs()
    np.testing.assert_allclose(Adaptation("none", MODEL).apply(probs), probs, atol=1e-6)
    np.testing.assert_allclose(made(strength=0.0).apply(probs), probs, atol=1e-6)


def test_probabilities_stay_probabilities() -> None:
    adapted = made().apply(some_probs())
    assert adapted.dtype == np.float32
    np.testing.assert_allclose(adapted.sum(axis=1), 1, atol=1e-6)
    assert made().apply(np.empty((0, 7), np.float32)).shape == (0, 7)


def test_an_offset_multiplies_the_odds() -> None:
    probs = some_probs()
    offsets = np.zeros(7)
    offsets[SAD] = np.log(3)
    adapted = Adaptation("sadder", MODEL, offsets=offsets).apply(probs)
    before = probs[:, SAD] / probs[:, HAPPY]
    np.testing.assert_allclose(adapted[:, SAD] / adapted[:, HAPPY], 3 * before, rtol=1e-4)


def test_a_prior_favours_what_is_frequent() -> None:
    prior = np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.1, 0.1])
    adapted = Adaptation("prior", MODEL, prior=prior).apply(np.full((1, 7), 1 / 7, np.float32))
    np.testing.assert_allclose(adapted[0], prior, atol=1e-6)


def test_half_strength_lies_between() -> None:
    probs = some_probs()
    whole, half = made(strength=1.0).logits(probs), made(strength=0.5).logits(probs)
    none = made(strength=0.0).logits(probs)
    np.testing.assert_allclose(half, (whole + none) / 2, atol=1e-5)


def test_a_face_gets_as_much_as_it_is_like_those_it_was_made_from() -> None:
    probs = some_probs(3)
    adaptation = made(likeness=Likeness(np.array([[1.0, 0.0]]), np.zeros(1)))
    none, whole = adaptation.with_strength(0).logits(probs), adaptation.logits(probs)
    features = np.array([[-100.0, 9], [0, 9], [100, 9]], np.float32)
    told = adaptation.logits(probs, features)
    expected = np.stack([none[0], (none[1] + whole[1]) / 2, whole[2]])
    np.testing.assert_allclose(told, expected, atol=1e-5)
    # A network that gives no features, such as one made elsewhere.
    np.testing.assert_array_equal(adaptation.logits(probs, features[:, :0]), whole)
    assert adaptation.apply(probs[:0], np.empty((0, 0), np.float32)).shape == (0, 7)
    with pytest.raises(SettingsError, match="knows 2 features, the network gives 3"):
        adaptation.apply(probs, np.zeros((3, 3), np.float32))


def test_results_say_what_it_applies_to() -> None:
    described = [made(likeness=likeness).described() for likeness in (None, LIKENESS)]
    assert [d["like_faces_only"] for d in described] == [False, True]
    model = {"name": "ferplus", "adaptation": described[1]}
    words = "applied to faces like those it was made from"
    assert words in network_words(model)
    assert words in adaptation_words(described[1])
    assert words not in adaptation_words(described[0])


def test_the_pipeline_asks_how_like_a_face_is() -> None:
    classifier = load_classifier()
    frame, crop = Frame(sample_photo()), np.zeros((1, 48, 48, 1), np.float32)
    count = classifier.read(crop).features.size
    offsets = np.zeros(7)
    offsets[SAD] = 40.0
    for middle, sad in ((-50.0, True), (50.0, False)):
        likeness = Likeness(np.zeros((1, count)), np.array([middle]))
        adaptation = Adaptation("sad", MODEL, offsets, likeness=likeness)
        pipeline = Pipeline(classifier, PipelineSettings.for_photo(), adaptation=adaptation)
        assert (pipeline.process(frame).probs.argmax(axis=1) == SAD).tolist() == [sad]


@pytest.mark.parametrize(
    "changes",
    [
        {"strength": 1.5},
        {"log_scale": np.nan},
        {"offsets": np.zeros(6)},
        {"offsets": np.full(7, np.inf)},
        {"mixing": np.zeros(7)},
        {"prior": np.full(7, 0.5)},
        {"prior": np.array([-0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2])},
    ],
)
def test_unusable_numbers_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        made(**changes)


def test_the_fingerprint_follows_what_changes_an_answer() -> None:
    first = made()
    same = dataclasses.replace(first, name="another", record={"source": "x"})
    assert first.fingerprint == same.fingerprint
    assert first.fingerprint != first.with_strength(0.5).fingerprint
    assert first.fingerprint != dataclasses.replace(first, prior=None).fingerprint
    assert first.fingerprint != dataclasses.replace(first, likeness=None).fingerprint
    moved = dataclasses.replace(first, likeness=Likeness(LIKENESS.directions, LIKENESS.middles + 1))
    assert first.fingerprint != moved.fingerprint


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    adaptation = made(record={"source": "faces"})
    file = save_adaptation(adaptation, tmp_path / "new")
    assert list_adaptations(tmp_path / "new") == ["lab"]
    for found in (load_adaptation("lab", tmp_path / "new", MODEL), load_adaptation(file)):
        assert to_json(found) == to_json(adaptation)
        assert found.fingerprint == adaptation.fingerprint


def test_a_file_of_the_first_version_applies_to_all_faces(tmp_path: Path) -> None:
    text = to_json(made(likeness=None)) | {"version": 1}
    del text["likeness"]
    (tmp_path / "lab.json").write_text(json.dumps(text))
    assert load_adaptation("lab", tmp_path).fingerprint == made(likeness=None).fingerprint


def test_a_file_of_the_second_version_knows_one_kind_of_other_faces(tmp_path: Path) -> None:
    one = Likeness(LIKENESS.directions[:1], LIKENESS.middles[:1])
    direction, middle = one.directions[0].tolist(), float(one.middles[0])
    text = to_json(made()) | {"version": 2, "likeness": {"direction": direction, "middle": middle}}
    (tmp_path / "lab.json").write_text(json.dumps(text))
    assert load_adaptation("lab", tmp_path).fingerprint == made(likeness=one).fingerprint


def test_the_installation_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(tmp_path))
    save_adaptation(made(), tmp_path)
    assert load_adaptation("lab").name == "lab"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no usable adaptation"),
        ("[]", "no usable adaptation"),
        ("{}", "lacks 'version'"),
        (json.dumps(to_json(made()) | {"version": 9}), "version 9"),
        (json.dumps(to_json(made()) | {"mixing": [[1]]}), "mixing must be"),
        (json.dumps(to_json(made()) | {"offsets": {"happy": 1}}), "lacks 'angry'"),
        (json.dumps(to_json(made()) | {"strength": "x"}), "could not convert"),
        (json.dumps(to_json(made()) | {"name": "../x"}), "cannot name an adaptation"),
        (json.dumps(to_json(made()) | {"likeness": {"middle": 1}}), "lacks 'directions'"),
        (json.dumps(to_json(made()) | {"likeness": 1}), "no usable adaptation"),
        (
            json.dumps(to_json(made()) | {"likeness": {"directions": [], "middles": []}}),
            "one weight for each feature",
        ),
        (
            json.dumps(to_json(made()) | {"likeness": {"directions": [[1, 2]], "middles": [1, 2]}}),
            "one weight for each feature",
        ),
        (
            json.dumps(to_json(made()) | {"likeness": {"directions": [[1e999]], "middles": [1]}}),
            "finite numbers",
        ),
        ("[" * 100_000, "nested|too large"),
        (" " * 200_000, "too large"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_adaptation("lab", tmp_path)


def test_a_missing_one_is_refused_with_those_there_are(tmp_path: Path) -> None:
    save_adaptation(made(), tmp_path)
    for name in ("other", "../lab", "", str(tmp_path)):
        with pytest.raises(InputError, match="There are: lab"):
            load_adaptation(name, tmp_path)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"name": "ferplus", "sha256": "b"}, "another version of it"),
        ({"name": "fer2013", "sha256": "b"}, "made for 'ferplus'"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, model: dict[str, str], words: str) -> None:
    save_adaptation(made(), tmp_path)
    with pytest.raises(InputError, match=words):
        load_adaptation("lab", tmp_path, model)


@pytest.mark.parametrize(
    "name", ["", " ", ".hidden", "a/b", "a\\b", "x" * 61, "a\nb", "a:b", "None"]
)
def test_names_that_no_file_should_have_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name"):
        check_name(name)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        save_adaptation(made(), tmp_path / "file")


def test_a_pipeline_reads_with_it_and_forgets_it_again() -> None:
    offsets = np.zeros(7)
    offsets[SAD] = 30
    sad = Adaptation("sad", MODEL, offsets=offsets)
    pipeline = Pipeline.load(settings=PipelineSettings.for_photo(), adaptation=sad)
    frame = Frame(sample_photo())
    assert pipeline.adaptation is sad
    assert pipeline.process(frame).labels == ("sad",)
    pipeline.update_adaptation(None)
    pipeline.reset()
    assert pipeline.process(frame).labels == ("happy",)


def test_a_baseline_of_another_adaptation_is_forgotten() -> None:
    pipeline = Pipeline.load()
    pipeline.start_calibration(seconds=0.2)
    for i in range(20):
        pipeline.process(Frame(sample_photo(), i, i / 20))
    assert pipeline.calibrated_ids
    pipeline.update_adaptation(None)
    assert pipeline.calibrated_ids
    pipeline.update_adaptation(made())
    assert not pipeline.calibrated_ids


def test_json_text_is_read_too() -> None:
    assert from_json(json.dumps(to_json(made()))).name == "lab"
