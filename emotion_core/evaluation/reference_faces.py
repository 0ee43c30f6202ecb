"""Faces that those of an adaptation are compared with, as a network sees them.

reference_faces.npz of a model folder
    features (M, F) float16: pooled features of validation faces, as the served network gives them
    labels (M,) int8: index into `EXPRESSIONS`; equally many of each where there are enough
    changes (K, F) float16: how far the mean of these features moves when the pictures are changed
        as cameras, lamps and face detectors change them
    photograph_features (P, F) float16, photograph_labels (P,) int8: the same of press photographs
        of other people; the labels are the network's own answers

Only the first two are always there.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replace_file
from emotion_core.errors import ModelError
from emotion_core.evaluation.adaptation_fit import drawn_evenly
from emotion_core.evaluation.corruptions import damaged
from emotion_core.evaluation.inference import served_readings
from emotion_core.labels import NUM_EXPRESSIONS
from emotion_core.model.classify import Classifier
from emotion_core.model.likeness import NOISE

REFERENCE_FILE: Final = "reference_faces.npz"
_FACES_EACH: Final = 60
# Fewer photographs that a network calls by one expression say little about where they lie.
_LEAST_PHOTOGRAPHS: Final = 10
# How far the covariance is drawn to that of features without any (Ledoit & Wolf 2004, Journal of
# Multivariate Analysis 88(2), 365-411): there are hardly more faces than features.
_SHRINKAGE: Final = 0.5
# What is expected of the shift from one kind of pictures to another, in standard deviations of the
# features: its length along the changes that are known, and its part along any other feature.
# Chosen on LFW and London, each told from the other and from FER+ by three faces of each
# expression: half or double of the first changes the area under the curve by 0.011 at most, half or
# double of the second lowers it by up to 0.043.
_KNOWN_SD, _OTHER_SD = 3.0, 0.15

Images = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Faces of one origin.

    Attributes:
        features: (M, F) pooled.
        labels: (M,) index into `EXPRESSIONS`.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int64]

    def of_expression(self) -> dict[int, NDArray[np.float64]]:
        """The features of each expression that there is."""
        return {int(c): self.features[self.labels == c] for c in np.unique(self.labels)}


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the faces of an adaptation are compared with.

    Attributes:
        own: faces that the network was calibrated on.
        changes: (K, F) how far pictures' changes move the mean of their features; K may be 0.
        photographs: press photographs of other people; None where a folder has none.
    """

    own: Kind
    changes: NDArray[np.float64]
    photographs: Kind | None = None
    _factor: NDArray[np.float64] = field(init=False, repr=False)
    _axes: NDArray[np.float64] = field(init=False, repr=False)
    _variances: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Computed once, as every fold of a cross-validation needs it.
        factor = np.linalg.cholesky(_inverse_covariance(self.own))
        moves = self.changes @ factor
        lengths = np.linalg.norm(moves, axis=1, keepdims=True)
        _, sizes, axes = np.linalg.svd(moves / np.maximum(lengths, 1e-9), full_matrices=False)
        object.__setattr__(self, "_factor", factor)
        object.__setattr__(self, "_axes", axes)
        known = sizes**2 / max(len(moves), 1)
        object.__setattr__(self, "_variances", _KNOWN_SD**2 * known + _OTHER_SD**2)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of faces, the network's own first."""
        return (self.own,) if self.photographs is None else (self.own, self.photographs)

    def directions(self, shifts: NDArray[np.float64], faces: float) -> NDArray[np.float64]:
        """What tells two kinds of faces apart, from few faces of one of them.

        A linear discriminant (Fisher 1936, Annals of Eugenics 7(2), 179-188) on the posterior mean
        of the shift between them: few faces determine hundreds of features badly, but most of what
        makes pictures differ is known.

        Args:
            shifts: (N, F) mean differences of the features.
            faces: how many equally weighted faces each is the mean of.

        Returns:
            (N, F) the log-odds of a unit of each feature, but for a factor.
        """
        seen = shifts @ self._factor
        other = _share(_OTHER_SD**2, faces)
        along = seen @ self._axes.T
        likely = other * seen + (along * (_share(self._variances, faces) - other)) @ self._axes
        return np.asarray(likely @ self._factor.T)


def _share(variance: Any, faces: float) -> Any:
    """Of what was seen in the mean of so many faces, how much is not by chance."""
    return variance / (variance + 1 / faces)


def reference_of(
    classifier: Classifier,
    images: Images,
    labels: NDArray[np.int64],
    photographs: Images | None = None,
) -> Reference | None:
    """Ask a network about the faces that it is to keep.

    Args:
        classifier: the served network.
        images: (N, 48, 48) that it is calibrated on.
        labels: (N,) index into `EXPRESSIONS`.
        photographs: (P, 48, 48) of other people, unlabelled.

    Returns:
        None where the network does not give its features.
    """
    rows = drawn_evenly(labels, _FACES_EACH)
    kept = images[rows]
    own = Kind(_pooled(classifier, kept), labels[rows])
    if not own.features.shape[1]:
        return None
    moved = [_pooled(classifier, faces).mean(axis=0) for faces in _changed(kept)]
    changes = np.stack(moved) - own.features.mean(axis=0)
    return Reference(own, changes, _photographs(classifier, photographs))


def _photographs(classifier: Classifier, images: Images | None) -> Kind | None:
    if images is None or not len(images):
        return None
    found = served_readings(classifier, images)
    called = found.logits.argmax(axis=1).astype(np.int64)
    many = np.bincount(called, minlength=NUM_EXPRESSIONS) >= _LEAST_PHOTOGRAPHS
    rows = drawn_evenly(np.where(many[called], called, -1), _FACES_EACH)
    return (
        Kind(found.features[rows, :NOISE].astype(np.float64), called[rows]) if len(rows) else None
    )


def _pooled(classifier: Classifier, images: Images) -> NDArray[np.float64]:
    return served_readings(classifier, images).features[:, :NOISE].astype(np.float64)


def _changed(images: Images) -> Iterator[Images]:
    """The same faces (N, 48, 48) as other cameras, lamps and face detectors would give them."""
    whole = images.astype(np.float32)
    for exponent in (0.6, 1.6):
        yield _as_images(255 * (whole / 255) ** exponent)
    means = whole.mean(axis=(1, 2), keepdims=True)
    for contrast in (0.5, 1.5):
        yield _as_images(means + contrast * (whole - means))
    ramp = np.linspace(-0.5, 0.5, images.shape[2], dtype=np.float32)
    for light in (ramp[None, :], -ramp[None, :], ramp[:, None]):
        yield _as_images(whole * (1 + light))
    for width in (0.8, 1.3):
        yield damaged(images, "blur", width)
    yield _as_images(2 * whole - damaged(images, "blur", 1.0))
    yield damaged(images, "size", 24)
    yield damaged(images, "noise", 8)
    for scale in (0.88, 1.12):
        yield _framed(images, scale=scale)
    for angle in (-10.0, 10.0):
        yield _framed(images, angle=angle)
    for pixels in (-3, 3):
        yield _framed(images, right=pixels)
        yield _framed(images, down=pixels)


def _framed(
    images: Images, scale: float = 1.0, angle: float = 0.0, right: int = 0, down: int = 0
) -> Images:
    height, width = images.shape[1:]
    place = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    place[:, 2] += (right, down)
    moved = [
        cv2.warpAffine(image, place, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        for image in images
    ]
    return np.stack(moved).astype(np.uint8)


def _as_images(values: NDArray[np.floating]) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def write_reference(folder: Path, reference: Reference) -> None:
    """Keep what `reference_of` found in the folder of the model."""
    arrays: dict[str, Any] = {
        "features": reference.own.features.astype(np.float16),
        "labels": reference.own.labels.astype(np.int8),
        "changes": reference.changes.astype(np.float16),
    }
    if reference.photographs is not None:
        arrays["photograph_features"] = reference.photographs.features.astype(np.float16)
        arrays["photograph_labels"] = reference.photographs.labels.astype(np.int8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
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
            own = _kind(arrays["features"], arrays["labels"])
            count = own.features.shape[1]
            changes = np.empty((0, count))
            if "changes" in arrays:
                changes = arrays["changes"].astype(np.float64)
            photographs = None
            if "photograph_features" in arrays:
                photographs = _kind(arrays["photograph_features"], arrays["photograph_labels"])
        others = [changes] if photographs is None else [changes, photographs.features]
        if any(a.ndim != 2 or a.shape[1] != count or not np.isfinite(a).all() for a in others):
            raise ValueError("changes or photographs are of other features")
    except Exception as error:  # numpy and zipfile raise many kinds for a damaged archive
        raise ModelError(
            f"{file} is damaged ({error}). Restore it, or remove it: adaptations then apply to all "
            "faces alike."
        ) from error
    return Reference(own, changes, photographs)


def _kind(features: NDArray[Any], labels: NDArray[Any]) -> Kind:
    features, labels = features.astype(np.float64), labels.astype(np.int64)
    shaped = features.ndim == 2 and labels.shape == features.shape[:1]
    if not shaped or not features.size:
        raise ValueError(f"it holds {features.shape} features and {labels.shape} labels")
    if not np.isfinite(features).all() or ((labels < 0) | (labels >= NUM_EXPRESSIONS)).any():
        raise ValueError("it holds features or labels outside their range")
    return Kind(features, labels)


def _inverse_covariance(faces: Kind) -> NDArray[np.float64]:
    """(F, F) of the features within the expressions."""
    centred = np.concatenate([rows - rows.mean(axis=0) for rows in faces.of_expression().values()])
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    count = len(covariance)
    even = np.eye(count) * max(float(np.trace(covariance)) / count, 1e-12)
    return np.asarray(np.linalg.inv((1 - _SHRINKAGE) * covariance + _SHRINKAGE * even))
