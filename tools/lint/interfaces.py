"""Interfaces: a domain imports another domain only through its `public.py`; so does the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, imports, modules

DOMAINS = "cargo_ai.domains."


def faults(root: Path) -> Iterator[Fault]:
    """Imports of another domain that go past its public interface."""
    for path, module in modules(root):
        if not module.startswith(DOMAINS):
            continue
        own = module.removeprefix(DOMAINS).split(".")[0]
        for found in imports(root / path, module):
            domain, _, inside = found.name.removeprefix(DOMAINS).partition(".")
            if found.name.startswith(DOMAINS) and domain != own and inside.split(".")[0] != "public":
                yield Fault(
                    path, found.line, f"{own} reaches into {domain}: import cargo_ai.domains.{domain}.public instead of {found.name}"
                )
