"""Node connectors: the connector of a node that names none, which is its integration's default one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

DefaultConnectors = Mapping[str, str]
"""By integration: the connector of nodes that name none."""


async def defaults_of(db: AsyncSession, graphs: Iterable[Sequence[JsonObject]]) -> DefaultConnectors:
    """Those that nodes of these graphs use. One statement, and none where each node names its connector."""
    slugs = {str(node.get("integrationSlug")) for nodes in graphs for node in nodes if is_default_used(node)}
    return {slug: str(uid) for slug, uid in (await connection.default_connectors(db, slugs)).items()} if slugs else {}


def is_default_used(node: JsonObject) -> bool:
    """Whether a node calls a service without naming its connector."""
    return node.get("kind") == "connector" and not node.get("connectorUuid")


def connector_of(node: JsonObject, defaults: DefaultConnectors) -> str | None:
    """The uuid of a node's connector; None where it has none."""
    return defaults.get(str(node.get("integrationSlug"))) if is_default_used(node) else node.get("connectorUuid")


async def default_for(db: AsyncSession, connector: str | None) -> str | None:
    """The integration whose nodes use this connector where they name none; None where they use another one."""
    uid = ids.parse(connector or "")
    return await connection.default_for(db, uid) if uid else None
