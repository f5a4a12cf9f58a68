"""Roles: list the roles of a workspace."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace import role as contract
from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.tables import Role
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import Nothing


def to_response(row: Role) -> contract.Role:
    """The role on the wire."""
    return contract.Role(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        slug=row.slug,
        permissions=access_rules.to_wire(row.permissions),
        created_at=row.created_at,
    )


async def find(db: AsyncSession, name: str) -> Role | None:
    """The role of the session's workspace with this slug or uuid."""
    return await db.scalar(select(Role).where(or_(Role.slug == name, Role.uuid == ids.parse(name))).order_by(Role.slug == name).limit(1))


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.RolesReply:
    """Every role, oldest first."""
    rows = await ctx.db.scalars(select(Role).order_by(Role.uuid))
    return contract.RolesReply(roles=[to_response(row) for row in rows])
