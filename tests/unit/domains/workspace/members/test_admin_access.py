"""A workspace keeps an admin who can sign in: its last token for everything stays, and the server's machine has a way back in."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Membership, Token
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Entering, Joining, Person

CREATE, UPDATE, REMOVE = (f"workspaceManagement.token.{verb}" for verb in ("create", "update", "remove"))
READER = [{"effect": "allow", "resources": None, "actions": ["storage:read"]}]
NEXT_YEAR = clock.to_iso(clock.now() + timedelta(days=365))

LOCKOUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "removed": (REMOVE, {}),
    "ended": (UPDATE, {"expiresAt": NEXT_YEAR}),
    "narrowed": (UPDATE, {"permissions": READER}),
}


async def refusals(person: Person, token: object) -> list[str]:
    """The reasons why this token can be neither removed, ended nor narrowed; those that can be are left out, and done."""
    reasons: list[str] = []
    for operation, fields in LOCKOUTS.values():
        try:
            await person.call(operation, uuid=str(token), **fields)
        except Refusal as refused:
            assert "server init --admin-token" in str(refused) and refused.status == 409
            reasons.append(refused.reason)
    return reasons


async def test_the_last_token_of_the_last_admin_is_neither_removed_nor_ended_nor_narrowed(admin: Person) -> None:
    assert await refusals(admin, admin.who.token_uuid) == ["lastAdminToken"] * 3


@pytest.mark.parametrize("fields", [{"permissions": READER}, {"expiresAt": NEXT_YEAR}], ids=["with rules", "that expires"])
async def test_a_token_that_does_less_or_ends_does_not_stand_in_for_the_last_one(admin: Person, fields: dict[str, Any]) -> None:
    await admin.call(CREATE, **fields)
    assert await refusals(admin, admin.who.token_uuid) == ["lastAdminToken"] * 3


async def test_tokens_of_others_than_admins_do_not_stand_in_for_the_last_one(admin: Person, join: Joining) -> None:
    await join("ann@example.com", "member")
    assert await refusals(admin, admin.who.token_uuid) == ["lastAdminToken"] * 3


@pytest.mark.parametrize("way", LOCKOUTS)
async def test_with_another_admins_token_it_can_go(admin: Person, join: Joining, way: str) -> None:
    ann = await join("ann@example.com", "admin")
    operation, fields = LOCKOUTS[way]
    await ann.call(operation, uuid=str(admin.who.token_uuid), **fields)
    assert await refusals(ann, ann.who.token_uuid) == ["lastAdminToken"] * 3


async def test_another_workspaces_tokens_do_not_count(admin: Person, other_caller: Person) -> None:
    await admin.call("workspaceManagement.user.create", userEmail="stranger@example.com", roleSlug="admin")
    assert await refusals(admin, admin.who.token_uuid) == ["lastAdminToken"] * 3


async def test_two_admins_who_remove_each_others_tokens_at_once_keep_one(admin: Person, join: Joining) -> None:
    ann = await join("ann@example.com", "admin")
    outcomes = await asyncio.gather(
        admin.call(REMOVE, uuid=str(ann.who.token_uuid)), ann.call(REMOVE, uuid=str(admin.who.token_uuid)), return_exceptions=True
    )
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)] == ["lastAdminToken"]


async def test_an_admin_whose_successor_has_only_a_token_that_expires_stays(admin: Person, join: Joining) -> None:
    ann = await join("ann@example.com", "admin")
    await admin.call(UPDATE, uuid=str(ann.who.token_uuid), expiresAt=NEXT_YEAR)
    with pytest.raises(Refusal) as refused:
        await ann.call("workspaceManagement.user.remove", userUuid=str(admin.who.user_uuid))
    assert refused.value.reason == "lastAdmin"


async def test_where_all_tokens_expire_already_they_can_be_removed_up_to_the_last(admin: Person) -> None:
    spare = (await admin.call(CREATE, expiresAt=NEXT_YEAR))["token"]["uuid"]
    async with admin.asking() as ctx:
        await ctx.db.execute(update(Token).values(expires_at=clock.now() + timedelta(days=30)))
    await admin.call(REMOVE, uuid=spare)
    assert await refusals(admin, admin.who.token_uuid) == ["lastAdminToken", "lastAdminToken"], "a new expiry is not refused"


async def test_a_token_from_the_servers_machine_is_the_first_admins(admin: Person, join: Joining, enter: Entering) -> None:
    await join("ann@example.com", "admin")
    async with admin.asking() as ctx:
        token = await public.create_admin_token(ctx.db, ctx.workspace)
    back = await enter(token.value)
    assert (back.who.user_uuid, back.who.role_slug) == (admin.who.user_uuid, "admin")


async def test_a_workspace_without_any_admin_gets_one_again(admin: Person, enter: Entering) -> None:
    viewer = next(role for role in (await admin.call("workspaceManagement.role.all"))["roles"] if role["slug"] == "viewer")
    async with admin.asking() as ctx:
        await ctx.db.execute(update(Membership).values(role_uuid=uuid.UUID(viewer["uuid"])))
        token = await public.create_admin_token(ctx.db, ctx.workspace)
    assert (await enter(token.value)).who.role_slug == "admin"


async def test_an_unknown_workspace_gets_no_token(admin: Person) -> None:
    async with admin.asking() as ctx:
        with pytest.raises(LookupError):
            await public.create_admin_token(ctx.db, uuid.uuid4())
