"""Read one run and its executions directly by the driver: a third of the cost of the mapper, for requests that wait."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.engine.journal.tables import executions, runs
from cargo_ai.store.driver import driver_connection

_SHOWN = ", ".join(f"r.{column.name}" for column in runs.c if column.name not in {"status", "record", "pending"})
# The status as the wire has it: see run_filter.
_RUN = f"""
select {_SHOWN}, case when r.status = 'pending' and s.state = 'running' then 'running' else r.status end as status
from runs r left join shards s on s.uuid = r.shard_uuid where r.workspace_uuid = %s and r.uuid = %s
"""  # noqa: S608 - names of columns
_SMALL = ", ".join(column.name for column in executions.c if column.name != "log")
_EXECUTIONS = f"""
select {_SMALL}, log is not null as has_log from executions where workspace_uuid = %s and run_uuid = %s order by seq
"""  # noqa: S608 - names of columns


async def find(db: AsyncSession, workspace: uuid.UUID, uid: uuid.UUID) -> Mapping[str, Any] | None:
    """A run as responses need it (see `run_response.query`)."""
    return next(iter(await _read(db, _RUN, workspace, uid)), None)


async def executions_of(db: AsyncSession, workspace: uuid.UUID, uid: uuid.UUID) -> list[Mapping[str, Any]]:
    """Its executions in order, with all of their columns but the log."""
    return await _read(db, _EXECUTIONS, workspace, uid)


async def _read(db: AsyncSession, query: str, workspace: uuid.UUID, uid: uuid.UUID) -> list[Mapping[str, Any]]:
    async with (await driver_connection(db)).cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), (workspace, uid))
        return [*await cursor.fetchall()]
