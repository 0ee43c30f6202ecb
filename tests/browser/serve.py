"""Starts the app for a browser test, and lists its threads when told to.

SIGUSR1 writes the names of all live threads to the file named by THREADS_FILE: a test sees whether
a stream leaves a worker behind without any door in the app itself.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path


def write_threads(*_: object) -> None:
    path = Path(os.environ["THREADS_FILE"])
    part = path.with_suffix(".part")
    part.write_text(json.dumps([thread.name for thread in threading.enumerate()]))
    part.replace(path)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, write_threads)
    from streamlit.web.cli import main

    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    sys.exit(main())
