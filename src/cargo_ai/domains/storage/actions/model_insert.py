"""`modelInsert`: adds a record to a model."""

from __future__ import annotations

from cargo_ai.actions.config.values import schema
from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes.config import MAPPINGS, MODEL
from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped
from cargo_ai.domains.storage.actions.model_nodes.inspect import inspect, written
from cargo_ai.engine.graph.action import Action, Call, Perform


def _performer(services: Services) -> Perform:
    return services.once(Grouped, lambda: Grouped(services.database, services.settings)).writing("insert")


ACTION: Action[Call] = Action(
    slug="modelInsert",
    name="Insert a record",
    description="Adds a record to a model.",
    does="acts",
    category="storage",
    icon="database-plus",
    config_schema=schema({"modelUuid": MODEL, "mappings": MAPPINGS}, ("modelUuid", "mappings")),
    output_schema=written({}, {}),
    outputs=written,
    inspect=lambda config, models: inspect(config, models, "mappings"),
    idempotency="key",
    performer=_performer,
)
