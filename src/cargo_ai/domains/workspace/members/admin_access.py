"""Admin access: check that a workspace keeps an admin who can sign in, and restore access from the server's machine."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.members.people import find_or_create_user
from cargo_ai.domains.workspace.members.token_rows import NewToken, create_token, working
from cargo_ai.domains.workspace.tables import Membership, Role, Token, Workspace
from cargo_ai.kernel import clock

FIRST_ADMIN = "admin@localhost"


def _unrestricted_tokens() -> tuple[ColumnElement[bool], ...]:
    """The conditions on tokens that may do everything now: of admins, without rules of their own."""
    return Role.slug == access_rules.ADMIN, Token.permissions.is_(None), *working(clock.now())


async def _has_token(db: AsyncSession, *conditions: ColumnElement[bool]) -> bool:
    query = (
        select(Token.uuid)
        .join(Membership, (Membership.user_uuid == Token.user_uuid) & (Membership.workspace_uuid == Token.workspace_uuid))
        .join(Role, (Role.uuid == Membership.role_uuid) & (Role.workspace_uuid == Membership.workspace_uuid))
        .where(*_unrestricted_tokens(), *conditions)
    )
    return await db.scalar(query.limit(1)) is not None


async def ends_without(db: AsyncSession, these: ColumnElement[bool]) -> bool:
    """Whether the session's workspace would be locked out, now or by expiry, if these of its tokens no longer worked for an admin.

    A workspace needs one unrestricted token of an admin that never expires; one that has none already needs at least one that works.
    The caller holds the lock of the members.
    """
    if not await _has_token(db, these):
        return False
    lasting = Token.expires_at.is_(None), Token.deleted_at.is_(None)
    if await _has_token(db, ~these, *lasting):
        return False
    return await _has_token(db, these, *lasting) or not await _has_token(db, ~these)


async def create_admin_token(db: AsyncSession, workspace: uuid.UUID) -> NewToken:
    """A token of the first admin of a workspace, for who may read the data folder. LookupError: there is no such workspace.

    In a session of that workspace. A workspace that has no admin left gets its first one again. The caller commits.
    """
    if await db.scalar(select(Workspace.uuid).where(Workspace.uuid == workspace).with_for_update(read=True)) is None:
        raise LookupError(workspace)
    role = (await db.scalars(select(Role.uuid).where(Role.slug == access_rules.ADMIN))).one()
    admins = select(Membership.user_uuid).where(Membership.role_uuid == role).order_by(Membership.created_at, Membership.user_uuid)
    admin = await db.scalar(admins.limit(1))
    if admin is None:
        admin = await find_or_create_user(db, FIRST_ADMIN)
        await db.merge(Membership(workspace_uuid=workspace, user_uuid=admin, role_uuid=role))
        await db.flush()
    return await create_token(db, workspace_uuid=workspace, user_uuid=admin, name="Created on the server's machine")
