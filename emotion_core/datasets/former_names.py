"""Names in model folders of earlier versions, which are still read: near-duplicates were twins."""

import os
from pathlib import Path
from typing import Any, Final

FORMER_NAMES: Final[dict[str, str]] = {
    "twins.csv": "near_duplicates.csv",
    "twin_split": "other_split",
    "twin_image": "other_image",
    "without_twins": "without_near_duplicates",
    "accuracy_without_twins": "accuracy_without_near_duplicates",
}


def with_present_names(values: Any) -> Any:
    """Values from JSON, with the present names of all keys."""
    if isinstance(values, dict):
        return {FORMER_NAMES.get(k, k): with_present_names(v) for k, v in values.items()}
    if isinstance(values, list):
        return [with_present_names(value) for value in values]
    return values


def existing_file(folder: Path, name: str) -> Path | None:
    """The file of this name, or of a former name where there is no other; None without either."""
    former = [old for old, new in FORMER_NAMES.items() if new == name]
    files = (folder / known for known in (name, *former))
    # Unlike pathlib, it takes what may not be read for a missing file.
    return next((file for file in files if os.path.isfile(file)), None)  # noqa: PTH113
