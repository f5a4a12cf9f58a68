"""Native actions that need no services of the server, one module each; `config` is what their configs have in common."""

from __future__ import annotations

from functools import cache

from cargo_ai.engine.graph.action import Action, Call
from cargo_ai.engine.graph.action_registry import find_actions


@cache
def native_actions() -> tuple[Action[Call], ...]:
    """Every action of this package, by slug."""
    return find_actions(__name__)
