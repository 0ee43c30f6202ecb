"""A model folder on disk: what it must hold, and how it is found.

model.json, version 1
    version, name, labels (in order), label_set, temperature, unsure {threshold, coverage,
    accuracy_sure, accuracy_unsure}, activation {unusual_below; since version 0.3},
    settings (of the training), dataset {source, fingerprint},
    packages {name: version}, metrics (headline figures, by split)
Of a network made elsewhere: version, file, input, labels, names, output (`model.external`), and
    where they are known label_set, temperature, unsure {threshold}
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_core.atomic_io import parse_json
from emotion_core.config import AppSettings
from emotion_core.errors import ModelError
from emotion_core.labels import EXPRESSIONS, LABEL_SETS
from emotion_core.model.external import KNOWN_SHARE, ExternalNetwork, read_external

FORMAT_VERSION = 1
DEFAULT = "default"
SERVED_FILE = "model.tflite"
KERAS_FILE = "model.keras"
# Of a network made elsewhere, whose confidence has not been compared with its accuracy.
UNCALIBRATED_UNSURE = 0.5
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, eq=False)
class ModelBundle:
    """One model folder whose served network and description were found and read.

    Attributes:
        path: the folder.
        name: its name, as in model.json; of a network made elsewhere, the folder's.
        label_set: `ferplus` or `fer2013`: whose labels it learnt; "" where a network made elsewhere
            does not say.
        temperature: divides the served logits before softmax; fitted on validation.
        unsure_threshold: below this winning probability an answer is called unsure, 0-1.
        unusual_below: a crop to which the network responds less
            (`Classifier.read`) is unlike the faces it knows; 0 where that was not
            measured.
        metadata: all of model.json.
        external: how to ask a network made elsewhere; None: trained with this program.
    """

    path: Path
    name: str
    label_set: str
    temperature: float
    unsure_threshold: float
    metadata: dict[str, Any] = field(default_factory=dict)
    unusual_below: float = 0.0
    external: ExternalNetwork | None = None

    @property
    def served_file(self) -> Path:
        """The network that is asked: the quantised one, or the file made elsewhere."""
        return self.path / (self.external.file if self.external else SERVED_FILE)

    @property
    def keras_file(self) -> Path | None:
        """The float network; None where it is not kept, or where the network was made elsewhere."""
        file = self.path / KERAS_FILE
        return file if self.external is None and file.is_file() else None

    def files_state(self) -> tuple[str, int, int, int, int]:
        """The folder, and time of change (ns) and size (bytes) of the served network and of
        model.json: another one tells that the folder was replaced."""
        served, described = self.served_file.stat(), (self.path / "model.json").stat()
        return (
            str(self.path.resolve()),
            *(served.st_mtime_ns, served.st_size),
            *(described.st_mtime_ns, described.st_size),
        )


def models_folder(models_dir: Path | None = None) -> Path:
    """The folder of model folders: the one given, else the installation's."""
    return models_dir if models_dir is not None else AppSettings.from_environment().models_dir


def default_name(models_dir: Path | None = None) -> str:
    """The name in models/default.txt.

    Raises:
        ModelError: the file is missing or empty.
    """
    file = models_folder(models_dir) / "default.txt"
    try:
        name = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{file} cannot be read, so no model is served. Restore the models folder, or train "
            "one: python -m emotion_core train --help"
        ) from error
    if not name:
        raise ModelError(f"{file} is empty; write the name of a model folder into it.")
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise ModelError(f"{file} holds no name; write the name of a model folder into it.")
    return name


def list_models(models_dir: Path | None = None, served: bool = False) -> list[str]:
    """Names of the folders that hold a model.json, sorted, the default one first.

    Args:
        models_dir: None takes the installation's folder.
        served: only those that keep a network to ask; of others only the scores are kept. One that
            cannot be used is among them: `model_problem` says why.
    """
    folder = models_folder(models_dir)
    # A name that begins with a dot is a folder being replaced.
    found = (p.parent for p in folder.glob("[!.]*/model.json"))
    names = sorted(p.name for p in found if not served or _keeps_network(p))
    try:
        first = default_name(folder)
    except ModelError:
        return names
    return sorted(names, key=lambda name: (name != first, name))


def _keeps_network(folder: Path) -> bool:
    """Whether there is a network to ask, or model.json promises one that was made elsewhere."""
    if (folder / SERVED_FILE).is_file():
        return True
    try:
        return is_external(parse_json((folder / "model.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return any(folder.glob("*.onnx"))


def is_external(values: object) -> bool:
    """Whether these contents of a model.json describe a network made elsewhere."""
    return isinstance(values, dict) and "file" in values


def model_problem(name: str, models_dir: Path | None = None) -> str:
    """Why a model cannot be used, in a sentence; "" where its folder is complete. The network
    itself is not loaded, which may take seconds."""
    try:
        load_bundle(name, models_dir)
    except ModelError as error:
        return str(error)
    return ""


def load_bundle(name: str = DEFAULT, models_dir: Path | None = None) -> ModelBundle:
    """Read and check a model folder.

    Args:
        name: of a folder below `models_dir`; `default` reads models/default.txt.
        models_dir: None takes the installation's folder.

    Raises:
        ModelError: the folder is missing, damaged, or of another version; the message names the
            file and says what to do.
    """
    folder = models_folder(models_dir)
    path = folder / (default_name(folder) if name == DEFAULT else name)
    try:
        # A name may come from a web page: it must not lead anywhere else.
        there = path.resolve().parent == folder.resolve() and path.is_dir()
        bundle = _described(path) if there else None
        served = bundle is not None and bundle.served_file.is_file()
    except PermissionError as error:
        raise ModelError(f"{error.filename} may not be read ({error.strerror}).") from error
    if bundle is None:
        known = _served_names(folder)
        raise ModelError(f"There is no model named {path.name!r} in {folder}. There are: {known}.")
    if not served and bundle.external:
        raise ModelError(
            f"{bundle.served_file} is missing: model.json names it as the file of {bundle.name}. "
            "Copy it into the folder, or correct the name."
        )
    if not served:
        raise ModelError(
            f"{bundle.served_file} is missing: of {bundle.name} perhaps only the scores are kept. "
            f"Restore it, or train the model again. Served are: {_served_names(folder)}."
        )
    return bundle


def _served_names(folder: Path) -> str:
    return ", ".join(list_models(folder, served=True)) or "none"


def _described(path: Path) -> ModelBundle:
    file = path / "model.json"
    try:
        values = parse_json(file.read_text("utf-8"))
        if is_external(values):
            return _described_external(file, values)
        activation = values.get("activation") or {}
        bundle = ModelBundle(
            path=path,
            name=str(values["name"]),
            label_set=str(values["label_set"]),
            temperature=float(values["temperature"]),
            unsure_threshold=float(values["unsure"]["threshold"]),
            metadata=values,
            unusual_below=float(activation.get("unusual_below", 0)),
        )
        labels, version = tuple(values["labels"]), values["version"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be read ({error})"
        raise ModelError(f"{file} {what}. Restore it, or train the model again.") from error
    problem = _problem(bundle, version)
    if not problem and labels != EXPRESSIONS:
        problem = f"lists the labels {labels}, expected {EXPRESSIONS}"
    if problem:
        raise ModelError(f"{file} {problem}. Train the model again or restore its folder.")
    return bundle


def _described_external(file: Path, values: dict[str, Any]) -> ModelBundle:
    """A network made elsewhere; it is called as its folder is.

    Raises:
        ModelError: its description cannot be used.
    """
    try:
        external = read_external(values)
        unsure = values.get("unsure") or {}
        bundle = ModelBundle(
            path=file.parent,
            name=file.parent.name,
            label_set=str(values.get("label_set") or ""),
            temperature=float(values.get("temperature", 1)),
            unsure_threshold=float(unsure.get("threshold", UNCALIBRATED_UNSURE)),
            metadata=values,
            unusual_below=KNOWN_SHARE if external.left_out else 0.0,
            external=external,
        )
        problem = _problem(bundle, values["version"])
    except KeyError as error:
        problem = f"lacks {error}"
    except ValueError as error:
        problem = str(error)
    except (TypeError, AttributeError, OverflowError) as error:
        problem = f"cannot be read ({error})"
    if problem:
        raise ModelError(f"{file} {problem}. docs/own-network.md lists what it must hold.")
    return bundle


def _problem(bundle: ModelBundle, version: object) -> str:
    """What is wrong with a description, to follow the name of its file; "" where nothing is."""
    known = (*LABEL_SETS, "") if bundle.external else LABEL_SETS
    if not bundle.name.isprintable() or not 0 < len(bundle.name) <= _LONGEST_NAME:
        return "gives the model a name that cannot be shown"
    if version != FORMAT_VERSION:
        return f"has the version {version}; this program reads version {FORMAT_VERSION}"
    if bundle.label_set not in known:
        return f"names the label set {bundle.label_set!r}, expected one of {LABEL_SETS}"
    if not (math.isfinite(bundle.temperature) and bundle.temperature > 0):
        return f"has the temperature {bundle.temperature}; it must be a positive number"
    if not 0 <= bundle.unsure_threshold <= 1:
        return f"has the unsure threshold {bundle.unsure_threshold}; it must lie in 0-1"
    if not 0 <= bundle.unusual_below < math.inf:
        return f"calls an activation below {bundle.unusual_below} unusual; it must be 0 or more"
    return ""
