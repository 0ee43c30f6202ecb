"""Log lines as JSON: one object a line, whatever is logged."""

import json
import logging
import subprocess
import sys

from emotion_core.monitoring.log_lines import JsonLines


def line_of(record: logging.LogRecord) -> dict[str, object]:
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_line_has_time_level_and_event() -> None:
    record = logging.LogRecord(
        "lab", logging.WARNING, "x.py", 1, "The disk is %s,\nalmost", ("“full”",), None
    )
    line = line_of(record)
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "lab",
        "event": "The disk is “full”,\nalmost",
    }


def test_an_error_brings_its_traceback_in_the_same_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("lab", logging.ERROR, "x.py", 1, "Failed", (), sys.exc_info())
    line = line_of(record)
    assert line["error"] == "ValueError"
    assert "two\nlines" in str(line["traceback"])


def test_a_whole_process_writes_json(tmp_path: object) -> None:
    """Handlers that others have set up, the last resort of loggers without one, and warnings."""
    code = (
        "import logging, warnings\n"
        "from emotion_core.monitoring.log_lines import write_json_lines\n"
        "server = logging.getLogger('uvicorn.error')\n"
        "server.propagate = False\n"
        "server.addHandler(logging.StreamHandler())\n"
        "write_json_lines(); write_json_lines()\n"
        "server.error('from the server')\n"
        "logging.getLogger('emotion_core.jobs').error('from the lab')\n"
        "warnings.warn('be careful')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["logger"] for line in lines] == [
        "uvicorn.error",
        "emotion_core.jobs",
        "py.warnings",
    ]
