"""Account: show and update the caller's own profile in the workspace of the token."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import account as contract
from cargo_ai.domains.workspace.members.user import last_use
from cargo_ai.domains.workspace.tables import Membership, User
from cargo_ai.kernel.wire import Nothing


async def _to_response(ctx: Context, email: str, member: Membership) -> contract.Account:
    sealed = member.web_extension_sealed
    return contract.Account(
        uuid=str(member.user_uuid),
        email=email,
        first_name=member.first_name,
        last_name=member.last_name,
        picture=None,
        last_sign_in_at=await last_use(ctx.db, member.user_uuid),
        created_at=member.created_at,
        updated_at=member.updated_at,
        web_extension_data=None if sealed is None else contract.WebExtensionData.model_validate_json(ctx.secrets.open(sealed)),
    )


async def _own_profile(ctx: Context) -> tuple[str, Membership] | None:
    mine = Membership.user_uuid == ctx.who.user_uuid, Membership.workspace_uuid == ctx.workspace
    query = select(User.email, Membership).join(User, User.uuid == Membership.user_uuid).where(*mine)
    row = (await ctx.db.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


@handles(contract.get_current)
async def get_current(ctx: Context, request: Nothing) -> contract.AccountReply:
    """The person behind the caller's token."""
    email, member = found_or_refuse(contract.get_current, await _own_profile(ctx), "userNotFound")
    return contract.AccountReply(user=await _to_response(ctx, email, member))


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateAccount) -> contract.AccountReply:
    """Change the caller's name and what a browser extension keeps; a null clears."""
    email, member = found_or_refuse(contract.update, await _own_profile(ctx), "userNotFound")
    fields = request.model_fields_set
    if "first_name" in fields:
        member.first_name = request.first_name
    if "last_name" in fields:
        member.last_name = request.last_name
    if "web_extension_data" in fields:
        data = request.web_extension_data
        member.web_extension_sealed = None if data is None else ctx.secrets.seal(data.to_json())
    await ctx.db.flush()
    return contract.AccountReply(user=await _to_response(ctx, email, member))
