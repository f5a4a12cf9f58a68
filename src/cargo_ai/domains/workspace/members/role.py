"""Roles: list, create, update and remove the roles of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import role as contract
from cargo_ai.contract.workspace.members.permission import Permission
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.tables import Membership, Role, User, Workspace
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import Nothing, Removed

MAX_ROLES = 100
_LIST = "cargo-ai workspace role list"


def to_response(row: Role) -> contract.Role:
    """The role on the wire."""
    return contract.Role(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        slug=row.slug,
        permissions=access_rules.to_wire(row.permissions),
        created_at=row.created_at,
        is_preset=row.is_preset,
    )


async def find(db: AsyncSession, name: str) -> Role | None:
    """The role of the session's workspace with this slug or uuid."""
    return await db.scalar(select(Role).where(or_(Role.slug == name, Role.uuid == ids.parse(name))).order_by(Role.slug == name).limit(1))


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.RolesReply:
    """Every role, oldest first."""
    rows = await ctx.db.scalars(select(Role).order_by(Role.uuid))
    return contract.RolesReply(roles=[to_response(row) for row in rows])


async def _lock_roles(ctx: Context) -> None:
    """Changes of one workspace's roles follow one another, and wait for those who give a role to a member."""
    await ctx.db.execute(select(Workspace.uuid).where(Workspace.uuid == ctx.workspace).with_for_update())


def _rules_within(ctx: Context, operation: Operation[Any, Any, Any], rules: Sequence[Permission]) -> list[dict[str, Any]]:
    """The rules as they are stored. Refusal: they allow what the caller may not do."""
    stored = access_rules.to_stored(rules) or []
    action = access_rules.first_exceeding(ctx.who, stored)
    if action is not None:
        operation.refuse("permissionsTooWide", action=action)
    return stored


async def _refuse_taken_slug(ctx: Context, operation: Operation[Any, Any, Any], slug: str) -> None:
    if await ctx.db.scalar(select(Role.uuid).where(Role.slug == slug)) is not None:
        operation.refuse("alreadyExists", fix=_LIST, slug=slug)


async def _find_changeable(ctx: Context, operation: Operation[Any, Any, Any], name: str) -> Role:
    """A role of users that allows nothing which the caller may not do."""
    await _lock_roles(ctx)
    row = found_or_refuse(operation, await find(ctx.db, name), "roleNotFound", fix=_LIST, role=name)
    if row.is_preset:
        operation.refuse("roleIsPreset", role=row.slug)
    if access_rules.first_exceeding(ctx.who, row.permissions) is not None:
        operation.refuse("roleTooPowerful", role=row.slug)
    return row


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateRole) -> contract.RoleReply:
    """Create a role. No one can make one that allows more than they may do themselves."""
    rules = _rules_within(ctx, contract.create, request.permissions)
    await _lock_roles(ctx)
    await _refuse_taken_slug(ctx, contract.create, request.slug)
    count = await ctx.db.scalar(select(func.count()).select_from(Role))
    if count is not None and count >= MAX_ROLES:
        contract.create.refuse("tooManyRoles", fix=_LIST, most=MAX_ROLES)
    row = Role(uuid=ids.new(), workspace_uuid=ctx.workspace, slug=request.slug, permissions=rules, is_preset=False)
    ctx.db.add(row)
    await ctx.db.flush()
    return contract.RoleReply(role=to_response(row))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateRole) -> contract.RoleReply:
    """Change a role: its users have the new permissions from their next request on, for each request looks them up."""
    row = await _find_changeable(ctx, contract.update, request.role)
    if request.slug is not None and request.slug != row.slug:
        await _refuse_taken_slug(ctx, contract.update, request.slug)
        row.slug = request.slug
    if request.permissions is not None:
        row.permissions = _rules_within(ctx, contract.update, request.permissions)
    await ctx.db.flush()
    return contract.RoleReply(role=to_response(row))


@handles(contract.remove)
async def remove(ctx: Context, request: contract.RemoveRole) -> Removed:
    """Remove a role that no member has. Where it was proposed for new users, none is."""
    row = await _find_changeable(ctx, contract.remove, request.role)
    users = select(User.email).join(Membership, Membership.user_uuid == User.uuid).where(Membership.role_uuid == row.uuid)
    emails = list(await ctx.db.scalars(users.order_by(User.email).limit(4)))
    if emails:
        shown = ", ".join(emails[:3]) + (" and others" if len(emails) > 3 else "")
        contract.remove.refuse("roleIsUsed", fix="cargo-ai workspace user list", role=row.slug, users=shown)
    proposed = Workspace.uuid == ctx.workspace, Workspace.default_role_uuid == row.uuid
    await ctx.db.execute(update_rows(Workspace).where(*proposed).values(default_role_uuid=None))
    await ctx.db.delete(row)
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
