"""Writing files atomically, and reading JSON of unknown origin."""

import contextlib
import errno
import io
import json
import math
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def need_room(folder: Path, size: int) -> None:
    """Look for room before a library writes: HDF5 may take the whole process down on a full disk.

    Args:
        folder: where something is to be written.
        size: in bytes.

    Raises:
        OSError: the disk has less room.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        words = f"{size / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are left"
        raise OSError(errno.ENOSPC, words)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file in the same folder that replaces `path` when the block succeeds.

    An exception inside the block removes it and leaves `path` as it was. The temporary name,
    `.<name>.<random>.part`, is one of those that `results.paths.remove_leftovers` deletes after a
    crash; it differs in every thread and process, so concurrent writers cannot mix their bytes.

    Raises:
        OSError: the disk is full or the folder is not writable.
    """
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part", delete=False
    ) as part:
        temporary = Path(part.name)
    try:
        yield temporary
        # A temporary file is readable only by its owner; results and models are for all users.
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Write a file as a whole; an earlier version is kept until the new one is complete.

    Raises:
        OSError: the disk is full or the folder is not writable.
    """
    with replacing(path) as part:
        part.write_bytes(data)


def compress_zip(path: Path) -> None:
    """Rewrite a zip with its files compressed: keras stores the weights as they are.

    Raises:
        OSError: the disk is full or the folder may not be written.
    """
    data = io.BytesIO()
    with (
        zipfile.ZipFile(path) as stored,
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as compressed,
    ):
        for name in stored.namelist():
            compressed.writestr(name, stored.read(name))
    replace_file(path, data.getvalue())


def parse_json(text: str | bytes) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is not JSON, or nested so deeply that json gives up with a RecursionError.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON whole; a score without meaning (NaN) becomes null, which every reader knows."""
    text = json.dumps(_finite(values), indent=1, ensure_ascii=False) + "\n"
    replace_file(path, text.encode("utf-8"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
