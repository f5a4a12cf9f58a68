"""Interfaces: a domain is entered through its `public.py`, by other domains and by the server; server/compose.py collects them whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import SOURCE, Fault, imports, modules

DOMAINS = "cargo_ai.domains."
SERVER = "cargo_ai.server"
COMPOSITION = SOURCE / "cargo_ai/server/compose.py"


def faults(root: Path) -> Iterator[Fault]:
    """Imports that go past a public interface."""
    for path, module in modules(root):
        own = _importer(path, module)
        if not own:
            continue
        for imported in imports(root / path, module):
            domain, _, inside = imported.name.removeprefix(DOMAINS).partition(".")
            if imported.name.startswith(DOMAINS) and domain != own and inside.split(".")[0] != "public":
                text = f"{own} reaches into {domain}: import cargo_ai.domains.{domain}.public instead of {imported.name}"
                yield Fault(path, imported.line, text)


def _importer(path: Path, module: str) -> str:
    """The domain of the module, or `server`; empty for modules that this lint is not about."""
    if module.startswith(DOMAINS):
        return module.removeprefix(DOMAINS).split(".")[0]
    return "server" if module.startswith(f"{SERVER}.") and path != COMPOSITION else ""
