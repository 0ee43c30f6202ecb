"""edits.json: the edits of a results folder, also where several change them at once."""

import contextlib
import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Protocol

from emotion_core.atomic_io import parse_json, replacing
from emotion_core.errors import InputError, OutputError, StoreError
from emotion_core.results.annotations import Edits, Hide, Marker, Merge, one_line
from emotion_core.results.paths import EDITS, taking_turns

# Where a file with entries that cannot be read is kept when the next change is written.
DAMAGED: Final = f"{EDITS}.damaged"
_LOCK: Final = f".{EDITS}.lock"
_PATIENCE_S: Final = 10.0
_LARGEST_ID: Final = 2**53


class EditsKeeper(Protocol):
    """Keeps the edits below a folder the same on several computers; see `share_edits`."""

    def refresh(self, folder: Path) -> None:
        """Bring the edits.json of a results folder up to date."""

    def changing(self, folder: Path) -> AbstractContextManager[None]:
        """Hold the edits of a results folder for the block, and share what is in the file then."""


_keepers: dict[Path, EditsKeeper] = {}


def share_edits(root: Path, keeper: EditsKeeper | None) -> None:
    """Let the edits of all results folders below `root` be kept by `keeper`; None: by no one."""
    _keepers.pop(root, None)
    if keeper is not None:
        _keepers[root] = keeper


def _keeper(folder: Path) -> EditsKeeper | None:
    return next((k for root, k in _keepers.items() if folder.is_relative_to(root)), None)


def refresh_edits(folder: Path) -> None:
    """Bring edits.json up to date where other computers change it too; see `share_edits`.

    Raises:
        InputError: the shared edits cannot be read at present.
    """
    if keeper := _keeper(folder):
        try:
            keeper.refresh(folder)
        except (StoreError, OSError) as error:
            raise InputError(f"Your changes cannot be read at present: {error}") from error


def is_edits_file(path: Path) -> bool:
    """Whether a file holds edits, or damaged ones that were put aside."""
    return path.name.startswith(EDITS)


def load_edits(folder: Path) -> Edits:
    """The edits of a results folder; none where there is no file.

    An entry that cannot be read costs only itself, and is counted in `lost`.

    Raises:
        InputError: there is a file, but the disk does not give it.
    """
    refresh_edits(folder)
    return _edits_here(folder)


def _edits_here(folder: Path) -> Edits:
    try:
        text = (folder / EDITS).read_bytes()
    except FileNotFoundError:
        return Edits()
    except OSError as error:
        raise InputError(f"Your changes cannot be read at present: {error.strerror}.") from error
    try:
        data = parse_json(text)
    except ValueError:
        data = None
    # It is no longer known who was to be hidden.
    return _edits_of(data) if isinstance(data, dict) else Edits(hide=Hide.EVERYBODY, lost=1)


def _edits_of(data: Mapping[str, Any]) -> Edits:
    names, no_names = _readable(data.get("names"), dict, lambda e: (_id(e[0]), one_line(str(e[1]))))
    merged, no_merged = _readable(data.get("merged"), dict, lambda e: (_id(e[0]), _id(e[1])))
    excluded, no_excluded = _readable(data.get("excluded"), list, _id)
    markers, no_markers = _readable(
        data.get("markers"),
        list,
        lambda m: Marker(float(m["start_s"]), float(m["end_s"]), one_line(str(m["label"]))),
    )
    hide = data.get("hide", Hide.NOBODY)
    no_hide = hide not in list(Hide)
    apart, no_apart = _readable(data.get("apart", {}), dict, lambda e: (_id(e[0]), _id(e[1])))
    different, no_different = _readable(
        data.get("different", []), list, lambda e: (_id(e[0]), _id(e[1]))
    )
    undo, no_undo = _readable(data.get("undo", {}), dict, lambda e: (_id(e[0]), _merge_of(e[1])))
    lost = no_apart + no_different + no_names + no_merged + no_excluded + no_markers + no_hide
    return Edits(
        dict(names),
        dict(merged),
        frozenset(excluded),
        tuple(markers),
        Hide.EVERYBODY if no_hide else Hide(hide),
        dict(apart),
        frozenset(different),
        dict(undo),
        lost + no_undo,
    )


def _merge_of(entry: Any) -> Merge:
    members = tuple(_id(member) for member in entry["members"])
    return Merge(_id(entry["into"]), members, bool(entry["named"]), bool(entry["excluded"]))


def _id(value: Any) -> int:
    """An identity, as a table of faces can hold it."""
    number = int(value)
    if abs(number) > _LARGEST_ID:
        raise ValueError(f"{number} is no identity")
    return number


def _readable(
    entries: Any, kind: type[dict[Any, Any]] | type[list[Any]], read: Callable[[Any], Any]
) -> tuple[list[Any], int]:
    """The entries that mean something, and how many do not."""
    if not isinstance(entries, kind):
        return [], 1
    good = []
    for entry in entries.items() if isinstance(entries, dict) else entries:
        with contextlib.suppress(ValueError, LookupError, TypeError, OverflowError):
            good.append(read(entry))
    return good, len(entries) - len(good)


def save_edits(folder: Path, edits: Edits) -> None:
    """Write the edits to the results folder atomically.

    Raises:
        OutputError: the folder is gone, the disk is full, or what is there cannot be read.
    """
    change_edits(folder, lambda _: edits)


def change_edits(folder: Path, change: Callable[[Edits], Edits]) -> Edits:
    """Change the edits as they are on disk at this moment; returns what is kept then.

    Others may change them at the same time, in this process and in others: no change is lost.

    Raises:
        InputError: `change` raises it.
        OutputError: the folder is gone, the disk is full, or what is there cannot be read.
    """
    keeper = _keeper(folder)
    try:
        with (
            taking_turns(folder / _LOCK, _PATIENCE_S),
            keeper.changing(folder) if keeper else contextlib.nullcontext(),
        ):
            before = _before(folder)
            edits = replace(change(before), lost=0)
            if edits != before or before.lost:
                _write(folder, edits, damaged=before.lost > 0)
    except OSError as error:
        raise OutputError(f"Your changes could not be kept: {error.strerror}.") from error
    except StoreError as error:
        raise OutputError(f"Your changes could not be kept: {error}") from error
    return edits


def _before(folder: Path) -> Edits:
    try:
        return _edits_here(folder)
    except InputError as error:
        # Written over what cannot be read now, it would be gone for good.
        raise OutputError(str(error)) from error


def _write(folder: Path, edits: Edits, damaged: bool) -> None:
    data = {
        "names": {str(k): v for k, v in edits.names.items()},
        "merged": {str(k): v for k, v in edits.merged.items()},
        "excluded": sorted(edits.excluded),
        "markers": [asdict(marker) for marker in edits.markers],
        "hide": edits.hide,
        "apart": {str(k): v for k, v in edits.apart.items()},
        "different": sorted(edits.different),
        "undo": {str(k): asdict(v) for k, v in edits.undo.items()},
    }
    with replacing(folder / EDITS) as part:
        part.write_text(json.dumps(data, indent=1, ensure_ascii=False), "utf-8")
        if damaged:
            shutil.copyfile(folder / EDITS, _free_name(folder / DAMAGED))


def _free_name(path: Path) -> Path:
    """The path, with a number where that name is taken."""
    numbered = (path.with_name(f"{path.name}{n}") for n in itertools.count(2))
    return next(p for p in itertools.chain([path], numbered) if not p.exists())
