"""Own writes: which records the runs of a play have written themselves, so that a play is not woken by what it does.

A write counts as a play's own when nobody else has written the record in the same transaction. What a run causes outside (a service that
writes records back, say) is somebody else's.
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
"""Records of a model that the runs of one play alone have written, by transaction. `at`: milliseconds since 1970."""

KEPT_DAYS = 30
"""As long as the logs of touched records."""
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
    """Write down who has written which records of a model in the connection's transaction: (batch of the run at the top, record's id).

    Only batches of plays count.
    """
    pairs = list(written)
    if any(batch is not None for batch, _ in pairs):
        now = clock.now_ms()
        await connection.execute(NOTE, (model, now, [batch for batch, _ in pairs], [record for _, record in pairs]))


async def prune(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let go of what is old."""
    before = clock.now_ms() - KEPT_DAYS * 86_400_000
    await connection.execute("delete from own_writes where at < %s", (before,))
