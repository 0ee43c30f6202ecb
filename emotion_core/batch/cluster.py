"""A run on the machines of a Ray cluster."""

import contextlib
import multiprocessing
import os
import pickle
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from emotion_core.batch import cluster_bridge
from emotion_core.batch.cluster_bridge import Begin, Capacity, End
from emotion_core.batch.cluster_options import ClusterOptions
from emotion_core.batch.cluster_reader import code_digest, packed_setup
from emotion_core.batch.locations import Location
from emotion_core.batch.one_video import BatchOptions
from emotion_core.batch.pool import CrewLostError
from emotion_core.batch.schedule import Analyse, Examine, Step
from emotion_core.batch.split_videos import Join, ReadPiece
from emotion_core.batch.stores import store_of
from emotion_core.batch.worker import AnyStep, Broken, Ended, Message, Stop
from emotion_core.batch.workers import without_main_script, without_signals
from emotion_core.errors import EmotionCoreError, InputError
from emotion_core.video.analyze import Source

_ASK_S: Final = 0.2
# Ray takes a few seconds to join a cluster, and more to start one.
_JOIN_S: Final = 60.0
# It tells how many cores there are every two seconds, but for a head that does not answer.
_SILENT_S: Final = 150.0
_LEAVE_S: Final = 15.0


@contextlib.contextmanager
def cluster_crew(
    options: BatchOptions, cluster: ClusterOptions, stop: Callable[[], bool]
) -> Iterator["ClusterCrew"]:
    """Workers on the machines of a cluster, for one `Pool.run`, which ends them.

    A stopped run keeps nothing of the videos that are being read.

    Args:
        options: how each video is read; already checked.
        cluster: where, and how many at once.
        stop: ends the wait for the cluster.

    Raises:
        InputError: the cluster cannot be joined.
        OutputError: nothing can be written to the target.
    """
    token = cluster.out / f".emotion-lab-{secrets.token_hex(8)}"
    if isinstance(token, Path):
        token = token.absolute()
    store = store_of(token)
    store.write(token, b"Shows the machines of a cluster that they reach this place.\n")
    try:
        yield ClusterCrew(options, cluster, token, stop)
    finally:
        with contextlib.suppress(EmotionCoreError, OSError):
            store.remove(token)


class ClusterCrew:
    """Workers on the machines of a cluster, reached through a process of this machine.

    Args:
        options: how each video is read.
        cluster: where, and how many at once.
        token: a file at the target of the run.
        stop: ends the wait for the cluster.

    Raises:
        InputError: the cluster cannot be joined.
        KeyboardInterrupt: the wait was ended.
    """

    grace_s = 30.0
    most_failed_starts = 3

    def __init__(
        self,
        options: BatchOptions,
        cluster: ClusterOptions,
        token: Location,
        stop: Callable[[], bool],
    ) -> None:
        self._cluster = cluster
        self._cores, self._started = 0, 0
        self._steps: dict[int, Step] = {}
        setup = pickle.dumps(packed_setup(options, token))
        log, self._log = tempfile.mkstemp(prefix="emotion-lab-ray-", suffix=".log")
        os.close(log)
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(
            target=cluster_bridge.serve,
            args=(there, cluster.address, code_digest(), setup, self._log),
            name="cluster-bridge",
            daemon=True,
        )
        with without_signals(), without_main_script():
            self._process.start()
        there.close()
        try:
            self._wait_until_joined(stop)
        except BaseException:
            self._kill()
            raise
        self._heard_s = time.monotonic()

    def _wait_until_joined(self, stop: Callable[[], bool]) -> None:
        where = self._cluster.address or "this machine"
        answer: Any = None
        until = time.monotonic() + _JOIN_S
        while not self._connection.poll(_ASK_S):
            if stop():
                raise KeyboardInterrupt
            if time.monotonic() > until:
                raise InputError(
                    f"What answers at {where} did not behave as a Ray cluster within {_JOIN_S:.0f} "
                    "seconds. Give the address that `ray start --head` printed."
                )
        with contextlib.suppress(EOFError, OSError):
            answer = self._connection.recv()
        if isinstance(answer, Broken):
            raise InputError(answer.message)
        if answer is None:
            raise InputError(f"The Ray cluster at {where} could not be joined.{self._last_words()}")

    def wanted(self) -> int:
        """As `Crew`."""
        return self._cluster.jobs or max(1, self._cores)

    def start(self) -> int:
        """As `Crew`."""
        self._started += 1
        self._order(self._started, Begin())
        return self._started

    def send(self, worker: int, what: AnyStep | Stop) -> None:
        """As `Crew`."""
        # Videos are not split here (`chosen_cluster`).
        assert not isinstance(what, ReadPiece | Join)
        if not isinstance(what, Stop):
            self._steps[worker] = what
            what = _absolute(what)
        self._order(worker, what)

    def _order(self, worker: int, what: Any) -> None:
        # A bridge that is gone is noticed when its messages are awaited.
        with contextlib.suppress(OSError):
            self._connection.send((worker, what))

    def receive(self) -> Iterator[tuple[int, Message]]:
        """As `Crew`."""
        try:
            if not self._connection.poll(_ASK_S):
                self._check_life()
                return
            worker, message = self._connection.recv()
        except (EOFError, OSError) as error:
            raise CrewLostError(self._lost()) from error
        self._heard_s = time.monotonic()
        if isinstance(message, Capacity):
            self._cores = message.cores
        else:
            yield worker, self._as_named(worker, message)

    def _check_life(self) -> None:
        if time.monotonic() - self._heard_s > _SILENT_S:
            raise CrewLostError(self._lost())

    def _lost(self) -> str:
        where = self._cluster.address or "of this machine"
        return (
            f"The connection to the Ray cluster {where} was lost. Results that were finished are "
            "kept: run the same command again when the cluster is back, and it reads the others."
        )

    def _as_named(self, worker: int, message: Message) -> Message:
        """Workers are given absolute paths; the run tells of them as the user does."""
        step = self._steps.get(worker)
        if step is None:
            return message
        if isinstance(message, Source) and isinstance(step.path, Path):
            return replace(message, path=step.path)
        if isinstance(message, Ended) and message.outcome["folder"] and isinstance(step, Analyse):
            names = {"file": str(step.path), "folder": str(step.folder)}
            return Ended(message.outcome | names)
        if isinstance(message, Ended):
            return Ended(message.outcome | {"file": str(step.path)})
        return message

    def clear_up(self, step: Analyse | Join, message: str) -> None:
        """As `Crew`; what a dead worker left is deleted by the next one on its machine."""

    def close(self) -> None:
        """As `Crew`."""
        self._order(0, End())
        self._process.join(_LEAVE_S)
        self._kill()

    def _kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()
        Path(self._log).unlink(missing_ok=True)

    def _last_words(self) -> str:
        """The end of what Ray printed, for whom it helps."""
        try:
            lines = Path(self._log).read_text("utf-8", "replace").split("\n")
        except OSError:
            return ""
        words = [line.strip() for line in lines if line.strip()]
        return f" Ray's last words: {words[-1][:300]}" if words else ""


def _absolute(step: Step) -> Step:
    if isinstance(step, Examine):
        return replace(step, path=_from_anywhere(step.path))
    source = step.source
    if isinstance(source, Source):
        source = replace(source, path=source.path.absolute())
    return replace(step, source=source, folder=_from_anywhere(step.folder))


def _from_anywhere(place: Location) -> Location:
    return place.absolute() if isinstance(place, Path) else place
