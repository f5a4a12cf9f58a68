"""Partitions by month: each moment has exactly one, also around the turn of a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from cargo_ai.engine.journal import partitions
from cargo_ai.kernel import ids
from tests.unit.engine.conftest import EngineHarness

Link = psycopg.AsyncConnection[Any]
NAMES = (
    "select inhrelid::regclass::text as name from pg_inherits "
    "where inhparent = '{}'::regclass and inhrelid::regclass::text !~ '_other$' order by 1"
)


async def named(harness: EngineHarness, table: str) -> list[str]:
    return [row["name"] for row in await harness.rows(NAMES.format(table))]


def month_after(moment: datetime, months: int) -> datetime:
    at = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=at // 12, month=at % 12 + 1)


@pytest.fixture
async def year(harness: EngineHarness, connection: Link) -> datetime:
    """Partitions for a year and more; the first of this month."""
    await partitions.create_partitions(connection, 14)
    (row,) = await harness.rows("select date_trunc('month', now() at time zone 'utc') as month")
    found: datetime = row["month"]
    return found.replace(tzinfo=UTC)


async def test_what_is_there_is_not_made_again(year: datetime, connection: Link) -> None:
    assert await partitions.create_partitions(connection, 14) == 0
    assert await partitions.create_partitions(connection) == 0


async def test_last_months_to_come_and_present_have_a_partition_each(harness: EngineHarness, year: datetime) -> None:
    months = [month_after(year, at) for at in range(-1, 15)]
    same = ("runs", "packed_executions", "packed_bodies")
    for table, prefix in (("execution_rows", "executions"), *((name, name) for name in same)):
        # A database that was made last month has one month more.
        found = [name for name in await named(harness, table) if name >= f"{prefix}_{months[0]:%Y_%m}"]
        assert found == [f"{prefix}_{month:%Y_%m}" for month in months]


async def lies_in(connection: Link, moment: datetime, table: str) -> str:
    """The partition that a row of that moment comes into; the row is not kept."""
    uid = ids.first_at(moment.timestamp())
    columns: dict[str, LiteralString] = {
        "runs": "runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, trace_uuid, record_id, record_title, record, "
        "created_ms, updated_ms) values (%(u)s, %(u)s, %(u)s, %(u)s, %(u)s, %(u)s, '', '', '{}', 0, 0)",
        "executions": "execution_rows (run_uuid, seq, workspace_uuid, node_uuid, node_slug, visit, status, title, credits, started_ms, "
        "finished_ms) values (%(u)s, 0, %(u)s, '', '', 1, '', '', 0, 0, 0)",
        "packed_executions": "packed_executions (run_uuid, seq, item, workspace_uuid, path_uuid, body_uuid, started_ms, times) "
        "values (%(u)s, 0, 1, %(u)s, %(u)s, %(u)s, 0, '{0,0}')",
        "packed_bodies": "packed_bodies (uuid, workspace_uuid, titles, outputs, configs) values (%(u)s, %(u)s, '{}', '{}', '{}')",
    }
    async with connection.transaction(force_rollback=True):
        row = await (
            await connection.execute("insert into " + columns[table] + " returning tableoid::regclass::text", {"u": uid})
        ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("table", ["runs", "executions", "packed_executions", "packed_bodies"])
async def test_every_turn_of_a_month_also_of_a_year_is_on_the_right_side(year: datetime, connection: Link, table: str) -> None:
    seen: set[int] = set()
    for months in range(14):
        turn = month_after(year, months)
        seen.add(turn.month)
        before = turn - timedelta(milliseconds=1)
        assert await lies_in(connection, turn, table) == f"{table}_{turn:%Y_%m}"
        assert await lies_in(connection, before, table) == f"{table}_{before:%Y_%m}"
    assert {12, 1} <= seen


async def test_what_a_clock_that_is_far_off_writes_is_not_refused(connection: Link, year: datetime) -> None:
    assert await lies_in(connection, datetime(1999, 1, 1, tzinfo=UTC), "runs") == "runs_other"
    assert await lies_in(connection, datetime(2300, 1, 1, tzinfo=UTC), "executions") == "executions_other"


async def test_the_time_zone_of_a_session_moves_no_month(connection: Link, year: datetime) -> None:
    await connection.execute("set time zone 'Pacific/Kiritimati'")
    assert await partitions.create_partitions(connection, 15) == 1
    turn = month_after(year, 15)
    assert await lies_in(connection, turn, "runs") == f"runs_{turn:%Y_%m}"
    assert await lies_in(connection, turn - timedelta(milliseconds=1), "runs") != f"runs_{turn:%Y_%m}"
