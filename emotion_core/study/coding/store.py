"""What coders did in a study: every key is kept at once; codes are computed from the keys."""

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from emotion_core.errors import InputError
from emotion_core.study.coding.database import transaction
from emotion_core.study.coding.plans import Plan, Window, coder_order, shared_part
from emotion_core.study.coding.records import (
    LONGEST_NAME,
    Coder,
    CoderProgress,
    PlanInfo,
    Unit,
    check_share,
    clean_name,
    folded,
    key_of,
    plan_of,
    unit_of,
    unit_row,
)
from emotion_core.study.coding.replay import ClipCodes, Code, Key, finished, replay

FILE: Final = Path("coding", "codes.sqlite")
CODES: Final = (
    "coder", "recording", "unit", "start_s", "end_s", "code", "intensity", "cannot_tell", "note",
)  # fmt: skip
UNITS: Final = (
    "coder", "recording", "unit", "start_s", "end_s", "training", "done", "note",
)  # fmt: skip
_LONGEST_NOTE: Final = 2000
# Coder, clip, whether it is done, and what was coded in it.
_CoderClip = tuple[str, Unit, bool, ClipCodes]


class CodeTables(NamedTuple):
    """What people coded.

    Attributes:
        codes: columns `CODES`, one row a code, by coder, clip and time. coder, recording, unit,
            code, note str; start_s, end_s float64, seconds on the clock of the video, equal for a
            moment; intensity float64, 1 to 5, NaN where none was given; cannot_tell bool, code is
            "" then. A stretch that was never ended ends where the next one begins, else with its
            clip.
        units: columns `UNITS`, one row a coder and clip. coder, recording, unit, note str; start_s,
            end_s float64; training, done bool. Only what is done and no training counts in results.
    """

    codes: pd.DataFrame
    units: pd.DataFrame


class CodingStore:
    """The codes of a study. All methods may be called from any thread and any process.

    Each change is one transaction that is on the disk when the method returns.

    Args:
        folder: of the study.

    Raises:
        InputError: from every method: the file is damaged or of a newer version, or a name or
            clip is unknown. The file is left as it is.
        OutputError: from every method: it cannot be read or written at this moment.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    # ---- coders

    def coders(self) -> tuple[Coder, ...]:
        """Everyone, in the order in which they began."""
        with self._read() as file:
            return _coders(file)

    def find_coder(self, name: str) -> Coder | None:
        """The coder of this name, whatever its capitals and spaces; None: there is none."""
        with self._read() as file:
            return _coder(file, name)

    def add_coder(self, name: str, share: float = 1.0) -> Coder:
        """Add a coder.

        Raises:
            InputError: the name is empty or too long, or there is a coder of this name.
        """
        clean = clean_name(name)
        check_share(share)
        with self._write() as file:
            if there := _coder(file, clean):
                raise InputError(
                    f"There is a coder “{there.name}” already: continue as this coder, or take "
                    "another name."
                )
            values = (clean, folded(clean), share, time.time())
            file.execute("INSERT INTO coders VALUES (?, ?, ?, ?)", values)
        return Coder(clean, share)

    def set_share(self, name: str, share: float) -> None:
        """Give a coder another share of the clips; what is coded stays."""
        check_share(share)
        with self._write() as file:
            file.execute("UPDATE coders SET share = ? WHERE name = ?", (share, name))

    def delete_coder(self, name: str) -> None:
        """Remove a coder with all codes; harmless when repeated."""
        with self._write() as file:
            file.execute("DELETE FROM coders WHERE name = ?", (name,))

    # ---- plans and clips

    def plans(self) -> tuple[PlanInfo, ...]:
        """All plans, oldest first."""
        with self._read() as file:
            rows = file.execute(
                "SELECT plans.*, (SELECT count(*) FROM units WHERE plan = plans.id) AS units "
                "FROM plans ORDER BY id"
            )
            return tuple(plan_of(row) for row in rows)

    def add_plan(self, name: str, plan: Plan, windows: Sequence[Window]) -> int:
        """Keep a plan and its clips; returns its number."""
        units = [Unit("", 0, w.recording, w.start_s, w.end_s) for w in windows]
        return self._add_units(name, plan.seed, plan.values(), units)

    def add_training(self, name: str, seed: int, units: Sequence[Unit]) -> int:
        """Keep clips with known answers (see `training.training_units`); returns their plan."""
        return self._add_units(name, seed, {"sampling": "training"}, units)

    def _add_units(
        self, name: str, seed: int, settings: dict[str, Any], units: Sequence[Unit]
    ) -> int:
        if not units:
            raise InputError("A plan needs at least one clip.")
        with self._write() as file:
            row = (name.strip()[:LONGEST_NAME], seed, time.time(), json.dumps(settings))
            sql = "INSERT INTO plans (name, seed, made_s, settings) VALUES (?, ?, ?, ?)"
            plan = int(file.execute(sql, row).lastrowid or 0)
            file.executemany(
                "INSERT INTO units VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [unit_row(f"{plan}-{i:04}", plan, i, unit) for i, unit in enumerate(units, 1)],
            )
        return plan

    def delete_plan(self, plan: int) -> None:
        """Remove a plan with its clips and all codes in them; harmless when repeated."""
        with self._write() as file:
            file.execute("DELETE FROM plans WHERE id = ?", (plan,))

    def units_of(self, coder: str) -> tuple[Unit, ...]:
        """The clips that a coder is given, in this coder's order: training clips come first."""
        with self._read() as file:
            found = _coder(file, coder)
            if found is None:
                raise InputError(f"There is no coder “{coder}”: it was deleted, or never began.")
            return _given(file, found)

    # ---- coding

    def press(self, coder: str, unit: str, keys: Iterable[Key]) -> None:
        """Keep keys, in this order; one whose id is known already counts once."""
        rows = [
            (
                *(key.id, coder, unit, time.time(), str(key.action), float(key.time_s), key.code),
                *(str(key.kind), key.exclusive, key.value, key.target, key.text[:_LONGEST_NOTE]),
            )
            for key in keys
        ]
        with self._write() as file:
            file.executemany(
                "INSERT INTO keys (id, coder, unit, pressed_s, action, time_s, code, kind, "
                "exclusive, value, target, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO NOTHING",
                rows,
            )

    def coded(self, coder: str, unit: Unit) -> ClipCodes:
        """What a coder has coded in a clip so far."""
        with self._read() as file:
            sql = "SELECT * FROM keys WHERE coder = ? AND unit = ? ORDER BY number"
            keys = [key_of(row) for row in file.execute(sql, (coder, unit.id))]
        return replay(keys, unit.start_s, unit.end_s)

    def finished(self, coder: str, unit: Unit) -> tuple[Code, ...]:
        """The codes of a clip by time, those that still run ended."""
        return finished(self.coded(coder, unit), unit.end_s).codes

    def finish(self, coder: str, unit: str) -> None:
        """A coder is done with a clip; harmless when repeated."""
        with self._write() as file:
            sql = "INSERT INTO done VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            file.execute(sql, (coder, unit, time.time()))

    def reopen(self, coder: str, unit: str) -> None:
        """A coder is not done with a clip any more."""
        with self._write() as file:
            file.execute("DELETE FROM done WHERE coder = ? AND unit = ?", (coder, unit))

    def done(self, coder: str) -> frozenset[str]:
        """Ids of the clips that a coder is done with."""
        with self._read() as file:
            return _done(file, coder)

    # ---- what others read

    def state_of_done(self) -> str:
        """Differs where other clips are done, or where keys of clips that are done differ."""
        sql = (
            "SELECT done.coder, done.unit, coalesce(max(keys.number), 0) FROM done LEFT JOIN keys "
            "ON keys.coder = done.coder AND keys.unit = done.unit "
            "GROUP BY done.coder, done.unit ORDER BY done.coder, done.unit"
        )
        with self._read() as file:
            return repr([tuple(row) for row in file.execute(sql)])

    def progress(self) -> tuple[CoderProgress, ...]:
        """How far each coder is."""
        with self._read() as file:
            return tuple(_progress(file, coder) for coder in _coders(file))

    def tables(self) -> CodeTables:
        """Every code, and every clip that a coder has looked at, as they are at one moment."""
        clips = self._clips()
        return CodeTables(_codes_frame(clips), _units_frame(clips))

    def codes(self) -> pd.DataFrame:
        """`CodeTables.codes`; with `units`, too, take both of `tables`."""
        return self.tables().codes

    def units(self) -> pd.DataFrame:
        """`CodeTables.units`."""
        return self.tables().units

    def _clips(self) -> list[_CoderClip]:
        """Coder, clip, whether it is done, and its codes, of all that were looked at."""
        with self._read() as file:
            units = {r["id"]: unit_of(r) for r in file.execute("SELECT * FROM units")}
            places = {unit: place for place, unit in enumerate(units)}
            coders = [coder.name for coder in _coders(file)]
            done = {(r["coder"], r["unit"]) for r in file.execute("SELECT coder, unit FROM done")}
            keys: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
            for row in file.execute("SELECT * FROM keys ORDER BY number"):
                keys[row["coder"], row["unit"]].append(key_of(row))
        seen = sorted(done | set(keys), key=lambda pair: (coders.index(pair[0]), places[pair[1]]))
        found = []
        for coder, name in seen:
            unit = units[name]
            clip = replay(keys[coder, name], unit.start_s, unit.end_s)
            found.append((coder, unit, (coder, name) in done, clip))
        return found

    @property
    def _read(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]:
        return partial(transaction, self.path, write=False)

    @property
    def _write(self) -> Callable[[], AbstractContextManager[sqlite3.Connection]]:
        return partial(transaction, self.path, write=True)


def _coders(file: sqlite3.Connection) -> tuple[Coder, ...]:
    rows = file.execute("SELECT name, share FROM coders ORDER BY added_s, rowid")
    return tuple(Coder(row["name"], row["share"]) for row in rows)


def _done(file: sqlite3.Connection, coder: str) -> frozenset[str]:
    rows = file.execute("SELECT unit FROM done WHERE coder = ?", (coder,))
    return frozenset(row["unit"] for row in rows)


def _progress(file: sqlite3.Connection, coder: Coder) -> CoderProgress:
    units, done = _given(file, coder), _done(file, coder.name)
    sql = "SELECT count(*), coalesce(max(pressed_s), 0) FROM keys WHERE coder = ?"
    keys, last_s = file.execute(sql, (coder.name,)).fetchone()
    training = [unit.id for unit in units if unit.training]
    others = [unit.id for unit in units if not unit.training]
    return CoderProgress(
        coder, len(others), len(done & set(others)), len(training), len(done & set(training)),
        keys, last_s,
    )  # fmt: skip


def _given(file: sqlite3.Connection, coder: Coder) -> tuple[Unit, ...]:
    plans = file.execute("SELECT id, seed FROM plans ORDER BY id").fetchall()
    training: list[Unit] = []
    others: list[Unit] = []
    for plan in plans:
        rows = file.execute("SELECT * FROM units WHERE plan = ? ORDER BY place", (plan["id"],))
        units = {row["id"]: unit_of(row) for row in rows}
        # The answers of a training clip are of no use to who gave them.
        own = [u.id for u in units.values() if u.training and u.answered_by != coder.name]
        training += [units[i] for i in coder_order(plan["seed"], coder.name, own)]
        part = shared_part(
            plan["seed"], coder.share, [i for i, u in units.items() if not u.training]
        )
        others += [units[i] for i in coder_order(plan["seed"], coder.name, part)]
    # A clip whose answers were shown is not coded once more.
    shown = {(u.recording, u.start_s, u.end_s) for u in training}
    fresh = [u for u in others if (u.recording, u.start_s, u.end_s) not in shown]
    return (*training, *fresh)


def _coder(file: sqlite3.Connection, name: str) -> Coder | None:
    sql = "SELECT name, share FROM coders WHERE folded = ?"
    row = file.execute(sql, (folded(name),)).fetchone()
    return Coder(row["name"], row["share"]) if row else None


def _codes_frame(clips: Sequence[_CoderClip]) -> pd.DataFrame:
    rows = [
        (
            *(coder, unit.recording, unit.id, c.start_s, c.end_s, c.code),
            *(float(c.intensity or "nan"), c.cannot_tell, c.note),
        )
        for coder, unit, _, clip in clips
        for c in finished(clip, unit.end_s).codes
    ]
    return _frame(rows, CODES, ("start_s", "end_s", "intensity"), ("cannot_tell",))


def _units_frame(clips: Sequence[_CoderClip]) -> pd.DataFrame:
    rows = [
        (
            *(coder, unit.recording, unit.id, unit.start_s, unit.end_s, unit.training, done),
            clip.note,
        )
        for coder, unit, done, clip in clips
    ]
    return _frame(rows, UNITS, ("start_s", "end_s"), ("training", "done"))


def _frame(
    rows: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    numbers: Sequence[str],
    switches: Sequence[str],
) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    types = dict.fromkeys(numbers, "float64") | dict.fromkeys(switches, "bool")
    return frame.astype(types)
