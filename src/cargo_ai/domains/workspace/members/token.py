"""API tokens: create, list, update, rotate and revoke them; their values are stored as hashes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.workspace.members import token as contract
from cargo_ai.contract.workspace.members.permission import Permission
from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.members import access_rules, admin_access
from cargo_ai.domains.workspace.members.invitation import lock_members
from cargo_ai.domains.workspace.tables import Membership, Role, Token
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.secrets import TOKEN_PREFIX, hash_token, new_token
from cargo_ai.kernel.wire import ByUuid, Removed

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
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        deleted_at=row.deleted_at,
    )


async def _find(ctx: Context, token: str, *, also_former: bool = False) -> Token | None:
    alive = or_(Token.deleted_at.is_(None), Token.deleted_at > clock.now()) if also_former else Token.deleted_at.is_(None)
    return await ctx.db.scalar(select(Token).where(Token.uuid == ids.parse(token), alive))


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


async def _first_beyond(ctx: Context, user: uuid.UUID, rules: Sequence[dict[str, Any]] | None) -> str | None:
    """The first action that a token of a member with these rules may take and the caller may not. LookupError: no member.

    Either the user's rights or the token's rules have to lie within the caller's, since both limit what the token may do.
    """
    query = select(Role.permissions, Membership.permissions).join(Role, Role.uuid == Membership.role_uuid)
    rights = (await ctx.db.execute(query.where(Membership.user_uuid == user))).one_or_none()
    if rights is None:
        raise LookupError(user)
    beyond = access_rules.first_exceeding(ctx.who, [*rights[0], *rights[1]])
    return beyond if beyond is None or rules is None else access_rules.first_exceeding(ctx.who, rules)


async def _expiry(ctx: Context, operation: Operation[Any, Any, Any], requested: datetime | None) -> datetime | None:
    """When a token expires: never later than the caller's own, which would otherwise outlive itself."""
    if requested is not None and requested <= clock.now():
        operation.refuse("expiresInThePast", at=clock.to_iso(requested))
    own = await ctx.db.scalar(select(Token.expires_at).where(Token.uuid == ctx.who.token_uuid))
    if own is None or (requested is not None and requested <= own):
        return requested
    ctx.warn(f"Your own token expires at {clock.to_iso(own)}, and so does this one.")
    return own


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateToken) -> contract.TokenReply:
    """Create a token of the caller or of another member; the response is the only place where its value is ever shown."""
    user = ctx.who.user_uuid if request.user_uuid is None else ids.parse(request.user_uuid)
    rules = await _rules_to_store(ctx, contract.create, request.permissions)
    owner = ctx.who.user_uuid
    if user != owner:
        await lock_members(ctx.db, ctx.workspace, shared=True)
        try:
            beyond = None if user is None else await _first_beyond(ctx, user, rules)
        except LookupError:
            user = beyond = None
        owner = found_or_refuse(contract.create, user, "userNotFound", fix="cargo-ai workspace user list", user=request.user_uuid)
        if beyond is not None:
            contract.create.refuse("permissionsTooWide", action=beyond)
    token = await public.create_token(
        ctx.db,
        workspace_uuid=ctx.workspace,
        user_uuid=owner,
        name=request.name,
        description=request.description,
        permissions=rules,
        expires_at=await _expiry(ctx, contract.create, request.expires_at),
    )
    row = (await ctx.db.scalars(select(Token).where(Token.uuid == token.uuid))).one()
    return contract.TokenReply(token=to_response(row, token.value))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListTokens) -> contract.TokensReply:
    """Every token that was not removed, newest first; also those that have expired."""
    query = select(Token).where(or_(Token.deleted_at.is_(None), Token.deleted_at > clock.now())).order_by(Token.uuid.desc())
    if request.user_uuid is not None:
        query = query.where(Token.user_uuid == ids.parse(request.user_uuid))
    return contract.TokensReply(tokens=[to_response(row) for row in await ctx.db.scalars(query)])


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateToken) -> contract.TokenReply:
    """Change name, description, rules or expiry."""
    await lock_members(ctx.db, ctx.workspace, shared=False)
    row = await _find(ctx, request.uuid)
    row = found_or_refuse(contract.update, row, "tokenNotFound", fix=_LIST, token=request.uuid)
    fields = request.model_fields_set
    if request.name is not None:
        row.name = request.name
    if "description" in fields:
        row.description = request.description
    if "permissions" in fields:
        rules = await _rules_to_store(ctx, contract.update, request.permissions)
        # Someone who knows the value of another's token must not widen it beyond the rights of the caller.
        beyond = None if row.user_uuid == ctx.who.user_uuid else await _first_beyond(ctx, row.user_uuid, rules)
        if beyond is not None:
            contract.update.refuse("permissionsTooWide", action=beyond)
        if rules is not None and await admin_access.ends_without(ctx.db, Token.uuid == row.uuid):
            contract.update.refuse("lastAdminToken", fix=_LIST)
        row.permissions = rules
    if "expires_at" in fields:
        expiry = await _expiry(ctx, contract.update, request.expires_at)
        if expiry is not None and row.expires_at is None and await admin_access.ends_without(ctx.db, Token.uuid == row.uuid):
            contract.update.refuse("lastAdminToken", fix=_LIST)
        row.expires_at = expiry
    await ctx.db.flush()
    return contract.TokenReply(token=to_response(row))


@handles(contract.rotate)
async def rotate(ctx: Context, request: contract.RotateToken) -> contract.TokenReply:
    """Give a token a new value. For the time of grace the former value is a token of its own, which the list shows."""
    own = ids.parse(request.uuid) == ctx.who.token_uuid
    if not own and not ctx.who.may("workspaceManagement:write"):
        contract.rotate.refuse("notYourToken")
    await lock_members(ctx.db, ctx.workspace, shared=True)
    alive = Token.uuid == ids.parse(request.uuid), Token.deleted_at.is_(None)
    row = await ctx.db.scalar(select(Token).where(*alive).with_for_update())
    row = found_or_refuse(contract.rotate, row, "tokenNotFound", fix=_LIST, token=request.uuid)
    beyond = None if own else await _first_beyond(ctx, row.user_uuid, row.permissions)
    if beyond is not None:
        contract.rotate.refuse("permissionsTooWide", action=beyond)
    former = row.hash, row.last_four
    value = new_token()
    row.hash, row.last_four = hash_token(value), value[-4:]
    await ctx.db.flush()
    if request.grace_seconds:
        ctx.db.add(_former(row, *former, clock.now() + timedelta(seconds=request.grace_seconds)))
        await ctx.db.flush()
    return contract.TokenReply(token=to_response(row, value))


def _former(row: Token, hashed: str, last_four: str, until: datetime) -> Token:
    return Token(
        workspace_uuid=row.workspace_uuid,
        user_uuid=row.user_uuid,
        hash=hashed,
        last_four=last_four,
        name=f"{row.name} (before its rotation)",
        description=row.description,
        permissions=row.permissions,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        deleted_at=until,
    )


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Revoke a token: it no longer authenticates anyone."""
    await lock_members(ctx.db, ctx.workspace, shared=False)
    row = await _find(ctx, request.uuid, also_former=True)
    row = found_or_refuse(contract.remove, row, "tokenNotFound", fix=_LIST, token=request.uuid)
    if await admin_access.ends_without(ctx.db, Token.uuid == row.uuid):
        contract.remove.refuse("lastAdminToken", fix=_LIST)
    row.deleted_at = clock.now()
    await ctx.db.flush()
    return Removed(uuid=str(row.uuid))
