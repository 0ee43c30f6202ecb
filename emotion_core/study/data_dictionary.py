"""What every column of a study's tables means: the sidecar long.json, and the documentation."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from emotion_core.labels import EXPRESSIONS
from emotion_core.results.summary import package_versions
from emotion_core.study.definitions import SIGNALS, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.measures import MEASURES
from emotion_core.study.other_signals import about, is_other_signal

_FORMAT: Final = 1
# Column → (label, unit, meaning).
_COLUMNS: Final[dict[str, tuple[str, str, str]]] = {
    "participant": ("Participant", "", "Who is seen; from recordings.csv."),
    "recording": ("Recording", "", "Name of the recording; from recordings.csv."),
    "event": ("Event", "", "Label of the event, or 'whole recording'."),
    "event_kind": ("Kind of event", "", "stimulus, event or baseline; recording: the whole of it."),
    "occurrence": (
        "Occurrence",
        "count",
        "1 for the first event of this kind and label in the recording, 2 for the second, …",
    ),
    "start_s": ("Start", "s", "Start of the event on the clock of the video."),
    "end_s": ("End", "s", "End of the event on the clock of the video."),
    "signal": (
        "Signal",
        "",
        "One of the seven expressions, valence or arousal, or a signal of OpenFace or py-feat.",
    ),
    "included": ("Included", "1 or 0", "1: the event passed the quality gate, 0: it did not."),
    "reason": ("Reason", "", "Why it is not included."),
    "participants": ("Participants", "count", "Participants with at least one included event."),
    "recordings": ("Recordings", "count", "Recordings with at least one included event."),
    "events": ("Events", "count", "Included events."),
    "mean_valid_share": ("Mean valid share", "share", "Mean of `valid_share`, included events."),
    "events_left_out": ("Events left out", "count", "Events that are not included."),
}
SIGNAL_MEANINGS: Final[dict[str, tuple[str, str]]] = {
    **{name: ("probability", f"Probability of '{name}', 0 to 1.") for name in EXPRESSIONS},
    "valence": ("-1 to 1", "Unpleasant to pleasant; derived from the probabilities, not measured."),
    "arousal": ("-1 to 1", "Sleepy to excited; derived from the probabilities, not measured."),
}


def settings_hash(settings: StudySettings) -> str:
    """A hash of all settings, 16 hexadecimal digits: equal hashes mean equal settings."""
    text = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def column_entry(name: str) -> dict[str, str]:
    """Name, label, unit and meaning of a column of any table of a study.

    A column that this program does not define is one of recordings.csv.
    """
    measures = {m.name: m for m in MEASURES}
    signal, measure = _parts(name, measures)
    if name in _COLUMNS:
        label, unit, meaning = _COLUMNS[name]
    elif name in measures:
        one = measures[name]
        label, unit, meaning = one.label, one.unit, one.formula
    elif measure in measures:
        one = measures[measure]
        unit = one.unit.replace("signal", _signal(signal)[0])
        label, meaning = f"{signal.capitalize()}: {one.label.lower()}", one.formula
    else:
        label, unit, meaning = name, "", "A column of recordings.csv."
    return {"name": name, "label": label, "unit": unit, "meaning": meaning}


def _signal(name: str) -> tuple[str, str]:
    """Unit and meaning of a signal."""
    return SIGNAL_MEANINGS[name] if name in SIGNAL_MEANINGS else about(name)


def _parts(column: str, measures: Iterable[str]) -> tuple[str, str]:
    """Signal and measure of a column of the wide table; "" and "" for any other column."""
    for measure in measures:
        signal = column.removesuffix(f"_{measure}")
        if signal != column and (signal in SIGNALS or is_other_signal(signal)):
            return signal, measure
    return "", ""


def dictionary(
    study: Study, tables: Mapping[str, Sequence[str]], others: Iterable[str] = ()
) -> dict[str, Any]:
    """The content of long.json.

    Args:
        study: the study.
        tables: file → its columns.
        others: signals of other programs.
    """
    signals = [
        {"name": name, "unit": unit, "meaning": meaning}
        for name in (*SIGNALS, *others)
        for unit, meaning in (_signal(name),)
    ]
    return {
        "format": _FORMAT,
        "study": study.name,
        "settings": asdict(study.settings),
        "settings_hash": settings_hash(study.settings),
        "versions": package_versions(),
        "signals": signals,
        "tables": {file: [column_entry(c) for c in columns] for file, columns in tables.items()},
    }
