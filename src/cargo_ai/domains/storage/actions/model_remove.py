"""`modelRemove`: removes all records of a model that have a value in a column."""

from __future__ import annotations

from cargo_ai.actions.config.values import output, schema
from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes.config import COUNT, MATCHING, MODEL
from cargo_ai.domains.storage.actions.model_nodes.inspect import inspect
from cargo_ai.domains.storage.actions.model_nodes.transaction import ModelNodes, Task
from cargo_ai.domains.storage.records import own_writes
from cargo_ai.engine.graph.action import Action, Call, Done, Outcome, Perform
from cargo_ai.store.driver import driver_connection


async def remove_records(task: Task) -> Outcome:
    """Remove every record that matches."""
    removed = await task.remove(await task.matching())
    await own_writes.record_writes(await driver_connection(task.db), task.relation.model, [(task.call.batch, uid) for uid in removed])
    count = len(removed)
    title = f"✅ {count} {'record was' if count == 1 else 'records were'} removed" if removed else "❌ No record matches"
    return Done({"count": count}, title)


def _performer(services: Services) -> Perform:
    return ModelNodes(services).performing(remove_records)


ACTION: Action[Call] = Action(
    slug="modelRemove",
    name="Remove records",
    description="Removes all records of a model that have a value in a column.",
    does="acts",
    category="storage",
    icon="database-minus",
    config_schema=schema({"modelUuid": MODEL, **MATCHING}, ("modelUuid", "matchingColumnSlug", "matchingValue")),
    output_schema=output({"count": COUNT}, ("count",)),
    inspect=lambda config, models: inspect(config, models, "matching"),
    idempotency="upsert",
    performer=_performer,
)
