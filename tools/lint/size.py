"""Size: no Python file of more than 400 lines, no folder of more than 16 modules besides its `__init__`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, files

MAX_LINES = 400
MAX_MODULES = 16
_GROWING = Path("src/cargo_ai/store/migrations/versions")


def faults(root: Path) -> Iterator[Fault]:
    """Files that are too long, the longest first; then folders that hold too many."""
    modules = [path for path in files(root) if path.suffix == ".py"]
    for lines, path in sorted(((len((root / path).read_text("utf-8").splitlines()), path) for path in modules), reverse=True):
        if lines > MAX_LINES:
            yield Fault(path, 0, f"{lines} lines; {MAX_LINES} are the most: divide it")
    for folder, count in Counter(path.parent for path in modules if path.stem != "__init__" and path.parent != _GROWING).items():
        if count > MAX_MODULES:
            yield Fault(folder, 0, f"{count} modules; {MAX_MODULES} are the most: move some that belong together into a folder")
