"""Whose labels a network learnt, and how to say so: FER+ votes, FER2013 labels, the names of
somebody's folders, or labels of its own where it was made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emotion_core.evaluation.evaluate import SCORE_NAMES
from emotion_core.labels import FOLDER_LABELS
from emotion_core.model.bundle import is_external

_KEY: Final = "folder_validation"
_NAMES: Final[dict[str, str]] = {"ferplus": "FER+", "fer2013": "FER2013"}


def folder_learnt(metadata: Mapping[str, Any], evaluations: Mapping[str, Any]) -> str:
    """Name of the faces that a network learnt from, where the names of their folders were the
    labels; "" where the labels were others, or are not known.

    Args:
        metadata: model.json.
        evaluations: `<dataset>_<split>` → report, of evaluation.json.
    """
    data = metadata.get("dataset") or {}
    told = data.get("labels") == FOLDER_LABELS
    # Models before version 0.3 do not tell, but were measured on the same faces.
    fingerprint = (evaluations.get(_KEY) or {}).get("fingerprint")
    same = bool(fingerprint) and fingerprint == data.get("fingerprint")
    return str(data.get("source") or "own faces") if told or same else ""


def learnt_words(metadata: Mapping[str, Any], folder: str) -> str:
    """Whose labels, to follow "learnt"; `folder` of `folder_learnt`."""
    if folder:
        start = (metadata.get("settings") or {}).get("start_from")
        began = f", beginning with the network {start}" if start else ""
        return f"the labels of the folders of {folder}{began}"
    name = _NAMES.get(str(metadata.get("label_set")))
    if is_external(metadata):
        return f"the {name} labels, elsewhere" if name else "labels of its own, elsewhere"
    return f"the {name or 'FER+'} labels"


def learnt_briefly(metadata: Mapping[str, Any], folder: str) -> str:
    """The same for a cell of a table."""
    if folder:
        return f"folders of {folder}"
    name = SCORE_NAMES.get(str(metadata.get("label_set")))
    if is_external(metadata):
        return f"{name}, made elsewhere" if name else "its own, made elsewhere"
    return name or SCORE_NAMES["ferplus"]
