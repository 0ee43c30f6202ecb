"""The codes of a study as one table, for other programs."""

from typing import Final

import pandas as pd

from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study
from emotion_core.study.tables import csv_bytes

# Column → meaning; docs/data.md has them, too.
COLUMNS: Final[dict[str, str]] = {
    "coder": "Who coded.",
    "participant": "Who is seen; from recordings.csv.",
    "recording": "Name of the recording; from recordings.csv.",
    "unit": "Clip: the number of its plan, and its number in the plan.",
    "unit_start_s": "Start of the clip, seconds on the clock of the video.",
    "unit_end_s": "End of the clip, seconds on the clock of the video.",
    "training": "1: a training clip, which counts in no result.",
    "done": "1: the coder has finished the clip; 0: it may still change.",
    "start_s": "Start of the code, seconds on the clock of the video.",
    "end_s": "End of the code; equal to `start_s` for a moment.",
    "code": "Code of the category; empty where the coder cannot tell.",
    "intensity": "1 to 5; empty where none was given.",
    "cannot_tell": "1: the coder cannot tell.",
    "note": "Note on the code.",
    "unit_note": "Note on the clip.",
}


def codes_table(study: Study, store: CodingStore) -> pd.DataFrame:
    """One row a code, with the columns `COLUMNS`; a clip without codes has one row, without times.

    Raises:
        InputError, OutputError: the codes cannot be read.
    """
    names = {"start_s": "unit_start_s", "end_s": "unit_end_s", "note": "unit_note"}
    codes, units = store.tables()
    clips = units.rename(columns=names)
    table = clips.merge(codes, how="left", on=["coder", "recording", "unit"])
    people = {r.recording: r.participant for r in study.recordings}
    table["participant"] = [people.get(name, "") for name in table["recording"]]
    # Clips without codes.
    empty = table["start_s"].isna()
    table["cannot_tell"] = table["cannot_tell"].where(~empty, other=False).astype(bool)
    for name in ("code", "note"):
        table[name] = table[name].astype(object).where(~empty, other="")
    return table[list(COLUMNS)]


def codes_csv(study: Study, store: CodingStore) -> bytes:
    """`codes_table` as CSV: UTF-8, times to six decimals, 1 and 0 for yes and no."""
    return csv_bytes(codes_table(study, store))
