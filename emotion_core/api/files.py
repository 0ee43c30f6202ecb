"""Files of a results folder, by names that the server lists: a caller never gives a path."""

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from emotion_core.api.refusals import SAFE_HEADERS, RefusedError


def files_of(folder: Path) -> dict[str, Path]:
    """Name → path of the files right in a folder, without hidden and unfinished ones."""
    try:
        found = [p for p in folder.iterdir() if p.is_file() and not p.is_symlink()]
    except OSError:
        return {}
    return {path.name: path for path in found if not path.name.startswith(".")}


def file_answer(files: Mapping[str, Path], name: str) -> Response:
    """A file as an answer, in pieces where the caller asks for ranges of bytes.

    Raises:
        RefusedError: 404, there is none of that name.
    """
    path = files.get(name)
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        stat = None
    if path is None or stat is None:
        known = ", ".join(sorted(files)) or "none yet"
        raise RefusedError(404, f"There is no such file. Files: {known}.")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    shown = f"attachment; filename*=utf-8''{quote(path.name, safe='')}"
    headers = {**SAFE_HEADERS, "Content-Disposition": shown}
    return FileResponse(path, media_type=kind, stat_result=stat, headers=headers)
