"""Sessions that run on this server: what the participants' browsers send, and how each ends.

A session is a recording of live readings in the study's folder, with a log of what was shown. It
ends when its participant comes to the end or stops, and where nothing is heard of the browser for
some time. What was recorded until then is kept in any case, unless the participant wants it gone.
"""

import contextlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from emotion_core.atomic_io import write_json
from emotion_core.errors import EmotionCoreError, InputError, OutputError
from emotion_core.live.capture_times import TimedProcessor
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording import LiveSession
from emotion_core.live.recording_folder import finish_folder
from emotion_core.results.paths import SUMMARY, sole_writer
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.presentation.log import LOG, Head, LogWriter, read_log
from emotion_core.study.presentation.orders import order_for
from emotion_core.study.presentation.outcome import (
    COMPLETE,
    FRAMES,
    LOST,
    STOPPED,
    capture_lag,
    completed,
    frames_of,
    loads_of,
    outcome_of,
    summary_of,
)
from emotion_core.study.presentation.plan import Item, Plan, item_values
from emotion_core.study.presentation.sessions import (
    RESULT,
    give_back_number,
    keep_outcome,
    read_result,
    session_name,
    sessions_of,
    take_number,
)
from emotion_core.ui.presentation_page.messages import SESSIONS

logger = logging.getLogger(__name__)
# A browser is heard of every two seconds; a reload, or a network that is gone for a moment, may
# take longer.
SILENT_S: Final = 120.0
_LOOK_EVERY_S: Final = 5.0
# The camera's pictures have stopped.
_NO_PICTURE_S: Final = 4.0
_NOTE_EVERY_S, _NOTED_FRAMES = 10.0, 30
DELETED: Final = "deleted at the participant’s wish"
_ENDS: Final = {"complete": COMPLETE, "stopped": STOPPED, "delete": DELETED}


@dataclass(eq=False)
class Run:
    """One session that runs. All methods may be called from any thread.

    Attributes:
        token: by which the participant's browser names it.
        study: the study.
        name: of the recording.
        head: who sees what in which order.
        items: what is shown, in this order.
        session: the recording.
        log: what was shown.
        heard_s: when its browser was last heard of, on the steady clock.
        ended: how it ended; "" while it runs.
        problem: what could not be kept.
        load: the newest load of the page, the only one that goes on showing items.
        place: how many items are done: where it goes on after an interruption.
        finished: everything is written.
        processors: the streams that were recorded, in order.
    """

    token: str
    study: Study
    name: str
    head: Head
    items: tuple[Item, ...]
    session: LiveSession
    log: LogWriter
    heard_s: float
    ended: str = ""
    problem: str = ""
    load: str = ""
    place: int = 0
    finished: bool = False
    processors: list[LiveProcessor] = field(default_factory=list)
    _noted_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, processor: LiveProcessor) -> None:
        """Record what this stream reads from now on."""
        with self._lock:
            if processor in self.processors or self.ended:
                return
            self.processors.append(processor)
        processor.listen(self.session.begin_stream(processor.resolve_identities))

    def take(self, entries: list[Any]) -> list[str]:
        """Keep what a browser sends; returns the ids of what is kept.

        Raises:
            OutputError: the disk is full.
        """
        self.heard_s = time.monotonic()
        if self.ended:
            return []
        kept = self.log.add(entries)
        self._note_frames()
        with self._lock:
            loads = [entry["load"] for entry in kept if entry["type"] == "load"]
            self.load = loads[-1] if loads else self.load
            self.place = max(self.place, completed(kept))
        return [entry["id"] for entry in kept]

    def _note_frames(self) -> None:
        """Write now and then how late pictures come: after a crash it could not be told."""
        with self._lock:
            if self.heard_s - self._noted_s < _NOTE_EVERY_S:
                return
            self._noted_s = self.heard_s
            frames = _frames_of(self.processors[-1:])[-_NOTED_FRAMES:]
        if frames:
            self.log.note(type=FRAMES, pairs=frames)

    def camera_sends(self) -> bool:
        """Whether pictures come at this moment."""
        with self._lock:
            newest = self.processors[-1] if self.processors else None
        if newest is None:
            return False
        reading = newest.reading()
        return not reading.ended and (reading.age_s or 0.0) < _NO_PICTURE_S

    def end(self, how: str) -> None:
        """End it and write its row; only the first call counts.

        Args:
            how: as of `outcome`, or DELETED.
        """
        with self._lock:
            if self.ended:
                return
            self.ended = how
            processors = tuple(self.processors)
        for processor in processors:
            processor.listen(None)
        try:
            if how == DELETED:
                self._delete()
            else:
                self._keep(how, processors)
        except EmotionCoreError as error:
            self.problem = str(error)
            logger.warning("A session could not be finished: %s", error)
        finally:
            with self._lock:
                # They hold the networks' memory of a stream.
                self.processors.clear()
                self.finished = True

    def end_as(self, word: str) -> None:
        """End it as its browser says: "complete", "stopped" or "delete"."""
        if how := _ENDS.get(word):
            self.end(how)

    def _delete(self) -> None:
        # Its summary may be impossible to write; it is to go anyway.
        with contextlib.suppress(EmotionCoreError):
            self.session.stop()
        try:
            shutil.rmtree(self.session.folder)
        except OSError as error:
            raise OutputError(
                f"the folder {self.session.folder.name} could not be removed: {error.strerror}."
            ) from error
        code = self.head.participant
        # Earlier sessions of this participant keep their number, and so their order.
        if all(row.participant != code for row in sessions_of(self.study)):
            give_back_number(self.study.folder, code)

    def _keep(self, how: str, processors: tuple[LiveProcessor, ...]) -> None:
        self.log.note(type="end", how=how)
        try:
            self.session.stop()
        finally:
            finish(self.study, self.name, _frames_of(processors))


def _frames_of(processors: Iterable[LiveProcessor]) -> list[tuple[float, float]]:
    timed = (p for p in processors if isinstance(p, TimedProcessor))
    return [frame for processor in timed for frame in processor.capture_times.frames()]


def finish(study: Study, name: str, frames: list[tuple[float, float]]) -> None:
    """Write the row, the events and presentation.json of a session from its log.

    Args:
        study: the study.
        name: of the recording.
        frames: of `CaptureTimes.frames`; [] where they are lost: those in the log count then.

    Raises:
        EmotionCoreError: the study cannot be written.
    """
    folder = session_folder(study, name)
    log = read_log(folder / LOG)
    outcome = outcome_of(log, name)
    frames = frames or frames_of(log.entries)
    lag = capture_lag(frames, loads_of(log.entries), outcome.offsets)
    keep_outcome(study, name, log.head, outcome, lag)
    try:
        write_json(folder / RESULT, summary_of(log.head, outcome, lag))
    except OSError as error:
        raise OutputError(f"{RESULT} cannot be written: {error.strerror}.") from error


def session_folder(study: Study, name: str) -> Path:
    """The folder of a session's recording."""
    return study.folder / ANALYSED / name


class Runs:
    """All sessions that run on this server, by token. Any thread.

    Args:
        silent_s: a session ends when its browser was not heard of for so long.
    """

    def __init__(self, silent_s: float = SILENT_S) -> None:
        self._silent_s = silent_s
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._watch: threading.Thread | None = None

    def start(
        self, study: Study, plan: Plan, participant: str, consent_utc: str, model: Mapping[str, Any]
    ) -> Run:
        """Begin a session: from now on it is recorded.

        Args:
            study: the study.
            plan: what is shown.
            participant: the code; "" gives the next one.
            consent_utc: when the participant agreed.
            model: what summary.json says of the network.

        Raises:
            EmotionCoreError: the code cannot be used, or the study cannot be written.
        """
        if not consent_utc or not plan.consent.strip():
            raise InputError("Nothing is recorded without consent.")
        code, number = take_number(study.folder, participant)
        name = session_name(study, code)
        items = order_for(plan, number)
        session = LiveSession(session_folder(study, name), model)
        session.keep_video(plan.keep_video)
        head = Head(
            participant=code,
            number=number,
            order=tuple(item.name for item in items),
            items=tuple(item_values(item) for item in items),
            consent=plan.consent,
            consent_utc=consent_utc,
            started_utc=session.started_utc,
            zero_s=session.zero_s,
        )
        log = LogWriter(session.folder / LOG)
        log.begin(head)
        token = secrets.token_urlsafe(16)
        run = Run(token, study, name, head, items, session, log, time.monotonic())
        with self._lock:
            self._runs[token] = run
            SESSIONS.add(token, run)
            if self._watch is None:
                self._watch = threading.Thread(
                    target=self._look_after, daemon=True, name="sessions"
                )
                self._watch.start()
        return run

    def find(self, token: str) -> Run | None:
        """The session of a token; None where there is none, or the server was started again."""
        with self._lock:
            return self._runs.get(token)

    def of(self, folder: Path) -> dict[str, Run]:
        """Name of the recording → session, of those of a study that run at this moment."""
        with self._lock:
            runs = list(self._runs.values())
        return {run.name: run for run in runs if run.study.folder == folder and not run.finished}

    def end_silent(self) -> None:
        """End the sessions whose browser is gone."""
        now_s = time.monotonic()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            if not run.ended and now_s - run.heard_s > self._silent_s:
                run.end(LOST)

    def _look_after(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            try:
                self.end_silent()
            except Exception:
                logger.exception("A session that fell silent could not be ended")


RUNS: Final = Runs()


def finish_interrupted(study: Study, running: Mapping[str, Run]) -> list[str]:
    """Finish sessions whose server ended in the midst of them; returns the names of these.

    Args:
        study: the study.
        running: name → session, of those that run on this server.

    Raises:
        EmotionCoreError: one cannot be finished.
    """
    done = []
    for row in sessions_of(study):
        folder = session_folder(study, row.recording)
        if row.result or row.recording in running:
            continue
        try:
            with sole_writer(folder):
                if not (folder / SUMMARY).is_file():
                    finish_folder(folder)
                if not read_result(folder):
                    finish(study, row.recording, [])
                    done.append(row.recording)
        except OutputError as error:
            # Another server records into it.
            if not isinstance(error.__cause__, TimeoutError):
                raise
    return done


def utc_now() -> str:
    """This moment, as it is written."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
