"""Training that begins with an earlier network: its shape, and its price on the original data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_core.errors import SettingsError
from emotion_core.evaluation.bootstrap import mean_interval
from emotion_core.evaluation.inference import served_logits
from emotion_core.model.classify import Classifier
from emotion_core.training.settings import TrainingSettings

if TYPE_CHECKING:
    from emotion_core.datasets.dataset import Dataset
    from emotion_core.model.bundle import ModelBundle
    from emotion_core.model.network import NetworkSettings


def shape_of(bundle: ModelBundle) -> NetworkSettings:
    """The shape of a model's network; the default one where its folder does not say."""
    try:
        return TrainingSettings.from_dict(bundle.metadata["settings"]).network
    except (KeyError, TypeError, SettingsError):
        return TrainingSettings().network


def change_on(original: Dataset, before: ModelBundle, after: ModelBundle) -> dict[str, Any]:
    """How the accuracy on the original data's validation split changed, ready for JSON.

    Args:
        original: what `before` learnt from, as `with_original` checks it.
        before: the network that training began with; its label set judges both.
        after: the new network.

    Returns:
        source, label_set, images, before and after (accuracies 0-1), and difference: after minus
        before with its 95% interval, paired over the images.
    """
    split = original.split("validation")
    labels = split.labels(before.label_set)
    kept = labels >= 0
    truth, images = labels[kept], split.images[kept]
    right = [
        served_logits(Classifier(bundle), images).argmax(axis=1) == truth
        for bundle in (before, after)
    ]
    old, new = (hits.astype(np.float64) for hits in right)
    return {
        "source": original.source.name,
        "label_set": before.label_set,
        "images": len(truth),
        "before": float(old.mean()),
        "after": float(new.mean()),
        "difference": asdict(mean_interval(new - old)),
    }
