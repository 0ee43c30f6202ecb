"""BIDS events (Brain Imaging Data Structure 1.10, task events): a table and its JSON sidecar."""

import csv
import io
import json
import math
from typing import Any, Final

from emotion_core.interchange.document import Document, Written, beyond_end

MISSING: Final = "n/a"
# Column → what the sidecar says.
_COLUMNS: Final[dict[str, dict[str, Any]]] = {
    "onset": {
        "Description": "Start of the event on the recording's clock, which usually begins with its "
        "first frame.",
        "Units": "s",
    },
    "duration": {"Description": "Length of the event; 0 for a point.", "Units": "s"},
    "trial_type": {"Description": "What happened: an expression, a code, a marker or an event."},
    "kind": {"Description": "What the event is."},
    "person": {"Description": "Who is seen; n/a where the event concerns the whole recording."},
    "coder": {"Description": "Who annotated; n/a for what the program read or the study defined."},
    "intensity": {"Description": "Intensity given by a human coder."},
    "note": {"Description": "Note of a human coder."},
    "clock": {"Description": "Wall-clock time of the onset, ISO 8601 with the offset from UTC."},
    "recording": {"Description": "Name of the recording in the study."},
}
_KINDS: Final = {
    "expression": "The expression with the largest probability, read by the program.",
    "speaking": "The mouth moves as in speech.",
    "unsure": "The program's confidence is below its threshold.",
    "marker": "Set by a person on the recording.",
    "code": "Given by a human coder.",
    "stimulus": "Something that was shown.",
    "event": "Anything else that happened.",
    "baseline": "The participant at rest.",
    "exclude": "Time that no result uses.",
}


def write_bids(document: Document) -> Written:
    """`sub-<label>_task-expressions_events.tsv` and its sidecar; onsets to the microsecond.

    Wall-clock times are written where the start of the recording is known, the name of the
    recording where it belongs to a study.
    """
    columns = [name for name in _COLUMNS if name != "clock" or document.started is not None]
    if not document.recording:
        columns.remove("recording")
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    kinds: dict[str, None] = {}
    for tier, span in document.rows():
        kinds.setdefault(tier.kind)
        cells = {
            "onset": _seconds(span.start_s),
            "duration": _seconds(round(span.end_s, 6) - round(span.start_s, 6)),
            "trial_type": span.label,
            "kind": tier.kind,
            "person": tier.person,
            "coder": tier.coder,
            "intensity": "" if math.isnan(span.intensity) else f"{span.intensity:g}",
            "note": span.note,
            "clock": document.clock_of(span.start_s),
            "recording": document.recording,
        }
        writer.writerow([cells[name] or MISSING for name in columns])
    about = {name: dict(_COLUMNS[name]) for name in columns}
    about["kind"]["Levels"] = {kind: _KINDS.get(kind, kind) for kind in kinds}
    stem = f"sub-{bids_label(document.name)}_task-expressions_events"
    sidecar = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    files = {f"{stem}.tsv": text.getvalue().encode(), f"{stem}.json": sidecar.encode()}
    return Written(files, tuple(beyond_end(document)))


def bids_label(name: str) -> str:
    """A label as BIDS allows it, letters and digits of ASCII only; "recording" if none is left."""
    return "".join(c for c in name if c.isascii() and c.isalnum()) or "recording"


def _seconds(seconds: float) -> str:
    text = f"{seconds:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
