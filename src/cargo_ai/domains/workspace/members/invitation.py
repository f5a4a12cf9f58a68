"""Invitations: give a member a link that signs in once; list and revoke such links."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import invitation as contract
from cargo_ai.domains.workspace.members import access_rules, invitation_email
from cargo_ai.domains.workspace.members.invitation_link import OPEN, command_of, link_of
from cargo_ai.domains.workspace.tables import Invitation, Membership, Role, User, Workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import hash_token, new_invitation_code
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed

KEPT = timedelta(days=30)
"""How long after its end an invitation is kept, to say why its link no longer works."""

_LIST = "cargo-ai workspace invitation list"


async def lock_members(db: AsyncSession, workspace: uuid.UUID, *, shared: bool) -> None:
    """Lock the members of a workspace: exclusively to remove one or change a role, shared to give one a token or an invitation."""
    await db.execute(select(Workspace.uuid).where(Workspace.uuid == workspace).with_for_update(read=shared))


async def revoke_open(db: AsyncSession, user: uuid.UUID, now: datetime) -> None:
    """Revoke what a member of the session's workspace could still accept."""
    await db.execute(update(Invitation).where(Invitation.user_uuid == user, OPEN).values(revoked_at=now, sealed_code=None))


async def invite(ctx: Context, user: User, role: Role) -> contract.NewInvitation:
    """A new invitation of a member whose role the caller may give; it is sent by e-mail where this server can do that."""
    now = clock.now()
    await lock_members(ctx.db, ctx.workspace, shared=False)
    await revoke_open(ctx.db, user.uuid, now)
    await ctx.db.execute(delete(Invitation).where(func.coalesce(Invitation.revoked_at, Invitation.expires_at) < now - KEPT))
    code = new_invitation_code()
    delivery = await invitation_email.delivery(ctx.db, ctx.settings, user.uuid)
    row = Invitation(
        workspace_uuid=ctx.workspace,
        user_uuid=user.uuid,
        created_by_uuid=ctx.who.user_uuid,
        hash=hash_token(code),
        expires_at=now + timedelta(days=ctx.settings.invitation_days),
        sealed_code=ctx.secrets.seal(code.encode()) if delivery.status == "waiting" else None,
        email_status=delivery.status,
        email_problem=delivery.problem,
    )
    ctx.db.add(row)
    await ctx.db.flush()
    if delivery.status == "waiting":
        await invitation_email.enqueue(ctx.db, row.uuid)
    else:
        ctx.warn(f"No e-mail is sent: {delivery.problem} Give the link to {user.email} yourself.")
    link = link_of(ctx.base_url, code)
    shown = to_response(row, user.email, role.slug).model_dump()
    return contract.NewInvitation(**shown, code=code, link=link, command=command_of(link))


def to_response(row: Invitation, email: str, role_slug: str) -> contract.Invitation:
    """The invitation on the wire, without its code."""
    return contract.Invitation(
        uuid=str(row.uuid),
        user_uuid=str(row.user_uuid),
        email=email,
        role_slug=role_slug,
        created_by_uuid=str(row.created_by_uuid),
        created_at=row.created_at,
        expires_at=row.expires_at,
        email_status=row.email_status,
        email_problem=row.email_problem,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateInvitation) -> contract.NewInvitationReply:
    """Invite a member again."""
    query = (
        select(User, Membership, Role)
        .join(Membership, Membership.user_uuid == User.uuid)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(Membership.workspace_uuid == ctx.workspace, User.uuid == ids.parse(request.user_uuid))
    )
    row = (await ctx.db.execute(query)).one_or_none()
    row = found_or_refuse(contract.create, row, "userNotFound", fix="cargo-ai workspace user list", user=request.user_uuid)
    # A link signs in as the member: its maker must not become more powerful by it.
    if access_rules.first_exceeding(ctx.who, [*row[2].permissions, *row[1].permissions]) is not None:
        contract.create.refuse("roleTooPowerful", email=row[0].email)
    return contract.NewInvitationReply(invitation=await invite(ctx, row[0], row[2]))


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.InvitationsReply:
    """What was not accepted yet: at most one of each member."""
    query = (
        select(Invitation, User.email, Role.slug)
        .join(User, User.uuid == Invitation.user_uuid)
        .join(Membership, (Membership.user_uuid == Invitation.user_uuid) & (Membership.workspace_uuid == Invitation.workspace_uuid))
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(OPEN)
        .order_by(Invitation.uuid.desc())
    )
    return contract.InvitationsReply(invitations=[to_response(row[0], row[1], row[2]) for row in await ctx.db.execute(query)])


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Revoke an invitation."""
    row = await ctx.db.scalar(select(Invitation).where(Invitation.uuid == ids.parse(request.uuid), OPEN).with_for_update())
    row = found_or_refuse(contract.remove, row, "invitationNotFound", fix=_LIST, uuid=request.uuid)
    row.revoked_at, row.sealed_code = clock.now(), None
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
