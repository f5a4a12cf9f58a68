"""The door: a token stands for its caller, and an empty database is given one workspace."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller
from cargo_ai.context.process import Hooks
from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Folder, Membership, Role, Token, User, Workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import new_token
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import hooks
from cargo_ai.store.session import ALL_WORKSPACES


async def caller_of(state: State, token: str) -> Caller | None:
    async with state.database.session(None) as db:
        found = await public.authenticate(db, token)
        await db.commit()
    return found


async def test_an_empty_database_gets_a_workspace_with_three_roles_an_admin_and_a_token(
    state: State, first_workspace: public.Bootstrap
) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        assert (await db.scalars(select(Workspace.name))).all() == ["My Workspace"]
        assert (await db.scalars(select(User.email))).all() == ["admin@localhost"]
        assert set(await db.scalars(select(Role.slug))) == {"admin", "member", "viewer"}
    who = await caller_of(state, first_workspace.token)
    assert who is not None
    assert (who.workspace_uuid, who.user_uuid, who.role_slug) == (first_workspace.workspace_uuid, first_workspace.user_uuid, "admin")


async def test_a_database_with_a_workspace_is_left_alone(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(None) as db:
        assert await public.bootstrap(db, hooks()) is None


async def test_servers_that_start_together_make_one_workspace(state: State) -> None:
    async def start() -> public.Bootstrap | None:
        async with state.database.session(None) as db:
            made = await public.bootstrap(db, hooks())
            await db.commit()
            return made

    made = await asyncio.gather(start(), start(), start())
    assert len([one for one in made if one]) == 1
    async with state.database.session(None) as db:
        assert await db.scalar(select(func.count(Workspace.uuid))) == 1


async def test_other_rooms_add_to_a_workspace_at_its_birth_in_its_scope(state: State) -> None:
    seen: list[tuple[uuid.UUID, object]] = []

    async def add_rows(db: AsyncSession, workspace: uuid.UUID) -> None:
        seen.append((workspace, db.info["scope"]))

    async with state.database.session(ALL_WORKSPACES) as db:
        made = await public.bootstrap(db, Hooks(workspace_created=(add_rows,)))
        assert db.info["scope"] is ALL_WORKSPACES
    assert made is not None
    assert seen == [(made.workspace_uuid, made.workspace_uuid)]


@pytest.mark.parametrize(
    "token", ["", "cai_live_", new_token(), "x" * 10_000, "cai_live_\x00"], ids=["empty", "bare", "well formed", "long", "with NUL"]
)
async def test_an_unknown_token_stands_for_no_one(state: State, first_workspace: public.Bootstrap, token: str) -> None:
    assert await caller_of(state, token) is None


async def test_the_value_of_a_token_is_not_stored(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(ALL_WORKSPACES) as db:
        row = (await db.scalars(select(Token))).one()
    assert first_workspace.token not in {str(value) for value in vars(row).values()}
    assert row.last_four == first_workspace.token[-4:]


async def test_a_removed_token_stands_for_no_one(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Token).values(deleted_at=clock.now()))
        await db.commit()
    assert await caller_of(state, first_workspace.token) is None


async def test_a_token_of_someone_who_left_the_workspace_stands_for_no_one(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await db.delete((await db.scalars(select(Membership))).one())
        await db.commit()
    assert await caller_of(state, first_workspace.token) is None


async def test_a_tokens_own_rules_narrow_its_users_rights_and_never_widen_them(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await db.execute(update(Role).where(Role.slug == "admin").values(permissions=[{"effect": "allow", "actions": ["storage:*"]}]))
        rules = [{"effect": "allow", "resources": None, "actions": ["storage:read", "billing:read"]}]
        fresh = await public.create_token(
            db, workspace_uuid=first_workspace.workspace_uuid, user_uuid=first_workspace.user_uuid, permissions=rules
        )
        await db.commit()
    who = await caller_of(state, fresh.value)
    assert who is not None
    assert who.may("storage:read")
    assert not who.may("storage:write")
    assert not who.may("billing:read")


async def test_a_members_own_rules_stand_beside_the_roles_and_deny_wins(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await db.execute(update(Membership).values(permissions=[{"effect": "deny", "resources": None, "actions": ["billing:*"]}]))
        await db.commit()
    who = await caller_of(state, first_workspace.token)
    assert who is not None
    assert who.may("storage:write")
    assert not who.may("billing:read")


async def test_the_last_use_of_a_token_is_noted_once_an_hour(state: State, first_workspace: public.Bootstrap) -> None:
    async def last_use() -> object:
        async with state.database.session(ALL_WORKSPACES) as db:
            return await db.scalar(select(Token.last_used_at))

    assert await last_use() is None
    await caller_of(state, first_workspace.token)
    first = await last_use()
    assert first is not None
    await caller_of(state, first_workspace.token)
    assert await last_use() == first
    long_ago = clock.now() - timedelta(hours=2)
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Token).values(last_used_at=long_ago))
        await db.commit()
    await caller_of(state, first_workspace.token)
    assert await last_use() > long_ago  # pyright: ignore[reportOperatorIssue]


async def test_signing_in_does_not_wait_for_another_request_that_notes_the_use(state: State, first_workspace: public.Bootstrap) -> None:
    async with state.database.session(ALL_WORKSPACES) as holding:
        assert await public.authenticate(holding, first_workspace.token) is not None
        async with asyncio.timeout(60):
            assert await caller_of(state, first_workspace.token) is not None


async def test_a_folder_exists_for_its_own_kind_and_workspace_only(state: State, first_workspace: public.Bootstrap) -> None:
    folder = Folder(uuid=ids.new(), workspace_uuid=first_workspace.workspace_uuid, kind="tool", name="A", emoji_slug="hammer")
    async with state.database.session(first_workspace.workspace_uuid) as db:
        db.add(folder)
        await db.commit()
        assert await public.folder_exists(db, folder.uuid, "tool")
        assert not await public.folder_exists(db, folder.uuid, "play")
        assert not await public.folder_exists(db, ids.new(), "tool")
    async with state.database.session(ids.new()) as db:
        assert not await public.folder_exists(db, folder.uuid, "tool")
