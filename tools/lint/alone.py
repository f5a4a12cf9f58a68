"""Alone: the command line imports only the standard library and itself, so that it starts fast and needs no dependency."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import SOURCE, Fault, imports, modules

CLI = "cargo_ai.cli"
LAZY = {SOURCE / "cargo_ai/cli/builtin/server.py": "cargo_ai.server"}
"""What these files may import besides, inside functions only: it is there when the extra is installed."""


def faults(root: Path) -> Iterator[Fault]:
    """Imports of the command line from outside."""
    for path, module in modules(root):
        if module != CLI and not module.startswith(f"{CLI}."):
            continue
        for imported in imports(root / path, module):
            if not _allowed(path, imported.name, deferred=imported.deferred):
                yield Fault(
                    path, imported.line, f"the command line imports {imported.name}; it may use the standard library and itself only"
                )


def _allowed(path: Path, name: str, *, deferred: bool) -> bool:
    if name.split(".")[0] in sys.stdlib_module_names or name == "cargo_ai.__version__" or _within(name, CLI):
        return True
    lazy = LAZY.get(path)
    return deferred and lazy is not None and _within(name, lazy)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
