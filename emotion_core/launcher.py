"""`emotion-lab`: the app without arguments, the command line with them."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from emotion_core.cli import EXIT_FAILED
from emotion_core.cli import main as run_command
from emotion_core.config import HOME_PAGE
from emotion_core.extras import missing_extra


def main(argv: Sequence[str] | None = None) -> int:
    """Start the app, or run the command that `argv` names; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run_command(arguments, "emotion-lab") if arguments else _start_app()


def _start_app() -> int:
    if find_spec("streamlit") is None:
        missing = ModuleNotFoundError("No module named 'streamlit'", name="streamlit")
        print(f"error: {missing_extra(missing)}", file=sys.stderr)
        return EXIT_FAILED
    # A process of its own: Streamlit's server reads its settings once, while it is imported.
    command = [sys.executable, "-m", "streamlit", "run", str(HOME_PAGE)]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0
