"""Which faces an adaptation is for: like those that it was made from, and unlike which others.

Where they look different from those that the network was calibrated on, the two are told apart.
Faces that look like those may still be grainier than photographs, as the images of FER2013 are:
then the noise tells them from photographs, and the rehearsal (`adaptation_fit`) sees to it that the
adaptation does no harm to the network's own data set.

reference_faces.npz of a model folder, for this
    features (M, F) float16: pooled features of validation faces, as the served network gives them
    labels (M,) int8: index into `EXPRESSIONS`; equally many of each where there are enough
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.errors import ModelError
from emotion_core.evaluation.adaptation_fit import drawn_evenly
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.likeness import NOISE, Likeness

REFERENCE_FILE: Final = "reference_faces.npz"
_FACES_EACH: Final = 60
# How far the covariance is drawn to that of features without any (Ledoit & Wolf 2004, Journal of
# Multivariate Analysis 88(2), 365-411): there are hardly more faces than features.
_SHRINKAGE: Final = 0.5
# In standard deviations. From three labelled faces of each expression on, those of the network's
# own data set stay below it in nine of ten draws; 19 of 20 draws from other sets lie above 1.85.
LEAST_SEPARATION: Final = 1.6
# The middle lies nearer to the reference faces than to the new ones, which should get all of it.
_MIDDLE: Final = 0.45
# `noise_of` the faces of photographs: mean and standard deviation of 8,523 press photographs (LFW,
# without those that measure). 202 portraits of a studio (Face Research Lab London Set) have
# -3.31 ± 0.18, two clips of webcams -2.82 ± 0.24 and -3.07 ± 0.08, FER2013 has -2.50 ± 0.32.
PHOTO_NOISE: Final = -3.43
_PHOTO_SPREAD: Final = 0.30


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Faces that a network was calibrated on.

    Attributes:
        features: (M, F) pooled.
        labels: (M,) index into `EXPRESSIONS`.
        whitening: (F, F), the inverse covariance of the features within the expressions; computed
            once, as every fold of a cross-validation needs it.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    whitening: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whitening", _inverse_covariance(self.features, self.labels))


def write_reference(folder: Path, features: NDArray[Any], labels: NDArray[Any]) -> None:
    """Keep some of the faces that a network was calibrated on in its folder.

    Args:
        folder: of the model.
        features: (N, F + 1) as `Classifier.read` gives them; nothing is written where there are
            none.
        labels: (N,) index into `EXPRESSIONS`.
    """
    if not features.shape[1]:
        return
    rows = drawn_evenly(labels, _FACES_EACH)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        features=features[rows, :NOISE].astype(np.float16),
        labels=labels[rows].astype(np.int8),
    )
    replace_file(folder / REFERENCE_FILE, file.getvalue())


def read_reference(folder: Path) -> Reference | None:
    """What `write_reference` wrote; None where a folder, such as an older one, keeps nothing.

    Raises:
        ModelError: the file is damaged.
    """
    file = folder / REFERENCE_FILE
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            features = arrays["features"].astype(np.float64)
            labels = arrays["labels"].astype(np.int64)
        shaped = features.ndim == 2 and labels.shape == features.shape[:1]
        if not shaped or not features.size:
            raise ValueError(f"it holds {features.shape} features and {labels.shape} labels")
        if not np.isfinite(features).all() or ((labels < 0) | (labels >= NUM_EXPRESSIONS)).any():
            raise ValueError("it holds features or labels outside their range")
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged archive
        raise ModelError(
            f"{file} is damaged ({error}). Restore it, or remove it: adaptations then apply to all "
            "faces alike."
        ) from error
    return Reference(features, labels)


def fit_likeness(
    features: NDArray[Any],
    labels: NDArray[np.int64],
    people: NDArray[np.int64],
    reference: Reference | None,
) -> Likeness | None:
    """What tells the faces of an adaptation from others: from the reference faces, or, where they
    look like those, from the faces of photographs.

    Args:
        features: (N, F + 1) of the new faces, as `Classifier.read` gives them.
        labels: (N,) index into `EXPRESSIONS`.
        people: (N,) who is seen.
        reference: the faces that the network was calibrated on.

    Returns:
        None where there is no reference, where it has other features, or where nothing tells the
        faces from others.
    """
    count = features.shape[1]
    if reference is None or count != reference.features.shape[1] + 1:
        return None
    known = np.isin(labels, reference.labels)
    shown = np.unique(labels[known])
    if not len(shown):
        return None
    faces, labels, people = features[known].astype(np.float64), labels[known], people[known]
    weights = 1 / np.bincount(labels, minlength=NUM_EXPRESSIONS)[labels] / len(shown)
    found = _by_looks(faces[:, :NOISE], labels, people, weights, reference)
    return found or _by_noise(float(weights @ faces[:, NOISE]), count)


def _by_looks(
    faces: NDArray[np.float64],
    labels: NDArray[np.int64],
    people: NDArray[np.int64],
    weights: NDArray[np.float64],
    reference: Reference,
) -> Likeness | None:
    """What tells faces (N, F) from the reference faces of the same expressions; None where they
    do not look different. The noise has no say: it would tell all photographs from the reference,
    and none from another."""
    shown = np.unique(labels)
    of_shown = {int(c): reference.features[reference.labels == c] for c in shown}
    centres = {c: rows.mean(axis=0) for c, rows in of_shown.items()}
    differences = faces - np.stack([centres[c] for c in labels.tolist()])
    direction = reference.whitening @ (weights @ differences)
    there = weights @ _places_by_others(faces, differences, weights, people, reference.whitening)
    places = [rows @ direction for rows in of_shown.values()]
    here = float(np.mean([p.mean() for p in places]))
    variance = float(np.mean([p.var() for p in places]))
    if variance <= 0 or (there - here) / np.sqrt(variance) < LEAST_SEPARATION:
        return None
    # Two normal distributions of the same spread: the log-odds are linear in the direction.
    slope = (there - here) / variance
    rounded = np.array([float(f"{weight:.6g}") for weight in [*(slope * direction), 0]])
    return Likeness(rounded, float(slope * (here + _MIDDLE * (there - here))))


def _by_noise(noise: float, count: int) -> Likeness | None:
    """What tells faces of this mean noise from those of photographs, by the last of `count`
    features; None where they are hardly grainier."""
    gap, variance = noise - PHOTO_NOISE, _PHOTO_SPREAD**2
    if gap / _PHOTO_SPREAD < LEAST_SEPARATION:
        return None
    direction = np.zeros(count)
    direction[NOISE] = round(gap / variance, 4)
    return Likeness(direction, direction[NOISE] * (PHOTO_NOISE + gap / 2))


def _places_by_others(
    faces: NDArray[np.float64],
    differences: NDArray[np.float64],
    weights: NDArray[np.float64],
    people: NDArray[np.int64],
    whitening: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(N,) where each face is on the direction that the other people's faces give: its own share of
    the direction would point at itself."""
    known, who = np.unique(people, return_inverse=True)
    if len(known) == 1:
        known, who = np.arange(len(people)), np.arange(len(people))
    sums = np.zeros((len(known), faces.shape[1]))
    np.add.at(sums, who, weights[:, None] * differences)
    held = np.bincount(who, weights)
    others = (weights @ differences - sums) / np.maximum(1 - held, 1e-9)[:, None]
    return np.asarray(np.einsum("nf,nf->n", faces, (others @ whitening)[who]))


def _inverse_covariance(
    features: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(F, F) of features (M, F) within the expressions that labels (M,) name."""
    centred = features.copy()
    for code in np.unique(labels):
        centred[labels == code] -= centred[labels == code].mean(axis=0)
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    count = len(covariance)
    even = np.eye(count) * max(float(np.trace(covariance)) / count, 1e-12)
    return np.asarray(np.linalg.inv((1 - _SHRINKAGE) * covariance + _SHRINKAGE * even))
