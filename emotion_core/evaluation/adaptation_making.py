"""Make an adaptation from labelled faces, and measure by cross-validation what it brings.

Cross-validation leaves people out: nobody's faces are in the fit and in the measurement. The
strength is what gives the smallest log-loss on faces left out, averaged over redraws of the people
(bootstrap), so that few or contradictory faces lead to a weak adaptation.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotion_core.config import check_range
from emotion_core.errors import InputError
from emotion_core.evaluation.adaptation_fit import (
    LabelledFaces,
    fit_corrections,
    rehearsed_faces,
)
from emotion_core.evaluation.bootstrap import Interval, interval_of
from emotion_core.evaluation.likeness_fit import fit_likeness
from emotion_core.evaluation.predictions import predictions_path, read_predictions
from emotion_core.evaluation.reference_faces import Reference
from emotion_core.labels import EXPRESSIONS, NUM_EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.calibrate import centred_logits

if TYPE_CHECKING:
    from emotion_core.model.bundle import ModelBundle

LEAST_FACES: Final = 2
LEAST_EXPRESSIONS: Final = 2
# Labels that the network hardly ever agrees with are more likely wrong than it is: chance is 0.14,
# and on faces of seven other origins no mean recall below 0.45 was seen.
LEAST_AGREEMENT: Final = 0.25
# Weaker than this on faces left out, and it is not worth having.
LEAST_STRENGTH: Final = 0.05
_FOLDS: Final = 10
_RESAMPLES: Final = 1000
_STRENGTHS: Final = np.linspace(0, 1, 21)


@dataclass(frozen=True, slots=True)
class Gain:
    """What an adaptation brings on faces of people who were left out of its fit.

    Attributes:
        faces: how many were used.
        people: how many people they show.
        by_expression: faces of each expression.
        left_out: faces of expressions with fewer than `LEAST_FACES`, which were not used.
        before, after: mean recall over these expressions without and with it, 0 to 1.
        difference: after minus before, with the bootstrap 95% interval over people.
        loss_before, loss_after: mean negative log-likelihood in nats, each expression counting the
            same.
        offered: whether it brings anything: a smaller loss and no smaller recall.
    """

    faces: int
    people: int
    by_expression: Mapping[str, int]
    before: float
    after: float
    difference: Interval
    loss_before: float
    loss_after: float
    offered: bool
    left_out: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def make_adaptation(
    probs: ArrayLike,
    truth: ArrayLike,
    people: ArrayLike | None = None,
    *,
    name: str,
    model: Mapping[str, str],
    rehearsal: tuple[ArrayLike, ArrayLike] | None = None,
    features: ArrayLike | None = None,
    reference: Reference | None = None,
    strength: float | None = None,
    seed: int = 0,
) -> tuple[Adaptation, Gain]:
    """Learn an adaptation, choose its strength and measure its gain.

    Args:
        probs: (N, 7) the network's calibrated probabilities of the faces.
        truth: (N,) index into `EXPRESSIONS` of each face's label.
        people: (N,) who is seen; None, or one person alone: each face counts as somebody else.
        name: of the adaptation.
        model: name and sha256 of the network.
        rehearsal: faces not to forget, as `validation_rehearsal` reads them; None: expressions
            that the faces lack keep their logit.
        features: (N, F) of the faces, as `Classifier.read` gives them; F may be 0.
        reference: of the network, as `read_reference` gives it. It is needed, with the features,
            for an adaptation that applies to faces like these and not to all alike.
        strength: 0 to 1, of which the gain is measured; None: what suits the faces best.
        seed: of the folds and the redraws.

    Raises:
        InputError: too few faces or expressions, nothing left to learn from where people are left
            out, or labels that are more likely wrong than the network is.
        SettingsError: the strength lies outside 0 to 1.

    Examples:
        >>> import numpy as np
        >>> from emotion_core.evaluation.adaptation_making import make_adaptation
        >>> truth = np.repeat([3, 4], 20)  # 20 happy and 20 neutral faces
        >>> happy = np.where(truth == 3, np.tile([0.45, 0.7], 20), 0.1)
        >>> probs = np.full((40, 7), 0.01)
        >>> probs[:, 3], probs[:, 4] = happy, 0.95 - happy
        >>> adaptation, gain = make_adaptation(probs, truth, name="smiles", model={})
        >>> gain.before, gain.after, gain.offered
        (0.75, 1.0, True)
    """
    faces = _checked(probs, truth, people, features)
    _check_agreement(faces)
    kept = rehearsed_faces(rehearsal)
    strength, gain = _measured(faces, kept, reference, strength, seed)
    gain = replace(gain, left_out=_counted(truth, gain.by_expression))
    parts = fit_corrections(faces.logits, faces.labels, kept)
    likeness = fit_likeness(faces.features, faces.labels, faces.people, reference)
    return Adaptation(name, model, *parts, strength, None, likeness, {"gain": gain.to_dict()}), gain


def validation_rehearsal(
    bundle: ModelBundle,
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """The network's probabilities (M, 7) and the labels (M,) of the faces it was calibrated on.

    Returns:
        None where the model folder keeps no predictions of its validation split.

    Raises:
        ModelError: the file is damaged.
    """
    # Every model folder names the data that its predictions are of in the same way.
    files = sorted(bundle.path.glob(predictions_path(Path(), "*", "validation").name))
    if not files:
        return None
    found = read_predictions(files[0])
    label_set = found.label_set_of(bundle.label_set)
    if label_set is None:
        return None
    kept = found.labelled(label_set)
    return found.served_probs[kept], found.labels[label_set][kept]


def prior_adaptation(
    name: str,
    model: Mapping[str, str],
    labels: NDArray[np.int64],
    prior: NDArray[np.float64] | None = None,
) -> Adaptation:
    """An adaptation without faces: the network's own prior is replaced by another.

    Args:
        name: of the adaptation.
        model: name and sha256 of the network.
        labels: (M,) labels of faces drawn as the network's training faces were.
        prior: (7,) shares that sum to 1; None expects all expressions equally often.

    Raises:
        SettingsError: the prior is not seven shares.
    """
    trained = trained_prior(labels)
    record = {"trained_prior": dict(zip(EXPRESSIONS, trained.round(4).tolist(), strict=True))}
    return Adaptation(name, model, offsets=-np.log(trained), prior=prior, record=record)


def trained_prior(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(7,) how often the expressions are, with one face added to each so that none is 0."""
    counts = np.bincount(labels, minlength=NUM_EXPRESSIONS) + 1.0
    return np.asarray(counts / counts.sum(), np.float64)


def _checked(
    probs: ArrayLike, truth: ArrayLike, people: ArrayLike | None, features: ArrayLike | None
) -> LabelledFaces:
    """The faces of expressions with enough of them."""
    matrix, labels = np.asarray(probs, np.float64), np.asarray(truth, np.int64)
    if matrix.shape != (len(labels), NUM_EXPRESSIONS) or labels.ndim != 1:
        raise InputError(
            f"An adaptation needs probabilities (N, 7) and labels (N,), got {matrix.shape} and "
            f"{labels.shape}."
        )
    if not np.isfinite(matrix).all() or ((labels < 0) | (labels >= NUM_EXPRESSIONS)).any():
        raise InputError("An adaptation needs finite probabilities and labels from 0 to 6.")
    who = np.arange(len(labels)) if people is None else np.unique(people, return_inverse=True)[1]
    counts = np.bincount(labels, minlength=NUM_EXPRESSIONS)
    enough = np.flatnonzero(counts >= LEAST_FACES)
    if len(enough) < LEAST_EXPRESSIONS:
        found = ", ".join(f"{EXPRESSIONS[c]} {counts[c]}" for c in np.flatnonzero(counts))
        raise InputError(
            f"An adaptation needs at least {LEAST_FACES} faces of each of {LEAST_EXPRESSIONS} "
            f"expressions; there are: {found or 'none'}. Label more faces."
        )
    kept = np.isin(labels, enough)
    if len(np.unique(who[kept])) == 1:
        who = np.arange(len(labels))
    seen = np.empty((len(labels), 0)) if features is None else np.asarray(features, np.float64)
    if seen.ndim != 2 or len(seen) != len(labels) or not np.isfinite(seen).all():
        raise InputError(
            f"An adaptation needs finite features (N, F) of its {len(labels)} faces, got "
            f"{seen.shape}."
        )
    logits = centred_logits(matrix[kept]).astype(np.float64)
    return LabelledFaces(logits, labels[kept], who[kept], seen[kept])


def _check_agreement(faces: LabelledFaces) -> None:
    """Refuse labels that look mixed up: fitting them would teach the network the mistake."""
    answers, shown = faces.logits.argmax(axis=1), np.unique(faces.labels)
    shares = np.array([[(answers[faces.labels == c] == d).mean() for d in shown] for c in shown])
    agreement = float(np.mean(np.diagonal(shares)))
    if agreement < LEAST_AGREEMENT:
        raise InputError(
            f"The network agrees with only {agreement:.0%} of these labels, each expression "
            "counting the same. So few are more likely a mistake in the labels than in the "
            "network: check which label stands for which expression."
        )
    for i, one in enumerate(shown):
        for j, other in enumerate(shown[:i]):
            if shares[i, j] > shares[i, i] and shares[j, i] > shares[j, j]:
                raise InputError(
                    f"Faces labelled {EXPRESSIONS[one]} look {EXPRESSIONS[other]} to the network, "
                    "and the other way round: the two labels seem to be swapped."
                )


def _measured(
    faces: LabelledFaces,
    kept: LabelledFaces | None,
    reference: Reference | None,
    strength: float | None,
    seed: int,
) -> tuple[float, Gain]:
    """The strength, chosen where it is None, and the gain of it, on faces left out."""
    if strength is not None:
        check_range("strength", strength, 0.0, 1.0)
    adapted = _left_out(faces, kept, reference, seed)
    found = np.isfinite(adapted).all(axis=1)
    if len(np.unique(faces.labels[found])) < LEAST_EXPRESSIONS:
        raise InputError(
            f"Leaving people out leaves fewer than {LEAST_EXPRESSIONS} expressions to learn from, "
            "so that what the adaptation brings cannot be measured. Label several expressions of "
            "more people."
        )
    tested = LabelledFaces(
        faces.logits[found], faces.labels[found], faces.people[found], faces.features[found]
    )
    redraws = _redraws(tested.people, seed)
    before, change = tested.logits, adapted[found] - tested.logits
    if strength is None:
        strength = _strength(before, before + change, tested.labels, redraws)
    gain = _gain(before, before + strength * change, tested, redraws)
    return strength, replace(
        gain,
        faces=len(faces.labels),
        people=len(np.unique(faces.people)),
        by_expression=_counted(faces.labels),
        offered=gain.offered and strength >= LEAST_STRENGTH,
    )


def _counted(labels: ArrayLike, but: Container[str] = ()) -> dict[str, int]:
    """Faces of each expression that there is, but for some expressions."""
    counts = np.bincount(np.asarray(labels, np.int64), minlength=NUM_EXPRESSIONS)
    return {e: int(n) for e, n in zip(EXPRESSIONS, counts, strict=True) if n and e not in but}


def _left_out(
    faces: LabelledFaces, kept: LabelledFaces | None, reference: Reference | None, seed: int
) -> NDArray[np.float64]:
    """(N, 7) adapted logits of each face, by an adaptation that its person had no part in; NaN
    where the others show too few expressions to make one."""
    people = np.random.default_rng(seed).permutation(np.unique(faces.people))
    adapted = np.full_like(faces.logits, np.nan)
    for fold in np.array_split(people, min(_FOLDS, len(people))):
        out = np.isin(faces.people, fold)
        if len(np.unique(faces.labels[~out])) < LEAST_EXPRESSIONS:
            continue
        parts = fit_corrections(faces.logits[~out], faces.labels[~out], kept)
        kind = (faces.features[~out], faces.labels[~out], faces.people[~out])
        without = Adaptation("", {}, *parts, likeness=fit_likeness(*kind, reference))
        adapted[out] = without.corrected(faces.logits[out], faces.features[out])
    return adapted


def _losses(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) negative log-likelihoods in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=1))
    return np.asarray(total - shifted[np.arange(len(labels)), labels])


def _redraws(people: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """(1000, N) how often each face counts where its person is drawn so often."""
    known, place = np.unique(people, return_inverse=True)
    rng = np.random.default_rng(seed)
    share = np.full(len(known), 1 / len(known))
    return rng.multinomial(len(known), share, size=_RESAMPLES)[:, place].astype(np.float64)


def _class_means(
    times: NDArray[np.float64], values: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(R, S) of values (N, S): the mean over expressions of their weighted means; expressions that
    a redraw lacks are left out of its mean."""
    means = []
    for code in np.unique(labels):
        mine = times[:, labels == code]
        total = mine.sum(axis=1, keepdims=True)
        sums = mine @ values[labels == code]
        means.append(np.divide(sums, total, where=total > 0, out=np.full_like(sums, np.nan)))
    return np.asarray(np.nanmean(means, axis=0), np.float64)


def _strength(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    labels: NDArray[np.int64],
    redraws: NDArray[np.float64],
) -> float:
    """The strength with the smallest loss on faces left out, as the mean over redraws of people."""
    losses = np.stack([_losses(before + s * (after - before), labels) for s in _STRENGTHS], axis=1)
    drawn = _class_means(redraws, losses, labels)
    return round(float(_STRENGTHS[drawn.argmin(axis=1)].mean()), 2)


def _gain(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    faces: LabelledFaces,
    redraws: NDArray[np.float64],
) -> Gain:
    labels = faces.labels
    right = np.stack([logits.argmax(axis=1) == labels for logits in (before, after)], axis=1)
    hits = right.astype(np.float64)
    losses = np.stack([_losses(logits, labels) for logits in (before, after)], axis=1)
    once = np.ones((1, len(labels)))
    recall, loss = (_class_means(once, values, labels)[0] for values in (hits, losses))
    drawn = _class_means(redraws, hits, labels)
    return Gain(
        faces=len(labels),
        people=len(np.unique(faces.people)),
        by_expression=_counted(labels),
        before=float(recall[0]),
        after=float(recall[1]),
        difference=_wider(
            interval_of(float(recall[1] - recall[0]), drawn[:, 1] - drawn[:, 0]),
            _matched_error(hits, labels),
        ),
        loss_before=float(loss[0]),
        loss_after=float(loss[1]),
        offered=bool(loss[1] < loss[0] and recall[1] >= recall[0]),
    )


def _matched_error(hits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Standard error of the difference of two mean recalls of the same faces, (N, 2) hits.

    With half a face added to each cell of each expression's table of right and wrong before and
    after (Agresti & Min 2005, Statistics in Medicine 24(5), 729-740): a bootstrap of ten faces of
    which none changed would call the difference certain.
    """
    variances = []
    for code in np.unique(labels):
        mine = hits[labels == code]
        count = len(mine) + 2
        better = ((mine[:, 1] > mine[:, 0]).sum() + 0.5) / count
        worse = ((mine[:, 1] < mine[:, 0]).sum() + 0.5) / count
        variances.append((better + worse - (better - worse) ** 2) / count)
    return float(np.sqrt(np.sum(variances))) / len(variances)


def _wider(bootstrap: Interval, error: float) -> Interval:
    """The bootstrap's interval, at least as wide as 1.96 standard errors to either side."""
    value, reach = bootstrap.value, 1.96 * error
    low, high = min(bootstrap.low, value - reach), max(bootstrap.high, value + reach)
    return Interval(value, max(low, -1.0), min(high, 1.0))
