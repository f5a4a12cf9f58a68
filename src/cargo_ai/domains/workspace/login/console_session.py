"""Console sessions: a browser that has signed in, and the token by whose rights it acts.

A session ends when its time is over, when someone signs out, and when its token is removed or its user leaves the workspace. Of the cookie
only a hash is kept.
"""

from __future__ import annotations

import secrets as randomness
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace.login.authentication import caller_of, note_use, working_tokens
from cargo_ai.domains.workspace.tables import ConsoleSession, Membership, Token, User, Workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import hash_token
from cargo_ai.store.session import across_workspaces

PREFIX = "cai_ses_"
KEPT = timedelta(days=30)
"""How long sessions that are over stay in the table, for what the audit log says about them."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that is open, and what every page shows of it. `own_token`: its token was made for it, after its person had proved
    an e-mail address; such a person may go to other workspaces, too."""

    uuid: uuid.UUID
    caller: Caller
    email: str
    name: str
    workspace_name: str
    own_token: bool
    expires_at: datetime


async def begin(db: AsyncSession, token: uuid.UUID, workspace: uuid.UUID, *, own_token: bool, life: timedelta) -> str:
    """The cookie of a new session of this token; it is known only now. In a session of all workspaces; the caller commits."""
    now, value = clock.now(), PREFIX + randomness.token_urlsafe(32)
    await db.execute(delete(ConsoleSession).where(ConsoleSession.expires_at < now - KEPT))
    db.add(
        ConsoleSession(
            uuid=ids.new(), workspace_uuid=workspace, token_uuid=token, hash=hash_token(value), own_token=own_token, expires_at=now + life
        )
    )
    await db.flush()
    return value


async def find(db: AsyncSession, value: str) -> Opened | None:
    """The open session with this cookie. One select."""
    query = (
        working_tokens()
        .join(ConsoleSession, ConsoleSession.token_uuid == Token.uuid)
        .join(User, User.uuid == Token.user_uuid)
        .join(Workspace, Workspace.uuid == Token.workspace_uuid)
        .where(ConsoleSession.hash == hash_token(value), ConsoleSession.expires_at > clock.now())
        .add_columns(ConsoleSession, User.email, Membership.first_name, Membership.last_name, Workspace.name)
    )
    with across_workspaces(db):
        match = (await db.execute(query)).one_or_none()
        if match is None:
            return None
        token, own_rules, role_slug, role_rules, row, email, first, last, workspace = match
        await note_use(db, token)
    name = " ".join(filter(None, (first, last)))
    caller = caller_of(token, own_rules, role_slug, role_rules)
    return Opened(row.uuid, caller, email, name or email, workspace, row.own_token, row.expires_at)


async def end(db: AsyncSession, opened: Opened) -> None:
    """End a session; a token that was made for it is removed. In a session of all workspaces; the caller commits."""
    now = clock.now()
    await db.execute(update(ConsoleSession).where(ConsoleSession.uuid == opened.uuid).values(expires_at=now))
    if opened.own_token:
        await db.execute(update(Token).where(Token.uuid == opened.caller.token_uuid, Token.deleted_at.is_(None)).values(deleted_at=now))


async def workspaces(db: AsyncSession, opened: Opened) -> list[tuple[uuid.UUID, str]]:
    """The workspaces that the person of a session may go to, by name: only their own one for who signed in by a token of it."""
    query = select(Workspace.uuid, Workspace.name).order_by(Workspace.name, Workspace.uuid).limit(200)
    if opened.own_token:
        query = query.join(Membership, Membership.workspace_uuid == Workspace.uuid).where(Membership.user_uuid == opened.caller.user_uuid)
    else:
        query = query.where(Workspace.uuid == opened.caller.workspace_uuid)
    with across_workspaces(db):
        return [(row.uuid, row.name) for row in await db.execute(query)]
