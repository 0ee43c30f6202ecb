"""A recording of live readings: rows on disk as they come, markers, names, a summary at the end.

The readings are kept; the picture only while the visitor says so. A recording outlives its stream:
a browser that reloads or loses its connection finds it again by its token, which nobody can guess.
"""

import contextlib
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.atomic_io import parse_json
from emotion_core.datatypes import FloatArray, FrameResult, ImageArray
from emotion_core.errors import EmotionCoreError, InputError, OutputError
from emotion_core.live.video_recorder import Film, rescue_film
from emotion_core.results.annotations import Edits, Marker, load_edits, save_edits
from emotion_core.results.export import FacesWriter, read_faces
from emotion_core.results.paths import CLIP
from emotion_core.results.summary import package_versions, summarise, write_summary

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_HEAD, _FACES = "session.json", "faces.csv"
_FLUSH_EVERY_S: Final = 1.0


class SessionState(StrEnum):
    """What a recording is doing."""

    RECORDING = "recording"
    PAUSED = "paused"
    FINISHED = "finished"


class LiveSession:
    """One recording in its own folder. All methods may be called from any thread.

    Args:
        folder: made here; holds faces.csv, edits.json and session.json, later summary.json.
        model: name of the network that reads.
        clock: steady seconds; the recording's time 0 is the moment it is made.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, model: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self.model = model
        self.started_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._clock = clock
        self._zero_s = clock()
        self._lock = threading.Lock()
        self._state = SessionState.RECORDING
        self._edits = Edits()
        self._frames = 0
        self._stream = 0
        self._ids_before = 0
        self._highest_id = 0
        self._size: tuple[int, int] | None = None
        self._flushed_s = 0.0
        self._error = ""
        self._keeps_video = False
        self._film: Film | None = None
        try:
            folder.mkdir(parents=True)
            self._head: dict[str, Any] = {"started_utc": self.started_utc, "model": model}
            _write_head(folder, self._head)
        except OSError as error:
            raise OutputError(f"The recording cannot be written: {error.strerror}.") from error
        self._faces = FacesWriter(folder / _FACES)

    @property
    def state(self) -> SessionState:
        """What it is doing."""
        with self._lock:
            return self._state

    @property
    def error(self) -> str:
        """Why the recording stopped by itself; "" when it did not."""
        with self._lock:
            return self._error

    @property
    def keeps_video(self) -> bool:
        """Whether the picture is being kept beside the readings."""
        with self._lock:
            return self._keeps_video

    @property
    def frames(self) -> int:
        """Analysed frames recorded so far."""
        with self._lock:
            return self._frames

    @property
    def edits(self) -> Edits:
        """Names and markers."""
        with self._lock:
            return self._edits

    @property
    def stream(self) -> int:
        """How many streams it has listened to; the newest alone is heard."""
        with self._lock:
            return self._stream

    def now_s(self) -> float:
        """Seconds since the recording began, pauses included."""
        return self._clock() - self._zero_s

    def keep_video(self, keep: bool) -> None:
        """Keep the picture of each analysed frame from now on, or no more; all in one film."""
        with self._lock:
            self._keeps_video = keep

    def begin_stream(self) -> Callable[..., None]:
        """A new stream starts: returns the `Listener` that takes its results.

        Its identities count from 1 again and are moved behind those already recorded; an older
        stream of the same recording (a tab left open) is not listened to any more.
        """
        with self._lock:
            self._ids_before = self._highest_id
            self._stream += 1
            stream = self._stream

        def add(
            result: FrameResult,
            arrived_s: float,
            picture: Callable[[], ImageArray] | None = None,
            size: tuple[int, int] | None = None,
        ) -> None:
            self._add(stream, result, arrived_s, picture, size)

        return add

    def own_id(self, track_id: int) -> int:
        """The recording's identity of a person of the newest stream."""
        with self._lock:
            return track_id + self._ids_before

    def _add(
        self,
        stream: int,
        result: FrameResult,
        arrived_s: float,
        picture: Callable[[], ImageArray] | None,
        size: tuple[int, int] | None,
    ) -> None:
        with self._lock:
            recording = self._state is SessionState.RECORDING and stream == self._stream
            if not recording or arrived_s < self._zero_s:
                return
            row = replace(
                result,
                index=self._frames,
                time_s=arrived_s - self._zero_s,
                track_ids=result.track_ids + self._ids_before,
                boxes=result.boxes * self._scale(size),
            )
            try:
                self._write(row)
                if picture is not None and self._keeps_video:
                    self._film_frame(picture(), row.time_s)
            except OutputError as error:
                self._error = str(error)
                self._state = SessionState.PAUSED

    def _scale(self, size: tuple[int, int] | None) -> FloatArray:
        """(4,) from a frame's pixels to those of the first one: browsers change the size in the
        midst of a stream, and a face that stays where it is must not seem to move."""
        if size is None:
            return np.ones(4, np.float32)
        self._size = self._size or size
        return np.array([self._size[0] / size[0], self._size[1] / size[1]] * 2, np.float32)

    def _write(self, row: FrameResult) -> None:
        if self._size is not None and "width" not in self._head:
            self._keep({"width": self._size[0], "height": self._size[1]})
        self._faces.write(row)
        self._frames += 1
        if len(row):
            self._highest_id = max(self._highest_id, int(row.track_ids.max()))
        if row.time_s - self._flushed_s >= _FLUSH_EVERY_S:
            self._faces.flush()
            self._flushed_s = row.time_s

    def _keep(self, facts: dict[str, Any]) -> None:
        self._head |= facts
        try:
            _write_head(self.folder, self._head)
        except OSError as error:
            raise OutputError(f"The recording cannot be written: {error.strerror}.") from error

    def _film_frame(self, image: ImageArray, time_s: float) -> None:
        if self._film is None:
            # Kept at once: a recording that is cut off must not lose where its film begins.
            self._keep({"clip": {"origin_s": round(time_s, 3)}})
            self._film = Film(self.folder / CLIP, time_s)
        self._film.add(image, time_s)

    def pause(self) -> None:
        """Record nothing until `resume`; the clock runs on."""
        self._become(SessionState.PAUSED)

    def resume(self) -> None:
        """Record again."""
        with self._lock:
            self._error = ""
        self._become(SessionState.RECORDING)

    def _become(self, state: SessionState) -> None:
        with self._lock:
            if self._state is not SessionState.FINISHED:
                self._state = state

    def mark(self, label: str) -> Marker:
        """Set a marker at this moment.

        Raises:
            OutputError: it cannot be kept on disk.
        """
        now_s = round(self.now_s(), 3)
        marker = Marker(now_s, now_s, " ".join(label.split())[:80] or "marker")
        self._edit(lambda edits: edits.add_marker(marker))
        return marker

    def rename(self, track_id: int, name: str) -> None:
        """Name a person; the identity is the recording's own.

        Raises:
            OutputError: it cannot be kept on disk.
        """
        with self._lock:
            # Named while nothing is recorded: nobody who comes later may get this identity.
            self._highest_id = max(self._highest_id, track_id)
        self._edit(lambda edits: edits.rename(track_id, name))

    def _edit(self, change: Callable[[Edits], Edits]) -> None:
        with self._lock:
            self._edits = change(self._edits)
            save_edits(self.folder, self._edits)

    def stop(self) -> dict[str, Any]:
        """End the recording and write its summary; a second call returns the same.

        Raises:
            EmotionCoreError: the disk is full, or the rows were damaged.
        """
        with self._lock:
            if self._state is not SessionState.FINISHED:
                self._state = SessionState.FINISHED
                self._faces.__exit__(None, None, None)
                if self._film is not None:
                    self._film.close()
        return finish_folder(self.folder)


def _write_head(folder: Path, head: dict[str, Any]) -> None:
    (folder / _HEAD).write_text(json.dumps(head), "utf-8")


def finish_folder(folder: Path) -> dict[str, Any]:
    """Write and return the summary of a recording's folder from what lies in it.

    Raises:
        EmotionCoreError: it holds no readable recording, or the disk is full.
    """
    try:
        head = dict(parse_json((folder / _HEAD).read_text("utf-8")))
        started = head["started_utc"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError("This recording is not here any more, or is damaged.") from error
    table = read_faces(folder / _FACES)
    summary = {
        "status": "finished",
        "source": {
            "name": "live recording",
            "kind": "live",
            # Of the first frame; boxes are in its pixels.
            "width": head.get("width"),
            "height": head.get("height"),
        },
        "started_utc": started,
        "clock": "seconds of a steady clock, 0 at started_utc",
        "model": {"name": head["model"]},
        "versions": package_versions(),
        **summarise(table, load_edits(folder)),
    }
    if rescue_film(folder / CLIP):
        summary["clip"] = head.get("clip", {"origin_s": 0.0})
    write_summary(folder, summary)
    return summary


class SessionStore:
    """All recordings of this server by token, on disk below `root`; safe across threads."""

    def __init__(self, root: Path, retention_h: float = 24.0) -> None:
        self.root = root
        self._retention_s = retention_h * 3600
        self._lock = threading.Lock()
        self._open: dict[str, LiveSession] = {}

    def start(self, model: str) -> tuple[str, LiveSession]:
        """Begin a recording; old ones are cleared away first.

        Raises:
            OutputError: the work folder cannot be written.
        """
        self.forget_old()
        token = secrets.token_urlsafe(16)
        session = LiveSession(self.root / token, model)
        with self._lock:
            self._open[token] = session
        return token, session

    def find(self, token: str) -> tuple[Path, LiveSession | None] | None:
        """The folder of a recording, and the recording itself while it runs; None: unknown."""
        if not _TOKEN.fullmatch(token):
            return None
        folder = self.root / token
        if not (folder / _HEAD).is_file():
            return None
        with self._lock:
            return folder, self._open.get(token)

    def stop(self, token: str) -> dict[str, Any]:
        """End a recording, also one that lost its server, and return its summary.

        Raises:
            EmotionCoreError: it is unknown, damaged, or the disk is full.
        """
        found = self.find(token)
        if found is None:
            raise InputError("This recording is not here any more.")
        folder, session = found
        with self._lock:
            self._open.pop(token, None)
        return session.stop() if session else finish_folder(folder)

    def delete(self, token: str) -> None:
        """Remove a recording and everything in it."""
        found = self.find(token)
        if found is None:
            return
        folder, session = found
        if session:
            # It is about to be deleted: a summary that cannot be written is no loss.
            with contextlib.suppress(EmotionCoreError):
                self.stop(token)
        shutil.rmtree(folder, ignore_errors=True)

    def forget_old(self) -> None:
        """Delete recordings that have not been written to for the set time."""
        if not self.root.is_dir():
            return
        oldest = time.time() - self._retention_s
        for folder in self.root.iterdir():
            # A file may go while it is looked at: the next round comes.
            with contextlib.suppress(OSError):
                files = [file.stat().st_mtime for file in folder.glob("*") if file.is_file()]
                if files and max(files) < oldest:
                    self.delete(folder.name)
