"""Own writes: note which records the runs of a workflow wrote, so that a play is not triggered by its own writes.

A write counts as a workflow's own when nothing else wrote the record in the same transaction. What a run causes outside does not count,
but for values that it wrote to a service and that a sync brings back (`write_backs`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import psycopg
from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Row, Xid8

own_writes = Table(
    "own_writes",
    Row.metadata,
    Column("workflow_uuid", Uuid, primary_key=True),
    Column("model_uuid", Uuid, primary_key=True),
    Column("xid", Xid8, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("own_writes_at", "at"),
)
"""Records of a model that the runs of one workflow alone have written, by transaction. `at`: milliseconds since 1970."""

# Only batches that admit records by a rule can be started again by what they write.
NOTE = """
insert into own_writes (workflow_uuid, model_uuid, xid, record_id, workspace_uuid, at)
select min(b.workflow_uuid::text)::uuid, %s, pg_current_xact_id(), v.record_id, min(b.workspace_uuid::text)::uuid, %s
from unnest(%s::uuid[], %s::text[]) as v(batch, record_id) left join batches b on b.uuid = v.batch and b.enrolment is not null
group by v.record_id having count(*) = count(b.uuid) and count(distinct b.workflow_uuid) = 1
on conflict do nothing
"""


async def record_writes(
    connection: psycopg.AsyncConnection[Any], model: uuid.UUID, written: Iterable[tuple[uuid.UUID | None, str]]
) -> None:
    """Note which records of a model were written in the connection's transaction: (batch of the root run, id of the record)."""
    pairs = list(written)
    if any(batch is not None for batch, _ in pairs):
        now = clock.now_ms()
        await connection.execute(NOTE, (model, now, [batch for batch, _ in pairs], [record for _, record in pairs]))
