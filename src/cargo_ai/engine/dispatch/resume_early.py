"""Resume one parked run before its time, because what it waits for has happened."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from cargo_ai.kernel import clock

# The housekeeping finds it within a second, and puts it into a shard as if its time had come.
NOW = """
update runs set wake_ms = least(wake_ms, %s)
where uuid = %s and workspace_uuid = %s and status = 'idle' and position = %s and finished_ms is null
"""
PASSED = """
select 1 from runs where uuid = %s and finished_ms is not null
union all select 1 from executions where run_uuid = %s and node_uuid = %s and visit >= %s limit 1
"""


async def resume(connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, run: uuid.UUID, node: str) -> bool:
    """Make a run that is parked at a node due, in the caller's transaction; False when it is not parked there.

    A run that is just about to park is not parked yet: a caller that gets False asks again until the run `has_passed` the node.
    """
    cursor = await connection.execute(NOW, (clock.now_ms(), run, workspace, node))
    return cursor.rowcount > 0


async def has_passed(connection: psycopg.AsyncConnection[Any], run: uuid.UUID, node: str, visit: int) -> bool:
    """Whether this visit of the node is in the run's journal, or the run has ended."""
    cursor = await connection.execute(PASSED, (run, run, node, visit))
    return await cursor.fetchone() is not None
