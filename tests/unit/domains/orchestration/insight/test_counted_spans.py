"""SQL that only counts executions reads them gathered, and gives what it gives row by row."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

import pytest
import pytest_asyncio

from cargo_ai.domains.orchestration.insight import query_tables
from cargo_ai.records.catalog import Catalog
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.user_sql import guard
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [
    node("start", children=("large",)),
    node("large", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}),
    node("end"),
]
BASE = 1_772_359_200_000
ROW_BY_ROW = "HAVING count(record_id) >= 0"
"""Not on the list, and true of every group."""


def counted(query: str) -> bool:
    """Whether it reads gathered rows."""
    return "packed_runs" in guard.check(query, Catalog(uuid.UUID(int=1), "login", query_tables.RELATIONS), clickhouse=True).sql


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(backend: Backend) -> Backend:
    """Forty packed runs that begin a second apart, whose nodes begin up to 30 s later, one that failed, and one that waits."""
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    records = [{"_id": f"r{number}", "minutes": 0} for number in range(40)]
    await backend.batch(records, workflowUuid=workflow)
    await backend.run({"_id": "bad", "minutes": "soon"}, workflowUuid=workflow)
    waits = await backend.admin.call("orchestration.run.create", workflowUuid=workflow, data={"_id": "d", "minutes": 60})
    await backend.parked(waits["run"]["uuid"])
    theirs, _ = await backend.other_api.deployed(GRAPH)
    made = await backend.other_api.call("orchestration.run.create", workflowUuid=theirs["workflowUuid"], data={"_id": "secret"})
    await backend.ended("runs", made["run"]["uuid"], backend.other_api)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        await raw.execute(
            "update packed_executions p set started_ms = %s + 1000 * o.n, times = array[0, 5, 15000, 15005, 30000, 30005]::smallint[]"
            " from (select run_uuid, row_number() over (order by run_uuid) as n from packed_executions) o where o.run_uuid = p.run_uuid",
            (BASE,),
        )
        await raw.execute("update execution_rows set started_ms = %s + 7000 * seq", (BASE,))
        await raw.execute("update runs set updated_ms = %s where rare_status = 'idle'", (BASE + 9000,))
        packed = await (await raw.execute("select count(*) from packed_executions ")).fetchone()
        assert packed[0] == 40
        await db.commit()
    return backend


async def rows(backend: Backend, query: str) -> list[Any]:
    """The rows that the admin gets."""
    return (await backend.admin.call("orchestration.query.execute", query=query))["rows"]


def at(ms: int) -> str:
    """A moment after the beginning, in SQL."""
    return f"'{datetime.fromtimestamp((BASE + ms) / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}'"


BOUNDS = [
    "",
    *(f"WHERE execution_started_at >= {at(ms)}" for ms in (-1, 0, 999, 1000, 15_000, 31_001, 60_000, 90_000)),
    *(f"WHERE execution_started_at {sign} {at(16_000)}" for sign in (">", "<", "<=")),
    f"WHERE {at(16_000)} < execution_started_at",
    f"WHERE execution_started_at BETWEEN {at(5_000)} AND {at(9_000)}",
    "WHERE execution_started_at > '2026-03-01 10:00:05' AND execution_started_at < now() - INTERVAL 1 DAY",
    "WHERE execution_started_at >= NULL",
    "WHERE execution_started_at < 'infinity' AND execution_status <> 'error'",
    "WHERE node_slug IN ('start', 'large') AND NOT (execution_status = 'pending')",
]


async def test_what_is_counted_gathered_is_what_is_counted_row_by_row(past: Backend) -> None:
    for where in BOUNDS:
        head = "SELECT node_slug, execution_status AS status, count(*) AS n, sum(execution_credits_used_count) + 1 AS credits FROM spans"
        query = f"{head} {where} GROUP BY node_slug, status {{}} ORDER BY n DESC, node_slug, status LIMIT 50"
        assert counted(query.format("")), where
        assert not counted(query.format(ROW_BY_ROW))
        assert await rows(past, query.format("")) == await rows(past, query.format(ROW_BY_ROW)), where
    assert len(await rows(past, "SELECT node_slug, count() AS n FROM spans GROUP BY 1")) == 4


NATURAL = [
    "SELECT count(*) FROM spans {}",
    "SELECT count(), sum(execution_credits_used_count) FROM spans WHERE execution_status = 'success' {}",
    "SELECT count() AS n FROM spans WHERE node_slug = 'nothing' {}",
    "SELECT node_slug, countIf(execution_status = 'error') AS failed, count() FROM spans GROUP BY node_slug {} ORDER BY node_slug",
    "SELECT node_slug, sumIf(execution_credits_used_count, execution_status = 'error') AS c FROM spans GROUP BY 1 {} ORDER BY 1",
]
GROUPS = ["count(*) > 1", "count() > 39 AND node_slug <> 'end'", "NOT (n <= 1 OR sum(execution_credits_used_count) > 0)", "n = 1"]


async def test_totals_conditions_of_aggregates_and_having_are_counted_gathered_too(past: Backend) -> None:
    for query in NATURAL:
        assert counted(query.format("")), query
        assert not counted(query.format(ROW_BY_ROW)), query
        found = await rows(past, query.format(""))
        assert found == await rows(past, query.format(ROW_BY_ROW)), query
        assert found
    head = "SELECT node_slug, count() AS n FROM spans GROUP BY node_slug HAVING"
    for having in GROUPS:
        assert counted(f"{head} {having}"), having
        one_by_one = f"{head} ({having}) AND count(record_id) >= 0 ORDER BY node_slug"
        assert await rows(past, f"{head} {having} ORDER BY node_slug") == await rows(past, one_by_one), having


LASTED = "execution_finished_at - execution_started_at"
MS = "dateDiff('millisecond', execution_started_at, execution_finished_at)"
MEASURES = [
    f"avg({LASTED})",
    f"round(avg({MS}), 2)",
    f"sum({LASTED})",
    f"min({MS})",
    f"max({LASTED}) * 1000",
    f"avgIf({MS}, execution_status = 'success')",
    f"sumIf({LASTED}, node_slug = 'large')",
    f"countIf({MS} > 1000) / count()",
    f"median({LASTED})",
    f"quantile(0.9)({LASTED})",
    f"quantileExact(0.3)({MS})",
    f"quantiles(0, 0.25, 0.5, 0.99, 1)(({LASTED}) * 1000)",
    f"quantileIf(0.5)({MS}, execution_status = 'success')",
    f"percentile_cont(0.95) WITHIN GROUP (ORDER BY {LASTED})",
    f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {MS})",
    "AVG(TIMESTAMP_DIFF(execution_finished_at, execution_started_at, MILLISECOND))",
    "SUM(TIMESTAMP_DIFF(execution_finished_at, execution_started_at, SECOND))",
]
STARTS = [
    "toStartOfHour(execution_started_at)",
    "toStartOfInterval(execution_started_at, INTERVAL 6 HOUR)",
    "toDate(execution_started_at)",
    "date_trunc('hour', execution_started_at)",
    "CAST(execution_started_at AS date)",
    "EXTRACT(HOUR FROM execution_started_at)",
    "toDayOfWeek(execution_started_at)",
    "toStartOfMinute(execution_started_at)",
    "toStartOfInterval(execution_started_at, INTERVAL 7 MINUTES)",
]
SPREAD = [
    "",
    f"WHERE execution_started_at >= {at(-9_000)} AND execution_started_at < {at(9_000_000)}",
    f"WHERE execution_started_at BETWEEN {at(3_580_000)} AND {at(3_620_000)} AND execution_status <> 'pending'",
    f"WHERE {LASTED} > 0.2 AND node_slug <> 'end'",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spread(past: Backend) -> Backend:
    """The same runs, in all hours of some days, many close to a quarter's end; nodes take anything from nothing to 30 s."""
    random = Random(7)
    async with past.state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        found = await (await raw.execute("select run_uuid from packed_executions order by run_uuid")).fetchall()
        for number, (run,) in enumerate(found):
            began = BASE + random.choice([0, 3_600_000, 86_400_000]) * random.randrange(5) + random.randrange(-30_000, 9_000)
            first, second, third = sorted(random.choice([0, random.randrange(31_000)]) for _ in range(3))
            lasted = [0, random.randrange(9), random.choice([1, 250])]
            times = [0, first, second, second + lasted[1], third, third + lasted[2]] if number % 2 else [0, 0, 1, 1, 1, 2]
            await raw.execute(
                "update packed_executions set started_ms = %s, times = %s::smallint[] where run_uuid = %s", (began, times, run)
            )
        await db.commit()
    return past


def alike(one: Any, other: Any) -> bool:
    """The same but for the last digits of fractions, which depend on the order in which they are added up."""
    if isinstance(one, list):
        ours, theirs = cast("list[Any]", one), cast("list[Any]", other)
        return len(ours) == len(theirs) and all(alike(*pair) for pair in zip(ours, theirs, strict=True))
    if isinstance(one, dict):
        named, others = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return list(named) == list(others) and alike(list(named.values()), list(others.values()))
    return one == other or (isinstance(one, float | int) and isinstance(other, float | int) and math.isclose(one, other, rel_tol=1e-9))


ALL_MEASURES = ", ".join(f"{measure} AS x{number}" for number, measure in enumerate(MEASURES))


async def test_durations_and_hours_gathered_are_those_row_by_row(spread: Backend) -> None:
    for number, start in enumerate(["", *STARTS, *STARTS[:2]]):
        where = SPREAD[number % len(SPREAD)]
        keys, group = (f"node_slug, {start} AS began", "node_slug, began") if start else ("node_slug", "node_slug")
        query = f"SELECT {keys}, count() AS n, {ALL_MEASURES} FROM spans {where} GROUP BY {group} {{}} ORDER BY {group}"
        assert counted(query.format("")), query
        assert not counted(query.format(ROW_BY_ROW)), query
        gathered, one_by_one = await rows(spread, query.format("")), await rows(spread, query.format(ROW_BY_ROW))
        assert alike(gathered, one_by_one), (query, gathered, one_by_one)
        assert gathered


async def test_only_hours_and_only_durations_are_gathered_too(spread: Backend) -> None:
    for measure in MEASURES:
        assert counted(f"SELECT {measure} AS x FROM spans"), measure
    for start in STARTS:
        query = f"SELECT {start} AS began, count() AS n FROM spans GROUP BY {start} {{}} ORDER BY {start}"
        assert counted(query.format("")), query
        assert await rows(spread, query.format("")) == await rows(spread, query.format(ROW_BY_ROW)), query


async def test_whole_seconds_are_gathered_by_where_in_a_second_executions_begin(spread: Backend) -> None:
    seconds = "dateDiff('second', execution_started_at, execution_finished_at)"
    for where in SPREAD:
        head = f"SELECT node_slug, sum({seconds}) AS a, avg({seconds}) AS b, median({seconds}) AS c, countIf({MS} > 250) AS d FROM spans"
        query = f"{head} {where} GROUP BY node_slug {{}} ORDER BY node_slug"
        assert counted(query.format("")), query
        found = await rows(spread, query.format(""))
        assert alike(found, await rows(spread, query.format(ROW_BY_ROW))), query
        assert found


async def test_measures_of_nothing_are_nothing(spread: Backend) -> None:
    query = f"SELECT {ALL_MEASURES} FROM spans WHERE node_slug = 'nothing' {{}}"
    assert await rows(spread, query.format("")) == await rows(spread, query.format(ROW_BY_ROW))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT node_slug FROM spans",
        "SELECT node_slug, count(*) AS n FROM spans GROUP BY node_slug HAVING max(record_id) > 'r'",
        "SELECT node_slug, count(DISTINCT record_id) AS n FROM spans GROUP BY node_slug",
        "SELECT record_id, count(*) AS n FROM spans GROUP BY record_id",
        "SELECT node_slug, countIf(record_id = 'r1') AS n FROM spans GROUP BY node_slug",
        "SELECT node_slug, count(*) AS n FROM spans WHERE record_id = 'r1' GROUP BY node_slug",
        "SELECT node_slug, count(*) AS n FROM spans WHERE execution_started_at > execution_finished_at GROUP BY node_slug",
        "SELECT toStartOfSecond(execution_started_at) AS second, count(*) AS n FROM spans GROUP BY second",
        "SELECT toStartOfInterval(execution_started_at, INTERVAL 20 SECOND) AS third, count(*) AS n FROM spans GROUP BY third",
        "SELECT node_slug, avg(dateDiff('minute', execution_started_at, execution_finished_at)) AS a FROM spans GROUP BY node_slug",
        "SELECT toDate(execution_started_at), max(dateDiff('second', execution_started_at, execution_finished_at)) FROM spans GROUP BY 1",
        "SELECT node_slug, max(execution_started_at) AS last FROM spans GROUP BY node_slug",
        "SELECT node_slug, avg(execution_finished_at - now()) AS a FROM spans GROUP BY node_slug",
        "SELECT node_slug, sum(execution_started_at - execution_finished_at) AS a FROM spans GROUP BY node_slug",
        "SELECT node_slug, count(*) AS row_weight FROM spans GROUP BY node_slug",
        "SELECT s.node_slug, count(*) AS n FROM spans s JOIN runs r ON r.uuid = s.run_uuid GROUP BY s.node_slug",
    ],
)
async def test_what_asks_for_more_is_read_row_by_row(query: str) -> None:
    assert not counted(query)
