"""A worker on a machine of a cluster, before it is known what is installed there.

Sent by value, hence the standard library only: a machine without this program, or with another
version of it, can then say so.
"""

import importlib
import socket
import sys
from typing import Any


class Seat:
    """One core of the cluster; loads the network once and reads one video at a time.

    A Ray actor with two threads: `do` takes long, and `look` answers meanwhile.
    """

    def __init__(self) -> None:
        self._reader: Any = None

    def open(self, code: str, setup: bytes) -> tuple[str, str, str]:
        """Load the network.

        Args:
            code: `code_digest` of the program that sends the videos.
            setup: a pickled `ClusterSetup`.

        Returns:
            The machine's id in the cluster, its name, and why no video can be read here, or "".
        """
        node = importlib.import_module("ray").get_runtime_context().get_node_id()
        host = socket.gethostname()
        try:
            module = importlib.import_module("emotion_core.batch.cluster_reader")
        except ImportError as error:
            missing = "emotion-lab" if "emotion_core" in str(error) else str(error.name or error)
            why = f"{missing} is not installed for {sys.executable}"
            return node, host, f"{host}: {why}. Run there: pip install 'emotion-lab[cluster]'"
        try:
            if module.code_digest() != code:
                why = "it has another version of emotion-lab than this machine; install the same"
                return node, host, f"{host}: {why}."
            self._reader = module.open_reader(setup, host)
        except Exception as error:
            return node, host, f"{host}: {error or type(error).__name__}"
        return node, host, ""

    def do(self, step: bytes) -> bytes:
        """Do one pickled `Step`; returns a pickled `Message`."""
        answer: bytes = self._reader.do(step)
        return answer

    def look(self, stop: bool) -> bytes | None:
        """How far it is, a pickled `VideoProgress`.

        Args:
            stop: end the video that is being read.
        """
        return self._reader.look(stop) if self._reader is not None else None

    def close(self) -> None:
        """Delete the working files."""
        if self._reader is not None:
            self._reader.close()
