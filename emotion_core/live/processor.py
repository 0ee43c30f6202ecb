"""One visitor's live stream: every frame is shown, the newest one is read.

Three threads meet here. aiortc's event loop calls `recv` for each frame and must never wait: it
draws the newest result on the newest frame. A worker thread of our own runs the pipeline on the
newest frame it finds; frames that came in between are dropped, never queued. The page's thread
reads `reading()` and swaps settings. What they share is swapped under one lock.

While faces are hidden, only frames that the worker has analysed, hidden and checked are shown: the
picture then lags behind the camera, and where there is none, a panel takes its place.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import av

from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.live.capacity import Seat
from emotion_core.live.checked_pictures import CheckedPictures, HideFaces
from emotion_core.live.frame_pipeline import FramePipeline, Listener
from emotion_core.live.guided_takes import GuidedTakes
from emotion_core.live.heap import give_memory_back_soon
from emotion_core.live.history import History, Reading
from emotion_core.live.listeners import RECORDING, Listeners
from emotion_core.live.rate import RateCounter
from emotion_core.live.rendering import (
    DrawOverlay,
    Look,
    panel,
    shown_picture,
    to_bgr,
    to_frame,
    with_expressions_of,
)
from emotion_core.live.settings import LiveSettings
from emotion_core.live.status import LiveReading
from emotion_core.pipeline.identity_resolution import Resolution

logger = logging.getLogger(__name__)

THREAD_PREFIX: Final = "emotion-live-"
# A stream that is cut without a word (cable, crash) must not keep threads and sockets for long; ICE
# gives up after half a minute (RFC 7675). Browsers call a connection lost after about as long.
IDLE_END_S: Final = 7.0
# What the page shows counts for the overlay for so long: it asks every half second.
PAGE_S: Final = 1.5
# A stream without a frame for this long counts as silent.
SILENT_S: Final = 3.0
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    frame: Frame
    arrived_s: float


class LiveProcessor:
    """Reads and draws one stream; an object of streamlit-webrtc's processor protocol.

    Args:
        pipeline: this stream's own pipeline; only the worker thread calls it.
        draw: puts a result on a copy of an image.
        settings: what the visitor chose.
        clock: steady seconds.
        idle_end_s: the worker thread ends after so long without a frame (and starts again with
            the next one).
        send_back: False where what `recv` gives back is not shown: nothing is drawn.
        hide: hides all faces of a picture, called on the worker thread; None: a `StreamFaceHider`.
        seat: released when the stream ends.
    """

    def __init__(
        self,
        pipeline: FramePipeline,
        draw: DrawOverlay,
        settings: LiveSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        idle_end_s: float = IDLE_END_S,
        send_back: bool = True,
        hide: HideFaces | None = None,
        seat: Seat | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._sends_back = send_back
        self._draw = draw
        self._checked = CheckedPictures(hide)
        self._seat = seat or Seat(clock())
        self._listeners = Listeners()
        self._clock = clock
        self._idle_end_s = idle_end_s
        self._changed = threading.Condition()
        # Everything below is read and written while holding `_changed`.
        self._settings = settings or LiveSettings()
        self._names: Mapping[int, str] = {}
        self._waiting: _Waiting | None = None
        self._worker: threading.Thread | None = None
        self._ended = False
        self._ended_s: float | None = None
        self._end_stream: Callable[[], None] | None = None
        self._start_s: float | None = None
        self._newest_s = self._result_s = 0.0
        self._frames_in = self._frames_read = 0
        self._result: FrameResult | None = None
        # What the page shows at present, and since when.
        self._on_page: tuple[FrameResult, float] | None = None
        self._error = ""
        self._draw_error = self._hide_error = ""
        self._guide: GuidedTakes | None = None
        self._shown = RateCounter()
        self._read = RateCounter()
        self._history = History()

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Take a camera frame, give back what is shown. Runs on aiortc's event loop.

        Never raises: an exception here would end the stream without a word to the visitor. While
        faces are hidden, the camera's own frame is never given back, whatever fails.
        """
        try:
            image = to_bgr(frame)
            look = self._take(image)
            shown = self._shown_now(image, look) if self._sends_back else None
            given_back = frame if shown is None else to_frame(shown)
        except Exception as error:
            self._report_drawing(error)
            if self.settings.hide_faces and self._sends_back:
                return to_frame(panel(frame.width, frame.height))
            return frame
        return given_back

    def _shown_now(self, image: ImageArray, look: Look) -> ImageArray | None:
        if not look.settings.hide_faces:
            return self._drawn(image, look)
        checked = self._checked.newest(self._clock())
        return panel(image.shape[1], image.shape[0]) if checked is None else checked

    def _take(self, image: ImageArray) -> Look:
        """Leave the newest frame for the worker; what stood there is stale and dropped."""
        now_s = self._clock()
        with self._changed:
            if self._start_s is None:
                self._start_s = now_s
                self._seat.use()
            self._shown.add(now_s)
            self._newest_s = now_s
            if not self._ended:
                frame = Frame(image, self._frames_in, max(0.0, now_s - self._start_s))
                self._waiting = _Waiting(frame, now_s)
                self._ensure_worker()
                self._changed.notify_all()
            self._frames_in += 1
            result = self._result and self._as_on_page(self._result, now_s)
            return Look(self._settings, result, self._names)

    def _as_on_page(self, result: FrameResult, now_s: float) -> FrameResult:
        """The same faces, with the expressions that the page shows for the same people."""
        if self._on_page is None or now_s - self._on_page[1] >= PAGE_S:
            return result
        return with_expressions_of(result, self._on_page[0])

    def _report_drawing(self, error: Exception) -> None:
        with self._changed:
            first = not self._draw_error
            self._draw_error = f"The picture could not be drawn ({error})."
        if first:
            logger.exception("Drawing on a live frame failed")

    def _ensure_worker(self) -> None:
        if self._worker is None:
            name = f"{THREAD_PREFIX}{next(_numbers)}"
            # The thread holds this object; it ends with the stream or when frames stay away.
            self._worker = threading.Thread(target=self._work, name=name, daemon=True)
            self._worker.start()

    def _work(self) -> None:
        """The worker thread: newest frame in, result out, until the stream ends or falls silent."""
        applied: LiveSettings | None = None
        while (taken := self._next_frame()) is not None:
            waiting, settings = taken
            try:
                if applied is None or settings.pipeline != applied.pipeline:
                    self._pipeline.update_settings(settings.pipeline)
                if settings.adaptation is not (applied.adaptation if applied else None):
                    self._pipeline.update_adaptation(settings.adaptation)
                applied = settings
                result = self._pipeline.process(waiting.frame)
            except Exception as error:
                self._failed(error)
            else:
                self._finished(waiting, result)
        self._let_go()
        give_memory_back_soon()

    def _let_go(self) -> None:
        """End the connection of a stream that fell silent; on the worker thread."""
        with self._changed:
            end, self._end_stream = self._end_stream, None
        if end is not None:
            logger.info("A live stream fell silent and is ended")
            end()

    def _next_frame(self) -> tuple[_Waiting, LiveSettings] | None:
        """Wait for a frame; None when it is time for the worker to end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting is not None or self._ended, self._idle_end_s
            )
            waiting, self._waiting = self._waiting, None
            if waiting is None or self._ended:
                self._worker = None
                return None
            settings = self._settings
            if self._guide is not None:
                # The takes teach what the network itself says.
                plain = replace(settings.pipeline, use_baselines=False)
                settings = replace(settings, pipeline=plain, adaptation=None)
            return waiting, settings

    def _finished(self, waiting: _Waiting, result: FrameResult) -> None:
        hidden, hide_error = self._hidden(waiting.frame.image, result)
        now_s = self._clock()
        with self._changed:
            self._result, self._result_s = result, now_s
            self._error, self._hide_error = "", hide_error
            self._frames_read += 1
            self._read.add(now_s, now_s - waiting.arrived_s)
            self._history.add(result)
            guide = self._guide
            look = Look(replace(self._settings, mirror=False), result, self._names, hidden)
        if guide is not None:
            guide.observe(result)
        self._tell(result, waiting, look)

    def _hidden(self, image: ImageArray, result: FrameResult) -> tuple[ImageArray | None, str]:
        """The picture without recognisable faces, where the visitor wants that; or why not."""
        with self._changed:
            # One moment's settings for all of this: hiding may be switched off meanwhile.
            settings = self._settings
            look = Look(settings, self._as_on_page(result, self._clock()), self._names)
        if not settings.hide_faces:
            return None, ""
        hidden, problem = self._checked.hide(image, result)
        if hidden is not None and self._sends_back:
            shown = self._drawn(hidden, replace(look, hidden=hidden))
            self._checked.keep(hidden if shown is None else shown, self._clock())
        return hidden, problem

    def _drawn(self, image: ImageArray, look: Look) -> ImageArray | None:
        """As `shown_picture`; without the overlay where that cannot be drawn."""
        try:
            shown = shown_picture(image, look, self._draw)
        except Exception as error:
            self._report_drawing(error)
            bare = replace(look.settings, overlay=replace(look.settings.overlay, show=False))
            return shown_picture(image, replace(look, settings=bare), self._draw)
        with self._changed:
            self._draw_error = ""
        return shown

    def _tell(self, result: FrameResult, waiting: _Waiting, look: Look) -> None:
        frame = waiting.frame

        def picture() -> ImageArray:
            shown = self._drawn(frame.image, look)
            return frame.image if shown is None else shown

        self._listeners.tell(result, waiting.arrived_s, picture, (frame.width, frame.height))

    def _failed(self, error: Exception) -> None:
        with self._changed:
            first, self._error = not self._error, str(error) or type(error).__name__
        if first:
            # Once for a run of failing frames, not thirty tracebacks a second.
            logger.error("A live frame could not be read", exc_info=error)

    def update_settings(self, settings: LiveSettings) -> None:
        """Use other settings from the next frame on; the stream goes on. Any thread."""
        with self._changed:
            self._settings = settings

    def update_names(self, names: Mapping[int, str]) -> None:
        """Show people under these names. Any thread."""
        with self._changed:
            self._names = dict(names)

    def listen(self, listener: Listener | None, purpose: str = RECORDING) -> None:
        """Hand every further result to one listener a purpose; None stops that. Any thread."""
        self._listeners.set(listener, purpose)

    def end_when_silent(self, end: Callable[[], None]) -> None:
        """Call `end` once, on the worker thread, when frames stay away for long. Any thread.

        Args:
            end: closes the connection, which calls `on_ended`.
        """
        with self._changed:
            if not self._ended:
                self._end_stream = end

    def guide_with(self, guide: GuidedTakes | None) -> None:
        """Hand every result to guided takes, without any correction; None ends that. Any thread."""
        with self._changed:
            self._guide = guide

    def start_calibration(self, seconds: float = 3.0) -> None:
        """Take the coming seconds of everybody in view as their rest. Any thread."""
        self._pipeline.start_calibration(None, seconds)

    def clear_calibration(self) -> None:
        """Read everybody as the network does, without a rest of their own. Any thread."""
        self._pipeline.clear_calibration(None)

    @property
    def calibration_progress(self) -> dict[int, float]:
        """Identity → 0 to 1, of those whose rest is being measured. Any thread."""
        return self._pipeline.calibration_progress

    def resolve_identities(self) -> Resolution:
        """Who was who in the whole stream. Any thread."""
        return self._pipeline.resolve_identities()

    @property
    def settings(self) -> LiveSettings:
        """What is in use. Any thread."""
        with self._changed:
            return self._settings

    def reading(self) -> LiveReading:
        """The newest result and the rates. Any thread; never waits for a frame."""
        now_s = self._clock()
        with self._changed:
            latency_s = self._read.median_value(now_s)
            return LiveReading(
                result=self._result,
                age_s=None if self._result is None else now_s - self._result_s,
                analysis_fps=self._read.per_second(now_s),
                display_fps=self._shown.per_second(now_s),
                latency_ms=None if latency_s is None else latency_s * 1000,
                frames_in=self._frames_in,
                frames_read=self._frames_read,
                sends_back=self._sends_back,
                error=self._error,
                picture_error=self._hide_error or self._draw_error,
                ended=self._ended,
                silent=self._silent(now_s),
            )

    def _silent(self, now_s: float) -> bool:
        until_s = now_s if self._ended_s is None else self._ended_s
        return self._start_s is not None and until_s - self._newest_s > SILENT_S

    def show_with_page(self, result: FrameResult | None) -> None:
        """Draw the expressions of this result over the faces until the page shows the next one.

        Otherwise the words over a face and those next to the video, which are written only now and
        then, would disagree. Any thread.
        """
        with self._changed:
            self._on_page = None if result is None else (result, self._clock())

    def now_s(self) -> float:
        """Seconds since the first frame, on the clock of the results' `time_s`; 0 before it."""
        with self._changed:
            return 0.0 if self._start_s is None else self._clock() - self._start_s

    def history(self) -> dict[int, Reading]:
        """The last minute of each person. Any thread."""
        with self._changed:
            return self._history.readings()

    def on_ended(self) -> None:
        """The stream is over: let the worker end. Runs on aiortc's event loop, may come twice."""
        with self._changed:
            self._ended = True
            self._ended_s = self._ended_s or self._clock()
            self._waiting = self._end_stream = None
            self._seat.release()
            self._changed.notify_all()


def live_threads() -> list[str]:
    """Names of the worker threads that are alive in this process, for checks of clean ends."""
    return [t.name for t in threading.enumerate() if t.name.startswith(THREAD_PREFIX)]
