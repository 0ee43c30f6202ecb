"""`check-model`: what is understood of a model folder, one face read, and what is missing."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, Final

from emotion_core.commands.options import (
    add_json_option,
    add_models_dir_option,
    check_json_option,
    write_json_option,
)
from emotion_core.commands.progress import printable
from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame
from emotion_core.evaluation.model_record import read_record
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.synthetic import sample_photo
from emotion_core.model.bundle import ModelBundle, load_bundle
from emotion_core.model.classify import INPUT_SHAPE, Classifier
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.vision.crop import crop_faces

_TIMED: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "model",
        nargs="?",
        default="default",
        help="name of a model folder, or the path of one that is elsewhere",
    )
    add_models_dir_option(parser)
    add_json_option(parser, "write what is understood for machines")


def run(options: argparse.Namespace) -> int:
    """Load the model, read the sample portrait, tell; returns 0. What is wrong is an error."""
    check_json_option(options.json)
    folder = Path(options.model)
    if (folder / "model.json").is_file():
        # Its real name: a link or "." may lead to it.
        bundle = load_bundle(folder.resolve().name, folder.resolve().parent)
    else:
        bundle = load_bundle(options.model, options.models_dir)
    classifier = Classifier(bundle)
    told = {
        "model": bundle.name,
        "file": bundle.served_file.name,
        "bytes": bundle.served_file.stat().st_size,
        "made_elsewhere": bundle.external is not None,
        "temperature": bundle.temperature,
        "unsure_threshold": bundle.unsure_threshold,
        **_understood(bundle),
        **_face(classifier),
        "missing": missing(bundle),
    }
    _print(told)
    write_json_option(options.json, told)
    return 0


def _understood(bundle: ModelBundle) -> dict[str, Any]:
    """Input, output and labels."""
    network = bundle.external
    if network is None:
        height, width, _ = INPUT_SHAPE
        labels = {expression: expression for expression in EXPRESSIONS}
        given = {"height": height, "width": width, "channels": "gray", "mean": [0.0], "std": [1.0]}
        return {"input": given, "output": "logits", "labels": labels, "never_answered": []}
    form = network.input
    given = {"height": form.height, "width": form.width, "channels": form.channels}
    return {
        "input": given | {"mean": list(form.mean), "std": list(form.std)},
        "output": network.output,
        "labels": dict(zip(network.labels, network.targets, strict=True)),
        "never_answered": list(network.never_answered),
    }


def _face(classifier: Classifier) -> dict[str, Any]:
    """The portrait that is part of the program: found, read, and timed."""
    image = sample_photo()
    result = Pipeline(classifier, PipelineSettings.for_photo()).process(Frame(image))
    crop = crop_faces(image, result.boxes[:1], result.angles[:1])
    began = time.perf_counter()
    for _ in range(_TIMED):
        classifier.logits(crop)
    ms = 1000 * (time.perf_counter() - began) / _TIMED
    probs = result.raw_probs[0].tolist()
    return {
        "portrait": {e: round(p, 4) for e, p in zip(EXPRESSIONS, probs, strict=True)},
        "portrait_unsure": bool(result.unsure[0]),
        "ms_per_face": round(ms, 3),
    }


def missing(bundle: ModelBundle) -> list[str]:
    """What the program cannot do or say with this model, one sentence each."""
    record, found = read_record(bundle.path), []
    if not record.evaluations:
        found.append(
            "It was not measured here. `python -m emotion_core evaluate --data PATH --model "
            f"{bundle.name}` fills the Model page and the model card."
        )
    if bundle.external is None:
        if bundle.keras_file is None:
            found.append("There is no model.keras: no heat maps, and no training from it.")
        return found
    if bundle.external.never_answered:
        names = ", ".join(bundle.external.never_answered)
        found.append(f"It never answers {names}: their probability is always 0.")
    if bundle.external.left_out:
        names = ", ".join(bundle.external.left_out)
        found.append(
            f"{names}: left out. A face on which these have more than half of the probability is "
            "called unusual, and unsure."
        )
    if "temperature" not in bundle.metadata or "unsure" not in bundle.metadata:
        found.append(
            "Its confidence was not compared with its accuracy: model.json has no temperature or "
            'no "unsure" threshold, so 1 and 0.5 are used.'
        )
    found += [
        "It is given the program's crops: 48×48 grey pixels, enlarged. A network of colour or fine "
        "detail may score less here than where it was published.",
        "No heat maps, no nearest training faces and no training from it; the occlusion map, "
        "adaptations, and all readings work.",
    ]
    return found


def _print(told: dict[str, Any]) -> None:
    given = told["input"]
    lines = [
        f"{told['model']}: {told['file']}, {told['bytes'] / 1e6:.2f} MB, "
        + ("made elsewhere" if told["made_elsewhere"] else "trained with this program"),
        f"input: {given['height']}×{given['width']} {given['channels']}, (grey value - "
        f"{_numbers(given['mean'])}) / {_numbers(given['std'])}",
        f"output: {len(told['labels'])} {told['output']}",
    ]
    lines += [f"  {own} → {target or 'left out'}" for own, target in told["labels"].items()]
    lines += [
        f"temperature {told['temperature']:.4g}, unsure below {told['unsure_threshold']:.3g}",
        "the sample portrait, a smiling face"
        + (", unsure" if told["portrait_unsure"] else "")
        + ": "
        + ", ".join(f"{e} {p:.1%}" for e, p in told["portrait"].items()),
        f"{told['ms_per_face']:.2f} ms a face",
        *told["missing"],
    ]
    for line in lines:
        print(printable(line))


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in dict.fromkeys(values))
