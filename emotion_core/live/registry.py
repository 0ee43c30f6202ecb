"""The live streams of this process, so that other programs can watch them and control recordings.

A page adds its stream; what is done to a recording from elsewhere, the page finds here.
"""

import secrets
import threading
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from emotion_core.errors import InputError
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession, SessionState
from emotion_core.live.recording_store import SessionStore
from emotion_core.live.status import LiveReading


class LiveStream:
    """A live stream and its recording. All methods may be called from any thread.

    Attributes:
        id: 16 letters that cannot be guessed.
        started_utc: when it was added, ISO 8601.
        owner: whose stream it is; "" where no one signs in.
    """

    def __init__(
        self, processor: LiveProcessor, store: SessionStore, model: str | Mapping[str, Any]
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        # What a processor remembers of people's looks must not outlive its stream.
        self._processor = weakref.ref(processor)
        self.started_utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.owner = ""
        self._store, self._model = store, model
        self._lock = threading.Lock()
        # Held while a recording begins, which waits for the disk; those who only look do not.
        self._beginning = threading.Lock()
        self._token = ""
        self._remote: list[str] = []

    @property
    def processor(self) -> LiveProcessor | None:
        """What reads the stream; None where that was given up after its end."""
        return self._processor()

    def reading(self) -> LiveReading | None:
        """The newest reading; None where the stream has ended and nothing is left of it."""
        processor = self.processor
        return None if processor is None else processor.reading()

    @property
    def ended(self) -> bool:
        """Whether the stream is over."""
        reading = self.reading()
        return reading is None or reading.ended

    def describe(self, model: str | Mapping[str, Any]) -> None:
        """Use this for the recordings that begin from now on: the network that reads."""
        with self._lock:
            self._model = model

    @property
    def token(self) -> str:
        """The recording that the page shows, running or finished; "" without one."""
        with self._lock:
            return self._token

    def show(self, token: str) -> None:
        """The page shows this recording; "" for none, or for one it does not know of yet."""
        with self._lock:
            if token or self._token not in self._remote:
                self._token = token

    def is_remote(self, token: str) -> bool:
        """Whether a recording of this stream was started from elsewhere."""
        with self._lock:
            return token in self._remote

    def session(self) -> LiveSession | None:
        """The recording that runs or pauses; None without one."""
        found = self._store.find(self.token)
        session = found[1] if found else None
        return None if session is None or session.state is SessionState.FINISHED else session

    def start_recording(self) -> LiveSession:
        """Begin a recording of this stream, as the page's button does; without the picture.

        Raises:
            InputError: the stream has ended, one is running, or the page shows one that a visitor
                made there and has not put away.
            OutputError: the work folder cannot be written.
        """
        with self._beginning:
            processor, shown = self.processor, self.token
            if processor is None or self.ended:
                raise InputError("This live stream has ended.")
            if self.session() is not None:
                raise InputError("A recording of this live stream is already running.")
            if shown and not self.is_remote(shown) and self._store.find(shown):
                raise InputError(
                    "The page still shows a finished recording. Press “New recording” there first."
                )
            token, session = self._store.start(self._model, self.owner)
            processor.listen(session.begin_stream(processor.resolve_identities))
            with self._lock:
                self._remote.append(token)
                self._token = token
        return session

    def stop_recording(self) -> dict[str, Any]:
        """End the running recording, and return its summary.

        Raises:
            InputError: none is running.
            EmotionCoreError: the disk is full, or the rows are damaged.
        """
        token = self.token
        if self.session() is None:
            raise InputError("No recording of this live stream is running.")
        # It may take seconds, in which the page must not wait for the lock.
        return self._store.stop(token)

    def folder(self, token: str) -> Path | None:
        """The folder of a recording that was started from elsewhere; None for any other."""
        found = self._store.find(token) if self.is_remote(token) else None
        return found[0] if found else None


class LiveRegistry:
    """All live streams that pages have added. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: list[LiveStream] = []

    def add(
        self, processor: LiveProcessor, store: SessionStore, model: str | Mapping[str, Any]
    ) -> LiveStream:
        """The entry of a stream; made where it is new."""
        with self._lock:
            known = self._entry(processor)
            if known is None:
                known = LiveStream(processor, store, model)
                # The one that has ended longest makes room: an ended stream can still be asked for
                # what was recorded of it.
                ended = [s for s in self._streams if s.ended]
                for old in ended[: max(0, len(ended) - _MOST_ENDED + 1)]:
                    self._streams.remove(old)
                self._streams.append(known)
        known.describe(model)
        return known

    def of(self, processor: LiveProcessor | None) -> LiveStream | None:
        """The entry of a stream; None where it was not added, or where there is no stream."""
        with self._lock:
            return self._entry(processor) if processor is not None else None

    def _entry(self, processor: LiveProcessor) -> LiveStream | None:
        return next((s for s in self._streams if s.processor is processor), None)

    def running(self) -> list[LiveStream]:
        """Those that have not ended, oldest first."""
        with self._lock:
            streams = list(self._streams)
        return [stream for stream in streams if not stream.ended]

    def find(self, stream_id: str) -> LiveStream | None:
        """The stream with this id, also one that ended a short while ago."""
        with self._lock:
            return next((s for s in self._streams if s.id == stream_id), None)


_MOST_ENDED: Final = 16
LIVE: Final = LiveRegistry()
"""The live streams of this process."""
