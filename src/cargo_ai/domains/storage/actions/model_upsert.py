"""`modelUpsert`: changes the record that has a value in a column, or adds one."""

from __future__ import annotations

from cargo_ai.actions.config.values import schema
from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes.config import MAPPINGS, MATCHING, MODEL
from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped
from cargo_ai.domains.storage.actions.model_nodes.inspect import inspect, written
from cargo_ai.engine.graph.action import Action, Call, Perform


def _performer(services: Services) -> Perform:
    return services.once(Grouped, lambda: Grouped(services.database, services.settings)).writing("upsert")


ACTION: Action[Call] = Action(
    slug="modelUpsert",
    name="Insert or update a record",
    description="Changes the record that has a value in a column, or adds one.",
    does="acts",
    category="storage",
    icon="database-import",
    config_schema=schema(
        {"modelUuid": MODEL, **MATCHING, "mappings": MAPPINGS}, ("modelUuid", "matchingColumnSlug", "matchingValue", "mappings")
    ),
    output_schema=written({}, {}),
    outputs=written,
    inspect=lambda config, models: inspect(config, models, "matching", "value", "mappings"),
    idempotency="key",
    performer=_performer,
)
