"""Size: a Python file above 400 lines asks to be divided; above 600 it must be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, files

WARNS = 400
FAILS = 600


def faults(root: Path) -> Iterator[Fault]:
    """Files that are too long, the longest first."""
    sizes = [(len((root / path).read_text("utf-8").splitlines()), path) for path in files(root) if path.suffix == ".py"]
    for lines, path in sorted(sizes, reverse=True):
        if lines > WARNS:
            yield Fault(path, 0, f"{lines} lines; {WARNS} are enough and {FAILS} the most", fails=lines > FAILS)
