"""The process that talks to a Ray cluster for a run.

Ray ends the process that joined a cluster when it loses the head for a minute, and waits without
end for some addresses: in a process of its own neither takes the run along.
"""

import contextlib
import os
import pickle
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

import ray
from ray.exceptions import ActorDiedError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from emotion_core.batch import cluster_seat
from emotion_core.batch.capacity import usable_cores
from emotion_core.batch.schedule import Step
from emotion_core.batch.worker import Broken, Gone, Message, Note, Ready, Stop

_REACH_S: Final = 5.0
_LOOK_S: Final = 0.5
# Looks a second at all workers together.
_MOST_LOOKS: Final = 500
_COUNT_S: Final = 2.0
# How long a machine may take to be known as gone after its workers are.
_DOUBT_S: Final = {"died": 2.0, "unreachable": 20.0}
_WAITING_S: Final = 20.0
_CLOSE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many cores the cluster has now; also a sign of life."""

    cores: int


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a worker; the answer to it is `Ready`, or `Gone`."""


@dataclass(frozen=True, slots=True)
class End:
    """End all workers, and leave the cluster."""


@dataclass(slots=True, eq=False)
class _Seat:
    actor: Any
    node: str = ""
    host: str = ""
    busy: bool = False
    stop: bool = False
    looked_s: float = 0.0
    looking: bool = False


@dataclass(slots=True, eq=False)
class _Doubt:
    """A worker that does not answer: its process may have died, or its machine left."""

    seat: _Seat
    kind: str
    probe: Any
    since_s: float = field(default_factory=time.monotonic)


def serve(
    connection: "Connection[Any, Any]", address: str | None, code: str, setup: bytes, log: str
) -> None:
    """Join a cluster, and pass on what a run and its workers tell each other.

    Args:
        connection: to the run. Sends `Ready` or `Broken` first, then pairs of a worker's number and
            a `Message`, those of no worker with 0; receives such pairs with `Begin`, `Step`, `Stop`
            and `End`.
        address: of the cluster; None: the one of this machine, or a new one here.
        code, setup: as `Seat.open` takes them.
        log: a file for what Ray prints.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _print_to(log)
    with contextlib.suppress(OSError, EOFError):  # the run is gone
        try:
            _join(address)
        except Exception as error:
            connection.send(Broken(_why_not(address, error)))
            return
        connection.send(Ready())
        _Bridge(connection, code, setup).serve()


def _print_to(log: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)


def _join(address: str | None) -> None:
    # What Ray would otherwise send home about its use.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is not None:
        _reach(address)
        ray.init(address=address, **options)
        return
    try:
        ray.init(address="auto", **options)
    except ConnectionError:
        if os.environ.get("RAY_ADDRESS"):
            raise
        ray.init(address="local", num_cpus=usable_cores(), include_dashboard=False, **options)


def _reach(address: str) -> None:
    """Look whether anything answers: Ray itself would wait for a minute.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()


def _why_not(address: str | None, error: Exception) -> str:
    """Why a cluster cannot be joined, and what to do."""
    where = address or os.environ.get("RAY_ADDRESS") or "this machine"
    text = str(error) or type(error).__name__
    if "Version mismatch" in text:
        found = re.findall(r"Ray: (\S+)\s+Python: (\S+)", text)
        words = " and ".join(f"Ray {r} with Python {p}" for r, p in found) or text
        return (
            f"The cluster at {where} and this machine have different versions ({words}): install "
            "the same Ray and Python on both."
        )
    if (isinstance(error, OSError) and not isinstance(error, ConnectionError)) or (
        isinstance(error, ConnectionRefusedError)
    ):
        return f"No Ray cluster answers at {where} ({text}). Is it running, and the port open?"
    return f"The Ray cluster at {where} could not be joined: {text.splitlines()[0]}"


class _Bridge:
    def __init__(self, connection: "Connection[Any, Any]", code: str, setup: bytes) -> None:
        self._connection, self._code = connection, code
        self._setup = ray.put(setup)
        ray.cloudpickle.register_pickle_by_value(cluster_seat)
        self._class = ray.remote(cluster_seat.Seat)
        self._seats: dict[int, _Seat] = {}
        # What was asked and not answered → the worker, and what it is.
        self._asked: dict[Any, tuple[int, str]] = {}
        self._doubts: dict[int, _Doubt] = {}
        self._nodes: list[dict[str, Any]] = []
        self._refused: dict[str, str] = {}
        self._counted_s = 0.0
        self._waiting_since_s, self._told_waiting = time.monotonic(), False

    def serve(self) -> None:
        """Until the run says `End` or is gone."""
        while self._obey():
            self._count()
            self._look()
            self._resolve_doubts()
            self._tell_waiting()
            for ref in self._answers():
                self._answer(ref)
        self._close()

    def _send(self, worker: int, message: Message | Capacity) -> None:
        self._connection.send((worker, message))

    def _obey(self) -> bool:
        """Take what the run orders. It answers at once to what was just told: that is awaited."""
        patience_s = 0.01 if self._asked else 0.1
        while self._connection.poll(patience_s):
            worker, order = self._connection.recv()
            if isinstance(order, End):
                return False
            if isinstance(order, Begin):
                self._start(worker)
            elif worker in self._seats:
                self._pass_on(self._seats[worker], worker, order)
            patience_s = 0.0
        return True

    def _pass_on(self, seat: _Seat, worker: int, order: Step | Stop) -> None:
        if isinstance(order, Stop):
            seat.stop, seat.looked_s = True, 0.0
            return
        seat.busy, seat.looked_s = True, time.monotonic()
        self._asked[seat.actor.do.remote(pickle.dumps(order))] = (worker, "do")

    def _answers(self) -> list[Any]:
        if not self._asked:
            return []
        asked = list(self._asked)
        found, _ = ray.wait(asked, num_returns=len(asked), timeout=0)
        if not found:
            found, _ = ray.wait(asked, num_returns=1, timeout=0.05)
        return list(found)

    def _answer(self, ref: Any) -> None:
        worker, kind = self._asked.pop(ref, (0, ""))
        seat = self._seats.get(worker)
        if seat is None:
            return
        try:
            answer = ray.get(ref)
        except Exception as error:
            self._doubt(worker, seat, error)
            return
        if kind == "open":
            self._opened(worker, seat, *answer)
        elif kind == "look":
            seat.looking = False
            if answer is not None and seat.busy:
                self._send(worker, pickle.loads(answer))
        else:
            seat.busy = False
            message = pickle.loads(answer)
            if isinstance(message, Gone):
                self._forget(worker, kill=True)
            self._send(worker, message)

    def _opened(self, worker: int, seat: _Seat, node: str, host: str, why: str) -> None:
        seat.node, seat.host = node, host
        if not why:
            self._send(worker, Ready())
            return
        if node not in self._refused:
            self._send(0, Note(f"No video is read on {why}"))
        self._refused[node] = why
        self._forget(worker, kill=True)
        self._send(worker, Broken(why))
        self._send(worker, Gone(f"could not begin on {host}"))

    def _start(self, worker: int) -> None:
        options: dict[str, Any] = {"num_cpus": 1, "max_concurrency": 2, "max_restarts": 0}
        if self._refused:
            good = self._good_nodes()
            if not good:
                self._send(worker, Broken(next(iter(self._refused.values()))))
                self._send(worker, Gone("found no machine to begin on"))
                return
            node = min(good, key=self._load)["NodeID"]
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        actor = self._class.options(**options).remote()
        self._seats[worker] = _Seat(actor)
        self._asked[actor.open.remote(self._code, self._setup)] = (worker, "open")

    def _good_nodes(self) -> list[dict[str, Any]]:
        return [n for n in self._nodes if _cores(n) and n["NodeID"] not in self._refused]

    def _load(self, node: dict[str, Any]) -> float:
        mine = sum(seat.node == node["NodeID"] for seat in self._seats.values())
        return mine / _cores(node)

    def _forget(self, worker: int, kill: bool = False) -> None:
        seat = self._seats.pop(worker)
        self._asked = {ref: (w, kind) for ref, (w, kind) in self._asked.items() if w != worker}
        self._doubts.pop(worker, None)
        if kill:
            with contextlib.suppress(Exception):
                ray.kill(seat.actor)

    def _doubt(self, worker: int, seat: _Seat, error: Exception) -> None:
        if worker in self._doubts:
            return
        if not isinstance(error, RayError):
            raise error
        if isinstance(error, RayTaskError):
            self._forget(worker, kill=True)
            self._send(worker, Gone(f"failed on {seat.host or 'a machine'} ({error.cause!r})"))
            return
        kind = "died" if isinstance(error, ActorDiedError) else "unreachable"
        probe = None if kind == "died" else seat.actor.look.remote(True)
        self._doubts[worker] = _Doubt(seat, kind, probe)
        # The machine may be known as gone already.
        self._counted_s = 0.0

    def _resolve_doubts(self) -> None:
        alive = {node["NodeID"] for node in self._nodes if node["Alive"]}
        for worker, doubt in list(self._doubts.items()):
            host = doubt.seat.host or "a machine of the cluster"
            if doubt.seat.node and doubt.seat.node not in alive:
                self._forget(worker)
                self._send(worker, Gone(f"was on {host}, which left the cluster", innocent=True))
                continue
            self._ask_again(doubt)
            if time.monotonic() - doubt.since_s < _DOUBT_S[doubt.kind]:
                continue
            self._forget(worker, kill=True)
            if doubt.kind == "died":
                words = "as happens when memory runs out, or a decoder crashes on a damaged file"
                self._send(worker, Gone(f"died on {host}, {words}"))
            else:
                self._send(worker, Gone(f"was on {host}, which does not answer", innocent=True))

    def _ask_again(self, doubt: _Doubt) -> None:
        """A worker that was unreachable for a moment may turn out to have died."""
        if doubt.probe is None or not ray.wait([doubt.probe], timeout=0)[0]:
            return
        try:
            ray.get(doubt.probe)
        except ActorDiedError:
            doubt.kind, doubt.probe, doubt.since_s = "died", None, time.monotonic()
            self._counted_s = 0.0
        except RayError:
            doubt.probe = doubt.seat.actor.look.remote(True)

    def _count(self) -> None:
        every_s = 0.25 if self._doubts else _COUNT_S
        if time.monotonic() - self._counted_s < every_s:
            return
        self._nodes = [node for node in ray.nodes() if node["Alive"]]
        self._counted_s = time.monotonic()
        self._send(0, Capacity(sum(map(_cores, self._good_nodes()))))

    def _look(self) -> None:
        busy = {w: s for w, s in self._seats.items() if s.busy and not s.looking}
        every_s = max(_LOOK_S, len(busy) / _MOST_LOOKS)
        now = time.monotonic()
        for worker, seat in busy.items():
            if now - seat.looked_s >= every_s and worker not in self._doubts:
                seat.looked_s, seat.looking = now, True
                self._asked[seat.actor.look.remote(seat.stop)] = (worker, "look")

    def _tell_waiting(self) -> None:
        """Say once that the cluster gives no core, for whatever reason."""
        if not self._seats or any(seat.node for seat in self._seats.values()):
            self._waiting_since_s = time.monotonic()
        elif time.monotonic() - self._waiting_since_s > _WAITING_S and not self._told_waiting:
            self._told_waiting = True
            self._send(0, Note("Waiting for a free core: the cluster has none at the moment."))

    def _close(self) -> None:
        with contextlib.suppress(Exception):
            closing = [seat.actor.close.remote() for seat in self._seats.values() if seat.node]
            if closing:
                ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
            ray.shutdown()


def _cores(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))
