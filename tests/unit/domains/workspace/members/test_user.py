"""The users of a workspace come, change roles and go; the last admin stays."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Role
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Joining, Person

CREATE, UPDATE, REMOVE = (f"workspaceManagement.user.{verb}" for verb in ("create", "update", "remove"))


async def users_of(person: Person) -> dict[str, str]:
    return {one["email"]: one["roleSlug"] for one in (await person.call("workspaceManagement.user.all"))["users"]}


async def test_a_user_in_the_list_has_every_field_of_the_contract_and_the_role_in_both_spellings(admin: Person) -> None:
    (user,) = (await admin.call("workspaceManagement.user.all"))["users"]
    assert set(user) == {
        *("uuid", "email", "firstName", "lastName", "picture", "lastSignInAt", "createdAt", "updatedAt"),
        *("webExtensionData", "workspaceUuid", "permissions", "role", "roleSlug"),
    }
    assert (user["roleSlug"], user["role"]["slug"], user["permissions"]) == ("admin", "admin", [])
    assert user["workspaceUuid"] == str(admin.who.workspace_uuid)
    assert (await admin.call("workspaceManagement.user.getCurrent"))["user"] == user


async def test_a_person_is_let_in_by_e_mail_whatever_its_case(admin: Person) -> None:
    user = (await admin.call(CREATE, userEmail="Ann@Example.com", roleSlug="member"))["user"]
    assert (user["email"], user["roleSlug"], user["lastSignInAt"]) == ("ann@example.com", "member", None)
    assert await users_of(admin) == {"admin@localhost": "admin", "ann@example.com": "member"}


async def test_a_role_is_named_by_slug_or_by_uuid(admin: Person) -> None:
    roles = {one["slug"]: one["uuid"] for one in (await admin.call("workspaceManagement.role.all"))["roles"]}
    user = (await admin.call(CREATE, userEmail="a@b.c", roleSlug=roles["viewer"]))["user"]
    assert user["roleSlug"] == "viewer"
    assert (await admin.call(UPDATE, userUuid=user["uuid"], roleSlug=roles["member"]))["user"]["roleSlug"] == "member"


@pytest.mark.parametrize("role", ["boss", "Admin", "0198c5f0-0000-7000-8000-000000000001"])
async def test_an_unknown_role_is_refused_and_no_one_is_let_in(admin: Person, role: str) -> None:
    with pytest.raises(Refusal, match="role not found") as refused:
        await admin.call(CREATE, userEmail="a@b.c", roleSlug=role)
    assert (refused.value.status, refused.value.reason) == (400, "roleNotFound")
    assert await users_of(admin) == {"admin@localhost": "admin"}


async def test_a_role_of_another_workspace_is_an_unknown_one(admin: Person, other_caller: Person) -> None:
    theirs = (await other_caller.call("workspaceManagement.role.all"))["roles"][0]["uuid"]
    with pytest.raises(Refusal, match="role not found"):
        await admin.call(CREATE, userEmail="a@b.c", roleSlug=theirs)


@pytest.mark.parametrize("email", ["", "ann", "ann@", "a b@c.d", "a@b@c", "x" * 251 + "@b.c"])
async def test_what_is_no_e_mail_is_refused(admin: Person, email: str) -> None:
    with pytest.raises(ValidationError):
        await admin.call(CREATE, userEmail=email, roleSlug="member")


async def test_who_is_in_already_is_not_let_in_twice(admin: Person, join: Joining) -> None:
    await join("ann@example.com", "member")
    with pytest.raises(Refusal, match="already in this workspace") as refused:
        await admin.call(CREATE, userEmail="ANN@example.com", roleSlug="viewer")
    assert (refused.value.status, refused.value.reason) == (409, "alreadyMember")
    assert (await users_of(admin))["ann@example.com"] == "member"


async def test_a_person_can_be_in_two_workspaces_with_different_roles(admin: Person, other_caller: Person) -> None:
    user = (await admin.call(CREATE, userEmail="stranger@example.com", roleSlug="viewer"))["user"]
    assert user["uuid"] == str(other_caller.who.user_uuid)
    assert await users_of(other_caller) == {"stranger@example.com": "admin"}
    assert user["lastSignInAt"] is None, "what a person does in another workspace is not seen here"


async def test_inviting_says_nothing_of_what_another_workspace_knows_of_the_person(admin: Person, other_caller: Person) -> None:
    await other_caller.call("userManagement.user.update", firstName="Known", webExtensionData={"linkedin": {"li_at": "cookie"}})
    before = clock.to_iso(clock.now())
    known = (await admin.call(CREATE, userEmail="stranger@example.com", roleSlug="viewer"))["user"]
    new = (await admin.call(CREATE, userEmail="new@example.com", roleSlug="viewer"))["user"]
    for user in (known, new):
        assert (user["firstName"], user["lastName"], user["webExtensionData"]) == (None, None, None)
        assert before <= user["createdAt"] and before <= user["updatedAt"]
        assert uuid.UUID(user["uuid"]).version == 4, "a uuid with the time in it would say when the person was first known"
    async with admin.asking() as ctx:
        token = await public.create_token(ctx.db, workspace_uuid=ctx.workspace, user_uuid=uuid.UUID(known["uuid"]))
        who = await public.authenticate(ctx.db, token.value)
    assert who is not None
    here = (await Person(admin.state, who).call("userManagement.user.getCurrent"))["user"]
    assert (here["firstName"], here["webExtensionData"]) == (None, None)
    assert (await other_caller.call("userManagement.user.getCurrent"))["user"]["firstName"] == "Known"


async def test_the_last_admin_can_neither_be_demoted_nor_removed(admin: Person) -> None:
    me = str(admin.who.user_uuid)
    for ask in (admin.call(UPDATE, userUuid=me, roleSlug="member"), admin.call(REMOVE, userUuid=me)):
        with pytest.raises(Refusal, match="last admin") as refused:
            await ask
        assert (refused.value.status, refused.value.reason) == (409, "lastAdmin")
    assert await users_of(admin) == {"admin@localhost": "admin"}


async def test_two_admins_who_demote_each_other_at_once_leave_one(admin: Person, join: Joining) -> None:
    other = await join("ann@example.com", "admin")
    outcomes = await asyncio.gather(
        admin.call(UPDATE, userUuid=str(other.who.user_uuid), roleSlug="viewer"),
        other.call(UPDATE, userUuid=str(admin.who.user_uuid), roleSlug="viewer"),
        return_exceptions=True,
    )
    assert len([one for one in outcomes if isinstance(one, Refusal) and one.reason == "lastAdmin"]) == 1
    assert sorted((await users_of(admin)).values()) == ["admin", "viewer"]


async def test_an_admin_can_go_when_there_is_another_one(admin: Person, join: Joining) -> None:
    other = await join("ann@example.com", "admin")
    assert await other.call(REMOVE, userUuid=str(admin.who.user_uuid)) == {"uuid": str(admin.who.user_uuid)}
    assert await users_of(other) == {"ann@example.com": "admin"}


async def test_who_is_shut_out_loses_the_tokens_for_good(admin: Person, join: Joining) -> None:
    ann = await join("ann@example.com", "admin")
    value = (await ann.call("workspaceManagement.token.create"))["token"]["token"]
    await admin.call(REMOVE, userUuid=str(ann.who.user_uuid))
    await admin.call(CREATE, userEmail="ann@example.com", roleSlug="member")
    async with admin.asking() as ctx:
        assert await public.authenticate(ctx.db, value) is None


@pytest.mark.parametrize("user", ["0198c5f0-0000-7000-8000-000000000001", "nobody"])
async def test_an_unknown_user_is_not_found(admin: Person, user: str) -> None:
    for ask in (admin.call(UPDATE, userUuid=user, roleSlug="member"), admin.call(REMOVE, userUuid=user)):
        with pytest.raises(Refusal) as refused:
            await ask
        assert (refused.value.status, refused.value.reason) == (404, "userNotFound")


async def test_a_user_of_another_workspace_is_an_unknown_one(admin: Person, other_caller: Person) -> None:
    unknown, theirs = str(ids.new()), str(other_caller.who.user_uuid)
    said: list[str] = []
    for user in (unknown, theirs):
        with pytest.raises(Refusal) as refused:
            await admin.call(REMOVE, userUuid=user)
        said.append(str(refused.value.to_wire("r")).replace(user, "<uuid>"))
    assert said[0] == said[1]
    assert await users_of(other_caller) == {"stranger@example.com": "admin"}


async def test_an_e_mail_in_place_of_a_uuid_is_explained(admin: Person, other_caller: Person) -> None:
    assert "stranger@example.com" in await users_of(other_caller)
    for email, problem in (
        ("admin@localhost", f"name the user by uuid, {admin.who.user_uuid}."),
        ("stranger@example.com", "stranger@example.com is no user of this workspace."),
    ):
        with pytest.raises(Refusal, match=re.escape(problem)) as refused:
            await admin.call(REMOVE, userUuid=email)
        assert (refused.value.status, refused.value.reason) == (400, "invalidUserEmail")


async def test_no_one_gives_a_role_that_may_more_than_they_do_themselves(admin: Person, join: Joining) -> None:
    rules = [{"effect": "allow", "resources": None, "actions": ["workspaceManagement:*", "storage:read"]}]
    async with admin.asking() as ctx:
        ctx.db.add(Role(workspace_uuid=ctx.workspace, slug="people", permissions=rules))
    people = await join("people@example.com", "people")
    for ask in (
        people.call(CREATE, userEmail="friend@example.com", roleSlug="admin"),
        people.call(UPDATE, userUuid=str(people.who.user_uuid), roleSlug="admin"),
    ):
        with pytest.raises(Refusal, match="more than you may do yourself") as refused:
            await ask
        assert (refused.value.status, refused.value.reason) == (400, "roleTooPowerful")
    assert "friend@example.com" not in await users_of(admin)
    async with admin.asking() as ctx:
        await ctx.db.execute(update(Role).where(Role.slug == "viewer").values(permissions=rules[:1]))
    assert (await people.call(CREATE, userEmail="friend@example.com", roleSlug="viewer"))["user"]["roleSlug"] == "viewer"
