"""Commands: the words by which the command line calls an operation."""

from __future__ import annotations

import re

from cargo_ai.kernel.operation import AnyOperation

DOMAIN_WORDS = {"workspaceManagement": "workspace", "systemOfRecordIntegration": "system-of-record"}
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kebab(name: str) -> str:
    """`getDeployed` → `get-deployed`."""
    return _CAPITAL.sub("-", name).lower()


def words_of(operation: AnyOperation) -> list[str]:
    """The words of an operation: what its overlay says, else what its name spells, `all` being `list`."""
    if operation.cli.words is not None:
        return list(operation.cli.words)
    room, *rest = operation.name.split(".")
    if rest and rest[-1] == "all":
        rest[-1] = "list"
    return [DOMAIN_WORDS.get(room, kebab(room)), *(kebab(word) for word in rest)]
