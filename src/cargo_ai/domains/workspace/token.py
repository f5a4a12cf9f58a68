"""API tokens: create, list, update and revoke them; their values are stored as hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace import token as contract
from cargo_ai.contract.workspace.permission import Permission
from cargo_ai.domains.workspace import access_rules, public
from cargo_ai.domains.workspace.tables import Token
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.secrets import TOKEN_PREFIX
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed

_LIST = "cargo-ai workspace token list"


def to_response(row: Token, value: str | None = None) -> contract.Token:
    """The token on the wire; `value` only when it was just created, later its last four characters."""
    return contract.Token(
        uuid=str(row.uuid),
        token=value or f"{TOKEN_PREFIX}…{row.last_four}",
        name=row.name,
        description=row.description,
        permissions=None if row.permissions is None else access_rules.to_wire(row.permissions),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        created_at=row.created_at,
        deleted_at=row.deleted_at,
    )


async def _find(ctx: Context, token: str) -> Token | None:
    return await ctx.db.scalar(select(Token).where(Token.uuid == ids.parse(token), Token.deleted_at.is_(None)))


async def _rules_to_store(
    ctx: Context, operation: Operation[Any, Any, Any], requested: Sequence[Permission] | None
) -> list[dict[str, Any]] | None:
    """The rules to store for a token. A token with rules of its own cannot grant more than it has itself."""
    own = await ctx.db.scalar(select(Token.permissions).where(Token.uuid == ctx.who.token_uuid))
    rules = access_rules.to_stored(requested)
    if own is None or rules is None:
        return own if rules is None else rules
    action = access_rules.first_exceeding(ctx.who, rules)
    if action is not None:
        operation.refuse("permissionsTooWide", action=action)
    return [*rules, *(rule for rule in own if rule["effect"] == "deny")]


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateToken) -> contract.TokenReply:
    """Create a token of the caller's user; the response is the only place where its value is ever shown."""
    token = await public.create_token(
        ctx.db,
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        name=request.name,
        description=request.description,
        permissions=await _rules_to_store(ctx, contract.create, request.permissions),
    )
    row = (await ctx.db.scalars(select(Token).where(Token.uuid == token.uuid))).one()
    return contract.TokenReply(token=to_response(row, token.value))


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.TokensReply:
    """Every token that works, newest first."""
    rows = await ctx.db.scalars(select(Token).where(Token.deleted_at.is_(None)).order_by(Token.uuid.desc()))
    return contract.TokensReply(tokens=[to_response(row) for row in rows])


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateToken) -> contract.TokenReply:
    """Change name, description or rules."""
    row = await _find(ctx, request.uuid)
    row = found_or_refuse(contract.update, row, "tokenNotFound", fix=_LIST, token=request.uuid)
    fields = request.model_fields_set
    if request.name is not None:
        row.name = request.name
    if "description" in fields:
        row.description = request.description
    if "permissions" in fields:
        row.permissions = await _rules_to_store(ctx, contract.update, request.permissions)
    await ctx.db.flush()
    return contract.TokenReply(token=to_response(row))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Revoke a token: it no longer authenticates anyone."""
    row = await _find(ctx, request.uuid)
    row = found_or_refuse(contract.remove, row, "tokenNotFound", fix=_LIST, token=request.uuid)
    row.deleted_at = clock.now()
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
