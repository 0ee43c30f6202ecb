"""Which faces an adaptation is for: like those that it was made from, and unlike which others.

Where they look different from the faces that the network was calibrated on, or from press
photographs, each two are told apart. Faces that look like the former may still be grainier than
photographs, as the images of FER2013 are: then the noise tells them from photographs, and the
rehearsal (`adaptation_fit`) sees to it that the adaptation does no harm to the network's own data
set.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.evaluation.reference_faces import Kind, Reference
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.likeness import NOISE, Likeness

# In standard deviations. From three labelled faces of each expression on, those of the network's
# own data set stay below 1.5 in 19 of 20 draws, and those of LFW and London lie above 1.57.
LEAST_SEPARATION: Final = 1.5
# Where on the way from other faces to the new ones a face gets half of an adaptation: nearer to the
# others, as the new ones should get all of it. With 0.4 for the own faces, one set would lose more
# than 0.02 by an adaptation made from another (`benchmarks/adaptation.py`).
_FROM_OWN, _FROM_PHOTOGRAPHS = 0.45, 0.3
# `noise_of` the faces of photographs: mean and standard deviation of 8,523 press photographs (LFW,
# without those that measure). 202 portraits of a studio (Face Research Lab London Set) have
# -3.31 ± 0.18, two clips of webcams -2.82 ± 0.24 and -3.07 ± 0.08, FER2013 has -2.50 ± 0.32.
PHOTO_NOISE: Final = -3.43
_PHOTO_SPREAD: Final = 0.30


def fit_likeness(
    features: NDArray[Any],
    labels: NDArray[np.int64],
    people: NDArray[np.int64],
    reference: Reference | None,
) -> Likeness | None:
    """What tells the faces of an adaptation from others: from the network's own faces, and from
    photographs.

    Args:
        features: (N, F + 1) of the new faces, as `Classifier.read` gives them.
        labels: (N,) index into `EXPRESSIONS`.
        people: (N,) who is seen.
        reference: what they are compared with.

    Returns:
        None where there is no reference, where it has other features, or where nothing tells the
        faces from others.
    """
    count = features.shape[1]
    if reference is None or count != reference.own.features.shape[1] + 1:
        return None
    faces = features.astype(np.float64)
    own = _by_looks(faces, labels, people, reference, reference.own, _FROM_OWN)
    photographs = None if own else _by_noise(faces, labels)
    if photographs is None and reference.photographs is not None:
        kind = reference.photographs
        photographs = _by_looks(faces, labels, people, reference, kind, _FROM_PHOTOGRAPHS)
    found = [boundary for boundary in (own, photographs) if boundary is not None]
    if not found:
        return None
    directions, middles = zip(*found, strict=True)
    return Likeness(np.stack(directions), np.array(middles))


_Boundary = tuple[NDArray[np.float64], float]


def _by_looks(
    faces: NDArray[np.float64],
    labels: NDArray[np.int64],
    people: NDArray[np.int64],
    reference: Reference,
    kind: Kind,
    middle: float,
) -> _Boundary | None:
    """What tells faces (N, F + 1) from those of a kind that show the same expressions: log-odds of
    each feature, and where they are even, `middle` of the way to the new faces; None where they do
    not look different.

    The noise has no say: it would tell all photographs from FER2013, and none from another.
    """
    known = np.isin(labels, kind.labels)
    if not known.any():
        return None
    looks, labels, people = faces[known, :NOISE], labels[known], people[known]
    weights = _weights(labels)
    there = {c: rows for c, rows in kind.of_expression().items() if c in labels}
    centres = {c: rows.mean(axis=0) for c, rows in there.items()}
    differences = looks - np.stack([centres[c] for c in labels.tolist()])
    # Of faces with equal weights, as many (Kish 1965, Survey Sampling).
    count = 1 / float(weights @ weights)
    direction = reference.directions(weights @ differences[None], count)[0]
    gap = float(weights @ _places_by_others(differences, weights, people, reference, count))
    variance = float(np.mean([(rows @ direction).var() for rows in there.values()]))
    if variance <= 0 or gap / np.sqrt(variance) < LEAST_SEPARATION:
        return None
    # Two normal distributions of the same spread: the log-odds are linear in the direction.
    slope = gap / variance
    start = float(np.mean([centre @ direction for centre in centres.values()]))
    rounded = np.array([float(f"{weight:.6g}") for weight in [*(slope * direction), 0]])
    return rounded, slope * (start + middle * gap)


def _by_noise(faces: NDArray[np.float64], labels: NDArray[np.int64]) -> _Boundary | None:
    """What tells faces (N, F + 1) from photographs by the last feature; None where they are hardly
    grainier."""
    gap, variance = float(_weights(labels) @ faces[:, NOISE]) - PHOTO_NOISE, _PHOTO_SPREAD**2
    if gap / _PHOTO_SPREAD < LEAST_SEPARATION:
        return None
    direction = np.zeros(faces.shape[1])
    direction[NOISE] = round(gap / variance, 4)
    return direction, direction[NOISE] * (PHOTO_NOISE + gap / 2)


def _weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) so that each expression counts the same; their sum is 1."""
    counts = np.bincount(labels, minlength=NUM_EXPRESSIONS)
    return np.asarray(1 / counts[labels] / np.count_nonzero(counts))


def _places_by_others(
    differences: NDArray[np.float64],
    weights: NDArray[np.float64],
    people: NDArray[np.int64],
    reference: Reference,
    count: float,
) -> NDArray[np.float64]:
    """(N,) how far each face lies along the direction that the other people's faces give: its own
    share of the direction would point at itself."""
    known, who = np.unique(people, return_inverse=True)
    if len(known) == 1:
        known, who = np.arange(len(people)), np.arange(len(people))
    sums = np.zeros((len(known), differences.shape[1]))
    np.add.at(sums, who, weights[:, None] * differences)
    held = np.bincount(who, weights)
    others = (weights @ differences - sums) / np.maximum(1 - held, 1e-9)[:, None]
    directions = reference.directions(others, count)
    return np.asarray(np.einsum("nf,nf->n", differences, directions[who]))
