"""Log lines as JSON objects, one a line, for programs that collect logs.

The messages of this program hold no readings and no pictures; neither do these lines.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Final

# Loggers with handlers of their own, which do not hand their lines on.
_SERVERS: Final = ("streamlit", "uvicorn", "websockets")


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, event; of an error its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        when = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def write_json_lines() -> None:
    """Write the lines of all loggers of this process as JSON from now on; harmless when repeated.

    Call it where the servers have set up their own logging.
    """
    logging.captureWarnings(True)
    lines = JsonLines()
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    servers = [logger for logger in known if logger.name.split(".")[0] in _SERVERS]
    for logger in (root, *servers):
        for handler in logger.handlers:
            handler.setFormatter(lines)
