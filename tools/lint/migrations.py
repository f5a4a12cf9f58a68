"""Migrations: they import no code of ours, so that changing it never changes what an old migration does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import SOURCE, Fault, imports, modules

MIGRATIONS = SOURCE / "cargo_ai/store/migrations/versions"


def faults(root: Path) -> Iterator[Fault]:
    """Imports of the package in a migration."""
    for path, module in modules(root):
        if path.parent != MIGRATIONS:
            continue
        for imported in imports(root / path, module):
            if imported.name.split(".")[0] == "cargo_ai":
                yield Fault(path, imported.line, f"a migration imports {imported.name}: copy what it needs, so that it stays as it ran")
