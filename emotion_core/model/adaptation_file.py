"""Adaptations on disk: one small JSON file each, without any picture.

<name>.json, version 3
    version, name, model {name, sha256}, offsets {expression: number}, mixing (7 rows of 7),
    log_scale, strength, prior ({expression: share} or null), likeness (null, or {directions: rows
    of one number for each of the network's features, middles: one number for each row}), record
    (how it was made, and what it brings); in version 2 a likeness is {direction, middle}, one row
    and its number; version 1 has none
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.atomic_io import parse_json, write_json
from emotion_core.config import AppSettings
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.likeness import Likeness

SUFFIX: Final = ".json"
_VERSION: Final = 3
_READABLE: Final = (1, 2, _VERSION)
# Letters of any alphabet, digits, spaces, hyphens, underscores and dots, no dot first.
_NAME: Final = re.compile(r"[\w\-][\w\-. ]{0,59}")
# An honest file has twenty kilobytes.
_MOST_BYTES: Final = 100_000
# What is shown where one is chosen and none is.
NO_ADAPTATION: Final = "None"


def check_name(name: str) -> str:
    """The name, without spaces around it.

    Raises:
        SettingsError: it is empty, longer than 60 characters, or holds other signs than letters,
            digits, spaces, hyphens, underscores and dots, or is "None", which stands for no
            adaptation where one is chosen.
    """
    name = name.strip()
    if name == NO_ADAPTATION:
        raise SettingsError(f"{name!r} cannot name an adaptation, as it stands for none.")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot name an adaptation: use 1 to 60 letters, digits, spaces, hyphens, "
            "underscores and dots, and no dot at the beginning."
        )
    return name


def list_adaptations(folder: Path) -> list[str]:
    """Names of the adaptations in a folder, sorted; none where there is no such folder.

    A file that is called otherwise than an adaptation may be is not among them.
    """
    names = (path.stem for path in folder.glob(f"*{SUFFIX}"))
    return sorted(name for name in names if _NAME.fullmatch(name) and name != NO_ADAPTATION)


def save_adaptation(adaptation: Adaptation, folder: Path) -> Path:
    """Write <name>.json, in place of an earlier one of that name; returns its path.

    Raises:
        SettingsError: the name cannot be a file's.
        OutputError: the folder cannot be written.
    """
    file = folder / f"{check_name(adaptation.name)}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(file, to_json(adaptation))
    except OSError as error:
        raise OutputError(f"{file} could not be written: {error.strerror}.") from error
    return file


def load_adaptation(
    name: str | Path, folder: Path | None = None, model: Mapping[str, str] | None = None
) -> Adaptation:
    """Read an adaptation.

    Args:
        name: of an adaptation in `folder`, or the path of a file.
        folder: of the adaptations; None takes the installation's.
        model: name and sha256 of the network that it is wanted for; None does not check.

    Raises:
        InputError: there is none, its file is damaged, or it was made for another network.

    Examples:
        >>> from pathlib import Path
        >>> from emotion_core import Adaptation, load_adaptation, save_adaptation
        >>> path = save_adaptation(Adaptation("lab", {"name": "ferplus"}), Path("adaptations"))
        >>> load_adaptation("lab", Path("adaptations")).strength
        1.0
    """
    folder = AppSettings.from_environment().adaptations_dir if folder is None else folder
    named = folder / f"{name}{SUFFIX}"
    file = named if _NAME.fullmatch(str(name)) and named.is_file() else Path(name)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        adaptation = from_json(file.read_bytes())
        if file is named:
            # A file that was renamed is known by the name that it is chosen by.
            adaptation = replace(adaptation, name=str(name))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        known = ", ".join(list_adaptations(folder)) or "none"
        raise InputError(
            f"There is no adaptation {str(name)!r} in {folder}, and no file of that name. There "
            f"are: {known}. `python -m emotion_core adapt --help` says how to make one."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} is no usable adaptation ({error}). Make it again with `python -m emotion_core "
            "adapt`, or choose another."
        ) from error
    if model is not None:
        check_made_for(adaptation, model)
    return adaptation


def check_made_for(adaptation: Adaptation, model: Mapping[str, str]) -> None:
    """Refuse an adaptation of another network.

    Raises:
        InputError: it was made for other weights.
    """
    made_for = adaptation.model
    if made_for.get("sha256") != model.get("sha256"):
        same = made_for.get("name") == model.get("name")
        what = "another version of it" if same else f"{made_for.get('name')!r}"
        raise InputError(
            f"The adaptation {adaptation.name!r} cannot be used with the network "
            f"{model.get('name')!r}: it was made for {what}. Make it again for this network."
        )


def to_json(adaptation: Adaptation) -> dict[str, Any]:
    """The file's contents."""
    prior, likeness = adaptation.prior, adaptation.likeness
    return {
        "version": _VERSION,
        "name": adaptation.name,
        "model": dict(adaptation.model),
        "offsets": dict(zip(EXPRESSIONS, adaptation.offsets.tolist(), strict=True)),
        "mixing": adaptation.mixing.tolist(),
        "log_scale": adaptation.log_scale,
        "strength": adaptation.strength,
        "prior": None if prior is None else dict(zip(EXPRESSIONS, prior.tolist(), strict=True)),
        "likeness": None if likeness is None else _likeness_json(likeness),
        "record": dict(adaptation.record),
    }


def from_json(text: str | bytes) -> Adaptation:
    """The adaptation that a file's contents describe.

    Raises:
        ValueError: they are no JSON, of another version, or not what `to_json` writes.
    """
    try:
        values = parse_json(text)
        if values["version"] not in _READABLE:
            raise ValueError(f"it has the version {values['version']}, not {_VERSION}")
        prior, likeness = values["prior"], values.get("likeness")
        return Adaptation(
            name=check_name(str(values["name"])),
            model={key: str(values["model"][key]) for key in ("name", "sha256")},
            offsets=np.array([values["offsets"][e] for e in EXPRESSIONS], np.float64),
            mixing=np.array(values["mixing"], np.float64),
            log_scale=float(values["log_scale"]),
            strength=float(values["strength"]),
            prior=None if prior is None else np.array([prior[e] for e in EXPRESSIONS], np.float64),
            likeness=None if likeness is None else _likeness(likeness),
            record=dict(values["record"]),
        )
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(what) from error


def _likeness_json(likeness: Likeness) -> dict[str, Any]:
    return {"directions": likeness.directions.tolist(), "middles": likeness.middles.tolist()}


def _likeness(values: Mapping[str, Any]) -> Likeness:
    if "direction" in values:
        values = {"directions": [values["direction"]], "middles": [values["middle"]]}
    directions = np.array(values["directions"], np.float64)
    return Likeness(directions, np.array(values["middles"], np.float64))
