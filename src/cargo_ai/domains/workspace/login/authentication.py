"""Authentication: the caller that a token stands for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.members.token_rows import working
from cargo_ai.domains.workspace.tables import Membership, Role, Token
from cargo_ai.kernel import clock
from cargo_ai.kernel.secrets import hash_token
from cargo_ai.store.session import across_workspaces

USED_WITHIN = timedelta(hours=1)
"""How exact a token's last use is kept."""


async def authenticate(db: AsyncSession, token: str) -> Caller | None:
    """The caller that a token stands for; None when the token is unknown, removed or expired, or its user has left the workspace.

    One select. About once an hour it also notes the use of the token, which lasts when the caller commits.
    """
    with across_workspaces(db):
        match = (await db.execute(working_tokens().where(Token.hash == hash_token(token)))).one_or_none()
        if match is None:
            return None
        row, own_rules, role_slug, role_rules = match
        await note_use(db, row)
    return caller_of(row, own_rules, role_slug, role_rules)


def working_tokens() -> Select[Token, list[Any], str, list[Any]]:
    """Tokens that work now, each with the rules of its user, and the slug and the rules of the user's role."""
    return (
        select(Token, Membership.permissions, Role.slug, Role.permissions)
        .join(Membership, (Membership.user_uuid == Token.user_uuid) & (Membership.workspace_uuid == Token.workspace_uuid))
        .join(Role, (Role.uuid == Membership.role_uuid) & (Role.workspace_uuid == Token.workspace_uuid))
        .where(*working(clock.now()))
    )


def caller_of(token: Token, own_rules: Sequence[Any], role_slug: str, role_rules: Sequence[Any]) -> Caller:
    """The caller of a row of `working_tokens`."""
    layers = [access_rules.to_layer([*role_rules, *own_rules])]
    if token.permissions is not None:
        layers.append(access_rules.to_layer(token.permissions))
    ends = min((end for end in (token.expires_at, token.deleted_at) if end is not None), default=None)
    return Caller(token.user_uuid, token.uuid, token.workspace_uuid, role_slug, tuple(layers), ends)


async def note_use(db: AsyncSession, token: Token) -> None:
    """Note about once an hour that the token was used. In a session of all workspaces."""
    now = clock.now()
    if token.last_used_at is not None and now - token.last_used_at < USED_WITHIN:
        return
    # A request that finds the row locked leaves the update to the holder: requests never wait for each other here.
    free = (
        select(Token.uuid)
        .where(Token.uuid == token.uuid, or_(Token.last_used_at.is_(None), Token.last_used_at <= now - USED_WITHIN))
        .with_for_update(skip_locked=True)
    )
    note = update(Token).where(Token.uuid == free.scalar_subquery()).values(last_used_at=now, updated_at=Token.updated_at)
    await db.execute(note.execution_options(synchronize_session=False))
