"""Search and remove records of a model, each in one transaction with its events and its log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.storage.actions.model_nodes.config import matched
from cargo_ai.domains.storage.history.run_changes import BatchChangeSets, RunChanges
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.records.write import InvalidRecords, Writer
from cargo_ai.engine.graph.action import Call, Done, Failed, InvalidConfig, Outcome
from cargo_ai.kernel import ids
from cargo_ai.records import rows
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.store.driver import driver_connection

_MODELS = "see `cargo-ai storage model list`"


@dataclass(slots=True)
class Task:
    """One node at work: its call, the model, and the transaction."""

    services: Services
    call: Call
    db: AsyncSession
    catalog: Catalog
    relation: Relation

    @property
    def config(self) -> Mapping[str, Any]:
        """The node's resolved config."""
        return self.call.config

    async def remove(self, uids: Sequence[str]) -> list[str]:
        """Remove records in the run's name; the ids of those that existed."""
        connection = await driver_connection(self.db)
        sets = self.services.once(BatchChangeSets, lambda: BatchChangeSets(self.services.database))
        batch_sets = await sets.find(self.call.workspace, self.relation.model, [self.call])
        changes = RunChanges(self.call.workspace, self.relation.model, batch_sets)
        await changes.attribute(connection, dict.fromkeys(uids, self.call))
        removed = await Writer(self.db, self.call.workspace, self.relation, self.services.settings, changes).remove(uids)
        if removed:
            changes.count(self.call, removed=len(removed))
        await changes.save(connection)
        return removed

    async def matching(self) -> list[str]:
        """The ids of the records that the config's matching column and value name, locked."""
        slug, text = matched(self.relation, self.config)
        return await rows.ids_with_value(await driver_connection(self.db), self.relation, slug, text)


Act = Callable[[Task], Awaitable[Outcome]]


class ModelNodes:
    """The effects of the model actions; one per worker process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def performing(self, act: Act) -> Callable[[Call], Awaitable[Outcome]]:
        """The action as the engine calls it. What the config or the records do wrong is Failed; only the database's faults are raised."""

        async def perform(call: Call) -> Outcome:
            try:
                return await self._perform(call, act)
            except InvalidRecords as fault:
                return Failed(str(fault))
            except (errors.UndefinedColumn, errors.UndefinedTable, errors.DeadlockDetected, errors.SerializationFailure):
                return Failed("The model was being changed at the same moment.", transient=True)

        return perform

    async def _perform(self, call: Call, act: Act) -> Outcome:
        async with self._services.database.session(call.workspace) as db:
            named = ids.parse(str(call.config.get("modelUuid")))
            catalog = await model_catalog.catalog(db, call.workspace)
            relation = catalog.by_model(named) if named else None
            if relation is None:
                raise InvalidConfig(f"There is no model {call.config.get('modelUuid')} in this workspace: {_MODELS}.")
            outcome = await act(Task(self._services, call, db, catalog, relation))
            if isinstance(outcome, Done):
                await db.commit()
            return outcome
