"""Codes that people gave, as tiers: one for each coder."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emotion_core.errors import InputError
from emotion_core.interchange.document import CODE, CODES_OF, Span, Tier

if TYPE_CHECKING:
    import pandas as pd

_CANNOT_TELL = "cannot tell"
_COLUMNS = ("coder", "recording", "start_s", "end_s", "code")


def tiers_of_codes(codes: "pd.DataFrame", recording: str, person: str = "") -> list[Tier]:
    """The codes of a recording.

    Args:
        codes: columns coder, recording, start_s, end_s and code, and perhaps intensity (NaN: none),
            cannot_tell (bool) and note; one row a code. Overlapping codes are allowed.
        recording: whose codes.
        person: who is seen in it.

    Returns:
        A tier of the kind CODE for each coder, in the order of their names.

    Raises:
        InputError: a column is missing, or a time is not a number.
    """
    if missing := [name for name in _COLUMNS if name not in codes.columns]:
        raise InputError(f"The codes have no column {', '.join(missing)}.")
    found: dict[str, list[Span]] = {}
    for row in codes[codes["recording"] == recording].to_dict("records"):
        found.setdefault(str(row["coder"]), []).append(_span(row))
    head = f"{person}: " if person else ""
    # The last ": " of a tier's name is the one after the person.
    return [
        Tier(f"{head}{CODES_OF}{coder.replace(': ', ' ')}", CODE, tuple(spans), person, coder)
        for coder, spans in sorted(found.items())
    ]


def _span(row: Mapping[Any, Any]) -> Span:
    label = _CANNOT_TELL if row.get("cannot_tell") else str(row["code"])
    intensity = row.get("intensity", math.nan)
    return Span(
        float(row["start_s"]),
        float(row["end_s"]),
        label,
        math.nan if intensity is None else float(intensity),
        str(row.get("note") or ""),
    )
