"""Recompute: compute columns again after their definition changed, at once where records are few, by a job where they are many."""

from __future__ import annotations

import uuid

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.domains.storage.columns import computed
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import ids, log
from cargo_ai.records import ddl, rows
from cargo_ai.records.catalog import Relation
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import Database

TASK = "storage.recompute"
CHUNK = 2_000

_log = log.get(__name__)


async def recompute(ctx: Context, relation: Relation) -> None:
    """Compute the computed columns of all records again, at once or by a job (with a warning)."""
    connection = await driver_connection(ctx.db)
    if not await ddl.is_small(connection, relation):
        await producer().defer(connection, TASK, "batch", workspace=str(ctx.workspace), model=str(relation.model))
        ctx.warn("The model has many records: the column is being filled in the background.")
        return
    for sentence in await computed.refresh_all(connection, relation, ctx.workspace):
        ctx.warn(sentence)
    await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))


class RecomputeJob:
    """The job: all records of a model in chunks, one transaction each. After a crash it starts over, which changes nothing twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, workspace: str, model: str, after: str = "") -> None:
        """Recompute from the record after the id `after` to the last."""
        workspace_uuid, model_uuid = uuid.UUID(workspace), ids.parse(model)
        while model_uuid is not None:
            async with self._database.session(workspace_uuid) as db:
                relation = (await model_catalog.catalog(db, workspace_uuid)).by_model(model_uuid)
                if relation is None:
                    return
                connection = await driver_connection(db)
                record_ids = await rows.ids_after(connection, relation, after, CHUNK)
                if not record_ids:
                    return
                for sentence in await computed.refresh(connection, relation, record_ids, workspace_uuid):
                    _log.warning("a computed column could not be filled", model=model, cause=sentence)
                await events.publish(db, RecordsChanged(workspace_uuid, relation.model))
                await db.commit()
                after = record_ids[-1]
