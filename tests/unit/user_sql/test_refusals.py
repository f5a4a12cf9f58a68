"""What is refused says what it is, and conditions of filters are checked like queries."""

from __future__ import annotations

import pytest

from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.run.executor import QueryExecutor
from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM `default.companies` PIVOT(COUNT(*) FOR country IN ('US'))", "PIVOT and UNPIVOT cannot be used here."),
        ("SELECT * FROM default.companies TABLESAMPLE SYSTEM (10)", "TABLESAMPLE cannot be used here."),
        ("SELECT FARM_FINGERPRINT('a')", "FARM_FINGERPRINT cannot be used here: the database cannot compute BigQuery's value."),
        ("SELECT MD5('a') FROM `default.companies`", "MD5 gives bytes, which are not there: write TO_HEX(MD5(…))."),
        ("SELECT SAFE.PARSE_DATE('%Y', 'x')", "The prefix SAFE. cannot be used here."),
        ("SELECT FORMAT_DATE('%U', CURRENT_DATE())", "The format element %U has no equivalent here."),
        ("SELECT REGEXP_EXTRACT(name, r'a+?b*') FROM default.companies", "lazy"),
        ("SELECT REGEXP_CONTAINS(name, r'\\pL') FROM default.companies", "The escape \\p of a pattern has no equivalent here."),
        ("SELECT REGEXP_CONTAINS(name, domain) FROM default.companies", "The pattern must be a constant text."),
        ("SELECT JSON_VALUE(address, '$..city') FROM default.companies", "The JSON path $..city cannot be used here"),
        ("SELECT CAST(name AS STRING FORMAT 'x') FROM `default.companies`", "FORMAT in a cast cannot be used here."),
        ("SELECT PERCENTILE_CONT(employees, 0.5) OVER () FROM `default.companies`", "cannot be used with OVER"),
        ("SELECT AS STRUCT 1 AS a FROM `default.companies`", "SELECT AS STRUCT or VALUE cannot be used here."),
        ("SELECT * FROM `default.companies` FOR SYSTEM_TIME AS OF '2024-01-01'", "cannot be"),
        ("SELECT @name", "A parameter cannot be used here."),
        ("SELECT nme FROM default.companies", "There is no column nme. Did you mean name?"),
        ("SELECT x.name FROM default.companies c", "There is no column x.name. Did you mean name?"),
        ("SELECT name FROM default.company", "There is no table default.company. Did you mean default.companies?"),
        ("SELECT name FROM companies", "There is no table companies. Did you mean default.companies?"),
        ("SELECT uper(name) FROM default.companies", "There is no function uper here. Did you mean upper?"),
        ("SELECT lower(name, 1) FROM default.companies", "LOWER takes 1 argument here, not 2."),
        ("SELECT _id FROM default.companies a JOIN default.contacts b ON a._id = b.company_id", "_id is ambiguous: say a._id or b._id."),
        ("SELECT row_number() FROM default.companies", "ROW_NUMBER needs OVER (…) after it."),
        ("SELECT name FROM default.companies UNION SELECT 1, 2", "need the same number of columns, not 1 and 2"),
        ('SELECT name FROM default.companies WHERE "country" = "US"', "There is no column US."),
        ("SELECT embedding <=> embedding FROM default.companies", "Write cosine_distance(a, b) instead of a <=> b."),
        ("SELECT name FROM", "The query cannot be read"),
        ("SELECT 'a", "a quote or a comment is not closed"),
        ("", "The query is empty."),
        ("SELECT 'a\0b'", "NUL"),
        ("EXPLAIN SELECT 1", "not EXPLAIN."),
        ("SELECT 1; SELECT 2", "Only one statement can be run at a time."),
        ("SELECT name FROM default.companies FOR UPDATE", "FOR UPDATE and its like cannot be used here."),
        ("SELECT name INTO x FROM default.companies", "INTO cannot be used here."),
        ("SELECT current_user", "current_user cannot be used here."),
        ("SELECT 'pg_class'::regclass", "There is no type regclass to cast to here."),
    ],
)
def test_a_refusal_names_what_it_is_about(workspaces: SqlWorkspaces, sql: str, said: str) -> None:
    with pytest.raises(SqlRefused) as refused:
        guard.check(sql, workspaces.mine)
    assert said in refused.value.sentence


def test_names_that_a_user_chose_name_no_relation_in_what_is_run(workspaces: SqlWorkspaces) -> None:
    sql = "WITH pg_authid AS (SELECT name FROM default.companies) SELECT pg_authid.name FROM pg_authid AS pg_authid"
    assert "pg_authid" not in guard.check(sql, workspaces.mine).sql


async def test_pages_of_another_order_do_not_change_what_a_star_gives(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    checked = guard.check("SELECT * EXCEPT (embedding) FROM `default.companies` ORDER BY name LIMIT 1", workspaces.mine)
    (row,) = (await executor.fetch(checked, workspaces.mine, limit=10)).rows
    assert tuple(row) == checked.columns
    assert "embedding" not in row
    assert row["founded_at"] == "2010-05-17T10:30:00.000Z"


async def test_columns_of_one_name_stay_apart(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    sql = "SELECT a._id, b._id, b.* FROM default.companies a JOIN default.contacts b ON b.company_id = a._id WHERE b.score > 50"
    (row,) = (await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=10)).rows
    assert (row["_id"], row["_id_1"], row["_id_2"]) == ("c1", "k1", "k1")


async def test_using_makes_one_column_of_two(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    sql = (
        "WITH a AS (SELECT _id AS id, name FROM default.companies), b AS (SELECT company_id AS id, score FROM default.contacts)"
        " SELECT * FROM a LEFT JOIN b USING (id) ORDER BY id DESC, score LIMIT 2"
    )
    found = await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=10)
    assert found.rows == [{"id": "c4", "name": "Delta", "score": None}, {"id": "c3", "name": "Café 100%", "score": None}]


async def test_qualify_filters_before_the_order_and_the_limit(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    sql = (
        "SELECT * EXCEPT (embedding, tags, address) REPLACE (UPPER(name) AS name) FROM `default.companies`"
        " QUALIFY ROW_NUMBER() OVER (PARTITION BY country ORDER BY employees DESC) = 1 ORDER BY LENGTH(name) DESC, name LIMIT 5"
    )
    found = await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=10)
    assert [row["name"] for row in found.rows] == ["DELTA", "ACME", "BETA"]
    assert "q" not in found.rows[0]


async def test_nulls_sort_as_each_spelling_says(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    for sql, first in (
        ("SELECT name FROM default.companies ORDER BY employees DESC", "Delta"),
        ("SELECT name FROM `default.companies` ORDER BY employees DESC", "Acme"),
        ("SELECT name FROM `default.companies` ORDER BY employees", "Delta"),
    ):
        assert (await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=1)).rows == [{"name": first}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("employees > 100 AND country = 'US'", ["Acme"]),
        ("tags ? 'b2b' OR custom__tier = 'gold'", ["Acme", "Beta", "Delta"]),
        ("REGEXP_CONTAINS(domain, r'\\.io$')", ["Beta"]),
        ("companies.name LIKE '%100!%' ESCAPE '!'", ["Café 100%"]),
        ("founded_at < TIMESTAMP_SUB(TIMESTAMP '2015-12-31', INTERVAL 1 DAY)", ["Acme"]),
    ],
)
def test_a_condition_filters_one_relation(workspaces: SqlWorkspaces, text: str, expected: list[str]) -> None:
    relation = workspaces.mine.relations[0]
    condition = guard.condition(text, relation, '"t1"')
    found = workspaces.admin(f'SELECT name FROM "{relation.schema}"."{relation.view}" AS "t1" WHERE {condition} ORDER BY name')
    assert [row[0] for row in found] == expected


@pytest.mark.parametrize(
    "text",
    [
        "EXISTS (SELECT 1 FROM default.contacts)",
        "name IN (SELECT email FROM default.contacts)",
        "count(*) > 1",
        "row_number() OVER () = 1",
        "true; DROP TABLE x",
        "true) OR (true",
        "pg_sleep(1) IS NULL",
        "ctid IS NULL",
        "name = $1",
        "",
    ],
)
def test_a_condition_that_is_no_condition_of_one_record_is_refused(workspaces: SqlWorkspaces, text: str) -> None:
    with pytest.raises(SqlRefused):
        guard.condition(text, workspaces.mine.relations[0], "t")
