"""Public interface of connection: find connectors, describe actions of integrations, perform connector nodes."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.connection.dataset import Dataset as DatasetOnWire
from cargo_ai.domains.connection import hook_address, hooks, triggers
from cargo_ai.domains.connection.accounts.accounts import default_first
from cargo_ai.domains.connection.accounts.asking import TOKENS, LanguageModelService, NotConnected, language_model_service
from cargo_ai.domains.connection.accounts.embedding import Embedded, EmbeddingService, NoEmbeddings, NotEmbedded, embedding_service
from cargo_ai.domains.connection.accounts.mcp_target import mcp_target
from cargo_ai.domains.connection.accounts.waiting_runs import ConnectorAwake
from cargo_ai.domains.connection.custom import public as protocol
from cargo_ai.domains.connection.custom.known import Integrations, known_integrations
from cargo_ai.domains.connection.dataset import reply
from cargo_ai.domains.connection.extraction import Pages, Source, SourceFault, open_source
from cargo_ai.domains.connection.file_source import FileSource, check_config, open_files
from cargo_ai.domains.connection.hooks import Hook
from cargo_ai.domains.connection.oauth import public as oauth
from cargo_ai.domains.connection.tables import Connector, Dataset
from cargo_ai.engine.limits.policy import Policy
from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.webhook.signatures import Delivery

__all__ = [
    "TOKENS",
    "Account",
    "ConnectorAwake",
    "Delivery",
    "Embedded",
    "EmbeddingService",
    "FileSource",
    "Hook",
    "Integrations",
    "LanguageModelService",
    "NoEmbeddings",
    "NotConnected",
    "NotEmbedded",
    "Pages",
    "Source",
    "SourceFault",
    "accounts",
    "check_config",
    "connector_exists",
    "connector_integration",
    "connector_uuids",
    "dataset",
    "datasets",
    "default_connector",
    "default_connectors",
    "default_for",
    "embedding_service",
    "former_owner",
    "hook_address",
    "hooks",
    "integrations",
    "language_model_service",
    "limits",
    "mcp_target",
    "oauth",
    "open_files",
    "open_source",
    "protocol",
    "triggers",
]


async def connector_exists(db: AsyncSession, connector: uuid.UUID) -> bool:
    """Whether the session's workspace has this connector."""
    wanted = select(Connector.uuid).where(Connector.uuid == connector, Connector.deleted_at.is_(None))
    return await db.scalar(wanted) is not None


async def connector_integration(services: Services, db: AsyncSession, connector: uuid.UUID) -> Integration | None:
    """The integration that a connector of the session's workspace is an account of; None where either is gone."""
    query = select(Connector.workspace_uuid, Connector.integration_slug).where(Connector.uuid == connector, Connector.deleted_at.is_(None))
    found = (await db.execute(query)).one_or_none()
    return None if found is None else await known_integrations(services).find(found[0], found[1])


async def limits(db: AsyncSession, connectors: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, Policy]]:
    """Of these connectors of the session's workspace those that have a rate limit: name and limit."""
    policies: dict[uuid.UUID, tuple[str, Policy]] = {}
    for row in await db.scalars(select(Connector).where(Connector.uuid.in_(connectors), Connector.deleted_at.is_(None))):
        if row.rate_limit is not None:
            policies[row.uuid] = (row.name, Policy.of_connector(row.rate_limit))
    return policies


@dataclass(frozen=True, slots=True)
class Account:
    """A connector as others may know it."""

    uuid: uuid.UUID
    name: str
    slug: str
    integration_slug: str
    is_default: bool
    use_credits: bool = False
    has_cache: bool = False


async def accounts(db: AsyncSession) -> list[Account]:
    """The connectors of the session's workspace; of each integration the one first that a node without one uses."""
    rows = await db.scalars(
        select(Connector)
        .where(Connector.deleted_at.is_(None))
        .order_by(Connector.integration_slug, Connector.is_default.desc(), Connector.uuid)
    )
    return [
        Account(row.uuid, row.name, row.slug, row.integration_slug, row.is_default, row.use_credits, bool(row.cache_ttl_milliseconds))
        for row in rows
    ]


async def connector_uuids(db: AsyncSession) -> frozenset[str]:
    """The uuids of all connectors of the session's workspace."""
    return frozenset(str(found) for found in await db.scalars(select(Connector.uuid).where(Connector.deleted_at.is_(None))))


async def default_connector(db: AsyncSession, integration_slug: str) -> uuid.UUID | None:
    """The connector that a node without one uses: the integration's default, else its oldest; None without any."""
    wanted = select(Connector.uuid).where(Connector.integration_slug == integration_slug, Connector.deleted_at.is_(None))
    return await db.scalar(default_first(wanted))


async def default_connectors(db: AsyncSession, integration_slugs: Collection[str]) -> dict[str, uuid.UUID]:
    """The same of several integrations, by their slugs; without those that have none."""
    wanted = select(Connector.integration_slug, Connector.uuid).where(
        Connector.integration_slug.in_(integration_slugs), Connector.deleted_at.is_(None)
    )
    # Of each, the last one that is read is kept.
    rows = await db.execute(wanted.order_by(Connector.is_default, Connector.uuid.desc()))
    return {row.integration_slug: row.uuid for row in rows}


async def default_for(db: AsyncSession, connector: uuid.UUID) -> str | None:
    """The integration whose nodes use this connector where they name none; None where they use another one."""
    slug = await db.scalar(select(Connector.integration_slug).where(Connector.uuid == connector, Connector.deleted_at.is_(None)))
    return slug if slug is not None and await default_connector(db, slug) == connector else None


async def integrations(services: Services, workspace: uuid.UUID) -> Integrations:
    """Every integration that a workspace has, its custom ones included, to look up by slug."""
    return await known_integrations(services).of(workspace)


async def all_integrations(services: Services, workspace: uuid.UUID) -> Integrations:
    """The same, to go through."""
    return await known_integrations(services).all_of(workspace)


async def datasets(db: AsyncSession) -> list[DatasetOnWire]:
    """The datasets of the session's workspace, the oldest first."""
    rows = await db.scalars(select(Dataset).where(Dataset.deleted_at.is_(None)).order_by(Dataset.uuid))
    return [reply(row) for row in rows]


async def former_owner(db: AsyncSession, wanted: uuid.UUID) -> uuid.UUID | None:
    """The connector that a dataset belongs to or, where both were removed, belonged to."""
    return await db.scalar(select(Dataset.connector_uuid).where(Dataset.uuid == wanted))


async def dataset(db: AsyncSession, wanted: uuid.UUID, *, lock: bool = False) -> DatasetOnWire | None:
    """A dataset of the session's workspace; `lock`: it then cannot be removed before the caller's commit."""
    query = select(Dataset).where(Dataset.uuid == wanted, Dataset.deleted_at.is_(None))
    row = await db.scalar(query.with_for_update(read=True) if lock else query)
    return None if row is None else reply(row)
