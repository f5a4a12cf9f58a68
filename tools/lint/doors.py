"""Doors: a room reaches another room only through its `door.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, imports, modules

ROOMS = "cargo_ai.domains."


def faults(root: Path) -> Iterator[Fault]:
    """Imports of another room that go past its door."""
    for path, module in modules(root):
        if not module.startswith(ROOMS):
            continue
        own = module.removeprefix(ROOMS).split(".")[0]
        for found in imports(root / path, module):
            room, _, inside = found.name.removeprefix(ROOMS).partition(".")
            if found.name.startswith(ROOMS) and room != own and inside.split(".")[0] != "door":
                yield Fault(path, found.line, f"{own} reaches into {room}: import cargo_ai.domains.{room}.door instead of {found.name}")
