"""What a recipe changes of the last layer once the network is trained."""

from __future__ import annotations

from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from emotion_core.labels import EXPRESSIONS
from emotion_core.model.network import LOGITS_LAYER
from emotion_core.training.settings import TrainingSettings

# Keeps inputs of the layer that say nearly the same from cancelling each other out.
_RIDGE: Final = 1e-4


def adjust(
    network: keras.Model,
    images: NDArray[np.uint8],
    said: NDArray[np.float32],
    settings: TrainingSettings,
) -> None:
    """Take out a share of the prior, then find more smiles, as the recipe says.

    Args:
        network: whose last layer is changed.
        images: (N, 48, 48) of training.
        said: (N, 7), what people said about them; rows of zeros are left out.
        settings: the recipe.
    """
    labelled = said.sum(axis=1) > 0
    if settings.prior_removed:
        remove_prior(network, said[labelled], settings.prior_removed)
    if settings.smile_gain:
        find_more_smiles(network, images[labelled][..., None], settings.smile_gain)


def remove_prior(
    network: keras.Model, targets: NDArray[np.float32], share: float
) -> NDArray[np.float64]:
    """Subtract a share of the log-frequencies of the expressions in training from the logits.

    Args:
        network: whose bias of the logits is changed.
        targets: (N, 7), what people said about the training faces.
        share: of the log-frequencies, 0-1.

    Returns:
        (7,) what was subtracted.
    """
    frequency = targets.mean(axis=0) / max(float(targets.mean(axis=0).sum()), 1e-9)
    change = share * np.log(np.maximum(frequency, 1e-6))
    bias = network.get_layer(LOGITS_LAYER).bias
    bias.assign(keras.ops.convert_to_numpy(bias) - change)
    return np.asarray(change, np.float64)


def find_more_smiles(network: keras.Model, faces: NDArray[np.uint8], gain: float) -> float:
    """Raise the logit of happy by `gain` times the probability of neutral.

    FER+ voters call many a smile with closed lips neutral; who smiles for a picture means it. The
    last layer gets the change that comes nearest to this on the given faces (least squares on its
    inputs), so that the network keeps its shape.

    Args:
        network: whose last layer is changed.
        faces: (N, 48, 48, 1) uint8, of training.
        gain: in logits, 0 or more.

    Returns:
        The correlation, over the faces, of what is added with what was wanted.
    """
    layer = network.get_layer(LOGITS_LAYER)
    parts = keras.Model(network.input, [layer.input, network.output])
    told = [keras.ops.convert_to_numpy(part) for part in parts.predict(faces, 256, verbose=0)]
    features, probs = (np.asarray(part, np.float64) for part in told)
    inputs = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    wanted = gain * probs[:, EXPRESSIONS.index("neutral")]
    penalty = _RIDGE * len(inputs) * np.eye(inputs.shape[1])
    penalty[-1, -1] = 0.0
    change = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ wanted)
    kernel, bias = (keras.ops.convert_to_numpy(v).copy() for v in (layer.kernel, layer.bias))
    kernel[:, EXPRESSIONS.index("happy")] += change[:-1]
    bias[EXPRESSIONS.index("happy")] += change[-1]
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    return float(np.corrcoef(inputs @ change, wanted)[0, 1])
