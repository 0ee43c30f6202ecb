"""From the best weights to a complete model folder: quantised, calibrated, measured, described.

Validation decides everything here; the test split is not touched.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from emotion_core.atomic_io import compress_zip, need_room, replace_file, write_json
from emotion_core.errors import DatasetError, OutputError
from emotion_core.evaluation import evaluate, experiment_log
from emotion_core.evaluation.inference import float_answers, served_logits, served_readings
from emotion_core.evaluation.model_record import run_of, save_evaluation, save_known
from emotion_core.evaluation.other_faces import save_other_faces, score_other_faces, summary_of
from emotion_core.evaluation.reference_faces import reference_of, write_reference
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS
from emotion_core.model import tflite_export
from emotion_core.model.bundle import FORMAT_VERSION, ModelBundle, load_bundle
from emotion_core.model.calibrate import (
    UnsureThreshold,
    fit_temperature,
    softmax,
    unsure_threshold,
    unusual_activation,
)
from emotion_core.model.classify import Classifier
from emotion_core.progress import OnProgress, Progress, ignore_progress
from emotion_core.training.augment import AugmentSettings
from emotion_core.training.checkpoint import write_history

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from emotion_core.datasets.dataset import Dataset, Split
    from emotion_core.datasets.other_faces import OtherFaces
    from emotion_core.training.fit import FitResult
    from emotion_core.training.settings import TrainingSettings

PACKAGES: Final[tuple[str, ...]] = ("keras", "tensorflow", "ai-edge-litert", "numpy", "scipy")
# The figures of model.json; evaluation.json holds all others.
HEADLINE: Final[tuple[str, ...]] = ("accuracy", "macro_f1", "rare_recall", "ece", "nll")


def finish_model(
    folder: Path,
    name: str,
    result: FitResult,
    settings: TrainingSettings,
    dataset: Dataset,
    progress: OnProgress = ignore_progress,
    other_faces: OtherFaces | None = None,
) -> dict[str, Any]:
    """Write a model folder; it takes the place of an older one only when it is complete.

    Args:
        folder: models/<name>; replaced as a whole where it exists.
        name: of the model.
        result: the best network and the run's history.
        settings: of the training.
        dataset: with `train` (real faces for the quantisation) and `validation`.
        progress: called with the step's name and how far it is.
        other_faces: the served network is scored on them, too, where they are given.

    Returns:
        What was written to model.json.

    Raises:
        DatasetError: training or validation has no image with a label of the set learnt.
        ModelError: the network cannot be quantised.
        OutputError: a file cannot be written; the run itself is kept, `--resume` tries again.
    """
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        photographs = other_faces.pool if other_faces is not None else None
        metadata, report = _write(part, name, result, settings, dataset, photographs, progress)
        run = run_of(report, "train", recipe(settings, result))
        if other_faces is not None:
            progress(Progress("other faces", 0, 1))
            others = score_other_faces(
                Classifier(load_bundle(part.name, part.parent)), other_faces.sets, other_faces.path
            )
            save_other_faces(part, others)
            run = dataclasses.replace(run, scores={**run.scores, **summary_of(others)})
        _replace(folder, part)
        experiment_log.log_run(folder.parent, run)
    except OSError as error:
        raise OutputError(
            f"The model folder {folder} cannot be written ({error}). Make room and run the same "
            "command with --resume: the training is kept."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return metadata


def _write(
    part: Path,
    name: str,
    result: FitResult,
    settings: TrainingSettings,
    dataset: Dataset,
    photographs: NDArray[np.uint8] | None,
    progress: OnProgress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All files of the contract; returns model.json's values and the report on validation."""
    # The float network twice, while it is compressed, and what is made from it.
    need_room(part, 12 * result.network.count_params() + 5_000_000)
    result.network.save(part / "model.keras")
    compress_zip(part / "model.keras")
    write_history(part / "history.csv", result.state.history)
    _quantise(part, result.network, dataset, settings.label_set, progress)
    validation = dataset.split("validation")
    bundle, unsure = calibrated(part, name, settings.label_set, validation, photographs)
    metadata = _metadata(bundle, unsure, result, settings, dataset)
    bundle = dataclasses.replace(bundle, metadata=metadata)
    found = evaluate.evaluate_model(
        bundle, dataset, "validation", with_robustness=False, progress=progress
    )
    headline = found.report["headline"]
    metadata["metrics"] = {"validation": {k: round(headline[k], 5) for k in HEADLINE}}
    save_evaluation(found, part)
    save_known(part, dataset)
    write_json(part / "model.json", metadata)
    return metadata, found.report


def _quantise(
    part: Path, network: keras.Model, dataset: Dataset, label_set: str, progress: OnProgress
) -> None:
    """Write model.tflite, with those faces as the converter's examples, of several draws, that keep
    it nearest to the float network on validation."""
    train, validation = dataset.split("train"), dataset.split("validation").images
    wanted = float_answers(network, validation)
    bundle = ModelBundle(part, part.name, label_set, 1.0, 0.0)
    nearest, kept = np.inf, b""
    for draw in range(tflite_export.DRAWS):
        progress(Progress("quantising", draw, tflite_export.DRAWS))
        faces = tflite_export.representative_faces(train, label_set, seed=draw)
        tflite_export.write_quantised(network, faces, bundle.served_file)
        logits = served_logits(Classifier(bundle), validation, second_look=False)
        near = tflite_export.agreement(wanted, softmax(logits)).mean_difference
        if near < nearest:
            nearest, kept = near, bundle.served_file.read_bytes()
    replace_file(bundle.served_file, kept)


def _replace(folder: Path, part: Path) -> None:
    """Put the complete folder where the old one stood; at no moment is there half a model."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def calibrated(
    folder: Path,
    name: str,
    label_set: str,
    validation: Split,
    photographs: NDArray[np.uint8] | None = None,
) -> tuple[ModelBundle, UnsureThreshold]:
    """The model folder with what is fitted on validation: the temperature, the unsure threshold,
    and the least usual activation; it keeps what adaptations are compared with.

    Args:
        folder: with the served network.
        name: of the model.
        label_set: whose labels it has learnt.
        validation: the split.
        photographs: (P, 48, 48), unlabelled faces of another origin, for adaptations; None for
            none.

    Raises:
        DatasetError: no validation image has a label of this set.
    """
    labels = validation.labels(label_set)
    kept = labels >= 0
    if not kept.any():
        raise DatasetError(f"No validation image has a {label_set} label to calibrate on.")
    truth = labels[kept].astype(np.int64)
    images = validation.images[kept]
    classifier = Classifier(ModelBundle(folder, name, label_set, 1.0, 0.0))
    logits, activation, _ = served_readings(classifier, images)
    reference = reference_of(classifier, images, truth, photographs)
    if reference is not None:
        write_reference(folder, reference)
    temperature = fit_temperature(logits, truth)
    unsure = unsure_threshold(softmax(logits, temperature), truth)
    unusual = unusual_activation(activation)
    return (
        ModelBundle(folder, name, label_set, temperature, unsure.threshold, unusual_below=unusual),
        unsure,
    )


def _metadata(
    bundle: ModelBundle,
    unsure: UnsureThreshold,
    result: FitResult,
    settings: TrainingSettings,
    dataset: Dataset,
) -> dict[str, Any]:
    return {
        "version": FORMAT_VERSION,
        "name": bundle.name,
        "labels": list(EXPRESSIONS),
        "label_set": bundle.label_set,
        "temperature": bundle.temperature,
        "unsure": asdict(unsure),
        "activation": {"unusual_below": bundle.unusual_below},
        "settings": settings.to_dict(),
        "training": {"epochs": result.state.epochs_done, "best_epoch": result.state.best_epoch},
        "network": {"parameters": int(result.network.count_params())},
        "dataset": {
            "source": dataset.source.name,
            "fingerprint": dataset.fingerprint,
            "labels": _label_source(bundle.label_set, dataset),
        },
        "packages": {p: _version(p) for p in PACKAGES},
        "date": experiment_log.now(),
        "metrics": {},
    }


def _label_source(label_set: str, dataset: Dataset) -> str:
    """`ferplus` or `fer2013`, or `labels` where the names of folders were the labels."""
    of_folders = evaluate.dataset_kind(dataset.split("validation")) == "folder"
    return FOLDER_LABELS if of_folders else label_set


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _augmentation(augment: AugmentSettings | None) -> str:
    if augment is None:
        return "no augmentation"
    return "mildly augmented" if augment == AugmentSettings.mild() else "augmented"


def recipe(settings: TrainingSettings, result: FitResult) -> str:
    """The training in a few words, for the table of runs."""
    network = settings.network
    shape = "-".join(map(str, network.channels)) if network.architecture == "residual" else ""
    words = [
        f"{network.architecture} {shape}".strip(),
        f"{result.network.count_params() / 1e6:.2f} M parameters",
        f"best epoch {result.state.best_epoch} of {result.state.epochs_done}",
        "hard labels" if settings.hard_labels else f"label mix {settings.label_mix:g}",
        f"balance {settings.balance:g}",
        _augmentation(settings.augment),
        "weight averaging" if settings.ema_momentum else "no averaging",
        f"started from {settings.start_from}" if settings.start_from else "",
        f"taught by {settings.teacher} ({settings.teacher_share:g})" if settings.teacher else "",
        "two heads" if settings.second_head else "",
        f"{settings.pool_share:g} unlabelled" if settings.pool_share else "",
        f"{settings.prior_removed:g} of the prior removed" if settings.prior_removed else "",
        f"smile gain {settings.smile_gain:g}" if settings.smile_gain else "",
        settings.precision if settings.precision != "float32" else "",
        f"seed {settings.seed}",
    ]
    return ", ".join(word for word in words if word)
