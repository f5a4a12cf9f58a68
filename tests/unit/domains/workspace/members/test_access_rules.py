"""Rights: what the preset roles may do, and what a caller may hand on."""

from __future__ import annotations

import pytest

from cargo_ai.context.context import Caller
from cargo_ai.contract.workspace.members.permission import ACTIONS, DOMAINS
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.kernel import ids


def caller(*layers: list[dict[str, object]]) -> Caller:
    return Caller(ids.new(), ids.new(), ids.new(), "x", tuple(access_rules.to_layer(one) for one in layers))


def allow(*actions: str) -> list[dict[str, object]]:
    return [{"effect": "allow", "resources": None, "actions": list(actions)}]


def deny(*actions: str) -> list[dict[str, object]]:
    return [{"effect": "deny", "resources": None, "actions": list(actions)}]


def preset(slug: str) -> Caller:
    return caller(access_rules.preset_rules(slug))


PLAIN = [action for action in ACTIONS if not action.endswith("*")]


def test_there_are_fourteen_rooms_with_permissions() -> None:
    assert len(DOMAINS) == 14
    assert {"orchestration", "storage", "billing", "workspaceManagement"} <= set(DOMAINS)


@pytest.mark.parametrize("action", PLAIN)
def test_an_admin_may_do_everything(action: str) -> None:
    assert preset("admin").may(action)


@pytest.mark.parametrize("action", PLAIN)
def test_a_member_may_do_all_but_billing_and_writing_the_workspace(action: str) -> None:
    assert preset("member").may(action) == (not action.startswith("billing:") and action != "workspaceManagement:write")


@pytest.mark.parametrize("action", PLAIN)
def test_a_viewer_may_read_all_but_billing(action: str) -> None:
    assert preset("viewer").may(action) == (action.endswith(":read") and not action.startswith("billing:"))


@pytest.mark.parametrize("rules", [allow("*"), allow("storage:*", "billing:read"), allow("billing:*")])
def test_what_goes_beyond_the_caller_is_named(rules: list[dict[str, object]]) -> None:
    actions = rules[0]["actions"]
    assert isinstance(actions, list)
    assert access_rules.first_exceeding(caller(allow("storage:read", "storage:write", "billing:read")), rules) == actions[0]


@pytest.mark.parametrize("action", ["storage:*", "storage:read", "ai:*", "ai:agent:write", "*"])
def test_an_admin_may_hand_on_everything(action: str) -> None:
    assert access_rules.first_exceeding(preset("admin"), allow(action)) is None


def test_a_deny_is_never_beyond_anybody() -> None:
    assert access_rules.first_exceeding(preset("viewer"), deny("*")) is None


@pytest.mark.parametrize(
    ("action", "denied", "allowed"),
    [
        ("ai:*", "ai:agent:write", False),
        ("ai:write", "ai:agent:write", False),
        ("ai:agent:write", "ai:*", False),
        ("*", "storage:write", False),
        ("storage:read", "ai:write", True),
        ("ai:mcpServer:write", "ai:agent:write", True),
        ("content:*", "context:*", True),
    ],
)
def test_a_wildcard_cannot_be_handed_on_by_whom_a_part_of_it_is_denied(action: str, denied: str, allowed: bool) -> None:
    assert (access_rules.first_exceeding(caller([*allow("*"), *deny(denied)]), allow(action)) is None) == allowed
