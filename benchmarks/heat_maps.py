"""Which heat map says best where the evidence lies: methods beside each other on validation faces.

    python -m benchmarks.heat_maps --data ferplus.zip

Two figures for each map. *Deletion* (Petsiuk et al. 2018, arXiv 1806.07421): the pixels that it
ranks highest are blurred first; the winning probability, averaged from none to all, should fall
fast. *Sanity* (Adebayo et al. 2018, arXiv 1810.03292): the rank correlation with the map of the
same network whose last layer, or all layers, were randomised should be near 0.
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.common import save
from emotion_core.datasets.loading import load_dataset
from emotion_core.model.bundle import load_bundle
from emotion_core.model.explain import BLOCKS
from emotion_core.model.network import LOGITS_LAYER, load_network

ALL_BLOCKS = (*BLOCKS, "block_4")
STEPS = 16
Maps = NDArray[np.float32]


def block_maps(network: Any, faces: Maps, answers: NDArray[np.int64]) -> dict[str, list[Maps]]:
    """Method → a map (N, 48, 48) of each of the four blocks, for the answer of each face."""
    import keras
    import tensorflow as tf

    outputs = [network.get_layer(name).output for name in (*ALL_BLOCKS, LOGITS_LAYER)]
    with tf.GradientTape() as tape:
        *activations, logits = keras.Model(network.input, outputs)(faces, training=False)
        evidence = tf.reduce_sum(tf.gather(logits, answers, axis=1, batch_dims=1))
    pairs = list(zip(activations, tape.gradient(evidence, activations), strict=True))
    values = [(a.numpy(), g.numpy()) for a, g in pairs]
    return {
        "Grad-CAM": [_large(a * g.mean((1, 2), keepdims=True)) for a, g in values],
        "HiResCAM": [_large(a * g) for a, g in values],
        "LayerCAM": [_large(a * np.maximum(g, 0)) for a, g in values],
    }


def _large(products: Maps) -> Maps:
    maps = np.maximum(products.sum(axis=-1), 0)
    large = np.stack([cv2.resize(m, (48, 48), interpolation=cv2.INTER_LINEAR) for m in maps])
    return np.asarray(large / np.maximum(large.max((1, 2), keepdims=True), 1e-9), np.float32)


def candidates(network: Any, faces: Maps, answers: NDArray[np.int64]) -> dict[str, Maps]:
    """Every method on each block, on the first three and on all four together."""
    found: dict[str, Maps] = {}
    for method, maps in block_maps(network, faces, answers).items():
        found |= {f"{method} block {i}": one for i, one in enumerate(maps, start=1)}
        found[f"{method} blocks 1-3"] = np.mean(maps[:3], axis=0)
        found[f"{method} blocks 1-4"] = np.mean(maps, axis=0)
    return found


def deletion(network: Any, faces: Maps, answers: NDArray[np.int64], maps: Maps) -> float:
    """Mean winning probability while the highest pixels are blurred, from none of them to all."""
    blurred = np.stack([cv2.GaussianBlur(face[..., 0], (0, 0), 5) for face in faces])[..., None]
    noise = 1e-6 * np.random.default_rng(0).random(maps.shape)
    order = np.argsort(-(maps + noise).reshape(len(maps), -1), axis=1)
    found = []
    for count in np.linspace(0, order.shape[1], STEPS + 1).astype(int):
        gone = np.zeros(order.shape, bool)
        np.put_along_axis(gone, order[:, :count], True, axis=1)
        probs = network(np.where(gone.reshape(faces.shape), blurred, faces), training=False)
        found.append(np.asarray(probs)[np.arange(len(faces)), answers].mean())
    return float(np.mean(found))


def alike(one: Maps, other: Maps) -> float:
    """Mean rank correlation of the maps (N, 48, 48) of the same faces; empty maps left out."""
    ranks = [rankdata(m.reshape(len(m), -1), axis=1) for m in (one, other)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(((a * b).sum(axis=1) / np.where(length > 0, length, np.nan))[length > 0].mean())


def randomised(network: Any, last_only: bool) -> Any:
    """A copy with weights drawn anew, with their old spread; normalisation is left as it is."""
    import keras

    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    rng = np.random.default_rng(1)
    for layer in copy.layers:
        skip = isinstance(layer, keras.layers.BatchNormalization)
        if not skip and (layer.name == LOGITS_LAYER or not last_only):
            layer.set_weights([rng.normal(0, w.std() + 1e-8, w.shape) for w in layer.get_weights()])
    return copy


def measure(network: Any, faces: Maps) -> list[dict[str, Any]]:
    """A row for each map: `deletion`, and `last_layer` and `all_layers` for its sanity."""
    answers = np.asarray(network(faces, training=False)).argmax(axis=1)
    maps = candidates(network, faces, answers)
    strange = [candidates(randomised(network, last), faces, answers) for last in (True, False)]
    maps["random order"] = np.random.default_rng(2).random(faces.shape[:3]).astype(np.float32)
    rows = []
    for name, found in maps.items():
        same = [round(alike(found, other[name]), 3) if name in other else None for other in strange]
        fall = round(deletion(network, faces, answers, found), 4)
        rows.append({"map": name, "deletion": fall, "last_layer": same[0], "all_layers": same[1]})
    return rows


def main() -> None:
    """Write results/heat_maps.json; in every column less is better."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--faces", type=int, default=100)
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    split = load_dataset(options.data).split("validation")
    known = np.flatnonzero(split.labels(bundle.label_set) >= 0)
    kept = np.random.default_rng(0).permutation(known)[: options.faces]
    faces = split.images[kept][..., None].astype(np.float32)
    rows = measure(load_network(bundle), faces)
    save("heat_maps", {"model": bundle.name, "validation_faces": len(faces), "maps": rows})


if __name__ == "__main__":
    main()
