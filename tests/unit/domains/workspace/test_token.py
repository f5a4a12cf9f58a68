"""API tokens: the value is shown once, rules only narrow, and a removed one is dead at once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Person

CREATE, LIST, UPDATE, REMOVE = (f"workspaceManagement.token.{verb}" for verb in ("create", "all", "update", "remove"))


def allow(*actions: str) -> dict[str, Any]:
    return {"effect": "allow", "resources": None, "actions": list(actions)}


def deny(*actions: str) -> dict[str, Any]:
    return {"effect": "deny", "resources": None, "actions": list(actions)}


async def test_a_new_token_shows_its_value_once_and_works(admin: Person, enter: Entering) -> None:
    made = (await admin.call(CREATE, name="CI", description="builds"))["token"]
    assert made["token"].startswith("cai_live_")
    assert set(made) == {"uuid", "token", "name", "description", "permissions", "workspaceUuid", "userUuid", "createdAt", "deletedAt"}
    assert (made["name"], made["description"], made["permissions"], made["deletedAt"]) == ("CI", "builds", None, None)
    entered = await enter(made["token"])
    assert str(entered.who.token_uuid) == made["uuid"]
    listed = (await admin.call(LIST))["tokens"]
    assert listed[0]["token"] == "cai_live_…" + made["token"][-4:]
    assert made["token"] not in str(listed)


async def test_a_token_without_a_name_is_called_cli_and_the_older_flag_is_accepted(admin: Person) -> None:
    assert (await admin.call(CREATE))["token"]["name"] == "CLI"
    assert (await admin.call(CREATE, fromUser=True))["token"]["userUuid"] == str(admin.who.user_uuid)


async def test_tokens_are_listed_newest_first_without_removed_ones(admin: Person) -> None:
    one = (await admin.call(CREATE, name="one"))["token"]
    await admin.call(CREATE, name="two")
    await admin.call(REMOVE, uuid=one["uuid"])
    assert [token["name"] for token in (await admin.call(LIST))["tokens"]] == ["two", "First token"]


async def test_a_removed_token_stands_for_nobody_and_is_unknown_afterwards(admin: Person) -> None:
    made = (await admin.call(CREATE))["token"]
    assert await admin.call(REMOVE, uuid=made["uuid"]) == {"uuid": made["uuid"]}
    async with admin.asking() as ctx:
        assert await public.authenticate(ctx.db, made["token"]) is None
    with pytest.raises(Refusal) as refused:
        await admin.call(REMOVE, uuid=made["uuid"])
    assert (refused.value.status, refused.value.reason) == (404, "tokenNotFound")


async def test_a_token_is_changed_and_keeps_what_was_not_named(admin: Person, enter: Entering) -> None:
    made = (await admin.call(CREATE, name="CI", description="builds"))["token"]
    changed = (await admin.call(UPDATE, uuid=made["uuid"], name="CD", permissions=[allow("storage:read")]))["token"]
    assert (changed["name"], changed["description"], changed["permissions"]) == ("CD", "builds", [allow("storage:read")])
    assert not (await enter(made["token"])).who.may("storage:write")
    assert (await admin.call(UPDATE, uuid=made["uuid"], description=None, permissions=None))["token"]["permissions"] is None
    assert (await enter(made["token"])).who.may("storage:write")


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "allow", "resources": None, "actions": ["storage:fly"]},
        {"effect": "allow", "resources": None, "actions": []},
        {"effect": "maybe", "resources": None, "actions": ["storage:read"]},
        {"effect": "deny", "resources": ["0198c5f0-0000-7000-8000-000000000001"], "actions": ["storage:read"]},
        "storage:read",
    ],
    ids=["unknown action", "no action", "unknown effect", "single resources", "no rule"],
)
async def test_a_bad_rule_is_refused(admin: Person, rule: object) -> None:
    made = (await admin.call(CREATE))["token"]
    with pytest.raises(ValidationError):
        await admin.call(CREATE, permissions=[rule])
    with pytest.raises(ValidationError):
        await admin.call(UPDATE, uuid=made["uuid"], permissions=[rule])


async def test_a_token_without_any_rule_in_its_list_may_nothing(admin: Person, enter: Entering) -> None:
    made = (await admin.call(CREATE, permissions=[]))["token"]
    assert not (await enter(made["token"])).who.may("storage:read")


async def narrow(admin: Person, enter: Entering) -> Person:
    """A token that may write tokens and read records, and must not touch billing."""
    rules = [allow("workspaceManagement:*", "storage:read", "billing:*"), deny("billing:write")]
    return await enter((await admin.call(CREATE, permissions=rules))["token"]["token"])


async def test_a_narrow_token_hands_on_its_own_rules_when_it_names_none(admin: Person, enter: Entering) -> None:
    small = await narrow(admin, enter)
    child = await enter((await small.call(CREATE))["token"]["token"])
    assert child.who.rules == small.who.rules


@pytest.mark.parametrize("action", ["*", "storage:write", "storage:*", "billing:*", "billing:write", "ai:read"])
async def test_a_narrow_token_cannot_make_or_turn_one_into_a_wider_one(admin: Person, enter: Entering, action: str) -> None:
    small = await narrow(admin, enter)
    for ask in (
        small.call(CREATE, permissions=[allow(action)]),
        small.call(UPDATE, uuid=str(small.who.token_uuid), permissions=[allow(action)]),
    ):
        with pytest.raises(Refusal, match="cannot give that to a token") as refused:
            await ask
        assert (refused.value.status, refused.value.reason) == (400, "permissionsTooWide")


async def test_a_narrow_token_cannot_lift_its_own_rules(admin: Person, enter: Entering) -> None:
    small = await narrow(admin, enter)
    changed = (await small.call(UPDATE, uuid=str(small.who.token_uuid), permissions=None))["token"]
    assert changed["permissions"] is not None
    changed = (await small.call(UPDATE, uuid=str(small.who.token_uuid), permissions=[allow("storage:read")]))["token"]
    assert deny("billing:write") in changed["permissions"]


@pytest.mark.parametrize("operation", [UPDATE, REMOVE])
async def test_a_token_of_another_workspace_gets_the_same_answer_as_an_unknown_one(
    admin: Person, other_caller: Person, operation: str
) -> None:
    unknown, theirs = str(ids.new()), str(other_caller.who.token_uuid)
    said: list[str] = []
    for token in (unknown, theirs, "no-uuid-at-all"):
        with pytest.raises(Refusal) as refused:
            await admin.call(operation, uuid=token, **({"name": "mine"} if operation == UPDATE else {}))
        assert refused.value.status == 404
        said.append(str(refused.value.to_wire("r")).replace(token, "<uuid>"))
    assert len(set(said)) == 1
    (living,) = (await other_caller.call(LIST))["tokens"]
    assert living["name"] == "First token"
