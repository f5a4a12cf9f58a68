"""Prune: remove what storage keeps for a time only: inserts of nodes, who changed which records, and runs that ended long ago."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select

from cargo_ai.domains.storage.models.model_usages import is_kept
from cargo_ai.domains.storage.records.own_writes import own_writes
from cargo_ai.domains.storage.records.write_backs import write_backs
from cargo_ai.domains.storage.tables import ChangeSet, ChangeSetWrite, Model, ModelInsert
from cargo_ai.kernel import clock
from cargo_ai.records.names import qualify
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

# Of each model stay: runs that are not over or whose columns lack values, the latest of each kind, and the latest that succeeded, by
# which a refresh knows that its file is the same.
OLD_RUNS = """
delete from storage_runs where uuid in (
    select r.uuid from storage_runs r where r.finished_at < %s and not r.is_incomplete and exists (
        select 1 from storage_runs n where n.model_uuid = r.model_uuid and n.kind = r.kind and n.uuid > r.uuid
            and (r.status <> 'success' or n.status = 'success')
    ) limit 1000
)
"""
INSERT_RETENTION = timedelta(days=30)
ECHO_RETENTION = timedelta(days=7)
LOG_RETENTION = timedelta(days=30)
"""Segments read the logs of touched records, however short the history of records is kept."""


async def prune(database: Database, history_days: int, history_records: int) -> None:
    """Remove inserts and own writes of more than 30 days ago, write-backs that no sync has brought in a week, and change sets that are
    older than `history_days` or, in their workspace, after the last `history_records` of changed records. One short transaction per
    model."""
    async with database.session(ALL_WORKSPACES) as db:
        # The runs of these inserts have ended long ago: no attempt will look for them again.
        await db.execute(delete(ModelInsert).where(ModelInsert.at < clock.now() - INSERT_RETENTION))
        await db.execute(delete(own_writes).where(own_writes.c.at < clock.now_ms() - LOG_RETENTION // timedelta(milliseconds=1)))
        # A sync that comes later than that brings them as changes of others.
        await db.execute(delete(write_backs).where(write_backs.c.at < clock.now_ms() - ECHO_RETENTION // timedelta(milliseconds=1)))
        await db.commit()
    history = timedelta(days=history_days)
    limits = await _find_limits(database, history_records)
    async with database.session(ALL_WORKSPACES) as db:
        logs = (await db.execute(select(Model.workspace_uuid, Model.schema_name, Model.log_name).where(is_kept()))).all()
    for workspace, schema, log in logs:
        before = max(clock.now() - history, limits.get(workspace, datetime.min.replace(tzinfo=clock.now().tzinfo)))
        await _prune_log(database, qualify(schema, log), before)
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(delete(ChangeSet).where(ChangeSet.created_at < clock.now() - history))
        for workspace, before in limits.items():
            await db.execute(delete(ChangeSet).where(ChangeSet.workspace_uuid == workspace, ChangeSet.created_at < before))
        is_orphan = ~exists().where(ChangeSet.uuid == ChangeSetWrite.change_set_uuid)
        await db.execute(delete(ChangeSetWrite).where(is_orphan))
        await db.commit()


async def prune_runs(database: Database, days: int) -> None:
    """Remove refreshes and fills that ended more than `days` ago, a thousand in a transaction; nothing for 0."""
    cutoff, removed = clock.now() - timedelta(days=days), 1 if days else 0
    while removed:
        async with database.session(ALL_WORKSPACES) as db:
            removed = (await (await driver_connection(db)).execute(OLD_RUNS, [cutoff])).rowcount
            await db.commit()


async def _prune_log(database: Database, log: str, before: datetime) -> None:
    """Forget the values of entries before `before`, and remove what nothing reads any more."""
    oldest = min(before, clock.now() - LOG_RETENTION)
    statements = [
        (f"delete from {log} where at < %s", oldest),  # noqa: S608 - our own names, quoted
        (f"update {log} set before = null, former = null where at < %s and (before is not null or former is not null)", before),  # noqa: S608
    ]
    for statement, time in statements:
        async with database.session(ALL_WORKSPACES) as db:
            await driver.execute(await driver_connection(db), statement, [time])
            await db.commit()


async def _find_limits(database: Database, most: int) -> dict[uuid.UUID, datetime]:
    """By workspace that has changed more records than are kept: the time of the first change set that is kept."""
    changed = func.sum(ChangeSetWrite.updated + ChangeSetWrite.removed)
    every = select(ChangeSetWrite.workspace_uuid).group_by(ChangeSetWrite.workspace_uuid).having(changed > most)
    limits: dict[uuid.UUID, datetime] = {}
    async with database.session(ALL_WORKSPACES) as db:
        for workspace in (await db.scalars(every)).all():
            sizes = (
                select(ChangeSet.created_at, changed)
                .join(ChangeSetWrite, ChangeSetWrite.change_set_uuid == ChangeSet.uuid)
                .where(ChangeSet.workspace_uuid == workspace)
                .group_by(ChangeSet.uuid)
                .order_by(ChangeSet.uuid.desc())
            )
            total = 0
            for created_at, count in await db.execute(sizes):
                total += int(count)
                if total > most and count < total:
                    limits[workspace] = max(limits.get(workspace, created_at), created_at + timedelta(microseconds=1))
    return limits
