"""The limits of user SQL: time, memory, size and number, and that nothing of a query outlives it."""

from __future__ import annotations

import asyncio
import sys
import time

import psycopg
import pytest

from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.records.names import qualify
from cargo_ai.store.connections.turns import Busy, Turns
from cargo_ai.store.embedded import postgres, roles
from cargo_ai.store.embedded.postgres import Cluster
from cargo_ai.store.session import Database
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.guard import CheckedQuery
from cargo_ai.user_sql.run.executor import QueryExecutor
from tests.unit.user_sql import sql_workspaces
from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


def unchecked(workspaces: SqlWorkspaces, sql: str, *columns: str) -> CheckedQuery:
    return CheckedQuery(sql, columns or ("a",), workspaces.mine.relations, "postgres", collects=False)


def set_for_role(workspaces: SqlWorkspaces, setting: str, value: str) -> None:
    workspaces.admin(f"ALTER ROLE \"{workspaces.mine.role}\" SET {setting} = '{value}'")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.name FROM default.companies a, default.contacts b",
        "SELECT count(*) FROM default.companies a CROSS JOIN default.contacts b",
        "SELECT count(*) FROM default.companies a JOIN default.contacts b ON a.name = 'x' AND b.email = 'y'",
        "SELECT string_agg(a.name, '') FROM default.companies a JOIN default.contacts b ON a._id <> b._id",
        "SELECT array_agg(x) FROM generate_series(1, 100000) AS x CROSS JOIN generate_series(1, 100000) AS y",
        "SELECT n FROM (SELECT json_agg(a) AS n FROM generate_series(1, 9) AS a, default.companies b) AS q",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        f"SELECT {'(' * 101}1{')' * 101}",
        f"SELECT {'(' * 5000}1{')' * 5000}",
        f"SELECT {'- ' * 200}1",
        f"SELECT {'CASE WHEN true THEN ' * 101}1{' END' * 101}",
        f"SELECT {'struct(' * 95}1{')' * 95}",
        f"SELECT '{'x' * 20_001}'",
        f"SELECT {'+'.join('1' * 4000)}",
        f"SELECT 1{' UNION ALL SELECT 1' * 1_000}",
    ],
    ids=lambda sql: sql[:60],
)
def test_the_guard_refuses_what_costs_too_much(workspaces: SqlWorkspaces, sql: str) -> None:
    began = time.process_time()
    with pytest.raises(SqlRefused):
        guard.check(sql, workspaces.mine)
    assert time.process_time() - began < 2


def test_a_chain_of_conditions_may_be_long(workspaces: SqlWorkspaces) -> None:
    chain = " OR ".join(f"name = 'n{number}'" for number in range(900))
    assert guard.check(f"SELECT name FROM default.companies WHERE {chain}", workspaces.mine).sql.count(" OR ") == 899


async def test_a_query_that_takes_too_long_is_stopped(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    set_for_role(workspaces, "statement_timeout", "300ms")
    try:
        with pytest.raises(SqlRefused, match="took longer than"):
            await executor.fetch(
                unchecked(workspaces, "SELECT count(*) AS a FROM generate_series(1, 10000000000)"), workspaces.mine, limit=1
            )
    finally:
        set_for_role(workspaces, "statement_timeout", "30s")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
async def test_an_aggregate_that_eats_memory_ends_with_an_error_and_the_database_lives(
    executor: QueryExecutor, workspaces: SqlWorkspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cargo_ai.user_sql.run.memory_limit.MAX_BYTES", 64 * 1024 * 1024)
    greedy = "SELECT length(string_agg(repeat('x', 1000), '')) AS a FROM generate_series(1, 300000)"
    with pytest.raises(SqlRefused, match="more memory"):
        await executor.fetch(unchecked(workspaces, greedy), workspaces.mine, limit=1)
    assert workspaces.admin("SELECT 1") == [(1,)]


async def test_the_plan_of_a_collecting_query_is_looked_at_first(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    sql = "SELECT length(string_agg(repeat('x', 1000), '')) AS a FROM generate_series(1, 90000000)"
    with pytest.raises(SqlRefused, match="collect too much"):
        await executor.fetch(CheckedQuery(sql, ("a",), (), "postgres", collects=True), workspaces.mine, limit=1)


async def test_a_flood_of_rows_is_cut_at_the_page(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    checked = guard.check("SELECT n FROM generate_series(1, 1000000) AS n", workspaces.mine)
    found = await executor.fetch(checked, workspaces.mine, limit=3)
    assert (found.rows, found.count, found.more) == ([{"n": 1}, {"n": 2}, {"n": 3}], None, True)


async def test_pages_of_a_result_have_its_count_and_do_not_overlap(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    checked = guard.check("SELECT name FROM default.companies ORDER BY name", workspaces.mine)
    found = [await executor.fetch(checked, workspaces.mine, limit=3, offset=offset, count=True) for offset in (0, 3, 9)]
    assert [[row["name"] for row in one.rows] for one in found] == [["Acme", "Beta", "Café 100%"], ["Delta"], []]
    assert [one.count for one in found] == [4, 4, 4]


async def test_a_download_gives_every_row_in_pages(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    checked = guard.check("SELECT n FROM generate_series(1, 2500) AS n", workspaces.mine)
    pages = [page async for page in executor.pages(checked, workspaces.mine)]
    assert [len(page) for page in pages] == [1000, 1000, 500]
    assert pages[-1][-1] == {"n": 2500}


async def test_a_row_that_is_too_large_is_never_sent(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    doubled = " || ".join(["repeat('x', 100000)"] * 50)
    with pytest.raises(SqlRefused, match="larger than 4 MB"):
        await executor.fetch(guard.check(f"SELECT {doubled} AS a", workspaces.mine), workspaces.mine, limit=1)


@pytest.mark.parametrize(
    "sql", ["SELECT repeat('x', 100001)", "SELECT lpad('x', 999999999)", "SELECT n FROM generate_series(1, 2000000) AS n"]
)
async def test_what_is_computed_from_nothing_is_bounded(executor: QueryExecutor, workspaces: SqlWorkspaces, sql: str) -> None:
    with pytest.raises(SqlRefused, match="at most"):
        await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=1)


async def test_a_column_is_repeated_as_long_as_what_comes_of_it_is_bounded(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    def repeated(times: int) -> str:
        return f"SELECT max(length(repeat(name, {times}))) AS a FROM default.companies"

    page = await executor.fetch(guard.check(repeated(5000), workspaces.mine), workspaces.mine, limit=1)
    assert page.rows == [{"a": len("Café 100%") * 5000}]
    with pytest.raises(SqlRefused, match="REPEAT gives at most"):
        await executor.fetch(guard.check(repeated(50_000), workspaces.mine), workspaces.mine, limit=1)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT name::int FROM default.companies", "or cast to"),
        ("SELECT 1 / 0", "divides by zero"),
        ("SELECT name FROM `default.companies` WHERE employees = 'many'", "does not fit the type that it is compared with"),
        ("SELECT name, count(*) FROM default.companies", "The column name is neither grouped"),
        ("SELECT name + 1 FROM default.companies", "does not take values of these types"),
        ("SELECT (SELECT name FROM default.companies)", "more than one row"),
        ("SELECT to_date('x', 'YYYY')", "date"),
        ("SELECT DATE_ADD(DATE '2024-01-01', INTERVAL 1 HOUR)", "A DATE has no hours"),
    ],
)
async def test_an_error_says_what_to_do_and_shows_no_data(executor: QueryExecutor, workspaces: SqlWorkspaces, sql: str, said: str) -> None:
    with pytest.raises(SqlRefused, match=said) as refused:
        await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=10)
    for hidden in ("Acme", "Beta", "ws_", "v_companies", "r1"):
        assert hidden not in refused.value.sentence


async def test_at_most_two_queries_of_a_workspace_run_at_once(
    executor: QueryExecutor, workspaces: SqlWorkspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "turns", Turns(seconds=0.3))
    slow = unchecked(workspaces, "SELECT count(*) AS a FROM generate_series(1, 10000000000)")
    running = [asyncio.create_task(executor.fetch(slow, workspaces.mine, limit=1)) for _ in range(2)]
    while len(workspaces.admin(f"SELECT 1 FROM pg_stat_activity WHERE usename = '{workspaces.mine.role}' AND state = 'active'")) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # the database tells no one when a query begins
    with pytest.raises(Busy):
        await executor.fetch(guard.check("SELECT 1", workspaces.mine), workspaces.mine, limit=1)
    other = await executor.fetch(guard.check("SELECT 1 AS a", workspaces.theirs), workspaces.theirs, limit=1)
    assert other.rows == [{"a": 1}]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    while workspaces.admin(f"SELECT 1 FROM pg_stat_activity WHERE usename = '{workspaces.mine.role}'"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_another_key_gives_the_login_another_password(workspaces: SqlWorkspaces) -> None:
    database = Database(workspaces.url, pool_size=2, overflow=0)
    checked = guard.check("SELECT 1 AS a", workspaces.theirs)
    for secrets in (SecretKey(b"quite another key of 32 bytes or more"), sql_workspaces.SECRETS):
        assert (await QueryExecutor(database, secrets).fetch(checked, workspaces.theirs, limit=1)).rows == [{"a": 1}]
    await database.close()


async def test_a_view_that_was_replaced_is_readable_again(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    relation = workspaces.theirs.relations[1]
    view, table = qualify(relation.schema, relation.view), qualify(relation.schema, relation.table)
    checked = guard.check("SELECT count(*) AS a FROM default.contacts", workspaces.theirs)
    assert (await executor.fetch(checked, workspaces.theirs, limit=1)).rows == [{"a": 3}]
    with psycopg.connect(workspaces.url, autocommit=True) as owner:
        owner.execute(f"DROP VIEW {view}".encode())
        owner.execute(f"CREATE VIEW {view} AS SELECT * FROM {table}".encode())
    assert (await executor.fetch(checked, workspaces.theirs, limit=1)).rows == [{"a": 3}]


def test_the_login_has_its_limits_and_may_nothing_else(workspaces: SqlWorkspaces) -> None:
    found = workspaces.admin(
        "SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit, rolconfig::text FROM pg_roles"
        f" WHERE rolname = '{workspaces.mine.role}'"
    )
    assert found[0][:7] == (False, False, False, False, False, False, 4)
    for setting in ("statement_timeout=30s", "default_transaction_read_only=on", "temp_file_limit=1GB", "work_mem=16MB", "TimeZone=UTC"):
        assert setting in found[0][7]
    assert (
        workspaces.admin(f"SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = '{workspaces.mine.role}'")
        == []
    )


def test_hardening_again_changes_nothing(cluster: Cluster, workspaces: SqlWorkspaces) -> None:
    query = "SELECT md5(string_agg(proname || proacl::text, ',' ORDER BY oid)) FROM pg_proc"
    before = workspaces.admin(query)
    with roles.connect(workspaces.admin_url) as admin:
        roles.harden(admin)
    assert workspaces.admin(query) == before
    assert postgres.Cluster is type(cluster)


def test_a_query_of_twenty_lines_is_checked_within_ten_milliseconds(workspaces: SqlWorkspaces) -> None:
    guard.check(TWENTY_LINES, workspaces.mine)
    seconds: list[float] = []
    for _ in range(15):
        began = time.process_time()
        guard.check(TWENTY_LINES, workspaces.mine)
        seconds.append(time.process_time() - began)
    # The best of many: what else runs on the machine is not what is measured.
    assert min(seconds) <= 0.010


TWENTY_LINES = """
WITH recent AS (
  SELECT company_id, COUNT(*) AS contacts, MAX(score) AS best,
    COUNTIF(score > 50) AS good
  FROM `proj.datasets_default.models_contacts`
  WHERE created_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 90 DAY)
  GROUP BY company_id
), ranked AS (
  SELECT c._id, c.name, c.country, IFNULL(r.contacts, 0) AS contacts,
    SAFE_DIVIDE(r.good, r.contacts) AS share,
    ROW_NUMBER() OVER (PARTITION BY c.country ORDER BY r.best DESC) AS place
  FROM `proj.datasets_default.models_companies` AS c
  LEFT JOIN recent AS r ON r.company_id = c._id
  WHERE c.is_customer AND REGEXP_CONTAINS(c.domain, r'\\.(com|io)$')
)
SELECT country, FORMAT_DATE('%Y-%m', CURRENT_DATE()) AS month, STRING_AGG(name, ', ' ORDER BY place) AS names,
  ROUND(AVG(share), 2) AS share, SUM(contacts) AS contacts
FROM ranked
WHERE place <= 3 AND share IS NOT NULL
GROUP BY country HAVING contacts > 0 ORDER BY contacts DESC LIMIT 20
"""
