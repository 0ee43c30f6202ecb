"""The Parquet file of a recording's readings: its columns, and what it says about itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from emotion_core.atomic_io import parse_json, replacing
from emotion_core.datatypes import BoolArray, SignArray
from emotion_core.errors import InputError
from emotion_core.results.export import output_error
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import SIGNALS
from emotion_core.study.grid import Grid

FORMAT: Final = 1
CORRECTED: Final = tuple(f"{name}_corrected" for name in SIGNALS)
_ABOUT: Final = b"emotion_lab"
# Column → (Arrow type, meaning).
_COLUMNS: Final[dict[str, tuple[pa.DataType, str]]] = {
    "time_s": (pa.float64(), "Start of the step, seconds on the clock of the video."),
    "seen": (pa.bool_(), "The participant's face was detected in this step."),
    "held": (pa.bool_(), "There is only a box that was held over a short gap."),
    "unsure": (pa.bool_(), "At least half of the readings in this step are unsure."),
    "excluded": (pa.bool_(), "Part of the step is in an event of the kind exclude."),
    "speaking": (pa.bool_(), "The participant speaks; missing where that is not known."),
    "valid": (pa.bool_(), "The step counts: there is a reading, and nothing leaves it out."),
}
SCHEMA: Final = pa.schema(
    [(name, kind) for name, (kind, _) in _COLUMNS.items()]
    + [(name, pa.float32()) for name in (*SIGNALS, *CORRECTED)]
)


def column_meanings() -> dict[str, str]:
    """What each column of the file means."""
    meanings = {name: meaning for name, (_, meaning) in _COLUMNS.items()}
    for name in SIGNALS:
        derived = name in ("valence", "arousal")
        kind = f"Derived {name}, -1 to 1" if derived else f"Probability of '{name}', 0 to 1"
        meanings[name] = f"{kind}; missing where the participant is absent."
    for name in SIGNALS:
        meanings[f"{name}_corrected"] = f"`{name}` minus its baseline; missing without a baseline."
    return meanings


@dataclass(frozen=True, slots=True)
class Source:
    """A state of a table of faces: `sha256` is of its bytes."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a file of readings says about itself.

    Attributes:
        key: a hash of all that decides about the content, but for the tables of faces.
        sources: recording → the table of faces that was read for it; a participant's baseline may
            come from other recordings.
        origin_s, rate_hz, steps: the grid.
        problems: what the user should know about these readings.
        failed: why there are no readings; "" if there are.
        others: names of the columns with signals of other programs, after all others.
    """

    key: str
    sources: dict[str, Source] = field(default_factory=dict)
    origin_s: float = 0.0
    rate_hz: float = 1.0
    steps: int = 0
    problems: tuple[str, ...] = ()
    failed: str = ""
    others: tuple[str, ...] = ()

    @property
    def grid(self) -> Grid:
        """The steps of the file."""
        return Grid(self.origin_s, self.rate_hz, self.steps)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """The columns of the file; see `column_meanings`.

    Attributes:
        grid: N steps.
        seen, held, unsure, excluded, valid: (N,) bool.
        speaking: (N,) int8: 1, 0, or -1 where it is not known.
        values: (N, 9) float64 in the order of `SIGNALS`, NaN where the participant is absent.
        corrected: (N, 9) float64, NaN where there is no baseline, too.
        others: signal of another program → (N,) float64, NaN where it has no value.
    """

    grid: Grid
    seen: BoolArray
    held: BoolArray
    unsure: BoolArray
    excluded: BoolArray
    speaking: SignArray
    valid: BoolArray
    values: Float64Array
    corrected: Float64Array
    others: Mapping[str, Float64Array] = field(default_factory=dict)

    def table(self) -> pa.Table:
        """As Arrow columns; NaN becomes null."""
        columns: list[Any] = [self.grid.times(), self.seen, self.held, self.unsure, self.excluded]
        columns.append(pa.array(self.speaking == 1, mask=self.speaking < 0))
        columns.append(self.valid)
        for block in (self.values, self.corrected):
            single = np.asarray(block, np.float32)
            columns += [pa.array(column, from_pandas=True) for column in single.T]
        schema = SCHEMA
        for name, values in self.others.items():
            schema = schema.append(pa.field(name, pa.float32()))
            columns.append(pa.array(np.asarray(values, np.float32), from_pandas=True))
        return pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)


def write_readings(path: Path, header: Header, readings: Readings | None) -> None:
    """Write the file atomically; without readings, only what the header says.

    Raises:
        OutputError: the disk is full or the folder is not writable.
    """
    table = SCHEMA.empty_table() if readings is None else readings.table()
    about = json.dumps({"format": FORMAT, **asdict(header)}, ensure_ascii=False).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            # Hardly two readings are equal: a dictionary of them costs time and space.
            pa_parquet.write_table(
                table.replace_schema_metadata({_ABOUT: about}),
                part,
                compression="zstd",
                use_dictionary=False,
            )
    except OSError as error:
        raise output_error(path, error) from error


def read_header(path: Path) -> Header | None:
    """What a file says about itself; None if there is no such file, or of another version."""
    try:
        about = parse_json(pa_parquet.read_metadata(path).metadata[_ABOUT])
        if about.pop("format") != FORMAT:
            return None
        sources = {name: Source(**source) for name, source in about.pop("sources").items()}
        problems, others = tuple(about.pop("problems")), tuple(about.pop("others", ()))
        return Header(sources=sources, problems=problems, others=others, **about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_readings(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Readings as a DataFrame, one row a step; see `column_meanings`.

    Args:
        path: the Parquet file.
        columns: only these.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        frame: pd.DataFrame = pa_parquet.ParquetFile(path).read(columns).to_pandas()
    except (OSError, ValueError) as error:
        raise InputError(
            f"The readings {path.name} cannot be read: {error}. Delete this file, and prepare the "
            "readings again."
        ) from error
    return frame
