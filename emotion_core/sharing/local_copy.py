"""The copy of a job's shared files on one replica's computer."""

import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import parse_json, replace_file, replacing
from emotion_core.sharing.files import SharedFile, SharedFiles


class LocalCopy:
    """The copy of a job's files on this computer, and what of it the others have.

    Args:
        folder: of the job here.
        files: of all replicas.
        job: the job.
    """

    _RECORD: Final[str] = ".shared.json"

    def __init__(self, folder: Path, files: SharedFiles, job: str) -> None:
        self._folder, self._files, self._job = folder, files, job
        self._record = folder / self._RECORD

    @classmethod
    def is_one(cls, folder: Path) -> bool:
        """Whether a job's folder here was fetched or published before."""
        return (folder / cls._RECORD).is_file()

    def fetch(self, below: str = "") -> list[str]:
        """Bring the files here that are missing or were changed by another replica.

        Args:
            below: only those whose paths begin with this.

        Returns:
            The paths of those that the store has lost.

        Raises:
            StoreError: the store or the database does not answer.
            OSError: this computer's folder cannot be written.
        """
        before = self._read()
        record = dict(before)
        listed = self._files.listed(self._job, below)
        if lost := self._bring(listed, record):
            # Replaced by another replica meanwhile?
            listed = self._files.listed(self._job, below)
            lost = self._bring(listed, record)
        now = {file.path for file in listed}
        for path in [p for p in record if p.startswith(below) and p not in now]:
            # Another replica has taken it away.
            (self._folder / path).unlink(missing_ok=True)
            del record[path]
        if record != before:
            self._write(record)
        return lost

    def _bring(self, listed: Collection[SharedFile], record: dict[str, list[Any]]) -> list[str]:
        lost = []
        for file in listed:
            target = self._folder / file.path
            if record.get(file.path, [""])[0] == file.object and target.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with replacing(target) as part:
                    self._files.fetch(file, part)
            except FileNotFoundError:
                lost.append(file.path)
                continue
            record[file.path] = [file.object, *_stamp(target)]
        return lost

    def publish(self, files: Collection[Path], also: Callable[[Any], None], below: str = "") -> int:
        """Give the others what is new or changed here, and take away what was deleted here.

        Args:
            files: those below the folder that are to be shared.
            also: see `SharedFiles.publish`.
            below: deleted files are looked for where paths begin with this.

        Returns:
            How many files were new or changed.

        Raises:
            StoreError: the store or the database cannot be used.
            OSError: a file cannot be read.
        """
        record = self._read()
        named = {f.relative_to(self._folder).as_posix(): f for f in files}
        new = {p: f for p, f in named.items() if record.get(p, [""])[1:] != _stamp(f)}
        stamps = {path: _stamp(file) for path, file in new.items()}
        gone = [p for p in record if p.startswith(below) and not (self._folder / p).exists()]
        keys = self._files.publish(self._job, new, gone=gone, also=also)
        record = {p: v for p, v in record.items() if p not in gone}
        self._write(record | {path: [key, *stamps[path]] for path, key in keys.items()})
        return len(new)

    def _read(self) -> dict[str, list[Any]]:
        with contextlib.suppress(OSError, ValueError):
            return dict(parse_json(self._record.read_bytes()))
        return {}

    def _write(self, record: Mapping[str, list[Any]]) -> None:
        if record:
            replace_file(self._record, json.dumps(record).encode())


def _stamp(file: Path) -> list[int]:
    """Differs from one version of a file to the next."""
    return [(stat := file.stat()).st_size, stat.st_mtime_ns]
