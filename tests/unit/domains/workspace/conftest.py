"""A born workspace and callers of every kind in it, on a real database."""

from __future__ import annotations

import uuid

import pytest

from cargo_ai.domains.workspace import public
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import hooks
from cargo_ai.store.session import ALL_WORKSPACES
from tests.unit.domains.workspace.callers import Entering, Joining, Person


@pytest.fixture
def enter(state: State) -> Entering:
    """Sign in with a token."""

    async def enter(value: str) -> Person:
        async with state.database.session(ALL_WORKSPACES) as db:
            who = await public.authenticate(db, value)
            await db.commit()
        assert who is not None
        return Person(state, who)

    return enter


@pytest.fixture
async def admin(first_workspace: public.Bootstrap, enter: Entering) -> Person:
    """The first admin."""
    return await enter(first_workspace.token)


@pytest.fixture
def join(admin: Person, state: State, enter: Entering) -> Joining:
    """Let someone in with a role, and sign in as that person."""

    async def join(email: str, role_slug: str) -> Person:
        made = await admin.call("workspaceManagement.user.create", user_email=email, role_slug=role_slug)
        async with state.database.session(admin.who.workspace_uuid) as db:
            fresh = await public.create_token(db, workspace_uuid=admin.who.workspace_uuid, user_uuid=uuid.UUID(made["user"]["uuid"]))
            await db.commit()
        return await enter(fresh.value)

    return join


@pytest.fixture
async def other_caller(state: State, first_workspace: public.Bootstrap, enter: Entering) -> Person:
    """The admin of another workspace of the same installation."""
    async with state.database.session(None) as db:
        other = await public.add_workspace(db, hooks(), name="Other", email="stranger@example.com")
        await db.commit()
    return await enter(other.token)
