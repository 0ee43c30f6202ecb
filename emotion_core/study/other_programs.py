"""Tables of OpenFace and py-feat: action units of every face of every frame, as they write them.

OpenFace 2 (Baltrušaitis et al. 2018, doi 10.1109/FG.2018.00019) writes a row for each face and
frame: frame (from 1), face_id, timestamp, confidence, success, AUxx_r (intensity, 0 to 5) and
AUxx_c (presence). py-feat (Cheong et al. 2023, doi 10.1007/s42761-023-00191-4) writes FaceRectX …,
FaceScore, AUxx (probability), seven emotions and frame (from 0).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from emotion_core.datatypes import BoolArray, IntArray
from emotion_core.errors import InputError
from emotion_core.results.face_table import Float64Array
from emotion_core.study.text_files import clean

OPENFACE: Final = "OpenFace"
PYFEAT: Final = "py-feat"
# Name of the file in a recording's folder → what wrote it.
FILES: Final[Mapping[str, str]] = {"openface.csv": OPENFACE, "pyfeat.csv": PYFEAT}
PREFIXES: Final[Mapping[str, str]] = {OPENFACE: "openface_", PYFEAT: "pyfeat_"}
_EMOTIONS: Final = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_OPENFACE_AU: Final = re.compile(r"AU\d{2}_[rc]")
_PYFEAT_AU: Final = re.compile(r"AU\d{2}")
_RECT: Final = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
_LANDMARK: Final = re.compile(r"([xy])_(\d{1,2})")
_HEAD_BYTES: Final = 200_000
_LARGEST_FRAME: Final = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class OtherTable:
    """What another program read in a video; row i of every field is one face of one frame.

    Attributes:
        program: OPENFACE or PYFEAT.
        frame: (N,) int64, index of the frame, from 0, not decreasing.
        time_s: (N,) float64, seconds as the program gives them; NaN where it does not.
        face: (N,) int64, the program's number of the face; 0 where it gives none.
        boxes_xywh: (N, 4) float64 pixels; NaN where not known.
        found: (N,) bool, the program found a face, and says that it succeeded.
        names: of the signals, as columns of a study: "openface_AU12_r", "pyfeat_happiness".
        values: (N, K) float64; NaN where a value is missing.
    """

    program: str
    frame: IntArray
    time_s: Float64Array
    face: IntArray
    boxes_xywh: Float64Array
    found: BoolArray
    names: tuple[str, ...]
    values: Float64Array

    def rows(self, mask: BoolArray | IntArray) -> "OtherTable":
        """Some of the rows."""
        return OtherTable(
            self.program,
            self.frame[mask],
            self.time_s[mask],
            self.face[mask],
            self.boxes_xywh[mask],
            self.found[mask],
            self.names,
            self.values[mask],
        )


def program_of(path: Path) -> str:
    """Which program wrote a table, OPENFACE or PYFEAT, by its columns.

    Raises:
        InputError: neither, or without action units, or of single images.
    """
    return _program(path, _header(path))


def read_other(path: Path) -> OtherTable:
    """Read a table of OpenFace or py-feat.

    Raises:
        InputError: see `program_of`; or a cell is not a number, or there are no rows.
    """
    columns = _header(path)
    program = _program(path, columns)
    wanted = _wanted(program, columns)
    found = _numbers(path, columns, wanted)
    if not len(found["frame"]):
        raise InputError(f"{path.name} has no rows: {program} found nothing in the video.")
    frame = found["frame"] - (1 if program == OPENFACE else 0)
    if not (np.abs(frame) < _LARGEST_FRAME).all():
        raise InputError(f"{path.name} is damaged: a frame has no number.")
    count = len(frame)
    names = tuple(c for c in wanted if _is_signal(program, c))
    values = np.stack([found[c] for c in names], axis=1)
    if program == OPENFACE:
        good = found.get("success", np.ones(count)) == 1
    else:
        good = ~np.isnan(values).all(axis=1)
    table = OtherTable(
        program,
        frame.astype(np.int64),
        found.get("timestamp", np.full(count, np.nan)),
        np.nan_to_num(found.get("face_id", np.zeros(count))).astype(np.int64),
        _boxes(found, count),
        good,
        tuple(PREFIXES[program] + c for c in names),
        values,
    )
    return table.rows(np.argsort(table.frame, kind="stable"))


def _header(path: Path) -> list[str]:
    """The columns of a file; OpenFace 2.0 and 2.1 write a blank before each."""
    try:
        with path.open("rb") as file:
            line = file.read(_HEAD_BYTES).split(b"\n", 1)[0]
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.") from error
    text = line.decode("utf-8-sig", errors="replace")
    return [clean(cell).strip('"') for cell in text.split(",")]


def _program(path: Path, columns: Sequence[str]) -> str:
    there = set(columns)
    if len(there) < len(columns):
        columns = sorted(there)
    if {"face", "confidence"} <= there and "frame" not in there:
        raise InputError(
            f"{path.name} is OpenFace's table of single images: run FeatureExtraction on the video."
        )
    if {"frame", "confidence", "success"} <= there:
        program, unit, how = OPENFACE, _OPENFACE_AU, "run FeatureExtraction with -aus"
    elif {"frame", *_RECT} <= there:
        program, unit, how = PYFEAT, _PYFEAT_AU, "keep the columns AU01, AU02 …"
    else:
        raise InputError(
            f"{path.name} is neither a table of OpenFace (frame, timestamp, confidence, success, "
            f"AU12_r …) nor one of py-feat (frame, FaceRectX, AU12 …). Its columns begin with: "
            f"{', '.join(columns[:5])}."
        )
    if not any(unit.fullmatch(c) for c in columns):
        raise InputError(f"{path.name}: this table of {program} has no action units; {how}.")
    return program


def _is_signal(program: str, column: str) -> bool:
    if program == OPENFACE:
        return bool(_OPENFACE_AU.fullmatch(column))
    return bool(_PYFEAT_AU.fullmatch(column)) or column in _EMOTIONS


def _wanted(program: str, columns: Sequence[str]) -> list[str]:
    """The columns that are read; of OpenFace's landmarks those of the face's 68 points."""
    known = {"frame", "timestamp", "face_id", "success", *_RECT}
    marks = _LANDMARK if program == OPENFACE else re.compile(r"(?!)")
    named = (c for c in columns if c in known or _is_signal(program, c) or marks.fullmatch(c))
    return list(dict.fromkeys(named))


def _numbers(path: Path, columns: Sequence[str], wanted: Sequence[str]) -> dict[str, Float64Array]:
    # Arrow refuses a repeated name even where it is not read.
    unique = [c if columns.index(c) == i else f"{c} {i}" for i, c in enumerate(columns)]
    try:
        table: Any = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=unique, skip_rows=1),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(wanted),
                column_types=dict.fromkeys(wanted, pa.float64()),
                null_values=["", "NA", "nan", "NaN", "-nan", "-nan(ind)", " nan", " -nan", "None"],
            ),
        )
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{path.name} is damaged: {error}.") from error
    return {name: table[name].to_numpy(zero_copy_only=False) for name in wanted}


def _boxes(found: Mapping[str, Float64Array], count: int) -> Float64Array:
    """(N, 4): py-feat's rectangles, or what contains OpenFace's landmarks."""
    if all(name in found for name in _RECT):
        return np.stack([found[name] for name in _RECT], axis=1)
    marks = [[v for c, v in found.items() if c.startswith(f"{axis}_")] for axis in "xy"]
    if not all(marks):
        return np.full((count, 4), np.nan)
    x, y = (np.stack(values, axis=1) for values in marks)
    left, top = x.min(axis=1), y.min(axis=1)
    return np.stack([left, top, x.max(axis=1) - left, y.max(axis=1) - top], axis=1)
