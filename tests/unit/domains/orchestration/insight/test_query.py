"""SQL over what has run: the documented functions mean what they mean in ClickHouse, and no one sees more than the own workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import text

from cargo_ai.domains.orchestration.insight import query as query_room
from cargo_ai.domains.orchestration.insight import query_tables
from cargo_ai.engine.journal.tables import runs
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.user_sql.run import roles
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [
    node("start", children=("pick",)),
    node("pick", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}),
    node("end"),
]


@dataclass(frozen=True)
class Past:
    """Four runs of a tool, then a batch of two; their times are set: 2026-03-01 10:00:00, 10:00:10, … and each took 1, 2, … seconds."""

    backend: Backend
    workflow: str
    batch: str

    async def rows(self, query: str) -> list[Body]:
        """The rows that the admin gets."""
        return (await self.backend.admin.call("orchestration.query.execute", query=query))["rows"]

    async def value(self, expression: str, source: str = "runs") -> Any:
        """The only value of one expression over a table."""
        (row,) = await self.rows(f"SELECT {expression} AS value FROM {source}")
        return row["value"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(backend: Backend) -> Past:
    """Everything that has run."""
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    for data in ({"_id": "a", "name": "Acme"}, {"_id": "b", "name": "Beta", "minutes": "soon"}, {"_id": "c", "name": "O'Hara"}):
        await backend.run(data, workflowUuid=workflow)
    waits = await backend.admin.call("orchestration.run.create", workflowUuid=workflow, data={"_id": "d", "minutes": 60})
    await backend.parked(waits["run"]["uuid"])
    batch = await backend.batch([{"_id": "b", "name": "Beta"}, {"_id": "e", "minutes": "soon"}], workflowUuid=workflow)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        base = 1_772_359_200_000
        await raw.execute(
            "update runs r set created_ms = %s + 10000 * (o.n - 1), finished_ms = case when finished_ms is null then null"
            " else %s + 10000 * (o.n - 1) + 1000 * o.n end from (select uuid, row_number() over (order by uuid) as n from runs) o"
            " where o.uuid = r.uuid",
            (base, base),
        )
        await raw.execute("update execution_rows set started_ms = %s, finished_ms = %s + 250 * seq", (base, base))
        await db.commit()
    # Someone else has runs, too.
    other_api = backend.other_api
    theirs, _ = await other_api.deployed(GRAPH)
    made = await other_api.call("orchestration.run.create", workflowUuid=theirs["workflowUuid"], data={"_id": "secret"})
    await backend.ended("runs", made["run"]["uuid"], other_api)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        # As if the branches of the batch, and of the other workspace, had written to a service.
        await db.execute(
            text(
                "update execution_rows e set operation = case when r.record_id = 'b' then 'failed' else 'created' end, external_id = '7' "
                "from runs r where r.uuid = e.run_uuid and (r.batch_uuid = :batch or r.record_id = 'secret') and e.node_slug = 'pick'"
            ),
            {"batch": batch["uuid"]},
        )
        await db.commit()
    return Past(backend, workflow, batch["uuid"])


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count()", 6),
        ("COUNT(*)", 6),
        ("countIf(status = 'error')", 2),
        ("countIf(status = 'error') / count()", 1 / 3),
        ("round(100 * countIf(status = 'error') / count(), 1)", 33.3),
        ("uniq(record_id)", 5),
        ("uniqExact(record_id)", 5),
        ("sum(status = 'success')", 3),
        ("avg(status = 'success')", 0.5),
        ("sumIf(1, status = 'nobody')", 0),
        ("avgIf(dateDiff('second', created_at, finished_at), status = 'success')", 3),
        ("countIf(record_title ILIKE '%ACM%')", 1),
        ("countIf(record_title = 'O\\'Hara')", 1),
        ("countIf(match(record_title, '^Be'))", 2),
        ("toStartOfDay(min(created_at))", "2026-03-01T00:00:00.000Z"),
        ("toStartOfHour(max(created_at))", "2026-03-01T10:00:00.000Z"),
        ("toStartOfMonth(min(created_at))", "2026-03-01"),
        ("toStartOfWeek(min(created_at))", "2026-03-01"),
        ("toMonday(min(created_at))", "2026-02-23"),
        ("toStartOfInterval(max(created_at), INTERVAL 30 second)", "2026-03-01T10:00:30.000Z"),
        ("toStartOfFiveMinutes(max(created_at))", "2026-03-01T10:00:00.000Z"),
        ("toDate(min(created_at))", "2026-03-01"),
        ("dateDiff('second', min(created_at), max(created_at))", 50),
        ("dateDiff('day', min(created_at), toDate('2026-03-04'))", 3),
        ("max(created_at) - min(created_at)", 50),
        ("quantile(0.5)(dateDiff('second', created_at, finished_at))", 3),
        ("quantile(0.25)(finished_at - created_at)", 2),
        ("median(finished_at - created_at)", 3),
        ("quantileIf(0.5)(finished_at - created_at, status = 'success')", 3),
        ("quantiles(0, 1)(finished_at - created_at)", [1, 6]),
        ("argMax(record_id, created_at)", "e"),
        ("multiIf(count() > 100, 'many', count() > 3, 'some', 'few')", "some"),
        ("if(count() > 3, 'some', 'few')", "some"),
        ("ifNull(max(error_message), 'none') = 'none'", False),
        ("intDiv(count(), 4)", 1),
        ("toString(count())", "6"),
        ("countIf(created_at > now() - INTERVAL 1 DAY)", 0),
        ("countIf(created_at < now() - INTERVAL 1 DAY AND created_at >= toDate('2026-03-01'))", 6),
        ("countIf(addDays(created_at, 1) > toDateTime('2026-03-02 10:00:30'))", 2),
        ("countIf(toHour(created_at) = 10 AND toDayOfWeek(created_at) = 7)", 6),
    ],
)
async def test_functions_of_clickhouse_mean_what_they_mean_there(past: Past, expression: str, value: Any) -> None:
    found = await past.value(expression)
    assert found == (pytest.approx(value) if isinstance(value, float) else value)


async def test_the_four_tables_hold_what_has_run(past: Past) -> None:
    by_status = "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC, status"
    assert await past.rows(by_status) == [{"status": "success", "n": 3}, {"status": "error", "n": 2}, {"status": "idle", "n": 1}]
    latest = await past.rows("SELECT id, status FROM records ORDER BY id")
    assert [(row["id"], row["status"]) for row in latest] == [
        ("a", "success"),
        ("b", "success"),
        ("c", "success"),
        ("d", "idle"),
        ("e", "error"),
    ]
    batches = await past.rows("SELECT workflow_uuid, status, runs_count, failed_runs_count, credits_used_count, data_kind FROM batches")
    assert batches == [
        {
            "workflow_uuid": past.workflow,
            "status": "success",
            "runs_count": 2,
            "failed_runs_count": 1,
            "credits_used_count": 0,
            "data_kind": "records",
        }
    ]
    spans = await past.rows(
        "SELECT node_slug, node_action_slug, countIf(execution_status = 'error') AS errors, count() AS total,"
        " avg(dateDiff('millisecond', execution_started_at, execution_finished_at)) AS milliseconds"
        " FROM spans WHERE execution_status != 'pending' GROUP BY node_slug, node_action_slug ORDER BY errors DESC, node_slug"
    )
    assert [(row["node_slug"], row["node_action_slug"], row["errors"], row["total"], row["milliseconds"]) for row in spans] == [
        ("wait", "delay", 2, 2, 500),
        ("end", "end", 0, 3, 500),
        ("pick", "branch", 0, 6, 250),
        ("start", "start", 0, 6, 0),
    ]


async def test_tables_can_be_joined_nested_and_read_column_by_column(past: Past) -> None:
    joined = await past.rows(
        "WITH failed AS (SELECT uuid, record_id FROM runs WHERE status = 'error')"
        " SELECT failed.record_id AS id, spans.node_slug AS node FROM failed JOIN spans ON spans.run_uuid = failed.uuid"
        " WHERE spans.execution_status = 'error' ORDER BY id"
    )
    assert joined == [{"id": "b", "node": "wait"}, {"id": "e", "node": "wait"}]
    for table, columns in query_tables.COLUMNS.items():
        (row,) = await past.rows(f"SELECT * FROM {table} LIMIT 1")
        assert list(row) == columns.split()
    assert len(await past.rows(f"SELECT uuid FROM runs WHERE batch_uuid = '{past.batch}' AND workflow_uuid IN ('{past.workflow}')")) == 2


async def test_a_name_of_the_select_list_comes_before_the_column_of_that_name(past: Past) -> None:
    by_day = "SELECT toStartOfDay(created_at) AS created_at, count() FROM runs GROUP BY created_at ORDER BY created_at"
    assert await past.rows(by_day) == [{"created_at": "2026-03-01T00:00:00.000Z", "count()": 6}]
    assert len(await past.rows("SELECT record_id AS who FROM runs WHERE who = 'b'")) == 2


async def test_other_spellings_are_understood_as_well(past: Past) -> None:
    assert await past.value("COUNT(*) FILTER (WHERE status = 'error')") == 2
    assert await past.value("COUNTIF(SAFE_CAST(record_id AS INT64) IS NULL)") == 6
    assert await past.value("date_trunc('month', min(created_at))") == "2026-03-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM public.runs",
        "SELECT * FROM journal.runs",
        "SELECT * FROM journal.logins",
        "SELECT * FROM logins",
        "SELECT * FROM executions",
        "SELECT * FROM workspaces",
        "SELECT * FROM tokens",
        "SELECT * FROM system.tables",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_catalog.pg_roles",
        "SELECT * FROM pg_stat_activity",
        "SELECT * FROM default.companies",
        "SELECT * FROM url('http://localhost/', 'CSV', 'a String')",
        "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM remote('localhost', 'default', 'runs')",
        "SELECT * FROM numbers(10)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT set_config('role', 'postgres', false)",
        "SELECT session_user",
        "SELECT currentUser()",
        "SELECT sleep(3)",
        "SELECT pg_sleep(3)",
        "SELECT dictGet('a', 'b', 1)",
        "SELECT (SELECT record_id FROM public.runs LIMIT 1)",
        "WITH x AS (DELETE FROM runs RETURNING *) SELECT * FROM x",
        "INSERT INTO runs VALUES (1)",
        "DROP VIEW runs",
        "SELECT 1; SELECT 2",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT * FROM runs FORMAT CSV",
        "SELECT * FROM runs SETTINGS max_threads = 1",
        "SET ROLE postgres",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
        "SELECT {x:String}",
        "SELECT * FROM runs r1, runs r2",
    ],
)
async def test_nothing_else_can_be_asked(past: Past, query: str) -> None:
    status, refusal = await past.backend.admin.refusal("orchestration.query.execute", query=query)
    assert (status, refusal["reason"]) == (400, "invalidQuery")


@pytest.mark.parametrize(
    ("query", "code", "name"),
    [
        ("SELECT count() FROM plays", 60, "UNKNOWN_TABLE"),
        ("SELECT count() FROM runs JOIN steps ON steps.run_uuid = runs.uuid", 60, "UNKNOWN_TABLE"),
        ("SELECT * FROM system.tables", 497, "ACCESS_DENIED"),
        ("SELECT * FROM journal.logins", 497, "ACCESS_DENIED"),
        ("SELECT * FROM url('http://localhost/', 'CSV', 'a String')", 497, "ACCESS_DENIED"),
        ("INSERT INTO runs VALUES (1)", 497, "ACCESS_DENIED"),
        ("DROP VIEW runs", 497, "ACCESS_DENIED"),
        ("SELECT 1; SELECT 2", 497, "ACCESS_DENIED"),
        ("SHOW TABLES", 497, "ACCESS_DENIED"),
    ],
)
async def test_what_scripts_tell_apart_has_the_code_that_clickhouse_gives_it(past: Past, query: str, code: int, name: str) -> None:
    status, refusal = await past.backend.admin.refusal("orchestration.query.execute", query=query)
    assert (status, refusal["reason"], refusal["code"]) == (400, "invalidQuery", code)
    assert re.fullmatch(rf"Code: {code}\. [A-Z].*[.?] \({name}\)", refusal["errorMessage"])


async def test_a_query_that_takes_too_long_is_stopped(past: Past) -> None:
    rows = " CROSS JOIN ".join(f"generate_series(1, 1000) AS s{at}(n{at})" for at in range(4))
    role = roles.SETTINGS["statement_timeout"]
    assert role == "30s"
    # The first query of a workspace makes its role.
    await past.backend.admin.call("orchestration.query.execute", query="SELECT 1 AS one")
    database = past.backend.state.database
    async with database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        found = await (await raw.execute("select role from journal.logins where workspace_uuid = %s", (past.backend.workspace,))).fetchone()
        await raw.execute(f"alter role \"{found[0]}\" set statement_timeout = '2s'".encode())
        await db.commit()
    try:
        status, refusal = await past.backend.admin.refusal("orchestration.query.execute", query=f"SELECT sum(n0) FROM {rows}")
    finally:
        async with database.session(ALL_WORKSPACES) as db:
            raw = (await (await db.connection()).get_raw_connection()).driver_connection
            await raw.execute(f"alter role \"{found[0]}\" set statement_timeout = '{role}'".encode())
            await db.commit()
    assert (status, refusal["code"]) == (400, 159) and refusal["errorMessage"].endswith("(TIMEOUT_EXCEEDED)")


async def test_a_query_goes_through_no_more_rows_than_it_may(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_room, "MAX_SCANNED", 2_000)
    async with past.backend.state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        columns = [name for name in (column.name for column in runs.c) if name not in {"uuid", "record_id", "batch_uuid"}]
        listed = ", ".join(columns)
        await raw.execute(
            f"insert into runs (uuid, record_id, batch_uuid, {listed}) select gen_random_uuid(), 'many ' || n, null, {listed}"
            " from (select * from runs where record_id = 'a' limit 1) r, generate_series(1, 3000) n".encode()
        )
        await raw.execute(b"analyze runs")
        await db.commit()
    for query in ("SELECT count() FROM runs", "SELECT record_id FROM runs ORDER BY created_at LIMIT 1", "SELECT uniq(id) FROM records"):
        refusal = (await past.backend.admin.refusal("orchestration.query.execute", query=query))[1]
        assert refusal["code"] == 158 and refusal["errorMessage"].endswith("at most 2,000 are allowed. Filter more. (TOO_MANY_ROWS)")
    for query in ("SELECT 1 AS one", f"SELECT count() FROM runs WHERE batch_uuid = '{past.batch}'", "SELECT record_id FROM runs LIMIT 10"):
        assert await past.rows(query)
    async with past.backend.state.database.session(ALL_WORKSPACES) as db:
        raw = (await (await db.connection()).get_raw_connection()).driver_connection
        await raw.execute(b"delete from runs where record_id like 'many %'")
        await raw.execute(b"analyze runs")
        await db.commit()


async def test_no_table_has_more_columns_than_a_query_may_read(past: Past) -> None:
    assert all(len(columns.split()) <= 50 for columns in query_tables.COLUMNS.values())
    assert await past.rows("SELECT * FROM runs LIMIT 1")


async def test_a_refusal_says_what_there_is(past: Past) -> None:
    said = (await past.backend.admin.refusal("orchestration.query.execute", query="SELECT * FROM plays"))[1]["errorMessage"]
    assert re.search(r"There is no table plays\..* runs, records, batches, spans", said)
    said = (await past.backend.admin.refusal("orchestration.query.execute", query="SELECT play_uuid FROM runs"))[1]["errorMessage"]
    assert "There is no column play_uuid" in said
    said = (await past.backend.admin.refusal("orchestration.query.execute", query="SELECT * FROM run"))[1]["errorMessage"]
    assert "Did you mean runs?" in said


async def test_each_workspace_sees_its_own_rows_only(past: Past) -> None:
    theirs = await past.backend.other_api.call("orchestration.query.execute", query="SELECT record_id FROM runs")
    assert theirs["rows"] == [{"record_id": "secret"}]
    assert await past.value("countIf(record_id = 'secret')") == 0
    for table in query_tables.COLUMNS:
        (row,) = await past.rows(f"SELECT uniq(workspace_uuid) AS n FROM {table}")
        assert row["n"] == 1


async def test_the_login_itself_can_read_nothing_but_the_views_and_no_row_of_others(past: Past) -> None:
    state = past.backend.state
    for table in query_tables.COLUMNS:
        await past.rows(f"SELECT count() FROM {table}")  # The login may read a view from its first use on.
    async with state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        found = await (await raw.execute("select role from journal.logins where workspace_uuid = %s", (past.backend.workspace,))).fetchone()
    role = found[0]
    password = roles.password(state.secrets, role)
    async with await psycopg.AsyncConnection.connect(state.database.url, user=role, password=password, autocommit=True) as connection:
        for table in query_tables.COLUMNS:
            cursor = await connection.execute(f"select count(*), count(distinct workspace_uuid) from journal.{table}".encode())
            rows, workspaces = (await cursor.fetchone()) or (0, 0)
            assert rows and workspaces == 1
        # A function of its own would see the rows that the condition is tried on.
        leak = (
            "select count(*) from journal.runs where record_id = 'secret' or (1 / (case when record_id = 'secret' then 0 else 1 end)) > 5"
        )
        assert await (await connection.execute(leak.encode())).fetchone() == (0,)
        errors = psycopg.errors
        refused = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction, errors.UndefinedTable, errors.ObjectNotInPrerequisiteState)
        for attack in (
            "select * from journal.logins",
            "select * from public.runs",
            "select * from public.executions",
            "update journal.runs set record_id = ''",
            "create temp table x (a int)",
            "set role pg_read_all_data",
            "create view pg_temp.runs as select 1",
            "grant select on journal.runs to public",
        ):
            with pytest.raises(refused):
                await connection.execute(attack.encode())


async def test_what_write_backs_did_is_read_by_row(past: Past) -> None:
    rows = await past.rows(
        "SELECT record_id, node_slug, node_action_slug, operation, status, reason, external_id, written_at FROM row_results "
        f"WHERE batch_uuid = '{past.batch}' ORDER BY record_id"
    )
    assert [(row["record_id"], row["node_action_slug"], row["operation"], row["external_id"]) for row in rows] == [
        ("b", "branch", "failed", "7"),
        ("e", "branch", "created", "7"),
    ]
    assert all(row["status"] == "success" and row["reason"] is None and row["written_at"] for row in rows)
    assert await past.value("count()", "row_results") == 2
