"""A recording of live readings: rows on disk as they come, markers, names, a summary at the end.

The readings are kept; the picture only while the visitor says so. A recording outlives its stream:
a browser that reloads or loses its connection finds it again by its token, which cannot be guessed.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import FloatArray, FrameResult, ImageArray
from emotion_core.errors import EmotionCoreError, InputError, OutputError
from emotion_core.live.final_identities import FinalIdentities, Resolve
from emotion_core.live.recording_folder import finish_folder, write_head
from emotion_core.live.video_recorder import Film
from emotion_core.results.annotations import Edits, Marker, one_line
from emotion_core.results.edits_file import save_edits
from emotion_core.results.faces_writer import FacesWriter
from emotion_core.results.paths import CLIP, FACES, sole_writer

logger = logging.getLogger(__name__)

# The rows of a process that is killed are lost since the last flush.
_FLUSH_EVERY_S: Final = 0.5


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
        owner: whose recording it is, kept in session.json; "" where no one signs in.
        clock: steady seconds; the recording's time 0 is the moment it is made.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        model: str | Mapping[str, Any],
        *,
        owner: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.started_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._clock = clock
        self._zero_s = clock()
        self._lock = threading.Lock()
        self._state = SessionState.RECORDING
        self._edits = Edits()
        self._frames = 0
        self._stream = 0
        self._ids_before = self._tracklets_before = self._shots_before = 0
        self._highest_id = self._highest_tracklet = self._highest_shot = 0
        self._final = FinalIdentities()
        self._continues = False
        self._size: tuple[int, int] | None = None
        self._flushed_s = 0.0
        self._error = self._video_error = ""
        self._keeps_video = False
        self._film: Film | None = None
        self._summary: dict[str, Any] | None = None
        self._held = contextlib.ExitStack()
        try:
            folder.mkdir(parents=True)
            # Keeps other servers that share the folder out of the recording until it is finished.
            self._held.enter_context(sole_writer(folder))
            self._head: dict[str, Any] = {
                "started_utc": self.started_utc,
                "model": model if isinstance(model, str) else dict(model),
                **({"owner": owner} if owner else {}),
            }
            write_head(folder, self._head)
            self._faces = FacesWriter(folder / FACES)
        except OSError as error:
            self._held.close()
            raise OutputError(f"The recording cannot be written: {error.strerror}.") from error
        except OutputError:
            self._held.close()
            raise

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
    def video_error(self) -> str:
        """Why the picture is no longer kept while the readings go on; "" where nothing failed."""
        with self._lock:
            return self._video_error

    @property
    def keeps_video(self) -> bool:
        """Whether the picture is being kept with the readings."""
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
        """How many streams it has listened to; only the newest is recorded."""
        with self._lock:
            return self._stream

    @property
    def zero_s(self) -> float:
        """Time 0 of the recording on the steady clock."""
        return self._zero_s

    def now_s(self) -> float:
        """Seconds since the recording began, pauses included."""
        return self._clock() - self._zero_s

    def keep_video(self, keep: bool) -> None:
        """Keep the picture of each analysed frame from now on, or no more; all in one film.

        After a failure the film is closed, and nothing is added to it any more.
        """
        with self._lock:
            self._keeps_video = keep and not self._video_error

    def begin_stream(self, resolve: Resolve | None = None) -> Callable[..., None]:
        """A new stream starts: returns the `Listener` that takes its results.

        Its identities and tracklets count from 1 again and are moved behind those already recorded;
        an older stream of the same recording (a tab left open) is not listened to any more.

        Args:
            resolve: asked when no more is recorded of the stream who was who in it.
        """
        with self._lock:
            self._ids_before, self._tracklets_before = self._highest_id, self._highest_tracklet
            self._final.begin_stream(resolve, self._ids_before, self._tracklets_before)
            self._continues = False
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
            if not self._continues:
                # The stream may have seen cuts before it was recorded.
                self._shots_before = self._highest_shot + 1 - result.shot
                self._continues = True
            row = replace(
                result,
                index=self._frames,
                time_s=arrived_s - self._zero_s,
                track_ids=result.track_ids + self._ids_before,
                tracklets=result.tracklets + self._tracklets_before,
                shot=result.shot + self._shots_before,
                boxes=result.boxes * self._scale(size),
            )
            try:
                self._write(row)
            except Exception as error:
                self._error = _reason(error, "The readings could not be written")
                self._state = SessionState.PAUSED
                return
            if picture is None or not self._keeps_video:
                return
            try:
                self._film_frame(picture(), row.time_s)
            except Exception as error:
                self._end_film(_reason(error, "The picture could not be kept"))

    def _end_film(self, reason: str) -> None:
        """Close the film, so that what it holds can be played; the readings go on without it.

        Args:
            reason: what failed; "" where nothing did.
        """
        self._keeps_video = False
        film, self._film = self._film, None
        try:
            if film is not None:
                film.close()
        except EmotionCoreError as error:
            reason = reason or str(error)
        if reason:
            self._video_error = reason
            # The disk may be what failed: the page tells it all the same while the recording runs.
            with contextlib.suppress(OutputError):
                self._keep({"video_problem": reason})

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
        self._highest_shot = row.shot
        if len(row):
            self._highest_id = max(self._highest_id, int(row.track_ids.max()))
            self._highest_tracklet = max(self._highest_tracklet, int(row.tracklets.max()))
        if row.time_s - self._flushed_s >= _FLUSH_EVERY_S:
            self._faces.flush()
            self._flushed_s = row.time_s

    def _keep(self, facts: dict[str, Any]) -> None:
        self._head |= facts
        try:
            write_head(self.folder, self._head)
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
        return self.mark_at(self._clock(), label)

    def mark_at(self, moment_s: float, label: str) -> Marker:
        """Set a marker at a moment of the steady clock that the recording was made with.

        Raises:
            InputError: the moment is before the recording's first.
            OutputError: the marker cannot be kept on disk.
        """
        time_s = round(moment_s - self._zero_s, 3)
        if time_s < 0:
            raise InputError(f"This is {-time_s:.3f} s before the recording began.")
        marker = Marker(time_s, time_s, one_line(label) or "marker")
        self._edit(lambda edits: edits.add_marker(marker))
        return marker

    def rename(self, track_id: int, name: str) -> None:
        """Name a person; the identity is the recording's own.

        Raises:
            OutputError: it cannot be kept on disk.
        """
        with self._lock:
            # Named while nothing is recorded: later people must not get this identity.
            self._highest_id = max(self._highest_id, track_id)
        self._edit(lambda edits: edits.rename(track_id, name))

    def _edit(self, change: Callable[[Edits], Edits]) -> None:
        with self._lock:
            self._edits = change(self._edits)
            save_edits(self.folder, self._edits)

    def stop(self) -> dict[str, Any]:
        """End the recording and write its summary; every further call waits and returns the same.

        Raises:
            EmotionCoreError: the disk is full, or the rows were damaged.
        """
        with self._lock:
            if self._summary is None:
                self._state = SessionState.FINISHED
                with self._held:
                    self._faces.__exit__(None, None, None)
                    self._end_film("")
                    self._summary = self._finish()
            return self._summary

    def _finish(self) -> dict[str, Any]:
        edits, changed = self._final.write(self.folder / FACES, self._edits)
        if edits != self._edits:
            self._edits = edits
            save_edits(self.folder, edits)
        return finish_folder(self.folder, self._final.suggestions, identities_changed=changed)


def _reason(error: Exception, what: str) -> str:
    """The words of an error that was foreseen; any other is logged."""
    if isinstance(error, EmotionCoreError):
        return str(error)
    logger.error(what, exc_info=error)
    return f"{what} ({error})."
