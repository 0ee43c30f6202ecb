"""An adaptation applies to faces like those it was made from; others are left as they are."""

from pathlib import Path

import numpy as np
import pytest

from emotion_core.datasets.other_faces import read_other_faces
from emotion_core.errors import InputError
from emotion_core.evaluation.adaptation_making import make_adaptation, validation_rehearsal
from emotion_core.evaluation.inference import served_readings
from emotion_core.evaluation.likeness_fit import PHOTO_NOISE, fit_likeness
from emotion_core.evaluation.reference_faces import Kind, Reference, read_reference
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import load_bundle
from emotion_core.model.calibrate import softmax
from emotion_core.model.classify import load_classifier

FEATURES = 24
# Where the features of each expression lie, and how those of another origin differ from them.
CENTRES = np.random.default_rng(9).normal(0, 2, (7, FEATURES))
ELSEWHERE = np.where(np.arange(FEATURES) < 6, 3.0, 0.0)
GRAINY = -2.5


def features(
    labels: np.ndarray, seed: int, shift: np.ndarray | float = 0.0, noise: float = PHOTO_NOISE
) -> np.ndarray:
    """Pooled features and the noise."""
    rng = np.random.default_rng(seed)
    pooled = CENTRES[labels] + shift + rng.normal(0, 1, (len(labels), FEATURES))
    return np.column_stack([pooled, rng.normal(noise, 0.3, len(labels))])


def labels_of(each: int, codes: tuple[int, ...] = tuple(range(7))) -> np.ndarray:
    return np.repeat(np.array(codes), each)


@pytest.fixture(scope="module")
def reference() -> Reference:
    labels = labels_of(60)
    return Reference(Kind(features(labels, 0)[:, :FEATURES], labels), np.empty((0, FEATURES)))


@pytest.mark.parametrize("each", [3, 10])
@pytest.mark.parametrize("codes", [tuple(range(7)), (3, 4)])
def test_faces_of_another_origin_are_told_apart(
    reference: Reference, each: int, codes: tuple[int, ...]
) -> None:
    labels, many = labels_of(each, codes), labels_of(200)
    new = features(labels, 1, ELSEWHERE)
    found = fit_likeness(new, labels, np.arange(len(labels)), reference)
    assert found is not None
    assert found.shares(features(many, 2, ELSEWHERE)).mean() > 0.9
    assert found.shares(features(many, 3)).mean() < 0.1
    assert len(found.directions) == 1
    assert found.directions[0, -1] == 0, "the grain of the pictures has no say"


@pytest.mark.parametrize("each", [2, 3, 10])
def test_grainy_faces_that_look_like_the_reference_are_told_from_photographs(
    reference: Reference, each: int
) -> None:
    labels, many = labels_of(each), labels_of(200)
    new = features(labels, 1, noise=GRAINY)
    found = fit_likeness(new, labels, np.arange(len(labels)), reference)
    assert found is not None
    assert found.shares(features(many, 2, noise=GRAINY)).mean() > 0.85
    assert found.shares(features(many, 3)).mean() < 0.15
    assert found.shares(features(many, 4, ELSEWHERE)).mean() < 0.15
    assert np.argwhere(found.directions).tolist() == [[0, FEATURES]]


@pytest.mark.parametrize("each", [2, 3, 10, 40])
def test_faces_like_the_reference_are_not(reference: Reference, each: int) -> None:
    labels = labels_of(each)
    for seed in range(10):
        new = features(labels, 10 + seed)
        assert fit_likeness(new, labels, np.arange(len(labels)), reference) is None


def test_photographs_are_told_apart_too(reference: Reference) -> None:
    """The reference says which way photographs differ, and the adaptation's faces differ from both
    in another way."""
    labels, many, as_photographs = labels_of(5), labels_of(200), ELSEWHERE[::-1]
    photographs = Kind(features(labels_of(60), 7, as_photographs)[:, :FEATURES], labels_of(60))
    both = Reference(reference.own, reference.changes, photographs)
    people, new = np.arange(len(labels)), features(labels, 1, ELSEWHERE + as_photographs / 2)
    alone, found = (fit_likeness(new, labels, people, r) for r in (reference, both))
    assert alone is not None
    assert found is not None
    assert [len(alone.directions), len(found.directions)] == [1, 2]
    assert found.shares(features(many, 2, ELSEWHERE + as_photographs / 2)).mean() > 0.9
    assert found.shares(features(many, 3, as_photographs)).mean() < 0.15
    assert alone.shares(features(many, 3, as_photographs)).mean() > 0.2, "it would do harm"
    # Faces like the photographs are told from the network's own only.
    like = fit_likeness(features(labels, 4, as_photographs), labels, people, both)
    assert like is not None
    assert len(like.directions) == 1
    assert like.shares(features(many, 5, as_photographs)).mean() > 0.9


def test_known_changes_of_pictures_tell_more_from_few_faces() -> None:
    """Of hundreds of features a few move with the light: what else moves is mostly chance."""
    count, labels, rng = 300, labels_of(60), np.random.default_rng(8)
    moves = rng.normal(0, 1, (12, count))
    own = Kind(rng.normal(0, 1, (len(labels), count)), labels)
    few, many = labels_of(2), labels_of(100)
    better = []
    for seed in range(10):
        shift = np.random.default_rng(seed).normal(0, 1, 12) @ moves
        shift *= 2.5 / np.linalg.norm(shift)
        new, there, here = (
            np.random.default_rng(100 * seed + i).normal(by, 1, (len(which), count))
            for i, (by, which) in enumerate(((shift, few), (shift, many), (0 * shift, many)))
        )
        right = []
        for changes in (moves[:0], moves):
            reference = Reference(own, changes)
            centres = np.stack([own.features[labels == c].mean(axis=0) for c in few])
            found = reference.directions((new - centres).mean(axis=0)[None], len(few))[0]
            middle = (there.mean(axis=0) + here.mean(axis=0)) @ found / 2
            right.append(((there @ found > middle).mean() + (here @ found < middle).mean()) / 2)
        better.append(right[1] - right[0])
    assert min(better) > 0
    assert np.mean(better) > 0.05


def test_faces_of_one_person_do_not_vouch_for_each_other(reference: Reference) -> None:
    """Everybody differs from the reference in another way: nothing carries over to other people."""
    labels, people = labels_of(6), np.tile(np.arange(6), 7)
    own = np.random.default_rng(4).normal(0, 2, (6, FEATURES))
    own -= own.mean(axis=0)
    new = features(labels, 5, own[people])
    assert fit_likeness(new, labels, people, reference) is None


def test_without_anything_to_compare_with_there_is_none(reference: Reference) -> None:
    labels = labels_of(3)
    people, new = np.arange(len(labels)), features(labels, 1, ELSEWHERE)
    assert fit_likeness(new, labels, people, None) is None
    assert fit_likeness(new[:, :0], labels, people, reference) is None
    assert fit_likeness(new[:, :5], labels, people, reference) is None, "of another network"
    own = Kind(reference.own.features[:60], reference.own.labels[:60])
    few = Reference(own, reference.changes)
    others = labels > 0
    assert fit_likeness(new[others], labels[others], people[others], few) is None


def test_an_adaptation_leaves_other_faces_as_they_are(reference: Reference) -> None:
    rng, shift = np.random.default_rng(6), np.array([-2.0, 1, -1, 0, 2, 0, 0])

    def answers(labels: np.ndarray, by: np.ndarray | float) -> np.ndarray:
        logits = rng.normal(0, 1, (len(labels), 7))
        logits[np.arange(len(labels)), labels] += 2.5
        return softmax(logits + by)

    def recall(probs: np.ndarray, labels: np.ndarray) -> float:
        return float(np.mean([(probs[labels == c].argmax(1) == c).mean() for c in range(7)]))

    few, many = labels_of(5), labels_of(150)
    model = {"name": "made", "sha256": "a"}
    made, gain = make_adaptation(
        answers(few, shift),
        few,
        name="elsewhere",
        model=model,
        features=features(few, 1, ELSEWHERE),
        reference=reference,
    )
    like, unlike = answers(many, shift), answers(many, 0.0)
    told = made.apply(like.astype(np.float32), features(many, 2, ELSEWHERE))
    assert recall(told, many) > recall(like, many) + 0.1
    assert gain.difference.low <= recall(told, many) - recall(like, many) <= gain.difference.high
    left = made.apply(unlike.astype(np.float32), features(many, 3))
    assert recall(left, many) > recall(unlike, many) - 0.02
    alike = made.apply(unlike.astype(np.float32))
    assert recall(alike, many) < recall(unlike, many) - 0.05, "it would do harm"


def test_features_that_do_not_belong_to_the_faces_are_refused(reference: Reference) -> None:
    labels = labels_of(3)
    probs = np.full((len(labels), 7), 0.05) + 0.65 * np.eye(7)[labels]
    for wrong in (features(labels, 0)[1:], np.full((len(labels), 4), np.nan), labels):
        with pytest.raises(InputError, match="finite features"):
            make_adaptation(probs, labels, name="x", model={}, features=wrong, reference=reference)


@pytest.mark.parametrize("name", ["ferplus", "fer2013"])
def test_the_served_networks_have_one_of_their_own_features(name: str) -> None:
    classifier = load_classifier(name)
    found = read_reference(classifier.bundle.path)
    assert found is not None
    features = classifier.read(np.full((1, 48, 48, 1), 128, np.float32)).features
    assert found.photographs is not None
    for kind in found.kinds:
        assert kind.features.shape[1] == features.shape[1] - 1
        assert np.bincount(kind.labels, minlength=7).min() > 15
    assert len(found.changes) == 20


def test_what_is_made_from_posed_faces_leaves_other_photographs_alone(shared_data: Path) -> None:
    lfw, london = read_other_faces(shared_data / "other_faces.npz")
    classifier = load_classifier()
    rng = np.random.default_rng(0)

    def read(
        faces: np.ndarray, labels: np.ndarray, judged: tuple[str, ...], each: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        codes = [EXPRESSIONS.index(e) for e in judged]
        rows = np.concatenate(
            [rng.permutation(np.flatnonzero(labels == code))[:each] for code in codes]
        )
        found = served_readings(classifier, faces[rows])
        return classifier.probabilities(found.logits), found.features, labels[rows], rows

    probs, seen, labels, rows = read(london.images, london.labels, london.judged, 10)
    bundle = load_bundle("ferplus")
    made, _ = make_adaptation(
        probs,
        labels,
        london.people[rows],
        name="posed",
        model={},
        rehearsal=validation_rehearsal(bundle),
        features=seen,
        reference=read_reference(bundle.path),
    )
    assert made.likeness is not None
    assert made.likeness.shares(seen).mean() > 0.8
    probs, seen, labels, _ = read(lfw.images, lfw.labels, lfw.judged, 100)
    assert made.likeness.shares(seen).mean() < 0.3

    def recall(answers: np.ndarray) -> float:
        return float(
            np.mean([(answers[labels == c].argmax(1) == c).mean() for c in np.unique(labels)])
        )

    assert recall(made.apply(probs, seen)) > recall(probs) - 0.02
