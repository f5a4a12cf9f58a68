"""segmentChanges: what differs in a segment of all companies: compared as a whole and by the log of what was touched, against DuckDB."""

from __future__ import annotations

import sys
from typing import Any

import duckdb
import psycopg

from bench import report
from bench.data.companies_server import ROUNDS, ROWS, CompaniesServer, run, seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed

SHARE = 100
"""Every hundredth company changes; half as many come, half as many go."""


def _touch(connection: psycopg.Connection[Any], table: str, turn: int) -> tuple[int, int, int]:
    """Change companies behind the API's back, which the table's own log notes all the same; (added, updated, removed)."""
    update = f"update {table} set score = score + 1 where hashtext(id) % {SHARE} = {turn} and score is not null"
    changed = run(connection, f"with u as ({update} returning 1) select count(*) from u")
    where = f"where hashtext(id) % {2 * SHARE} = {-turn - 1}"
    gone = run(connection, f"with d as (delete from {table} {where} returning 1) select count(*) from d")
    made = (
        f"insert into {table} (_id, _emitted_at, _created_at, _updated_at, id, name) "
        f"select 'n' || i || '-{turn}', now(), now(), now(), 'n' || i || '-{turn}', 'New' "
        f"from generate_series(1, {ROWS // SHARE // 2}) as i"
    )
    run(connection, made)
    connection.commit()
    return ROWS // SHARE // 2, int(changed[0]), int(gone[0])


def _duck(connection: duckdb.DuckDBPyConnection, turn: int) -> None:
    """The same shares of change."""
    connection.execute(f"update t set score = score + 1 where hash(id) % {SHARE} = {turn}")
    connection.execute(f"delete from t where hash(id) % {2 * SHARE} = {SHARE + turn}")
    connection.execute(f"insert into t (id, name) select 'n' || i || '-{turn}', 'New' from range({ROWS // SHARE // 2}) as r (i)")


_DELTA = (
    "create or replace temp table d as select coalesce(n.id, o.id) as id, n.h, "
    "case when o.id is null then 'a' when n.id is null then 'r' else 'u' end as kind "
    "from (select id, hash(t) as h from t) as n full join snap as o on o.id = n.id where o.id is null or n.id is null or o.h <> n.h"
)


def _duck_diff(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("begin")
    connection.execute(_DELTA)
    connection.execute("delete from snap where id in (select id from d where kind <> 'a')")
    connection.execute("insert into snap select id, h from d where kind <> 'r'")
    connection.execute("insert into noted select id, kind from d")
    connection.execute("commit")


def measure() -> Json:
    """Three rounds by turns; medians. Ours is the request that compares, and the wait where a worker does it; DuckDB compares, keeps the
    difference and the new state."""
    by_log, whole, duck = list[float](), list[float](), list[float]()
    with CompaniesServer(workers=1) as server:
        model, other = server.loaded(), server.duck_companies()
        other.execute("create table snap as select id, hash(t) as h from t")
        other.execute("create table noted (id varchar, kind varchar)")
        fields: Json = {"modelUuid": model, "name": "All", "filter": {"conjonction": "and", "groups": []}}
        segment = str(server.slow.post("/segmentation/segments", fields)["segment"]["uuid"])

        def compare() -> Json:
            found: Json = server.slow.post("/segmentation/changes", {"segmentUuid": segment})["change"]
            while found["status"] in {"pending", "running"}:
                found = server.slow.final(f"/segmentation/changes/{found['uuid']}")["change"]
            return found

        with psycopg.connect(server.url) as connection:
            table = server.table(model)
            compare()
            connection.autocommit = True
            run(connection, f"vacuum analyze {table}")
            run(connection, "vacuum analyze segment_members")
            connection.autocommit = False
            for turn in range(2 * ROUNDS):
                # The second of two goes without the log: a snapshot of another filter is compared as a whole.
                expected = _touch(connection, table, turn)
                if turn % 2:
                    run(connection, "update segments set snapshot = jsonb_set(snapshot::jsonb, '{rule}', '\"\"')::json")
                    connection.commit()
                found: Json = {}
                (whole if turn % 2 else by_log).append(seconds(lambda found=found: found.update(compare())))
                counted = (found["addedRecordsCount"], found["updatedRecordsCount"], found["removedRecordsCount"])
                if counted != expected:
                    raise MeasurementFailed(f"The comparison found {counted}, not {expected}.")
                _duck(other, turn)
                duck.append(seconds(lambda: _duck_diff(other)))
        other.close()
    bare = report.median(duck)
    return report.figure(
        [
            report.at_most("as a whole, times DuckDB's comparison", report.median(whole) / bare, 8),
            report.at_most("by the log, times DuckDB's comparison", report.median(by_log) / bare, 3),
        ],
        {
            "rows": ROWS,
            "seconds": [report.rounded(one) for one in whole],
            "byLogSeconds": [report.rounded(one) for one in by_log],
            "duckdbSeconds": [report.rounded(one) for one in duck],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("segmentChanges", measure))
