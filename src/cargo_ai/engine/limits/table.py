"""The table of buckets: read some under a lock, decide, and write them back in one short transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import psycopg
from sqlalchemy import Column, DateTime, Double, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from cargo_ai.engine.limits.bucket import Bucket, Mark
from cargo_ai.store.rows import Row
from cargo_ai.store.session import Database

rate_buckets = Table(
    "rate_buckets",
    Row.metadata,
    Column("key", Text, primary_key=True),
    Column("tat", Double, nullable=False),
    Column("marks", JSONB, nullable=False),
    Column("tail", Double, nullable=False, server_default=text("0")),
    Column("closed", Double, nullable=False, server_default=text("0")),
    Column("most", Integer),
    Column("touched_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""One row per bucket, see `Bucket`. The clock is the database's, the same for all machines."""

# A row that is locked by an insert is the newest one, and the time is that after waiting for it. No caller waits for the disk: what the
# last moments before a crash of the database have counted is less than the time it needs to come back.
_LOCK = text("""
insert into rate_buckets as b (key, tat, marks) select k, 0, '[]' from unnest(cast(:keys as text[])) k order by k
on conflict (key) do update set key = excluded.key
returning b.key, b.tat, b.tail, b.closed, b.most, b.marks, extract(epoch from clock_timestamp())::float8 as now,
    (select set_config('synchronous_commit', 'off', true)) as quick
""")
_KEEP = text("""
update rate_buckets b set tat = v.tat, tail = v.tail, closed = v.closed, most = v.most, marks = v.marks, touched_at = now()
from jsonb_to_recordset(cast(:rows as jsonb)) as v(key text, tat float8, tail float8, closed float8, most int, marks jsonb)
where b.key = v.key
""")
# No window is longer than a day, and nothing that a service says is believed for longer.
_FORGET = "delete from rate_buckets where touched_at < now() - interval '2 days'"

Decision = TypeVar("Decision")
Decide = Callable[[dict[str, Bucket], float], tuple[dict[str, Bucket], Decision]]
"""(buckets by key, the database's time) → the buckets that have changed, and what was decided."""


async def decide(database: Database, keys: Sequence[str], decision: Decide[Decision]) -> tuple[Decision, float]:
    """Decide on the newest state of some buckets; what was decided and the database's time. Others wait meanwhile, so be quick."""
    async with database.engine.begin() as connection:
        rows = (await connection.execute(_LOCK, {"keys": sorted(keys)})).all()
        buckets = {row.key: _bucket(row) for row in rows}
        now = max(float(row.now) for row in rows)
        changed, decided = decision(buckets, now)
        documents = [_document(key, bucket) for key, bucket in sorted(changed.items()) if bucket != buckets[key]]
        if documents:
            await connection.execute(_KEEP, {"rows": json.dumps(documents)})
    return decided, now


async def forget_unused(connection: psycopg.AsyncConnection[Any]) -> None:
    """Delete the buckets that no call has used for days, such as those of resources and of removed connectors."""
    await connection.execute(_FORGET)


def _bucket(row: Any) -> Bucket:
    marks = cast("list[tuple[float, float, int]]", row.marks)
    return Bucket(float(row.tat), float(row.tail), float(row.closed), row.most, tuple(Mark(*mark) for mark in marks))


def _document(key: str, bucket: Bucket) -> dict[str, object]:
    return {"key": key, "tat": bucket.tat, "tail": bucket.tail, "closed": bucket.closed, "most": bucket.most, "marks": bucket.marks}
