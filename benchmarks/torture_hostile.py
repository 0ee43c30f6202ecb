"""Hostile files at every way in: truncated, lying, exploding, and naming other files.

python -m benchmarks.torture hostile [--short] [--workers N]

Each file of tests/hostile goes to `analyze`, the photo reader, `evaluate --data` and the upload
page's intake, in a process that may take 1.5 GB and a minute for it. Right is a result, or one
sentence that says what is wrong. Writes results/torture_hostile.json; exit status 1 where anything
failed.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import save

_TESTS = Path(__file__).resolve().parents[1] / "tests"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the corpus; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only what the test suite runs")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(argv)
    if str(_TESTS) not in sys.path:
        sys.path.insert(0, str(_TESTS))
    driver: Any = importlib.import_module("hostile.driver")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        report = driver.run_corpus(Path(folder), short=options.short, workers=options.workers)
    for failure in report.failures:
        print(failure, file=sys.stderr)
    save("torture_hostile", _figures(report, driver))
    return 1 if report.failures else 0


def _figures(report: Any, driver: Any) -> dict[str, Any]:
    return {
        "verdict": f"{report.files} files, {report.runs} runs, {len(report.failures)} failures, "
        f"peak {report.peak_mb:.0f} MB",
        "files": report.files,
        "doors": list(driver.DOORS),
        "runs": report.runs,
        "failures": len(report.failures),
        "answers": {
            f"{door}: {verdict}": n for (door, verdict), n in sorted(report.counts.items())
        },
        "peak_memory_mb": report.peak_mb,
        "memory_limit_mb": driver.LIMIT_MB,
        "growth_second_half_mb": round(report.growth_mb, 1),
        "slowest_s": report.slowest[0],
        "slowest": report.slowest[1],
        "seconds": round(report.seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
