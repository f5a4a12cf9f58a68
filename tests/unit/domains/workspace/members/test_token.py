"""API tokens: the value is shown once, rules only narrow, and a removed one is dead at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Role, Token
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Joining, Person

CREATE, LIST, UPDATE, REMOVE, ROTATE = (f"workspaceManagement.token.{verb}" for verb in ("create", "all", "update", "remove", "rotate"))


def allow(*actions: str) -> dict[str, Any]:
    return {"effect": "allow", "resources": None, "actions": list(actions)}


def deny(*actions: str) -> dict[str, Any]:
    return {"effect": "deny", "resources": None, "actions": list(actions)}


async def test_a_new_token_shows_its_value_once_and_works(admin: Person, enter: Entering) -> None:
    token = (await admin.call(CREATE, name="CI", description="builds"))["token"]
    assert token["token"].startswith("cai_live_")
    contract_fields = {"uuid", "token", "name", "description", "permissions", "workspaceUuid", "userUuid", "createdAt", "deletedAt"}
    assert set(token) == contract_fields | {"lastUsedAt", "expiresAt"}
    assert (token["name"], token["description"], token["permissions"], token["deletedAt"]) == ("CI", "builds", None, None)
    entered = await enter(token["token"])
    assert str(entered.who.token_uuid) == token["uuid"]
    listed = (await admin.call(LIST))["tokens"]
    assert listed[0]["token"] == "cai_live_…" + token["token"][-4:]
    assert token["token"] not in str(listed)


async def test_a_token_without_a_name_is_called_cli_and_the_older_flag_is_accepted(admin: Person) -> None:
    assert (await admin.call(CREATE))["token"]["name"] == "CLI"
    assert (await admin.call(CREATE, fromUser=True))["token"]["userUuid"] == str(admin.who.user_uuid)


async def test_tokens_are_listed_newest_first_without_removed_ones(admin: Person) -> None:
    one = (await admin.call(CREATE, name="one"))["token"]
    await admin.call(CREATE, name="two")
    await admin.call(REMOVE, uuid=one["uuid"])
    assert [token["name"] for token in (await admin.call(LIST))["tokens"]] == ["two", "First token"]


async def test_a_removed_token_stands_for_no_one_and_is_unknown_afterwards(admin: Person) -> None:
    token = (await admin.call(CREATE))["token"]
    assert await admin.call(REMOVE, uuid=token["uuid"]) == {"uuid": token["uuid"]}
    async with admin.asking() as ctx:
        assert await public.authenticate(ctx.db, token["token"]) is None
    with pytest.raises(Refusal) as refused:
        await admin.call(REMOVE, uuid=token["uuid"])
    assert (refused.value.status, refused.value.reason) == (404, "tokenNotFound")


async def test_a_token_is_changed_and_keeps_what_was_not_named(admin: Person, enter: Entering) -> None:
    token = (await admin.call(CREATE, name="CI", description="builds"))["token"]
    changed = (await admin.call(UPDATE, uuid=token["uuid"], name="CD", permissions=[allow("storage:read")]))["token"]
    assert (changed["name"], changed["description"], changed["permissions"]) == ("CD", "builds", [allow("storage:read")])
    assert not (await enter(token["token"])).who.may("storage:write")
    assert (await admin.call(UPDATE, uuid=token["uuid"], description=None, permissions=None))["token"]["permissions"] is None
    assert (await enter(token["token"])).who.may("storage:write")


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
    token = (await admin.call(CREATE))["token"]
    with pytest.raises(ValidationError):
        await admin.call(CREATE, permissions=[rule])
    with pytest.raises(ValidationError):
        await admin.call(UPDATE, uuid=token["uuid"], permissions=[rule])


async def test_a_token_without_any_rule_in_its_list_may_nothing(admin: Person, enter: Entering) -> None:
    token = (await admin.call(CREATE, permissions=[]))["token"]
    assert not (await enter(token["token"])).who.may("storage:read")


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


async def test_a_wrong_permission_is_answered_with_the_one_that_was_probably_meant(admin: Person) -> None:
    with pytest.raises(ValidationError, match=r"Did you mean storage:read\? `cargo-ai workspace permission list` shows all"):
        await admin.call(CREATE, permissions=[allow("storage:raed")])
    listed = {entry["action"]: entry for entry in (await admin.call("workspaceManagement.permission.all"))["permissions"]}
    assert listed["storage:read"]["roles"] == ["admin", "member", "viewer"] and listed["billing:read"]["roles"] == ["admin"]
    assert CREATE in listed["workspaceManagement:write"]["operations"]


async def works(admin: Person, value: str) -> bool:
    async with admin.asking() as ctx:
        return await public.authenticate(ctx.db, value) is not None


async def test_a_rotated_token_has_a_new_value_and_the_former_one_is_dead(admin: Person, enter: Entering) -> None:
    token = (await admin.call(CREATE, name="CI", permissions=[allow("storage:read")]))["token"]
    rotated = (await admin.call(ROTATE, uuid=token["uuid"]))["token"]
    assert (rotated["uuid"], rotated["permissions"]) == (token["uuid"], token["permissions"]) and rotated["token"] != token["token"]
    assert [await works(admin, value) for value in (token["token"], rotated["token"])] == [False, True]
    assert str((await enter(rotated["token"])).who.token_uuid) == token["uuid"]


async def test_in_the_time_of_grace_both_values_work_and_the_former_one_can_be_removed(admin: Person) -> None:
    made = (await admin.call(CREATE, name="CI"))["token"]
    rotated = (await admin.call(ROTATE, uuid=made["uuid"], graceSeconds=60))["token"]
    assert [await works(admin, value) for value in (made["token"], rotated["token"])] == [True, True]
    former = next(token for token in (await admin.call(LIST))["tokens"] if token["name"] == "CI (before its rotation)")
    assert former["deletedAt"] is not None and former["token"].endswith(made["token"][-4:])
    with pytest.raises(Refusal, match="no token"):
        await admin.call(ROTATE, uuid=former["uuid"])
    await admin.call(REMOVE, uuid=former["uuid"])
    assert [await works(admin, value) for value in (made["token"], rotated["token"])] == [False, True]


async def test_anyone_rotates_the_token_in_use_and_no_other(admin: Person, join: Joining, enter: Entering) -> None:
    viewer = await join("ann@example.com", "viewer")
    value = (await viewer.call(ROTATE, uuid=str(viewer.who.token_uuid)))["token"]["token"]
    assert (await enter(value)).who.user_uuid == viewer.who.user_uuid
    for token in (str(admin.who.token_uuid), str(ids.new())):
        with pytest.raises(Refusal) as refused:
            await viewer.call(ROTATE, uuid=token)
        assert (refused.value.status, refused.value.reason) == (403, "notYourToken")


async def test_a_narrow_token_cannot_learn_the_value_of_a_wider_one(admin: Person, enter: Entering) -> None:
    small = await narrow(admin, enter)
    with pytest.raises(Refusal, match="cannot learn its value"):
        await small.call(ROTATE, uuid=str(admin.who.token_uuid))


async def test_a_token_for_another_user_may_what_that_user_may(admin: Person, join: Joining, enter: Entering) -> None:
    viewer = await join("ann@example.com", "viewer")
    made = (await admin.call(CREATE, userUuid=str(viewer.who.user_uuid)))["token"]
    entered = await enter(made["token"])
    assert entered.who.user_uuid == viewer.who.user_uuid
    assert entered.who.may("storage:read") and not entered.who.may("storage:write")
    listed = (await admin.call(LIST, userUuid=str(viewer.who.user_uuid)))["tokens"]
    assert {token["userUuid"] for token in listed} == {str(viewer.who.user_uuid)}


async def test_who_may_less_cannot_get_or_widen_a_token_of_an_admin(admin: Person, join: Joining) -> None:
    async with admin.asking() as ctx:
        ctx.db.add(Role(workspace_uuid=ctx.workspace, slug="people", permissions=[allow("workspaceManagement:*", "storage:read")]))
    people = await join("people@example.com", "people")
    robot = (await admin.call(CREATE, permissions=[allow("storage:read")]))["token"]
    attempts = (
        people.call(CREATE, userUuid=str(admin.who.user_uuid)),
        people.call(UPDATE, uuid=robot["uuid"], permissions=None),
        people.call(ROTATE, uuid=str(admin.who.token_uuid)),
    )
    for attempt in attempts:
        with pytest.raises(Refusal) as refused:
            await attempt
        assert refused.value.reason == "permissionsTooWide"
    await people.call(CREATE, userUuid=str(admin.who.user_uuid), permissions=[allow("storage:read")])


@pytest.mark.parametrize("user", ["0198c5f0-0000-7000-8000-000000000001", "nobody"])
async def test_a_token_for_an_unknown_user_is_refused(admin: Person, other_caller: Person, user: str) -> None:
    for unknown in (user, str(other_caller.who.user_uuid)):
        with pytest.raises(Refusal) as refused:
            await admin.call(CREATE, userUuid=unknown)
        assert (refused.value.status, refused.value.reason) == (404, "userNotFound")


async def test_an_expired_token_is_dead_and_one_that_expires_makes_none_that_outlives_it(admin: Person, enter: Entering) -> None:
    soon = clock.now() + timedelta(hours=1)
    token = (await admin.call(CREATE, expiresAt=clock.to_iso(soon)))["token"]
    child = (await (await enter(token["token"])).call(CREATE))["token"]
    assert child["expiresAt"] == token["expiresAt"] is not None
    async with admin.asking() as ctx:
        await ctx.db.execute(update(Token).where(Token.uuid == ids.parse(token["uuid"])).values(expires_at=clock.now()))
    assert not await works(admin, token["token"])
    with pytest.raises(Refusal) as refused:
        await admin.call(CREATE, expiresAt="2020-01-01")
    assert refused.value.reason == "expiresInThePast"


async def test_a_token_says_when_it_was_last_used(admin: Person, enter: Entering) -> None:
    token = (await admin.call(CREATE))["token"]
    assert token["lastUsedAt"] is None
    await enter(token["token"])
    assert (await admin.call(LIST))["tokens"][0]["lastUsedAt"] is not None
