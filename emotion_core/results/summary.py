"""summary.json: what was analysed, with what, and what came out, for people and machines."""

import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.atomic_io import replace_file
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import Edits
from emotion_core.results.export import output_error
from emotion_core.results.face_table import (
    FaceTable,
    dominant_runs,
    key_moments,
    row_seconds,
    seconds_between,
    shares,
    transitions,
    valid_share,
)
from emotion_core.results.paths import SUMMARY
from emotion_core.results.speaking import speaking_share
from emotion_core.results.valence_arousal import valence_arousal

_PACKAGES: Final = ("emotion-lab", "opencv-python-headless", "av", "ai-edge-litert", "numpy")


def package_versions() -> dict[str, str]:
    """Versions of what reads and decides; "not installed" for a program run from its folder."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def summarise_person(table: FaceTable, track_id: int, edits: Edits) -> dict[str, Any]:
    """One person's figures as plain values.

    Args:
        table: with the edits applied.
        track_id: of the person.
        edits: for the name.
    """
    person = table.person(track_id)
    runs = dominant_runs(person)
    share = shares(person)
    seconds = row_seconds(person.time_s, person.frame_times)
    speaks = speaking_share(person)
    mean = np.average(person.probs, axis=0, weights=seconds)
    affect = valence_arousal(mean[None])[0]
    return {
        "track_id": track_id,
        "name": edits.names.get(track_id, ""),
        "first_s": round(float(person.time_s[0]), 3),
        "last_s": round(float(person.time_s[-1]), 3),
        "seconds": round(float(seconds.sum()), 3),
        "frames": len(person),
        "unsure_share": round(float(person.unsure.mean()), 4),
        "dominant": max(share, key=lambda name: share[name]),
        "share": {name: round(value, 4) for name, value in share.items()},
        "speaking_share": None if speaks is None else round(speaks, 4),
        "share_silent": {name: round(v, 4) for name, v in shares(person.silent()).items()},
        "mean_probability": _by_name(mean),
        "valence": round(float(affect[0]), 4),
        "arousal": round(float(affect[1]), 4),
        "runs": [
            {
                "start_s": round(run.start_s, 3),
                "end_s": round(run.end_s, 3),
                "expression": run.expression,
                "confidence": round(run.confidence, 4),
            }
            for run in runs
        ],
        "transitions": _transition_counts(transitions(runs)),
        "key_moments": [
            {
                "expression": moment.expression,
                "time_s": round(moment.time_s, 3),
                "frame": moment.frame,
                "probability": round(moment.probability, 4),
            }
            for moment in key_moments(person)
        ],
    }


def _by_name(values: np.ndarray) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(EXPRESSIONS, values, strict=True)}


def _transition_counts(counts: np.ndarray) -> dict[str, int]:
    return {
        f"{EXPRESSIONS[a]} > {EXPRESSIONS[b]}": int(counts[a, b]) for a, b in np.argwhere(counts)
    }


def summarise(table: FaceTable, edits: Edits) -> dict[str, Any]:
    """The part of summary.json about the result; edits are applied here."""
    edited = edits.apply(table)
    return {
        "frames_analysed": len(table.frame_times),
        "valid_share": round(valid_share(edited), 4),
        "people": [summarise_person(edited, track_id, edits) for track_id in edited.people],
        "merged": {str(k): v for k, v in edits.merged.items()},
        "excluded": sorted(edits.excluded),
        "markers": [
            {
                "start_s": m.start_s,
                "end_s": m.end_s,
                "label": m.label,
                "statistics": marker_statistics(edited, m.start_s, m.end_s, edits),
            }
            for m in edits.markers
        ],
    }


def marker_statistics(
    table: FaceTable, start_s: float, end_s: float, edits: Edits
) -> list[dict[str, Any]]:
    """What each person showed between two times; [] for a point or where no face was seen."""
    seconds = seconds_between(table, start_s, end_s)
    part, seconds = table.rows(seconds > 0), seconds[seconds > 0]
    found = []
    for track_id in part.people:
        person, lasting = part.person(track_id), seconds[part.track_id == track_id]
        found.append(
            {
                "track_id": track_id,
                "name": edits.name_of(track_id),
                "frames": len(person),
                "share": {k: round(v, 4) for k, v in shares(person, lasting).items()},
                "mean_probability": _by_name(np.average(person.probs, axis=0, weights=lasting)),
            }
        )
    return found


def summary_json(value: object) -> bytes:
    """JSON for people and machines, UTF-8; bytes of a name that are not UTF-8 become escapes."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write summary.json, all or nothing.

    Raises:
        OutputError: the disk is full, or the folder is gone.
    """
    try:
        replace_file(folder / SUMMARY, summary_json(summary))
    except OSError as error:
        raise output_error(folder / SUMMARY, error) from error


def source_of(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a summary says of the video; {} where it says nothing."""
    source = summary.get("source")
    return source if isinstance(source, dict) else {}


def is_live(summary: Mapping[str, Any]) -> bool:
    """Whether a summary is that of a live recording."""
    return "started_utc" in summary


def origin_of(summary: Mapping[str, Any]) -> float:
    """The source's time in seconds at which the annotated clip begins; 0 where it is not known."""
    clip = summary.get("clip")
    origin_s = clip.get("origin_s") if isinstance(clip, dict) else None
    if isinstance(origin_s, int | float) and math.isfinite(origin_s):
        return float(origin_s)
    return 0.0


def network_words(model: Mapping[str, Any]) -> str:
    """The network's name and, where one was used, the adaptation with its strength."""
    name, adaptation = str(model.get("name") or ""), model.get("adaptation")
    if not isinstance(adaptation, dict):
        return name
    words = f"with adaptation {adaptation.get('name')}, strength {adaptation.get('strength')}"
    return f"{name} {words}{_applied_to(adaptation)}"


def adaptation_words(adaptation: Mapping[str, Any] | None) -> str:
    """The adaptation that was applied, as `Adaptation.described`; "" without one."""
    if not isinstance(adaptation, Mapping):
        return ""
    name, strength, fingerprint = (
        adaptation.get(key) for key in ("name", "strength", "fingerprint")
    )
    return (
        f"with the adaptation {name}, strength {strength}, fingerprint {fingerprint}"
        f"{_applied_to(adaptation)}"
    )


def _applied_to(adaptation: Mapping[str, Any]) -> str:
    alike = adaptation.get("like_faces_only")
    return ", applied to faces like those it was made from" if alike else ""
