"""A process that gives files to doors: `python worker.py ITEMS WORK MODELS SECRETS PORT`.

Reads items (one JSON object a line: number, door, path) and prints an answer to each, with what the
system says about this process. Every read of a secret file and every connection is noticed.
"""

import ctypes
import gc
import json
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1])]
_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000
_PAGE = resource.getpagesize()


class Watch:
    """Notices who opens the secret files (inotify) or calls the server, by whatever way."""

    def __init__(self, secrets: Path, port: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(_IN_NONBLOCK)
        for path in sorted(secrets.iterdir()):
            libc.inotify_add_watch(self._events, os.fsencode(path), _IN_OPEN)
        self._secrets, self._names = secrets, {p.name for p in secrets.iterdir()}
        self._server = socket.create_server(("127.0.0.1", port), reuse_port=True)
        self._server.setblocking(False)

    def seen(self) -> list[str]:
        """What happened since the last call."""
        found = []
        try:
            while os.read(self._events, 65_536):
                found = ["opened a file that it only names"]
        except BlockingIOError:
            pass
        try:
            self._server.accept()[0].close()
            found.append("called an address")
        except BlockingIOError:
            pass
        names = {p.name for p in self._secrets.iterdir()} - self._names
        if names:
            found.append(f"wrote {', '.join(sorted(names))}")
        self._names |= names
        return found


def state_of_process() -> dict[str, Any]:
    """Memory in MB, open files, threads."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return {
        "resident_mb": round(pages * _PAGE / 1e6, 1),
        "peak_mb": round(_peak_kb() / 1000, 1),
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
    }


def _peak_kb() -> int:
    """Of this program: the peak of getrusage begins with that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def main() -> None:
    """Go through the items."""
    items, work, models, secrets, port = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    # What a library prints belongs to no answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.chdir(secrets)
    from hostile.doors import Doors

    doors, watch = Doors(Path(work), Path(models)), Watch(Path(secrets), int(port))
    # Looking through what the libraries have made would take longer than most items.
    gc.freeze()
    with Path(items).open(encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            print(json.dumps({"number": item["number"], "begun": True}), file=answers, flush=True)
            path = Path(os.fsdecode(bytes.fromhex(item["path"])))
            watch.seen()
            start = time.perf_counter()
            answer = doors.enter(item["door"], path)
            seconds = time.perf_counter() - start
            gc.collect()
            report = {
                "number": item["number"],
                "verdict": answer.verdict,
                "words": answer.words[:700],
                "faults": [*answer.faults, *watch.seen()],
                "seconds": round(seconds, 2),
                **state_of_process(),
            }
            print(json.dumps(report), file=answers, flush=True)


if __name__ == "__main__":
    main()
