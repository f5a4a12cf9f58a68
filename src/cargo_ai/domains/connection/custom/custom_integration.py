"""Custom integrations: register, list, show, change and remove services of a workspace's own."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Text, func, select
from sqlalchemy import cast as cast_in_sql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.connection import custom_integration as contract
from cargo_ai.domains.connection.custom import announced
from cargo_ai.domains.connection.custom.announced import Announced, BadManifest, NoManifest
from cargo_ai.domains.connection.custom.known import known_integrations, load_all
from cargo_ai.domains.connection.custom.secret_places import places
from cargo_ai.domains.connection.tables import Connector, CustomIntegration
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed

LIST = "cargo-ai connection custom-integration list"
MAX = 100
MAX_BYTES = 8 * 1024 * 1024
LONGEST_SLUG = 50


def reply(row: CustomIntegration) -> contract.CustomIntegration:
    """The custom integration on the wire."""
    shadowed = f"This server has an integration {row.slug} of its own by now, which is used instead: register it again under another slug."
    return contract.CustomIntegration(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        kind="external",
        slug=row.slug,
        base_url=row.base_url,
        name=str(cast("Mapping[str, Any]", row.manifest)["name"]),
        source="openapi" if row.source == "openapi" else "protocol",
        document_url=row.document_url,
        operations=row.operations,
        is_signed=row.sealed_secret is not None,
        fetched_at=row.fetched_at,
        problem=shadowed if row.slug in integrations() else row.problem,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


async def living(db: AsyncSession, custom: str, *, lock: bool = False) -> CustomIntegration | None:
    """The custom integration with this uuid, None when it is unknown or removed."""
    query = select(CustomIntegration).where(CustomIntegration.uuid == ids.parse(custom), CustomIntegration.deleted_at.is_(None))
    return await db.scalar(query.with_for_update() if lock else query)


async def prepare_create(prepared: Preparation, request: contract.CreateCustomIntegration) -> Announced:
    """What the service announces."""
    refuse = contract.create.refuse
    if request.kind == "worker" or request.worker_uuid is not None:
        refuse("workerNotFound", worker=(request.worker_uuid or "")[:64])
    base_url = None if request.base_url is None else announced.address(request.base_url)
    secret = (request.secrets or {}).get("signing", "")
    try:
        return await _announced(prepared, base_url, request.openapi, request.operations, secret)
    except NoManifest as error:
        refuse("failedToGetManifest", cause=str(error))
    except BadManifest as error:
        refuse("invalidManifest" if request.openapi is None else "invalidOpenapi", cause=str(error))


async def _announced(
    prepared: Preparation, base_url: str | None, openapi: str | JsonObject | None, operations: Sequence[str] | None, secret: str
) -> Announced:
    services, workspace = prepared.services, prepared.who.workspace_uuid
    if openapi is not None:
        if secret:
            raise invalid_input(
                [{"path": "secrets", "message": "sign requests of the protocol; those of an OpenAPI document are not signed"}]
            )
        return await announced.of_document(services, workspace, openapi, operations, base_url)
    if operations is not None:
        raise invalid_input([{"path": "operations", "message": "are those of an OpenAPI document: give it, too (--openapi)"}])
    if base_url is None:
        raise invalid_input([{"path": "baseUrl", "message": "is needed: where the service is reached"}])
    return await announced.of_server(services, workspace, base_url, secret)


@handles(contract.create, before=prepare_create)
async def create(ctx: Context, request: contract.CreateCustomIntegration) -> contract.CustomIntegrationReply:
    """Store what was announced, under a slug that nothing else has or had."""
    given = cast("Announced", ctx.prepared)
    slug = request.slug or slug_of(given.name)
    await _require_free(ctx, slug)
    if await _has_too_much(ctx.db, given, None):
        contract.create.refuse("tooManyCustomIntegrations", most=MAX, size=MAX_BYTES // 1024**2)
    now = clock.now()
    row = CustomIntegration(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        slug=slug,
        sealed_secret=_sealed(ctx, request.secrets),
        version=1,
        deleted_at=None,
        **_columns(given),
        checked_at=now,
    )
    try:
        async with ctx.db.begin_nested():
            ctx.db.add(row)
    except IntegrityError:
        # Another request took it between the look and the write.
        contract.create.refuse("duplicateSlug", cause=f"This workspace has a custom integration {slug} already.", fix=LIST)
    _look_again(ctx)
    return contract.CustomIntegrationReply(custom_integration=reply(row))


def slug_of(name: str) -> str:
    """The slug that a name gives."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return words[:LONGEST_SLUG].strip("_") or "custom"


async def _require_free(ctx: Context, slug: str) -> None:
    refuse = contract.create.refuse
    await load_all()
    if slug.lower() in {known.lower() for known in integrations()}:
        refuse("slugIsReserved", slug=slug)
    mine = select(func.count()).select_from(CustomIntegration).where(CustomIntegration.deleted_at.is_(None))
    if (await ctx.db.scalar(mine) or 0) >= MAX:
        refuse("tooManyCustomIntegrations", most=MAX, size=MAX_BYTES // 1024**2)
    taken = select(CustomIntegration.uuid).where(CustomIntegration.slug == slug, CustomIntegration.deleted_at.is_(None))
    if await ctx.db.scalar(taken) is not None:
        refuse("duplicateSlug", cause=f"This workspace has a custom integration {slug} already.", fix=LIST)
    # Secrets that were entered for another service must not go to this one when such a connector is restored.
    former = select(Connector.name).where(Connector.integration_slug == slug, Connector.sealed_config.is_not(None)).limit(1)
    name = await ctx.db.scalar(former)
    if name is not None:
        refuse("duplicateSlug", cause=f'The connector "{name}" of an integration {slug} that was removed is still in the bin.')


async def _has_too_much(db: AsyncSession, given: Announced, replaced: uuid.UUID | None) -> bool:
    """Whether this and all others of the workspace are larger than every process can keep."""
    size = func.coalesce(func.sum(func.octet_length(cast_in_sql(CustomIntegration.manifest, Text))), 0)
    others = select(size).where(CustomIntegration.deleted_at.is_(None), CustomIntegration.uuid != (replaced or uuid.UUID(int=0)))
    return len(json.dumps(given.manifest)) + int(await db.scalar(others) or 0) > MAX_BYTES


def _sealed(ctx: Context, secrets: Mapping[Any, str] | None) -> bytes | None:
    signing = (secrets or {}).get("signing")
    return None if signing is None else ctx.secrets.seal(signing.encode())


def _columns(given: Announced) -> dict[str, Any]:
    return {
        "source": given.source,
        "base_url": given.base_url,
        "document_url": given.document_url,
        "operations": None if given.operations is None else list(given.operations),
        "manifest": given.manifest,
        "fetched_at": clock.now(),
        "problem": None,
    }


def _look_again(ctx: Context) -> None:
    known = known_integrations(ctx.services)

    async def forget() -> None:
        await known.forget(ctx.workspace)

    ctx.after_commit.append(forget)


@handles(contract.get_all)
async def get_all(ctx: Context, request: Nothing) -> contract.CustomIntegrationsReply:
    """Those of the workspace, newest first."""
    query = select(CustomIntegration).where(CustomIntegration.deleted_at.is_(None)).order_by(CustomIntegration.uuid.desc())
    return contract.CustomIntegrationsReply(custom_integrations=[reply(row) for row in await ctx.db.scalars(query)])


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.CustomIntegrationFound:
    """One of them."""
    row = await living(ctx.db, request.uuid)
    if row is None:
        contract.get.refuse("customIntegrationNotFound", uuid=request.uuid, fix=LIST)
    shown = reply(row)
    return contract.CustomIntegrationFound(connector=shown, custom_integration=shown)


@dataclass(frozen=True, slots=True)
class _Update:
    """What a service announces now, in place of a version."""

    announced: Announced
    replaces: int


async def prepare_update(prepared: Preparation, request: contract.UpdateCustomIntegration) -> _Update:
    """What the service announces now."""
    refuse = contract.update.refuse
    async with prepared.services.database.session(prepared.who.workspace_uuid) as db:
        row = await living(db, request.uuid)
    if row is None:
        refuse("customIntegrationNotFound", uuid=request.uuid, fix=LIST)
    if request.worker_uuid is not None:
        refuse("customIntegrationNotWorker", slug=row.slug)
    try:
        return _Update(await _announced_again(prepared, request, row), row.version)
    except NoManifest as error:
        refuse("failedToGetManifest", cause=str(error))
    except BadManifest as error:
        refuse("invalidManifest" if row.source == "protocol" and request.openapi is None else "invalidOpenapi", cause=str(error))


async def _announced_again(prepared: Preparation, request: contract.UpdateCustomIntegration, row: CustomIntegration) -> Announced:
    """What was given before, where the request says nothing else."""
    base_url = row.base_url if request.base_url is None else announced.address(request.base_url)
    if row.source == "protocol" and request.openapi is None:
        stored = "" if row.sealed_secret is None else prepared.services.secrets.open(row.sealed_secret).decode()
        secret = stored if request.secrets is None else request.secrets.get("signing", "")
        return await _announced(prepared, base_url, None, request.operations, secret)
    openapi = request.openapi or row.document_url
    if openapi is None:
        raise invalid_input([{"path": "openapi", "message": "is needed: the document was given as it is, and is not kept"}])
    secret = (request.secrets or {}).get("signing", "")
    return await _announced(prepared, base_url, openapi, request.operations or row.operations, secret)


@handles(contract.update, before=prepare_update)
async def update(ctx: Context, request: contract.UpdateCustomIntegration) -> contract.CustomIntegrationReply:
    """Take over what is announced; workers do within two seconds."""
    row, change = await living(ctx.db, request.uuid, lock=True), cast("_Update", ctx.prepared)
    if row is None:
        contract.update.refuse("customIntegrationNotFound", uuid=request.uuid, fix=LIST)
    if row.version != change.replaces:
        raise Refusal(409, "conflict", "The custom integration was changed by another request meanwhile: look at it and try again.")
    await _require_known_places(ctx, row, change.announced)
    if await _has_too_much(ctx.db, change.announced, row.uuid):
        contract.update.refuse("tooManyCustomIntegrations", most=MAX, size=MAX_BYTES // 1024**2)
    for column, value in _columns(change.announced).items():
        setattr(row, column, value)
    row.version, row.checked_at = row.version + 1, clock.now()
    if request.secrets is not None:
        row.sealed_secret = _sealed(ctx, request.secrets)
    await ctx.db.flush()
    _look_again(ctx)
    return contract.CustomIntegrationReply(custom_integration=reply(row))


async def _require_known_places(ctx: Context, row: CustomIntegration, given: Announced) -> None:
    """Secrets go only where they were entered for: also those of connectors that can be restored."""
    new = places(given.base_url, given.manifest) - places(row.base_url, row.manifest)
    if new and (names := await _connectors(ctx.db, row.slug, removed=True)):
        contract.update.refuse("connectorsHoldSecrets", connectors=names, address=", ".join(sorted(new)))


async def _connectors(db: AsyncSession, slug: str, *, removed: bool) -> str:
    """The names of the connectors of an integration, the first few of them. `removed`: also those in the bin."""
    query = select(Connector.name).where(Connector.integration_slug == slug, Connector.sealed_config.is_not(None))
    names = list(await db.scalars((query if removed else query.where(Connector.deleted_at.is_(None))).order_by(Connector.uuid).limit(6)))
    return ", ".join([f'"{name}"' for name in names[:5]] + (["others"] if len(names) > 5 else []))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove one that has no connectors."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.remove.refuse("customIntegrationNotFound", uuid=request.uuid, fix=LIST)
    if names := await _connectors(ctx.db, row.slug, removed=False):
        contract.remove.refuse("customIntegrationIsUsed", connectors=names)
    row.deleted_at, row.sealed_secret = clock.now(), None
    await ctx.db.flush()
    _look_again(ctx)
    return Removed(uuid=str(row.uuid))
