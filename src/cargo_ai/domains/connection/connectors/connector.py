"""Connectors: create, list, show, update and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.connection import connector as contract
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.domains.connection import dataset, hooks
from cargo_ai.domains.connection.accounts import waiting_runs
from cargo_ai.domains.connection.connectors import connector_bin, connector_config
from cargo_ai.domains.connection.connectors.connector_input import (
    LIST,
    AccountInput,
    prepare_create,
    prepare_get,
    prepare_update,
    unknown_grant,
)
from cargo_ai.domains.connection.custom.known import Integrations, known_integrations
from cargo_ai.domains.connection.oauth import exchange
from cargo_ai.domains.connection.tables import Connector, Dataset, action_cache
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import ByUuid

KIND = "connector"


def reply(ctx: Context, row: Connector, used: Uses) -> contract.Connector:
    """The connector on the wire, its secrets hidden."""
    shown = connector_config.shown(ctx.secrets, row, used.known.get(row.integration_slug))
    return contract.Connector(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        name=row.name,
        slug=row.slug,
        integration_slug=row.integration_slug,
        config=None if row.use_credits else shown,
        use_credits=row.use_credits,
        is_default=row.is_default,
        status="stopped" if row.stopped_at is not None else "disconnected" if row.disconnected_at is not None else "active",
        stopped_at=row.stopped_at,
        disconnected_at=row.disconnected_at,
        disconnected_because=row.disconnected_because,
        rate_limit=None if row.rate_limit is None else contract.RateLimit.model_validate(row.rate_limit),
        cache_ttl_milliseconds=row.cache_ttl_milliseconds,
        webhook_url=hooks.url(ctx.secrets, ctx.base_url, row, shown),
        plays_count=used.plays.get(row.uuid, 0),
        tools_count=used.tools.get(row.uuid, 0),
        models_count=used.models.get(row.uuid, 0),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


class Uses:
    """How many plays, tools and models use each connector of the workspace, and its integrations."""

    def __init__(self, plays: dict[uuid.UUID, int], tools: dict[uuid.UUID, int], models: dict[uuid.UUID, int], known: Integrations) -> None:
        self.plays, self.tools, self.models, self.known = plays, tools, models, known

    @staticmethod
    async def of(ctx: Context) -> Uses:
        """Counted from the references."""
        plays, tools, models = [await usages.count_by_target(ctx.db, KIND, user) for user in ("play", "tool", "model")]
        return Uses(plays, tools, models, await known_integrations(ctx.services).of(ctx.workspace))


async def living(db: AsyncSession, connector: str, *, lock: bool = False) -> Connector | None:
    """The connector with this uuid, None when it is unknown or removed."""
    wanted = select(Connector).where(Connector.uuid == ids.parse(connector), Connector.deleted_at.is_(None))
    return await db.scalar(wanted.with_for_update() if lock else wanted)


@dataclass(frozen=True, slots=True)
class Draft:
    """A connector before it is stored. is_connected: False while a person has yet to consent. use_credits: it uses the shared account."""

    name: str
    slug: str
    integration_slug: str
    config: Mapping[str, Any]
    rate_limit: contract.RateLimit | None = None
    cache_ttl_milliseconds: int | None = None
    is_connected: bool = True
    use_credits: bool = False


@handles(contract.create, before=prepare_create)
async def create(ctx: Context, request: contract.CreateConnector) -> contract.CreatedConnector:
    """Store the account, sealed, with a dataset of its own."""
    account = cast("AccountInput", ctx.prepared)
    draft = Draft(
        request.name,
        request.slug,
        request.integration_slug,
        account.config,
        request.rate_limit,
        request.cache_ttl_milliseconds or None,
        is_connected=not account.needs_consent,
        use_credits=account.use_credits,
    )
    row, owned = await store(ctx, draft)
    await _take_grant(ctx, row, account)
    used = Uses({}, {}, {}, await known_integrations(ctx.services).of(ctx.workspace))
    return contract.CreatedConnector(connector=reply(ctx, row, used), dataset=dataset.reply(owned))


async def _take_grant(ctx: Context, row: Connector, account: AccountInput) -> None:
    if account.grant is not None:
        grant = await exchange.find_grant(ctx.db, account.grant, ctx.who.user_uuid, row.integration_slug)
        if grant is None:
            raise unknown_grant()
        await exchange.bind(ctx.db, row, grant)


async def store(ctx: Context, draft: Draft) -> tuple[Connector, Dataset]:
    """Store a connector and its dataset; Refusal `duplicateSlug` where there is such a one."""
    row = Connector(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        name=draft.name,
        slug=draft.slug,
        integration_slug=draft.integration_slug,
        sealed_config=connector_config.seal(ctx.secrets, draft.config),
        is_default=False,
        rate_limit=None if draft.rate_limit is None else draft.rate_limit.to_wire(),
        cache_ttl_milliseconds=draft.cache_ttl_milliseconds,
        use_credits=draft.use_credits,
        disconnected_at=None if draft.is_connected else clock.now(),
        disconnected_because=None if draft.is_connected else "no one has consented yet",
    )
    owned = dataset.of_connector(row)
    if await _taken(ctx.db, draft.slug):
        contract.create.refuse("duplicateSlug", slug=draft.slug, fix=LIST)
    try:
        async with ctx.db.begin_nested():
            ctx.db.add_all((row, owned))
    except IntegrityError:
        # Another request took it between the look and the write.
        contract.create.refuse("duplicateSlug", slug=draft.slug, fix=LIST)
    return row, owned


async def _taken(db: AsyncSession, slug: str) -> bool:
    for table in (Connector, Dataset):
        if await db.scalar(select(table.uuid).where(table.slug == slug, table.deleted_at.is_(None))) is not None:
            return True
    return False


@handles(contract.get, before=prepare_get)
async def get(ctx: Context, request: contract.GetConnector) -> contract.ConnectorReply:
    """One connector."""
    row = await living(ctx.db, request.uuid)
    if row is None:
        contract.get.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    return contract.ConnectorReply(connector=reply(ctx, row, await Uses.of(ctx)))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListConnectors) -> contract.ConnectorsReply:
    """Every connector, newest first."""
    wanted = select(Connector).where(Connector.deleted_at.is_(None)).order_by(Connector.uuid.desc())
    if request.integration_slug is not None:
        wanted = wanted.where(Connector.integration_slug == request.integration_slug)
    rows = (await ctx.db.scalars(wanted)).all()
    used = await Uses.of(ctx)
    return contract.ConnectorsReply(connectors=[reply(ctx, row, used) for row in rows])


@handles(contract.update, before=prepare_update)
async def update_one(ctx: Context, request: contract.UpdateConnector) -> contract.ConnectorReply:
    """Change what is given; workers take it over within two seconds."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.update.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    given = request.model_fields_set
    if ctx.prepared is not None:
        account = cast("AccountInput", ctx.prepared)
        if row.sealed_config != account.replaces:
            raise Refusal(409, "conflict", "The connector was changed by another request meanwhile: look at it and try again.")
        row.sealed_config, row.use_credits = connector_config.seal(ctx.secrets, account.config), False
        if account.moved and await exchange.delete_grant(ctx.db, row.uuid):
            row.disconnected_at, row.disconnected_because = clock.now(), "its address was changed"
        elif not account.needs_consent:
            row.disconnected_at, row.disconnected_because = None, None
        await _take_grant(ctx, row, account)
        await _forget_answers(ctx.db, row)
    if request.name is not None:
        row.name = request.name
    if "rate_limit" in given:
        row.rate_limit = None if request.rate_limit is None else request.rate_limit.to_wire()
        await waiting_runs.wake_for_limit(ctx.db, row)
    if "cache_ttl_milliseconds" in given:
        row.cache_ttl_milliseconds = request.cache_ttl_milliseconds or None
        await _forget_answers(ctx.db, row)
    if request.is_default is not None:
        await _make_default(ctx.db, row, request.is_default)
    await ctx.db.flush()
    return contract.ConnectorReply(connector=reply(ctx, row, await Uses.of(ctx)))


async def _make_default(db: AsyncSession, row: Connector, is_default: bool) -> None:
    if is_default and not row.is_default:
        others = update(Connector).where(
            Connector.integration_slug == row.integration_slug, Connector.is_default, Connector.uuid != row.uuid
        )
        await db.execute(others.values(is_default=False))
    row.is_default = is_default


async def _forget_answers(db: AsyncSession, row: Connector) -> None:
    own = (action_cache.c.workspace_uuid == row.workspace_uuid) & (action_cache.c.connector_uuid == row.uuid)
    await db.execute(delete(action_cache).where(own))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> RemovedToBin:
    """Remove a connector that nothing uses: it goes to the bin with its secrets, sealed as they are."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.remove.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    users = await NamedUsers.of(ctx, await usages.used_by(ctx.db, KIND, row.uuid))
    models, others = users.only("model"), users.only(*({kind for kind, _ in users.who} - {"model"}))
    if others.who:
        contract.remove.refuse("connectorIsUsedInWorkflows", users=others.sentence, details={"users": others.details}, fix=others.fix)
    if models.who:
        contract.remove.refuse("connectorIsUsedInModels", users=models.sentence, details={"users": models.details}, fix=models.fix)
    await _forget_answers(ctx.db, row)
    return await connector_bin.hide(ctx, row)


@handles(contract.stop)
async def stop(ctx: Context, request: ByUuid) -> contract.ConnectorReply:
    """Let no run call the service any more; stopping twice is fine."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.stop.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    row.stopped_at = row.stopped_at or clock.now()
    await ctx.db.flush()
    return contract.ConnectorReply(connector=reply(ctx, row, await Uses.of(ctx)))


@handles(contract.start)
async def start(ctx: Context, request: ByUuid) -> contract.ConnectorReply:
    """Let runs call the service again, and wake those that wait."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.start.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    row.stopped_at = None
    await ctx.db.flush()
    await waiting_runs.wake(ctx.db, row)
    return contract.ConnectorReply(connector=reply(ctx, row, await Uses.of(ctx)))


@handles(contract.exists_by_slug)
async def exists_by_slug(ctx: Context, request: contract.BySlug) -> contract.Exists:
    """Whether the slug is in use."""
    wanted = select(Connector.uuid).where(Connector.slug == request.slug, Connector.deleted_at.is_(None))
    return contract.Exists(exists=await ctx.db.scalar(wanted) is not None)
