"""Making an adaptation: what it learns, what it says it brings, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from emotion_core.errors import InputError, SettingsError
from emotion_core.evaluation.adaptation_making import (
    make_adaptation,
    prior_adaptation,
    trained_prior,
    validation_rehearsal,
)
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import load_bundle
from emotion_core.model.calibrate import softmax

MODEL = {"name": "made", "sha256": "a"}
HAPPY, NEUTRAL, SAD = (EXPRESSIONS.index(e) for e in ("happy", "neutral", "sad"))


def faces(
    each: int,
    shift: np.ndarray | None = None,
    codes: tuple[int, ...] = tuple(range(7)),
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, 7) and labels of a network that is right but for a shift of its logits."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array(codes), each)
    logits = rng.normal(0, 1, (len(labels), 7))
    logits[np.arange(len(labels)), labels] += 2.5
    return softmax(logits + (0 if shift is None else shift)), labels


def recall(probs: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([(probs[labels == c].argmax(1) == c).mean() for c in np.unique(labels)]))


SHIFT = np.array([-2.0, 1, -1, 0, 2, 0, 0])


@pytest.mark.parametrize("each", [3, 10, 40])
def test_it_learns_a_shift_that_other_faces_have_too(each: int) -> None:
    adaptation, gain = make_adaptation(*faces(each, SHIFT), name="shift", model=MODEL)
    probs, labels = faces(200, SHIFT, seed=1)
    before, after = recall(probs, labels), recall(adaptation.apply(probs), labels)
    assert after > before + 0.1
    assert gain.offered
    assert gain.faces == 7 * each
    assert gain.difference.low - 0.05 <= after - before <= gain.difference.high + 0.05
    assert adaptation.record["gain"]["before"] == gain.before


def test_where_nothing_is_wrong_it_changes_little() -> None:
    adaptation, _ = make_adaptation(*faces(10), name="none", model=MODEL)
    probs, labels = faces(300, seed=2)
    assert recall(adaptation.apply(probs), labels) > recall(probs, labels) - 0.02


def test_few_faces_of_people_who_contradict_each_other_lead_to_a_weak_one() -> None:
    probs, labels = faces(4, codes=(HAPPY, NEUTRAL), seed=3)
    mixed = labels.copy()
    mixed[::3] = np.where(labels[::3] == HAPPY, NEUTRAL, HAPPY)
    strong, _ = make_adaptation(*faces(30, SHIFT), name="strong", model=MODEL)
    weak, gain = make_adaptation(probs, mixed, name="weak", model=MODEL)
    assert weak.strength < strong.strength
    assert gain.difference.low < 0


def test_people_are_left_out_as_a_whole() -> None:
    """Two people whose labels contradict each other: what one teaches must not help on itself."""
    probs, labels = faces(20, codes=(HAPPY, NEUTRAL), seed=4)
    people = np.arange(len(labels)) % 2
    hard = probs.copy()
    # One person's happy looks neutral, the other's neutral looks happy.
    hard[(people == 0) & (labels == HAPPY)] = softmax(np.eye(7)[NEUTRAL][None] * 1.0)
    hard[(people == 1) & (labels == NEUTRAL)] = softmax(np.eye(7)[HAPPY][None] * 1.0)
    hard[(people == 0) & (labels == NEUTRAL)] = softmax(np.eye(7)[NEUTRAL][None] * 3.0)
    hard[(people == 1) & (labels == HAPPY)] = softmax(np.eye(7)[HAPPY][None] * 3.0)
    _, by_person = make_adaptation(hard, labels, people, name="people", model=MODEL)
    assert by_person.people == 2
    assert by_person.after <= by_person.before
    assert not by_person.offered


def test_one_person_is_measured_by_takes() -> None:
    probs, labels = faces(5, SHIFT)
    _, gain = make_adaptation(probs, labels, np.zeros(len(labels)), name="me", model=MODEL)
    assert gain.people == len(labels)


def test_rehearsed_faces_are_forgotten_less() -> None:
    probs, labels = faces(10, SHIFT)
    other, truth = faces(200, seed=6)
    kept = {}
    for rehearsal in (None, faces(60, seed=5)):
        made, _ = make_adaptation(probs, labels, name="x", model=MODEL, rehearsal=rehearsal)
        kept[rehearsal is None] = recall(made.with_strength(1).apply(other), truth)
    assert kept[False] > kept[True] + 0.02


def test_without_rehearsal_expressions_that_the_faces_lack_keep_their_logit() -> None:
    adaptation, _ = make_adaptation(*faces(10, SHIFT, (HAPPY, NEUTRAL)), name="two", model=MODEL)
    absent = [c for c in range(7) if c not in (HAPPY, NEUTRAL)]
    assert not adaptation.offsets[absent].any()
    assert not adaptation.mixing[:, absent].any()


def test_labels_of_one_expression_posed_as_another_are_refused() -> None:
    probs, labels = faces(10)
    with pytest.raises(InputError, match="agrees with only"):
        make_adaptation(probs, (labels + 1) % 7, name="wrong", model=MODEL)
    swapped = np.where(labels == HAPPY, SAD, np.where(labels == SAD, HAPPY, labels))
    with pytest.raises(InputError, match="swapped"):
        make_adaptation(probs, swapped, name="wrong", model=MODEL)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], "there are: none"),
        ([HAPPY], "happy 1"),
        ([HAPPY] * 20, "happy 20"),
        ([HAPPY, NEUTRAL, SAD], "happy 1, neutral 1, sad 1"),
        ([HAPPY, 9], "from 0 to 6"),
    ],
)
def test_too_few_faces_are_refused(labels: list[int], words: str) -> None:
    probs = np.full((len(labels), 7), 1 / 7)
    with pytest.raises(InputError, match=words):
        make_adaptation(probs, np.array(labels, int), name="few", model=MODEL)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(N, 7\)"):
        make_adaptation(np.zeros((3, 6)), np.zeros(3, int), name="x", model=MODEL)
    with pytest.raises(InputError, match="finite"):
        make_adaptation(np.full((4, 7), np.nan), np.zeros(4, int), name="x", model=MODEL)


def test_the_prior_is_replaced_without_faces() -> None:
    labels = np.repeat(np.arange(7), [10, 1, 4, 40, 60, 20, 15])
    trained = trained_prior(labels)
    balanced = prior_adaptation("balanced", MODEL, labels)
    np.testing.assert_allclose(
        balanced.apply(trained[None].astype(np.float32)), np.full((1, 7), 1 / 7), atol=1e-5
    )
    back = prior_adaptation("trained", MODEL, labels, trained)
    probs, _ = faces(3)
    np.testing.assert_allclose(back.apply(probs), probs, atol=1e-4)
    with pytest.raises(SettingsError, match="sum 1"):
        prior_adaptation("wrong", MODEL, labels, np.ones(7))


def test_a_model_folder_tells_what_to_rehearse(made_models: Path, tmp_path: Path) -> None:
    found = validation_rehearsal(load_bundle("ferplus"))
    assert found is not None
    assert set(found[1]) == set(range(7))
    np.testing.assert_allclose(found[0].sum(axis=1), 1, atol=0.01)


def test_the_gain_is_that_of_the_strength_asked_for() -> None:
    probs, labels = faces(20, SHIFT)
    chosen, gain = make_adaptation(probs, labels, name="x", model=MODEL)
    none, nothing = make_adaptation(probs, labels, name="x", model=MODEL, strength=0.0)
    assert (none.strength, nothing.before, nothing.after) == (0.0, gain.before, gain.before)
    assert gain.offered
    assert not nothing.offered
    same = make_adaptation(probs, labels, name="x", model=MODEL, strength=chosen.strength)
    assert same[1] == gain
    for strength in (2.0, float("nan")):
        with pytest.raises(SettingsError, match="strength must lie"):
            make_adaptation(probs, labels, name="x", model=MODEL, strength=strength)


def test_somebody_in_a_face_that_is_left_out_is_not_a_second_person() -> None:
    probs, labels = faces(10, SHIFT, (HAPPY, NEUTRAL))
    alone = make_adaptation(probs, labels, ["a"] * 20, name="x", model=MODEL)[1]
    more, other = faces(1, None, (SAD,))
    people = ["a"] * 20 + ["b"]
    both = np.concatenate([probs, more]), np.concatenate([labels, other])
    gain = make_adaptation(*both, people, name="x", model=MODEL)[1]
    assert gain.left_out == {"sad": 1}
    assert alone.left_out == {}
    assert (gain.people, gain.after, gain.offered) == (20, alone.after, alone.offered)


def test_people_who_show_one_expression_each_cannot_be_left_out() -> None:
    probs, labels = faces(10, SHIFT, (HAPPY, NEUTRAL))
    with pytest.raises(InputError, match="Label several expressions of more people"):
        make_adaptation(probs, labels, labels, name="x", model=MODEL)
    # Of whom nothing is known without one of two people, the others tell.
    people = np.where(np.arange(20) < 10, np.arange(20) % 2, 2 + np.arange(20) % 2)
    gain = make_adaptation(probs, labels, people, name="x", model=MODEL)[1]
    assert (gain.faces, gain.people) == (20, 4)
