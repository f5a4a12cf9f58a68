"""`modelUpdate`: changes all records of a model that have a value in a column."""

from __future__ import annotations

from cargo_ai.actions.config.values import schema
from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes.config import MAPPINGS, MATCHING, MODEL
from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped
from cargo_ai.domains.storage.actions.model_nodes.inspect import changed, inspect
from cargo_ai.engine.graph.action import Action, Call, Perform


def _performer(services: Services) -> Perform:
    return services.once(Grouped, lambda: Grouped(services.database, services.settings)).writing("update")


ACTION: Action[Call] = Action(
    slug="modelUpdate",
    name="Update records",
    description="Changes all records of a model that have a value in a column.",
    does="acts",
    category="storage",
    icon="database-edit",
    config_schema=schema(
        {"modelUuid": MODEL, **MATCHING, "mappings": MAPPINGS}, ("modelUuid", "matchingColumnSlug", "matchingValue", "mappings")
    ),
    output_schema=changed({}, {}),
    outputs=changed,
    inspect=lambda config, models: inspect(config, models, "matching", "mappings"),
    idempotency="upsert",
    performer=_performer,
)
