"""Fill the journal as a server of some months has it: copies of what a real batch has written, spread over days, batches and states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import psycopg

from bench import report
from cargo_ai.engine.journal import failures, tables

Connection = psycopg.Connection[Any]

DAYS, DAY_MS = 30, 86_400_000
PER_BATCH = 10_000
PER_SHARD = 500
AT_ONCE = 100_000
FAILED_EVERY, PARKED = 20, 40
"""One run in every 20 has failed at its last node; 40 wait at theirs."""

# A copy's id begins with its time, as those of the product do; number and time are enough to compute those of its batch and shard.
ID = "(lpad(to_hex({ms}), 12, '0') || '7{kind}8000' || lpad(to_hex({number}), 12, '0'))::uuid"
COPIES = f"""
create temp table copies as
select n, s.uuid as source, {{run}} as run, {{shard}} as shard, {{batch}} as batch, m.ms as ms,
    case when n %% {FAILED_EVERY} = 7 then 'error' when %(last)s - n <= {PARKED} then 'idle' else 'success' end as status
from generate_series(%(first)s::bigint, %(last)s::bigint - 1) as n
    cross join lateral (select %(start)s::bigint + n * %(step)s::bigint as ms) as m
    cross join lateral (
        select %(start)s::bigint + (n / {PER_SHARD}) * {PER_SHARD} * %(step)s::bigint as shard_ms,
            %(start)s::bigint + (n / {PER_BATCH}) * {PER_BATCH} * %(step)s::bigint as batch_ms
    ) as b
    join sources s on s.no = n %% (select count(*) from sources)
"""
RUN = {
    "uuid": "c.run",
    "batch_uuid": "c.batch",
    "shard_uuid": "c.shard",
    "trace_uuid": "c.batch",
    "record_id": "'company-' || c.n % {records}",
    "record_title": "'Company ' || c.n % {records}",
    "status": "c.status",
    "rare_status": "nullif(c.status, 'success')",
    "position": "case when c.status = 'idle' then {node} end",
    "pending": "case when c.status = 'idle' then '{{\"attempt\": 1}}'::json end",
    "error_message": "case when c.status = 'error' then 'The service answered 500: record ' || c.n end",
    "created_ms": "c.ms",
    "updated_ms": "c.ms + 300",
    "finished_ms": "case when c.status <> 'idle' then c.ms + 300 end",
}
EXECUTION = {
    "run_uuid": "c.run",
    "status": "case when c.status = 'error' and t.seq = 4 then 'error' else t.status end",
    "error_message": "case when c.status = 'error' and t.seq = 4 then 'The service answered 500: record ' || c.n end",
    "started_ms": "c.ms + 200 + t.seq",
    "finished_ms": "c.ms + 210 + t.seq",
}
PACKED = {"run_uuid": "c.run", "started_ms": "c.ms + 200"}
"""Copies share the bodies of what they are copies of."""
BATCH = {
    "uuid": "c.batch",
    "trace_uuid": "c.batch",
    "cursor": "c.runs",
    "executed_count": "c.runs - c.idle",
    "failed_count": "c.failed",
    "created_ms": "c.ms",
    "updated_ms": "c.last_ms + 1000",
    "status": "case when c.idle > 0 then 'running' else 'success' end",
    "finished_ms": "case when c.idle = 0 then c.last_ms + 1000 end",
}
SHARD = {"uuid": "c.shard", "batch_uuid": "c.batch", "state": "'done'", "first_run": "c.first", "last_run": "c.last", "executed": "c.runs"}
METRICS = {"batch_uuid": "c.batch", "hour": "c.ms / 3600000", "total": "c.runs", "success": "c.runs - c.failed", "error": "c.failed"}
BY_BATCH = """
(select batch, min(ms) as ms, max(ms) as last_ms, count(*) as runs, count(*) filter (where status = 'error') as failed,
    count(*) filter (where status = 'idle') as idle from copies group by 1) c
"""
INDEXES = """
select c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = any (array['runs', 'execution_rows', 'packed_executions']::regclass[]) and not i.indisunique order by i.indexrelid
"""
NOTED = """
insert into failed_runs (workflow_uuid, run_uuid, workspace_uuid)
select workflow_uuid, uuid, workspace_uuid from runs where rare_status = 'error' on conflict do nothing
"""
BY_SHARD = (
    "(select shard, batch, min(run::text)::uuid as first, max(run::text)::uuid as last, count(*) as runs from copies group by 1, 2) c"
)


def fill(connection: Connection, batch: str, runs: int, *, last_day: int = 0) -> None:
    """Insert copies of the runs of a finished batch of five nodes over the last days: evenly, or with `last_day` of them in the last one.

    The connection is in autocommit mode.
    """
    began = time.monotonic()
    now = int(time.time() * 1000)
    earlier = runs - last_day
    step = max(1, (DAYS - bool(last_day)) * DAY_MS // earlier)
    start = now - 60_000 - bool(last_day) * DAY_MS - step * earlier
    quick = DAY_MS // max(1, last_day)
    connection.execute(b"drop table if exists sources")
    connection.execute(
        b"create temp table sources as select row_number() over (order by uuid) - 1 as no, uuid from runs where batch_uuid = %s limit 1000",
        (batch,),
    )
    # Nothing is read meanwhile: a sorted index costs a fraction of one that grows row by row.
    connection.execute(b"set synchronous_commit = off")
    connection.execute(b"set maintenance_work_mem = '512MB'")
    indexes = connection.execute(INDEXES.encode()).fetchall()
    for name, _ in indexes:
        connection.execute(f'drop index "{name}"'.encode())
    for first in range(0, runs, AT_ONCE):
        values = {"first": first, "last": min(runs, first + AT_ONCE), "start": start, "step": step, "batch": batch}
        if first >= earlier:
            values |= {"start": now - 60_000 - quick * runs, "step": quick}
        # A few of the youngest only: whatever waits for a month is not a common sight.
        _copy(connection, values, runs, last=values["last"] == runs)
        report.say(f"journal: {values['last']:,} of {runs:,} runs, {time.monotonic() - began:.0f} s")
    for _, definition in indexes:
        connection.execute(str(definition).encode())
    connection.execute(b"vacuum (analyze) runs, execution_rows, packed_executions, path_steps, batches, shards, node_metrics")
    # As flushes note them; a worker would count them, part by part.
    connection.execute(NOTED.encode())
    while (connection.execute(failures.FOLD.encode()).fetchone() or (0,))[0]:
        pass
    connection.execute(b"vacuum (analyze) failed_runs, failure_counts")
    report.say(f"journal: indexes and statistics, {time.monotonic() - began:.0f} s")


def _copy(connection: Connection, values: Mapping[str, Any], runs: int, *, last: bool) -> None:
    def an_id(kind: str, ms: str, number: str) -> str:
        return ID.format(kind=kind, ms=ms, number=number)

    query = COPIES.format(
        run=an_id("000", "m.ms", "n"),
        shard=an_id("001", "b.shard_ms", f"n / {PER_SHARD}"),
        batch=an_id("002", "b.batch_ms", f"n / {PER_BATCH}"),
    )
    connection.execute(b"drop table if exists copies")
    connection.execute(query.encode(), values)
    if not last:
        connection.execute(b"update copies set status = 'success' where status = 'idle'")
    connection.execute(b"analyze copies")
    node = "(select e.node_uuid from executions e where e.run_uuid = c.source and e.seq = 3)"
    run = {name: text.format(records=max(1, runs // 2), node=node) for name, text in RUN.items()}
    # In the order of their ids, as they are created.
    _insert(connection, tables.runs, run, "copies c join runs t on t.uuid = c.source order by c.run")
    done = "copies c join packed_executions t on t.run_uuid = c.source"
    _insert(connection, tables.packed_executions, PACKED, f"{done} where c.status = 'success' order by c.run")
    others = "copies c cross join lateral (select * from executions x where x.run_uuid = c.source offset 0) t"
    _insert(connection, tables.execution_rows, EXECUTION, f"{others} where c.status <> 'success' order by c.run, t.seq")
    of_batch = "where t.batch_uuid = %(batch)s"
    upsert = " on conflict (uuid) do nothing"
    _insert(connection, tables.batches, BATCH, f"{BY_BATCH} cross join batches t where t.uuid = %(batch)s{upsert}", values)
    one = "(select * from shards where batch_uuid = %(batch)s limit 1) t"
    _insert(connection, tables.shards, SHARD, f"{BY_SHARD} cross join {one}{upsert}", values)
    counted = f"{BY_BATCH} cross join (select distinct on (node_uuid) t.* from node_metrics t {of_batch}) t on conflict do nothing"
    _insert(connection, tables.node_metrics, METRICS, counted, values)


def _insert(connection: Connection, table: Any, own: Mapping[str, str], source: str, values: Mapping[str, Any] | None = None) -> None:
    """Rows like those of `t` in the source, apart from the columns that are given."""
    names = ", ".join(f'"{column.name}"' for column in table.c)
    columns = ", ".join(own.get(column.name, f't."{column.name}"') for column in table.c)
    if values is not None:
        columns = columns.replace(" % ", " %% ")
    connection.execute(f"insert into {table.name} ({names}) select {columns} from {source}".encode(), values)
