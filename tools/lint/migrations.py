"""Migrations: they are one line, and import no code of ours, so that changing it never changes what an old migration does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import SOURCE, Fault, imports, modules

MIGRATIONS = SOURCE / "cargo_ai/store/migrations/versions"


def faults(root: Path) -> Iterator[Fault]:
    """Imports of the package in a migration, and migrations that follow the same one."""
    followers: dict[str, Path] = {}
    for path, module in modules(root):
        if path.parent != MIGRATIONS:
            continue
        follows = _follows(root / path)
        if follows in followers:
            yield Fault(path, 0, f"follows {follows}, as {followers[follows].name} does: let it follow the newest")
        elif follows is not None:
            followers[follows] = path
        for imported in imports(root / path, module):
            if imported.name.split(".")[0] == "cargo_ai":
                yield Fault(path, imported.line, f"a migration imports {imported.name}: copy what it needs, so that it stays as it ran")


def _follows(path: Path) -> str | None:
    """The revision before that of a migration."""
    for statement in ast.parse(path.read_text("utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="down_revision")], value=ast.Constant(value=str(revision))):
                return revision
            case _:
                pass
    return None
