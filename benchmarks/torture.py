"""Long trials that find what the test suite is too short for: python -m benchmarks.torture NAME."""

import argparse
import importlib
import sys

# Name → module with `main(argv) -> int`.
SUBCOMMANDS = {
    "hostile": "benchmarks.torture_hostile",
}


def main() -> int:
    """Run one trial; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SUBCOMMANDS)
    options, rest = parser.parse_known_args()
    return int(importlib.import_module(SUBCOMMANDS[options.name]).main(rest))


if __name__ == "__main__":
    sys.exit(main())
