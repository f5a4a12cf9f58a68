"""Navigation: the sections of the console, in groups; only those are shown that this server has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cargo_ai.console.port import Session


@dataclass(frozen=True, slots=True)
class Entry:
    """A section of the console."""

    label: str
    path: str


_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("Home",)),
    ("Work", ("Runs", "Batches", "Tools", "Plays", "Agents", "Reviews")),
    ("Data", ("Models", "Segments", "SQL")),
    ("Services", ("Connectors", "Integrations")),
    ("Workspace", ("Usage", "Users", "Tokens", "Audit log", "Queue")),
)
_PATHS = {"Home": "/console/", "Audit log": "/console/audit"}


SERVED = "cargo_ai.console.served"
"""Under this name a request's scope holds which pages there are, each with the permission that it needs."""


def groups(session: Session, served: Mapping[str, str | None]) -> list[tuple[str, list[Entry]]]:
    """The groups with the sections that a person may open; `served`: the pages that there are, with their permissions."""
    shown: list[tuple[str, list[Entry]]] = []
    for name, labels in _GROUPS:
        entries = [Entry(label, _PATHS.get(label, f"/console/{label.lower()}")) for label in labels]
        entries = [entry for entry in entries if entry.path in served and _may(session, served[entry.path])]
        if entries:
            shown.append((name, entries))
    return shown


def _may(session: Session, permission: str | None) -> bool:
    return permission is None or session.may(permission, ())
