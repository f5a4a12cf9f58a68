"""Command words: the command that calls an operation on the command line."""

from __future__ import annotations

import re

from cargo_ai.kernel.operation import AnyOperation

DOMAIN_WORDS = {"workspaceManagement": "workspace", "systemOfRecordIntegration": "system-of-record"}
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kebab(name: str) -> str:
    """`getDeployed` → `get-deployed`."""
    return _CAPITAL.sub("-", name).lower()


def words_of(operation: AnyOperation) -> list[str]:
    """The words of an operation's command: those that its declaration gives, else its name with `all` as `list`."""
    if operation.cli.words is not None:
        return list(operation.cli.words)
    domain, *rest = operation.name.split(".")
    if rest and rest[-1] == "all":
        rest[-1] = "list"
    return [DOMAIN_WORDS.get(domain, kebab(domain)), *(kebab(word) for word in rest)]
