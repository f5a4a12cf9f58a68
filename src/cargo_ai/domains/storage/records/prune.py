"""Prune: remove what storage keeps for 30 days only: which node inserted which record, which workflow
wrote which, and the logs of touched records."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from cargo_ai.domains.storage.records.own_writes import own_writes
from cargo_ai.domains.storage.tables import Model, ModelInsert
from cargo_ai.kernel import clock
from cargo_ai.records.names import qualify
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

INSERT_RETENTION = timedelta(days=30)
LOG_RETENTION = timedelta(days=30)


async def prune(database: Database) -> None:
    """Remove inserts, own writes and log entries older than 30 days. One short transaction per model."""
    before = clock.now() - INSERT_RETENTION
    async with database.session(ALL_WORKSPACES) as db:
        # The runs of these inserts have ended long ago: no attempt will look for them again.
        await db.execute(delete(ModelInsert).where(ModelInsert.at < before))
        await db.execute(delete(own_writes).where(own_writes.c.at < clock.now_ms() - LOG_RETENTION // timedelta(milliseconds=1)))
        logs = (await db.execute(select(Model.schema_name, Model.log_name).where(Model.deleted_at.is_(None)))).all()
        await db.commit()
    for schema, log in logs:
        statement = f"delete from {qualify(schema, log)} where at < %s"  # noqa: S608 - our own names, quoted
        async with database.session(ALL_WORKSPACES) as db:
            await driver.execute(await driver_connection(db), statement, [clock.now() - LOG_RETENTION])
            await db.commit()
