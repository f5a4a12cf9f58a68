"""Reconcile nodes: fill in connectors by integration, and models, where nodes have none."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.workflows.release import ReconcileOptions
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.workflows.validation import group_nodes
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_PLACEHOLDER = "__REPLACE_WITH_"
_OF_MODELS = {"modelInsert", "modelUpdate", "modelUpsert", "modelSearch", "modelRemove"}


class NotReconciled(ValueError):
    """The nodes cannot be connected as asked; the message says why."""


async def reconcile(db: AsyncSession, nodes: list[JsonObject], options: ReconcileOptions) -> list[JsonObject]:
    """The nodes with the options' connectors and models where they name none (or a template's placeholder), those inside groups included.

    A native node names no integration: it takes the only model of the options, or the one of `native`.
    Raises NotReconciled when a connector or a model of the options does not exist.
    """
    for slug, text in options.connector_uuids_by_integration_slug.items():
        connector = ids.parse(text)
        if connector is None or not await connection.connector_exists(db, connector):
            raise NotReconciled(f"there is no connector {text} for {slug}: see `cargo-ai connection connector list`.")
    models = options.model_uuids_by_integration_slug
    for slug, text in models.items():
        model = ids.parse(text)
        if model is None or not await storage.model_exists(db, model):
            raise NotReconciled(f"there is no model {text} for {slug}: see `cargo-ai storage model list`.")
    only = next(iter(models.values())) if len(models) == 1 else models.get("native")
    return [_fill(node, options.connector_uuids_by_integration_slug, only) for node in nodes]


def _fill(node: JsonObject, connectors: dict[str, str], model: str | None) -> JsonObject:
    filled = dict(node)
    connector = connectors.get(str(node.get("integrationSlug")))
    if node.get("kind") == "connector" and connector and _is_open(node.get("connectorUuid")):
        filled["connectorUuid"] = connector
    config = cast("JsonObject", node.get("config") or {})
    on_a_model = node.get("kind") == "native" and ("modelUuid" in config or node.get("actionSlug") in _OF_MODELS)
    if on_a_model and model and _is_open(config.get("modelUuid")):
        filled["config"] = config | {"modelUuid": model}
    if group_nodes(node):
        inside = cast("list[Any]", config["_nodes"])
        filled["config"] = config | {
            "_nodes": [_fill(cast("JsonObject", child), connectors, model) if isinstance(child, dict) else child for child in inside]
        }
    return filled


def _is_open(value: object) -> bool:
    return not value or str(value).startswith(_PLACEHOLDER)
