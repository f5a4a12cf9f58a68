"""Roles of users: made of what their maker may do, and gone only when no one has them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cargo_ai.contract.workspace.members.permission import ACTIONS
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Joining, Person
from tests.unit.domains.workspace.members.test_token import allow, deny

CREATE, LIST, UPDATE, REMOVE = (f"workspaceManagement.role.{verb}" for verb in ("create", "all", "update", "remove"))


async def refused(person: Person, operation: str, /, **fields: object) -> tuple[int, str]:
    with pytest.raises(Refusal) as refusal:
        await person.call(operation, **fields)
    return refusal.value.status, refusal.value.reason


async def test_a_role_gives_its_users_exactly_its_permissions_and_changes_with_them(admin: Person, join: Joining, enter: Entering) -> None:
    role = (await admin.call(CREATE, slug="data-editor", permissions=[allow("storage:*"), deny("storage:write")]))["role"]
    assert (role["slug"], role["isPreset"]) == ("data-editor", False)
    ann = await join("ann@example.com", "data-editor")
    assert ann.who.may("storage:read") and not ann.who.may("storage:write") and not ann.who.may("orchestration:read")
    token = (await ann.call("workspaceManagement.token.rotate", uuid=str(ann.who.token_uuid)))["token"]["token"]
    await admin.call(UPDATE, role=role["uuid"], slug="data-owner", permissions=[allow("storage:write")])
    again = await enter(token)
    assert again.who.may("storage:write") and again.who.role_slug == "data-owner"


async def test_preset_roles_stay_as_they_are(admin: Person) -> None:
    assert await refused(admin, UPDATE, role="admin", permissions=[allow("storage:read")]) == (409, "roleIsPreset")
    assert await refused(admin, REMOVE, role="viewer") == (409, "roleIsPreset")
    assert await refused(admin, CREATE, slug="admin", permissions=[allow("storage:read")]) == (409, "alreadyExists")


async def test_a_role_in_use_stays_and_the_refusal_names_its_users(admin: Person, join: Joining) -> None:
    await admin.call(CREATE, slug="guest", permissions=[allow("storage:read")])
    ann = await join("ann@example.com", "guest")
    with pytest.raises(Refusal, match=r"ann@example\.com") as refusal:
        await admin.call(REMOVE, role="guest")
    assert refusal.value.reason == "roleIsUsed"
    await admin.call("workspaceManagement.user.update", userUuid=str(ann.who.user_uuid), roleSlug="viewer")
    await admin.call(REMOVE, role="guest")
    assert [role["slug"] for role in (await admin.call(LIST))["roles"]] == ["admin", "member", "viewer"]


async def test_no_one_makes_or_widens_a_role_beyond_their_own_permissions(admin: Person, join: Joining) -> None:
    await admin.call(CREATE, slug="people", permissions=[allow("workspaceManagement:*", "storage:read")])
    await admin.call(CREATE, slug="writer", permissions=[allow("storage:write")])
    ann = await join("ann@example.com", "people")
    assert await refused(ann, CREATE, slug="mine", permissions=[allow("storage:write")]) == (400, "permissionsTooWide")
    assert await refused(ann, CREATE, slug="mine", permissions=[allow("*")]) == (400, "permissionsTooWide")
    assert await refused(ann, UPDATE, role="people", permissions=[allow("billing:read")]) == (400, "permissionsTooWide")
    assert await refused(ann, UPDATE, role="writer", permissions=[allow("storage:read")]) == (409, "roleTooPowerful")
    assert await refused(ann, REMOVE, role="writer") == (409, "roleTooPowerful")
    await ann.call(CREATE, slug="mine", permissions=[allow("storage:read")])


async def test_an_unknown_permission_is_refused_by_name(admin: Person) -> None:
    with pytest.raises(ValidationError, match="'storage:fly' is not a permission"):
        await admin.call(CREATE, slug="pilot", permissions=[allow("storage:fly")])


async def test_another_workspaces_role_does_not_exist_here(admin: Person, other_caller: Person) -> None:
    role = (await admin.call(CREATE, slug="guest", permissions=[allow("storage:read")]))["role"]
    for name in (role["uuid"], "guest"):
        assert await refused(other_caller, REMOVE, role=name) == (404, "roleNotFound")


async def test_every_permission_says_what_it_permits(admin: Person) -> None:
    listed = (await admin.call("workspaceManagement.permission.all"))["permissions"]
    assert [one["action"] for one in listed] == list(ACTIONS)
    sentences = {one["action"]: one["description"] for one in listed}
    assert sentences["*"] == "Everything."
    assert sentences["storage:write"] == "See and change models, columns, records and queries."
