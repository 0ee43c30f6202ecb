"""How well a network reads faces of other origin than its own data set.

The *cross-data-set score* is the mean recall over all judged expressions of all sets: each
expression of each set counts the same, however many images it has. Intervals are bootstrap 95%
percentile intervals over people, as the faces of one person are alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import parse_json, write_json
from emotion_core.errors import ModelError
from emotion_core.evaluation.bootstrap import interval_of
from emotion_core.evaluation.inference import served_readings
from emotion_core.evaluation.metrics import expected_calibration_error
from emotion_core.labels import EXPRESSIONS

if TYPE_CHECKING:
    from emotion_core.datasets.other_faces import FaceSet
    from emotion_core.model.adaptation import Adaptation
    from emotion_core.model.classify import Classifier

FILE: Final = "other_faces.json"
_VERSION: Final = 1
_RESAMPLES: Final = 1000
_INTERVAL: Final = ("value", "low", "high")


def score_other_faces(
    classifier: Classifier,
    sets: Sequence[FaceSet],
    source: Path,
    adaptation: Adaptation | None = None,
) -> dict[str, Any]:
    """Recalls, calibration and the cross-data-set score, ready for JSON.

    Args:
        classifier: the served network.
        sets: as `read_other_faces` gives them.
        source: the file, for its name and SHA-256.
        adaptation: corrects the network's answers before they are scored, and is named.
    """
    blocks, draws = [], []
    # One generator, so that the draws of one set tell nothing about those of the next.
    rng = np.random.default_rng(0)
    for faces in sets:
        block, drawn = _score_set(classifier, faces, adaptation, rng)
        blocks.append(block)
        draws.append(drawn)
    value = float(np.mean([r["value"] for b in blocks for r in b["recall"].values()]))
    drawn = np.nanmean(np.concatenate(draws, axis=1), axis=1)
    scores = {
        "version": _VERSION,
        "source": source.name,
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "temperature": classifier.temperature,
        "cross_score": asdict(interval_of(value, drawn)),
        "sets": blocks,
    }
    return scores if adaptation is None else scores | {"adaptation": adaptation.described()}


def _score_set(
    classifier: Classifier,
    faces: FaceSet,
    adaptation: Adaptation | None,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """The scores of one set, and (1000, judged) recalls of redrawn people."""
    judged = [EXPRESSIONS.index(expression) for expression in faces.judged]
    kept = np.isin(faces.labels, judged)
    truth, people = faces.labels[kept].astype(np.int64), faces.people[kept]
    found = served_readings(classifier, faces.images[kept])
    probs = classifier.probabilities(found.logits)
    if adaptation is not None:
        probs = adaptation.apply(probs, found.features)
    right = probs.argmax(axis=1) == truth
    drawn = _redrawn_recalls(truth, right, people, judged, rng)
    recall = {}
    for column, code in enumerate(judged):
        value = float(right[truth == code].mean())
        interval = asdict(interval_of(value, drawn[:, column]))
        recall[EXPRESSIONS[code]] = interval | {"images": int((truth == code).sum())}
    block = {
        "name": faces.name,
        "about": faces.about,
        "images": int(kept.sum()),
        "people": len(np.unique(people)),
        "recall": recall,
        "accuracy": float(right.mean()),
        "confidence": float(probs.max(axis=1).mean()),
        "ece": expected_calibration_error(truth, probs),
        "unsure": float((probs.max(axis=1) < classifier.unsure_threshold).mean()),
    }
    return block, drawn


def mean_scores(
    answers: Sequence[NDArray[np.floating]], sets: Sequence[FaceSet]
) -> tuple[float, float]:
    """The cross-data-set score and the mean calibration error of the sets, without intervals.

    Args:
        answers: probabilities (N, 7) for the images of each set, calibrated.
        sets: as `read_other_faces` gives them.
    """
    recalls, errors = [], []
    for probs, faces in zip(answers, sets, strict=True):
        judged = [EXPRESSIONS.index(expression) for expression in faces.judged]
        kept = np.isin(faces.labels, judged)
        truth = faces.labels[kept].astype(np.int64)
        right = probs[kept].argmax(axis=1) == truth
        recalls += [float(right[truth == code].mean()) for code in judged]
        errors.append(expected_calibration_error(truth, probs[kept]))
    return float(np.mean(recalls)), float(np.mean(errors))


def summary_of(scores: dict[str, Any]) -> dict[str, float]:
    """The columns of runs.csv: `cross_score`, and `cross_ece`, the mean of the sets."""
    errors = [block["ece"] for block in scores["sets"]]
    return {"cross_score": scores["cross_score"]["value"], "cross_ece": float(np.mean(errors))}


def _redrawn_recalls(
    truth: NDArray[np.int64],
    right: NDArray[np.bool_],
    people: NDArray[np.int64],
    judged: Sequence[int],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(1000, judged) recalls, each of as many people drawn with replacement; NaN without a face."""
    _, person = np.unique(people, return_inverse=True)
    count = int(person.max()) + 1
    faces = np.zeros((count, len(judged)))
    hits = np.zeros((count, len(judged)))
    for column, code in enumerate(judged):
        of_class = truth == code
        faces[:, column] = np.bincount(person[of_class], minlength=count)
        hits[:, column] = np.bincount(person[of_class & right], minlength=count)
    times = rng.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    drawn = times @ faces
    return np.asarray(
        np.divide(times @ hits, drawn, where=drawn > 0, out=np.full_like(drawn, np.nan))
    )


def save_other_faces(folder: Path, scores: dict[str, Any]) -> None:
    """Write other_faces.json into a model's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    write_json(folder / FILE, scores)


def load_other_faces(folder: Path) -> dict[str, Any] | None:
    """The scores of a model's folder; None where they were never measured.

    Raises:
        ModelError: the file is damaged.
    """
    file = folder / FILE
    try:
        scores = dict(parse_json(file.read_bytes()))
        if scores["version"] != _VERSION:
            raise ValueError(f"version {scores['version']}")
        _check(scores)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{file} is damaged ({error}). `python -m emotion_core evaluate --data "
            f"other_faces.npz --model {folder.name}` writes it again."
        ) from error
    return scores


def _check(scores: dict[str, Any]) -> None:
    """Raise where a figure that pages and card read is missing or not a number."""
    _need_numbers(scores["cross_score"], *_INTERVAL)
    for block in scores["sets"]:
        str(block["name"]), str(block["about"])
        _need_numbers(block, "images", "people", "accuracy", "confidence", "ece", "unsure")
        for recall in dict(block["recall"]).values():
            _need_numbers(recall, "images", *_INTERVAL)


def _need_numbers(values: dict[str, Any], *names: str) -> None:
    for name in names:
        if not isinstance(values[name], int | float):
            raise TypeError(f"{name} is {values[name]!r}")
