"""Admission: decide which records of a batch get a run, in the database, exactly even when several batches are enumerated at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal

import psycopg
from sqlalchemy import BigInteger, Column, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from cargo_ai.store.rows import Row

Rule = Literal["always", "once", "noConcurrency"]
Entry = tuple[uuid.UUID, str]
"""A run to be created, and the id of its record."""

WHY = {
    "once": "Skipped: this record has entered before, and this workflow runs once per record.",
    "noConcurrency": "Skipped: an earlier run of this record has not ended.",
}
"""What the run of a skipped record says."""

enrolments = Table(
    "enrolments",
    Row.metadata,
    Column("workflow_uuid", Uuid, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("run_uuids", ARRAY(Uuid), nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
)
"""Which records have entered a workflow: how often, from when to when, and their last runs."""

# The batches of one workflow take turns: what one decides, the next one sees.
TURN = "select pg_advisory_xact_lock(hashtextextended(%s, 11))"
ENTERED = "select record_id from enrolments where workflow_uuid = %s and record_id = any(%s)"
LIVE = """
select e.record_id from enrolments e where e.workflow_uuid = %s and e.record_id = any(%s)
    and exists (select 1 from runs r where r.uuid = any(e.run_uuids) and r.finished_ms is null)
"""
# Of a record that enters many times, the last 16 runs are kept: enough to see whether one of them has not ended.
ENTER = """
insert into enrolments as e (workflow_uuid, record_id, workspace_uuid, run_uuids, times, first_ms, last_ms)
select %(workflow)s, v.record_id, %(workspace)s, array_agg(v.run_uuid), count(*), %(now)s, %(now)s
from unnest(%(records)s::text[], %(runs)s::uuid[]) as v(record_id, run_uuid) group by v.record_id
on conflict (workflow_uuid, record_id) do update set times = e.times + excluded.times, last_ms = excluded.last_ms,
    run_uuids = (e.run_uuids || excluded.run_uuids)[greatest(1, cardinality(e.run_uuids || excluded.run_uuids) - 15):]
"""


async def enter(
    connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, workflow: uuid.UUID, rule: Rule, entries: Sequence[Entry], now: int
) -> set[uuid.UUID]:
    """Write down which records enter, in the connection's transaction; returns the runs whose records may not, to be stored as skipped."""
    await connection.execute(TURN, (str(workflow),))
    barred: set[str] = set()
    if rule != "always":
        names = list({record for _, record in entries})
        cursor = await connection.execute(ENTERED if rule == "once" else LIVE, (workflow, names))
        barred = {row[0] for row in await cursor.fetchall()}
    skipped: set[uuid.UUID] = set()
    entering: list[Entry] = []
    for run, record in entries:
        if record in barred:
            skipped.add(run)
            continue
        if rule != "always":
            barred.add(record)
        entering.append((run, record))
    if entering:
        # In one order for all transactions, so that there is no deadlock.
        entering.sort(key=lambda entry: entry[1])
        named = {"workflow": workflow, "workspace": workspace, "now": now}
        records, runs = [record for _, record in entering], [run for run, _ in entering]
        await connection.execute(ENTER, named | {"records": records, "runs": runs})
    return skipped
