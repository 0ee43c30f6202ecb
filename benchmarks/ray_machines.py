"""A Ray cluster on this machine whose nodes can be killed, and `analyze` as its own process."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.command_process import ROOT, CommandProcess
from emotion_core.media.write import sample_video
from emotion_core.progress import Event

# A loopback address, which other machines do not reach; Ray takes 127.0.0.1 for its outer one.
_NODE = {"object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.2"}
# Python runs it when it starts: videos of these names end the process that hashes them, or fill
# the disk of the machine that reads them.
_SITE = """
import errno, hashlib, os, pathlib
digest, path_open = hashlib.file_digest, pathlib.Path.open
def file_digest(file, *arguments, **options):
    if "poison" in os.path.basename(str(getattr(file, "name", ""))):
        os._exit(9)
    return digest(file, *arguments, **options)
def open_path(self, *arguments, **options):
    if self.name == "faces.csv" and self.parent.name == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return path_open(self, *arguments, **options)
hashlib.file_digest, pathlib.Path.open = file_digest, open_path
"""


@contextlib.contextmanager
def ray_cluster(
    folder: Path, nodes: int, head_cores: int = 0, pinned: bool = False
) -> Iterator["Machines"]:
    """A head and nodes of one core each.

    Args:
        folder: an empty one, for what the nodes find on their Python path.
        nodes: so many besides the head.
        head_cores: of the head.
        pinned: each node runs on a core of its own, as far as there are enough.
    """
    (folder / "sitecustomize.py").write_text(_SITE)
    environment = {
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "RAY_USAGE_STATS_ENABLED": "0",
        # What has lost the head gives up, and the head notices a lost node, sooner than usual.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "2",
        "RAY_health_check_initial_delay_ms": "500",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "3",
        # Ray lets others go first (nice 15), which would be measured along.
        "RAY_worker_niceness": "0",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    before = dict(os.environ)
    os.environ.update(environment)
    os.environ.pop("RAY_ADDRESS", None)
    made = Machines(nodes, head_cores, pinned)
    try:
        yield made
    finally:
        made.close()
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _on_core(number: int) -> Iterator[None]:
    """What is started in here runs on one core, where the system can tell processes so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Machines:
    """A cluster; its nodes are processes of this machine."""

    def __init__(self, nodes: int, head_cores: int, pinned: bool = False) -> None:
        options = {**_NODE, "include_dashboard": False}
        self._cluster: Any = Cluster(True, head_node_args={"num_cpus": head_cores, **options})
        self._nodes: list[Any] = []
        for number in range(nodes):
            with _on_core(number) if pinned else contextlib.nullcontext():
                self._nodes.append(self._new_node())

    @property
    def address(self) -> str:
        """Of the head."""
        return str(self._cluster.address)

    def _new_node(self) -> Any:
        return self._cluster.add_node(num_cpus=1, **_NODE)

    def lose_node(self, number: int = -1) -> None:
        """Kill one node, with all of its processes, as a power cut does."""
        self._kill(self._nodes.pop(number))

    def add_node(self) -> None:
        """One more machine."""
        self._nodes.append(self._new_node())

    def lose_head(self) -> None:
        """Kill the head."""
        self._kill(self._cluster.head_node)

    def _kill(self, node: Any) -> None:
        node.kill_all_processes(check_alive=False, allow_graceful=False)

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(Exception):
            self._cluster.shutdown()
        for node in (*self._nodes, self._cluster.head_node):
            if node is not None:
                with contextlib.suppress(Exception):
                    self._kill(node)


class Analysis(CommandProcess):
    """`analyze --engine ray --progress json`, in a process of its own."""

    def __init__(self, machines: Machines, *words: object) -> None:
        super().__init__(*words, "--engine", "ray", "--address", machines.address)
        self.told: list[Event] = []

    def wait_for(self, kind: str, count: int = 1) -> None:
        """Until so many events of a kind have come."""
        for event in self.events():
            self.told.append(event)
            if len(self.of_kind(kind)) >= count:
                return
        raise AssertionError(f"no {count} {kind}: {self.errors}")

    def of_kind(self, kind: str) -> list[Event]:
        """The events of a kind so far."""
        return [event for event in self.told if event["event"] == kind]

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, dict[str, Event], str]:
        """Exit status, the outcome of each video by its stem, and what was written as errors."""
        self.told += self.events()
        status = self.wait()
        ends = {Path(event["file"]).stem: event for event in self.of_kind("file_end")}
        return status, ends, self.errors


def analyse(machines: Machines, *words: object) -> tuple[int, dict[str, Event], str]:
    """A whole run: as `Analysis.end`."""
    return Analysis(machines, "analyze", *words).end()


def tiny_clips(folder: Path, count: int) -> Path:
    """clip00.mp4 and so on: different ones of less than a second each."""
    folder.mkdir()
    for number in range(count):
        sample_video(folder / f"clip{number:02d}.mp4", 0.3 + 0.02 * number, 10.0)
    return folder
