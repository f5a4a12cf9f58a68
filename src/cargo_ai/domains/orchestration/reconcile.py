"""Reconciling: fills in the connectors of nodes that name only their integration."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.release import ReconcileOptions
from cargo_ai.domains.connection import door as connection
from cargo_ai.domains.orchestration.known import inside
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_PLACEHOLDER = "__REPLACE_WITH_"


class NotReconciled(ValueError):
    """The nodes cannot be connected as asked; the message says why."""


async def reconcile(db: AsyncSession, nodes: list[JsonObject], options: ReconcileOptions) -> list[JsonObject]:
    """The nodes with the options' connectors where they name none (or a template's placeholder), those inside groups included.

    Raises NotReconciled when a connector of the options does not exist, or models are asked for.
    """
    if options.model_uuids_by_integration_slug:
        raise NotReconciled("this server has no models yet, so modelUuidsByIntegrationSlug cannot be used.")
    for slug, text in options.connector_uuids_by_integration_slug.items():
        connector = ids.parse(text)
        if connector is None or not await connection.connector_exists(db, connector):
            raise NotReconciled(f"there is no connector {text} for {slug}: see `cargo-ai connection connector list`.")
    return [_filled(node, options.connector_uuids_by_integration_slug) for node in nodes]


def _filled(node: JsonObject, connectors: dict[str, str]) -> JsonObject:
    filled = dict(node)
    open_ = not node.get("connectorUuid") or str(node["connectorUuid"]).startswith(_PLACEHOLDER)
    connector = connectors.get(str(node.get("integrationSlug")))
    if node.get("kind") == "connector" and open_ and connector:
        filled["connectorUuid"] = connector
    if inside(node):
        config = cast("JsonObject", node["config"])
        held = cast("list[Any]", config["_nodes"])
        filled["config"] = config | {
            "_nodes": [_filled(cast("JsonObject", one), connectors) if isinstance(one, dict) else one for one in held]
        }
    return filled
