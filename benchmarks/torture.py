"""What must hold when everything happens at once: several processes, random times, kills.

python -m benchmarks.torture [NAME ...] [--short]

Every name is a module with `main(argv) -> int` that says what it does; without a name all are run.
Prints a row for each; ends with 1 where anything failed.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.common import RESULTS

# Name → module; each writes results/torture_NAME.json, with a "verdict" of one line.
SUBCOMMANDS: Final[dict[str, str]] = {
    "hide": "benchmarks.torture_hide",
    "hostile": "benchmarks.torture_hostile",
    "queue": "benchmarks.torture_queue",
    "recordings": "benchmarks.torture_recordings",
    "tabs": "benchmarks.torture_tabs",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is named and print a table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SUBCOMMANDS))
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    options = parser.parse_args(argv)
    unknown = set(options.names) - SUBCOMMANDS.keys()
    if unknown:
        parser.error(f"no such subcommand: {', '.join(sorted(unknown))}")
    rows, failed = [], 0
    for name in options.names or SUBCOMMANDS:
        module: Any = importlib.import_module(SUBCOMMANDS[name])
        started = time.monotonic()
        status = module.main(["--short"] if options.short else [])
        failed += status != 0
        word = "failed" if status else "ok"
        rows.append(f"{name:<12} {word:<8} {time.monotonic() - started:>6.1f} s  {_verdict(name)}")
    print("", *rows, sep="\n")
    return int(failed > 0)


def _verdict(name: str) -> str:
    try:
        results = json.loads((RESULTS / f"torture_{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(results.get("verdict", ""))


if __name__ == "__main__":
    sys.exit(main())
