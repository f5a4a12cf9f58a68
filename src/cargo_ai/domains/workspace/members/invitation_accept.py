"""Accept invitations: look at what a code is for, and exchange it for a token of its member, once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.members.invitation import lock_members
from cargo_ai.domains.workspace.members.token_rows import NewToken, create_token
from cargo_ai.domains.workspace.tables import Invitation, Membership, Role, User, Workspace
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import hash_token

MAX_CODE_LENGTH = 200
_ASK = "Ask the person who invited you for a new one."


@dataclass(frozen=True, slots=True)
class Invited:
    """What a valid code is for."""

    invitation: uuid.UUID
    workspace: uuid.UUID
    workspace_name: str
    user: uuid.UUID
    email: str
    role_slug: str
    expires_at: datetime


def unknown() -> Refusal:
    """The refusal of a code that never was one."""
    return Refusal(404, "invitationNotFound", f"This is not a valid invitation: was all of the link copied? {_ASK}")


async def find(db: AsyncSession, code: str) -> Invited:
    """What the code is for, in a session of any scope that sees it. Refusal (404 unknown; 410 used, expired or revoked).

    Codes are random and found by their hash, so the time that this takes says nothing about them.
    """
    query = (
        select(Invitation, Workspace.name, User.email, Role.slug)
        .join(Workspace, Workspace.uuid == Invitation.workspace_uuid)
        .join(User, User.uuid == Invitation.user_uuid)
        .outerjoin(Membership, (Membership.user_uuid == Invitation.user_uuid) & (Membership.workspace_uuid == Invitation.workspace_uuid))
        .outerjoin(Role, Role.uuid == Membership.role_uuid)
        .where(Invitation.hash == hash_token(code[:MAX_CODE_LENGTH]))
    )
    invited = (await db.execute(query)).one_or_none()
    if invited is None:
        raise unknown()
    row, name, email = invited[0], invited[1], invited[2]
    # None where the membership is gone: it is an outer join.
    role = cast("str | None", invited[3])
    if row.accepted_at is not None:
        at = clock.to_iso(row.accepted_at)
        raise Refusal(410, "invitationUsed", f"This invitation was used already, at {at}. If that was not you, tell the inviter. {_ASK}")
    if row.revoked_at is not None or role is None:
        raise Refusal(410, "invitationRevoked", f"This invitation was revoked, or replaced by a newer one. {_ASK}")
    if row.expires_at <= clock.now():
        raise Refusal(410, "invitationExpired", f"This invitation has expired: it was valid until {clock.to_iso(row.expires_at)}. {_ASK}")
    return Invited(row.uuid, row.workspace_uuid, name, row.user_uuid, email, role, row.expires_at)


async def accept(db: AsyncSession, invited: Invited, code: str) -> NewToken:
    """Use the code up: a token of its member. In a session of its workspace; of several at once, one gets a token."""
    await lock_members(db, invited.workspace, shared=True)
    row = await db.scalar(select(Invitation).where(Invitation.uuid == invited.invitation).with_for_update())
    await find(db, code)
    if row is None:
        raise unknown()
    row.accepted_at, row.sealed_code = clock.now(), None
    return await create_token(db, workspace_uuid=invited.workspace, user_uuid=invited.user, name="CLI")
