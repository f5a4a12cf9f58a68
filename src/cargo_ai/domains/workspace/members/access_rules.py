"""Access rules: the preset roles, and the layers of rules by which a caller's permissions are decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.context.context import Caller, Rule
from cargo_ai.contract.workspace.members.permission import DOMAINS, Permission

ADMIN = "admin"

_OPEN_ROOMS = tuple(room for room in DOMAINS if room not in {"billing", "workspaceManagement"})

PRESETS: Mapping[str, tuple[str, ...]] = {
    ADMIN: ("*",),
    "member": (*(f"{room}:*" for room in _OPEN_ROOMS), "workspaceManagement:read", "workspaceManagement:folder:*"),
    "viewer": (*(f"{room}:read" for room in _OPEN_ROOMS), "workspaceManagement:read"),
}
"""The roles that every workspace is created with: admin may do everything; member everything but billing and writing users, roles,
tokens and the workspace; viewer reads everything but billing."""


def preset_rules(slug: str) -> list[dict[str, Any]]:
    """The stored rules of a preset role."""
    return [{"effect": "allow", "resources": None, "actions": list(PRESETS[slug])}]


def to_stored(rules: Sequence[Permission] | None) -> list[dict[str, Any]] | None:
    """Rules of the wire as they are stored."""
    return None if rules is None else [rule.to_wire() for rule in rules]


def to_wire(rules: Sequence[Mapping[str, Any]]) -> list[Permission]:
    """Stored rules for the wire, which lists `*` domain by domain."""
    return [Permission.model_validate({**rule, "actions": _expand_wildcard(rule["actions"])}) for rule in rules]


def _expand_wildcard(actions: Sequence[str]) -> list[str]:
    # `*` is our own: it is not in the public list of permissions.
    return [f"{room}:*" for room in DOMAINS] if "*" in actions else list(actions)


def to_layer(rules: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Stored rules as one layer of a caller's rules."""
    return tuple(
        Rule(rule["effect"], tuple(rule["actions"]), None if rule.get("resources") is None else tuple(rule["resources"])) for rule in rules
    )


def first_exceeding(who: Caller, rules: Sequence[Mapping[str, Any]]) -> str | None:
    """The first action that the rules allow and the caller may not take; None when the caller may take all."""
    allowed = [action for rule in rules if rule["effect"] == "allow" for action in rule["actions"]]
    return next((action for action in allowed if not _may_entirely(who, action)), None)


def _may_entirely(who: Caller, action: str) -> bool:
    """Whether the caller may do everything that the action covers; false when a part of a wildcard is denied."""
    if not who.may(action):
        return False
    denied = [pattern for rules in who.rules for rule in rules if rule.effect == "deny" for pattern in rule.actions]
    return not any(_overlap(action, pattern) for pattern in denied)


def _overlap(one: str, other: str) -> bool:
    """Whether two permission actions have a part in common; in doubt, they do."""
    if "*" in {one, other}:
        return True
    rooms = one.rpartition(":")[0], other.rpartition(":")[0]
    levels = {one.rpartition(":")[2], other.rpartition(":")[2]}
    related = rooms[0] == rooms[1] or rooms[0].startswith(f"{rooms[1]}:") or rooms[1].startswith(f"{rooms[0]}:")
    return related and levels != {"read", "write"}
