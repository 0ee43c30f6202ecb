"""What the served and the float network say to the images of a split."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emotion_core.model.calibrate import softmax
from emotion_core.model.classify import Classifier, Reading
from emotion_core.model.network import load_network
from emotion_core.progress import OnProgress, Progress

if TYPE_CHECKING:
    from emotion_core.model.bundle import ModelBundle


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What both networks say to the images of a split; rows as in the split.

    Attributes:
        served_probs: (N, 7), of the served network, calibrated.
        served_raw: (N, 7) float32, the same before calibration (temperature 1).
        features: (N, F) float32, of the served network; F is 0 where it does not give them.
        float_probs: (N, 7), of the float network, uncalibrated; None without one.
        once_raw: (N, 7) float32, as `served_raw` but without second looks: what the int8 network
            itself says.
        ms_per_face: mean time of one face on one thread.
    """

    served_probs: NDArray[np.floating]
    served_raw: NDArray[np.float32]
    features: NDArray[np.float32]
    float_probs: NDArray[np.floating] | None
    once_raw: NDArray[np.float32]
    ms_per_face: float


def served_logits(
    classifier: Classifier,
    images: NDArray[np.uint8],
    workers: int = 2,
    second_look: bool = True,
) -> NDArray[np.float32]:
    """Logits (N, 7) float32 of images (N, 48, 48) uint8, from several threads at once."""
    return served_readings(classifier, images, workers, second_look).logits


def served_readings(
    classifier: Classifier,
    images: NDArray[np.uint8],
    workers: int = 2,
    second_look: bool = True,
) -> Reading:
    """All that the network says of them (`Classifier.read`)."""
    parts = np.array_split(images, max(1, min(workers, len(images))))
    with ThreadPoolExecutor(len(parts)) as pool:
        crops = (part[..., None].astype(np.float32) for part in parts)
        readings = list(pool.map(lambda crop: classifier.read(crop, second_look), crops))
    return Reading(*(np.concatenate(arrays) for arrays in zip(*readings, strict=True)))


def ask_both(bundle: ModelBundle, images: NDArray[np.uint8], progress: OnProgress) -> Answers:
    """Run the served network and, where the folder keeps it, the float one on (N, 48, 48) uint8.

    Raises:
        ModelError: the served or the float network cannot be loaded.
    """
    classifier = Classifier(bundle)
    progress(Progress("served network", 0, len(images)))
    # Before tensorflow runs: its threads go on spinning for a while and slow down what follows.
    speed = milliseconds_per_face(classifier, images)
    logits, _, features = served_readings(classifier, images)
    once = served_logits(classifier, images, second_look=False)
    progress(Progress("served network", len(images), len(images)))
    float_probs = None
    if bundle.keras_file is not None:
        progress(Progress("float network", 0, len(images)))
        float_probs = float_answers(load_network(bundle), images)
        progress(Progress("float network", len(images), len(images)))
    calibrated, raw = classifier.probabilities(logits), softmax(logits)
    return Answers(calibrated, raw, features, float_probs, softmax(once), speed)


def float_answers(network: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Uncalibrated probabilities (N, 7) float32 of a keras.Model for (N, 48, 48) uint8."""
    inputs = images[..., None].astype(np.float32)
    return np.asarray(network.predict(inputs, batch_size=256, verbose=0), np.float32)


def milliseconds_per_face(classifier: Classifier, images: NDArray[np.uint8]) -> float:
    """Mean time of one face on the classifier's own threads, second looks included, over up to 200
    faces; the slowest twentieth, which other programs held up, is left out."""
    times = []
    for image in images[:200]:
        crop = image[None, ..., None].astype(np.float32)
        began = time.perf_counter()
        classifier.logits(crop)
        times.append(time.perf_counter() - began)
    return (
        1000 * float(np.mean(np.sort(times)[: max(1, round(0.95 * len(times)))])) if times else 0.0
    )


def float_milliseconds_per_face(bundle: ModelBundle, images: NDArray[np.uint8]) -> float:
    """The same for the float network, in the same interpreter, so that only int8 differs.

    Raises:
        ModelError: model.keras is missing or damaged.
    """
    from emotion_core.model.tflite_export import float_network

    with tempfile.TemporaryDirectory() as folder:
        place = dataclasses.replace(bundle, path=Path(folder))
        place.served_file.write_bytes(float_network(load_network(bundle)))
        return milliseconds_per_face(Classifier(place), images)
