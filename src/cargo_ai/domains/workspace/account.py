"""Account: show and update the caller's own user, apart from any workspace."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace import account as contract
from cargo_ai.domains.workspace.tables import User
from cargo_ai.domains.workspace.user import last_use
from cargo_ai.kernel.wire import Nothing


async def _to_response(ctx: Context, row: User) -> contract.Account:
    sealed = row.web_extension_sealed
    return contract.Account(
        uuid=str(row.uuid),
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        picture=None,
        last_sign_in_at=await last_use(ctx.db, row.uuid),
        created_at=row.created_at,
        updated_at=row.updated_at,
        web_extension_data=None if sealed is None else contract.WebExtensionData.model_validate_json(ctx.secrets.open(sealed)),
    )


@handles(contract.get_current)
async def get_current(ctx: Context, request: Nothing) -> contract.AccountReply:
    """The person behind the caller's token."""
    row = (await ctx.db.scalars(select(User).where(User.uuid == ctx.who.user_uuid))).one()
    return contract.AccountReply(user=await _to_response(ctx, row))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateAccount) -> contract.AccountReply:
    """Change the caller's name and what a browser extension keeps; a null clears."""
    row = await ctx.db.scalar(select(User).where(User.uuid == ctx.who.user_uuid))
    row = found_or_refuse(contract.update, row, "userNotFound")
    fields = request.model_fields_set
    if "first_name" in fields:
        row.first_name = request.first_name
    if "last_name" in fields:
        row.last_name = request.last_name
    if "web_extension_data" in fields:
        data = request.web_extension_data
        row.web_extension_sealed = None if data is None else ctx.secrets.seal(data.to_json())
    await ctx.db.flush()
    return contract.AccountReply(user=await _to_response(ctx, row))
