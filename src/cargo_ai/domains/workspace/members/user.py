"""Users of a workspace: list, add, update and remove members."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import delete, func, select
from sqlalchemy import update as update_rows
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import user as contract
from cargo_ai.domains.workspace.members import access_rules, admin_access
from cargo_ai.domains.workspace.members import invitation as invitations
from cargo_ai.domains.workspace.members import role as roles
from cargo_ai.domains.workspace.members.people import find_or_create_user
from cargo_ai.domains.workspace.members.token_rows import working
from cargo_ai.domains.workspace.tables import Membership, Role, Token, User
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import Nothing, Removed

_LIST = "cargo-ai workspace user list"


def to_response(user: User, member: Membership, role: Role, last_used: datetime | None) -> contract.User:
    """A member on the wire."""
    return contract.User(
        uuid=str(user.uuid),
        email=user.email,
        first_name=member.first_name,
        last_name=member.last_name,
        picture=None,
        last_sign_in_at=last_used,
        created_at=member.created_at,
        updated_at=member.updated_at,
        web_extension_data=None,
        workspace_uuid=str(member.workspace_uuid),
        permissions=access_rules.to_wire(member.permissions),
        role=roles.to_response(role),
        role_slug=role.slug,
    )


async def last_use(db: AsyncSession, user: uuid.UUID) -> datetime | None:
    """When any of the user's tokens for the session's workspace was last used."""
    return await db.scalar(select(func.max(Token.last_used_at)).where(Token.user_uuid == user))


async def _members(ctx: Context, only: uuid.UUID | None = None) -> list[contract.User]:
    used = (
        select(func.max(Token.last_used_at))
        .where(Token.user_uuid == Membership.user_uuid, Token.workspace_uuid == Membership.workspace_uuid)
        .correlate(Membership)
        .scalar_subquery()
    )
    query = (
        select(User, Membership, Role, used)
        .join(Membership, Membership.user_uuid == User.uuid)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(Membership.workspace_uuid == ctx.workspace)
        .order_by(Membership.created_at, User.uuid)
        .execution_options(populate_existing=True)
    )
    if only is not None:
        query = query.where(User.uuid == only)
    return [to_response(user, member, role, at) for user, member, role, at in await ctx.db.execute(query)]


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.UsersReply:
    """All members of this workspace."""
    return contract.UsersReply(users=await _members(ctx))


@handles(contract.get_current)
async def get_current(ctx: Context, request: Nothing) -> contract.UserReply:
    """The caller as a member."""
    return contract.UserReply(user=(await _members(ctx, ctx.who.user_uuid))[0])


async def _find_grantable_role(ctx: Context, operation: Operation[Any, Any, Any], name: str) -> Role:
    role = await roles.find(ctx.db, name)
    role = found_or_refuse(operation, role, "roleNotFound", fix="cargo-ai workspace role list", role=name)
    # Otherwise a caller who may write users could create an admin, who may do more.
    if access_rules.first_exceeding(ctx.who, role.permissions) is not None:
        operation.refuse("roleTooPowerful", role=role.slug)
    return role


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateUser) -> contract.CreatedUser:
    """Add and invite a member: a user is created unless the installation knows the e-mail address already."""
    role = await _find_grantable_role(ctx, contract.create, request.role_slug)
    user = await find_or_create_user(ctx.db, request.user_email)
    now = clock.now()
    added = await ctx.db.scalar(
        insert(Membership)
        .values(workspace_uuid=ctx.workspace, user_uuid=user, role_uuid=role.uuid, permissions=[], created_at=now, updated_at=now)
        .on_conflict_do_nothing()
        .returning(Membership.user_uuid)
    )
    if added is None:
        again = f"cargo-ai workspace invitation create --user-uuid {user}"
        contract.create.refuse("alreadyMember", fix=again, email=request.user_email)
    person = (await ctx.db.scalars(select(User).where(User.uuid == user))).one()
    invitation = await invitations.invite(ctx, person, role)
    return contract.CreatedUser(user=(await _members(ctx, user))[0], invitation=invitation)


async def _lock_member(ctx: Context, user: str) -> tuple[Membership, Role] | None:
    """A member and its role. Locks the workspace's members for changes, so that the last admin is counted right."""
    await invitations.lock_members(ctx.db, ctx.workspace, shared=False)
    query = (
        select(Membership, Role)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(Membership.workspace_uuid == ctx.workspace, Membership.user_uuid == ids.parse(user))
    )
    member_and_role = (await ctx.db.execute(query)).one_or_none()
    return None if member_and_role is None else (member_and_role[0], member_and_role[1])


async def _is_last_admin(ctx: Context, member: Membership, role: Role) -> bool:
    """Whether no other admin could sign in, now or when tokens expire: one who was only invited might never come."""
    if role.slug != access_rules.ADMIN:
        return False
    has_token = select(Token.uuid).where(Token.user_uuid == Membership.user_uuid, *working(clock.now())).exists()
    others = select(Membership.user_uuid).where(Membership.role_uuid == role.uuid, Membership.user_uuid != member.user_uuid, has_token)
    if await ctx.db.scalar(others.limit(1)) is None:
        return True
    return await admin_access.ends_without(ctx.db, Token.user_uuid == member.user_uuid)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateUser) -> contract.UserReply:
    """Give a member another role."""
    member_and_role = await _lock_member(ctx, request.user_uuid)
    member_and_role = found_or_refuse(contract.update, member_and_role, "userNotFound", fix=_LIST, user=request.user_uuid)
    member, former = member_and_role
    role = await _find_grantable_role(ctx, contract.update, request.role_slug)
    if role.uuid != former.uuid and await _is_last_admin(ctx, member, former):
        contract.update.refuse("lastAdmin", fix=_LIST)
    member.role_uuid = role.uuid
    await ctx.db.flush()
    return contract.UserReply(user=(await _members(ctx, member.user_uuid))[0])


async def _refuse_email(ctx: Context, email: str) -> NoReturn:
    """Say which user has an e-mail address, or that no user of the workspace has it."""
    query = select(User.uuid).join(Membership, Membership.user_uuid == User.uuid).where(User.email == email.strip().lower())
    user = await ctx.db.scalar(query)
    problem = "is no user of this workspace" if user is None else f"is an e-mail address: name the user by uuid, {user}"
    contract.remove.refuse("invalidUserEmail", fix=_LIST, email=email, problem=problem)


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveUser) -> Removed:
    """Remove a member, with the tokens and invitations for this workspace. What the member made stays."""
    if "@" in request.user_uuid:
        await _refuse_email(ctx, request.user_uuid)
    member_and_role = await _lock_member(ctx, request.user_uuid)
    member_and_role = found_or_refuse(contract.remove, member_and_role, "userNotFound", fix=_LIST, user=request.user_uuid)
    member, role = member_and_role
    if await _is_last_admin(ctx, member, role):
        contract.remove.refuse("lastAdmin", fix=_LIST)
    now = clock.now()
    await ctx.db.execute(update_rows(Token).where(Token.user_uuid == member.user_uuid, *working(now)).values(deleted_at=now))
    await invitations.revoke_open(ctx.db, member.user_uuid, now)
    await ctx.db.execute(delete(Membership).where(Membership.user_uuid == member.user_uuid))
    return Removed(uuid=str(member.user_uuid))
