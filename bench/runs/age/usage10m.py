"""usage10m: what was used in a month, by day and workflow, with 10,000,000 executions in the journal."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import psycopg

from bench import report
from bench.report import Json
from bench.temporary_server import MeasurementFailed, TemporaryServer

EXECUTIONS = int(os.environ.get("BENCH_EXECUTIONS", "10000000"))
NODES = 5
WORKFLOWS, DAYS, BATCHES = 50, 30, 10
"""Batches of each workflow on each day."""
SLOTS = 2
TIMES = 9
CREDITS = "0.5"
FLUSH_MS = 50
"""What is charged within this time is one charge of a label."""

RUNS = f"""
create table bench_runs as
select (lpad(to_hex(m.ms + n %% 80000000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid as run, b.*, m.ms + n %% 80000000 as ms
from generate_series(0, %(runs)s - 1) as n
    cross join lateral (select n %% {WORKFLOWS * DAYS * BATCHES} as batch) as s
    cross join lateral (select s.batch, s.batch %% {WORKFLOWS} as workflow, s.batch / {WORKFLOWS * BATCHES} as day) as b
    cross join lateral (select (extract(epoch from %(first)s::date + b.day) * 1000)::bigint as ms) as m
"""
EXECUTED = f"""
insert into execution_rows (run_uuid, seq, workspace_uuid, node_uuid, node_slug, visit, status, title, output, config, credits,
    started_ms, finished_ms)
select run, seq, %(workspace)s, 'node' || seq, 'node_' || seq, 1, 'success', '', '{{}}', '{{}}',
    case when seq = 1 then {CREDITS} else 0 end, ms, ms + 10
from bench_runs cross join generate_series(0, {NODES - 1}) as seq
"""
LABELS = """
insert into ledger_labels (uuid, workspace_uuid, unit, slug, workflow_uuid, batch_uuid, integration_slug)
select md5(l.unit || batch)::uuid, %(workspace)s, l.unit, l.slug, md5('workflow' || workflow)::uuid, md5('batch' || batch)::uuid,
    l.integration
from (select distinct batch, workflow from bench_runs) as b cross join (values
    ('billing.credits', 'integration.hunter.action.findEmail', 'hunter'), ('orchestration.executions', 'success', null)
) as l (unit, slug, integration)
"""
CHARGES = f"""
insert into ledger_charges (source_uuid, number, workspace_uuid, label_uuid, day, amount, executions)
select md5(f.flush::text)::uuid, f.batch, %(workspace)s, md5('billing.credits' || f.batch)::uuid, f.day, {CREDITS} * count(*), count(*)
from (select batch, (to_timestamp((ms + 10) / 1000.0) at time zone 'UTC')::date as day, ms / {FLUSH_MS} as flush from bench_runs) as f
group by f.batch, f.day, f.flush
"""
# What the journal's flushes add up.
USAGE = f"""
insert into ledger_usage (workspace_uuid, day, label_uuid, slot, amount, count)
select %(workspace)s, (to_timestamp((ms + 10) / 1000.0) at time zone 'UTC')::date, md5(u.unit || batch)::uuid, ms %% {SLOTS},
    sum(u.amount), sum(u.count)
from bench_runs cross join (values ('billing.credits', {CREDITS}, 1), ('orchestration.executions', 0, {NODES})) as u (unit, amount, count)
group by 2, 3, 4
"""
# The same answer without the sums.
SCANNED = """
select c.day, l.workflow_uuid, sum(c.amount) from ledger_charges c
join ledger_labels l on l.uuid = c.label_uuid where c.workspace_uuid = %(workspace)s group by 1, 2
"""


def _fill(connection: psycopg.Connection[Any], workspace: str) -> str:
    """A month that ends today; its first day."""
    runs = EXECUTIONS // NODES
    row = connection.execute(f"select (now() at time zone 'UTC')::date - {DAYS - 1}".encode()).fetchone()
    values = {"runs": runs, "workspace": workspace, "first": row[0] if row else None}
    for statement in (RUNS, LABELS, EXECUTED, CHARGES, USAGE):
        began = time.monotonic()
        connection.execute(statement.encode(), values)
        report.say(f"{statement.split()[0]} {statement.split()[2]}: {time.monotonic() - began:.0f} s")
    connection.execute("analyze ledger_labels, ledger_usage, ledger_charges")
    return str(values["first"])


def measure() -> Json:
    """Nine answers by the API, the first of them cold; the sum is that of the charges."""
    with TemporaryServer(workers=1) as server:
        workspace = str(server.api.send("GET", "/workspaceManagement/workspaces/current")["workspace"]["uuid"])
        with psycopg.connect(server.database().owner_url, autocommit=True) as connection:
            first = _fill(connection, workspace)
            last = str(connection.execute("select (now() at time zone 'UTC')::date + 1").fetchone()[0])  # type: ignore[index]
            path = f"/billing/usage/metrics?from={first}&to={last}&groupBy=workflow_uuid"
            api = server.connect()  # the server has hung up on the other one meanwhile
            took: list[float] = []
            reply: Json = {}
            for _ in range(TIMES):
                began = time.perf_counter()
                reply = api.send("GET", path)
                took.append(time.perf_counter() - began)
            api.close()
            began = time.perf_counter()
            scanned = connection.execute(SCANNED.encode(), {"workspace": workspace}).fetchall()
            by_scan = time.perf_counter() - began
    items = [item for metric in reply["metrics"] for item in metric["items"]]
    executions = sum(item["count"] for item in items if item["unit"] == "orchestration.executions")
    if reply["totalUsage"] != float(sum(row[2] for row in scanned)) or executions != EXECUTIONS // NODES * NODES:
        raise MeasurementFailed(f"the sums differ: {reply['totalUsage']}, {executions}")
    return report.figure(
        [report.at_most("seconds of the slowest answer", max(took), 1)],
        {
            "executions": executions,
            "items": len(items),
            "milliseconds": report.milliseconds(took),
            "secondsByScanning": report.rounded(by_scan),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("usage10m", measure))
