"""Runs our own lints over the repository."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.lint import alone, circles, conformance, interfaces, migrations, size, words
from tools.lint.tree import Fault

LINTS = (interfaces, circles, migrations, alone, conformance, size, words)


def main() -> int:
    """Exit code: 1 when something must be changed."""
    parser = argparse.ArgumentParser(prog="python -m tools.lint", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the repository")
    root: Path = parser.parse_args().root
    faults: list[Fault] = [fault for lint in LINTS for fault in lint.faults(root)]
    for fault in faults:
        print(fault)
    print(f"tools/lint: {len(faults)} to change")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
