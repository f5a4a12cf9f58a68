"""What queries give: every documented example and every construct of BigQuery's that is taken, with the expected values."""

from __future__ import annotations

from typing import Any

from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.run.executor import QueryExecutor
from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


async def rows(executor: QueryExecutor, workspaces: SqlWorkspaces, sql: str) -> list[dict[str, Any]]:
    return (await executor.fetch(guard.check(sql, workspaces.mine), workspaces.mine, limit=100)).rows


ONE: list[tuple[str, Any]] = []


def one(sql: str, expected: Any) -> None:
    ONE.append((sql, expected))


# §10, plain
one("SELECT COUNT(*) FROM `default.companies`", 4)
one("SELECT DATE '2024-01-31'", "2024-01-31")
one("SELECT DATE_DIFF(DATE '2024-03-01', DATE '2024-02-01', DAY)", 29)
one("SELECT DATE_DIFF(DATE '2024-03-01', DATE '2023-12-31', MONTH)", 3)
one("SELECT DATE_DIFF(DATE '2017-10-15', DATE '2017-10-14', WEEK)", 1)
one("SELECT DATE_DIFF(DATE '2017-10-15', DATE '2017-10-14', ISOWEEK)", 0)
one("SELECT DATE_DIFF(DATE '2017-12-18', DATE '2017-12-17', WEEK(MONDAY))", 1)
one("SELECT DATE_DIFF(DATE '2017-12-30', DATE '2014-12-30', ISOYEAR)", 2)
one("SELECT DATE_DIFF('2024-12-31', '2024-01-01', QUARTER)", 3)
one("SELECT DATE_SUB(DATE '2024-03-31', INTERVAL 1 MONTH)", "2024-02-29")
one("SELECT DATE_SUB('2024-03-31', INTERVAL 30 DAY)", "2024-03-01")
one("SELECT DATE_ADD(DATE '2024-01-31', INTERVAL 2 WEEK)", "2024-02-14")
one("SELECT DATE_ADD(DATE '2024-01-31', INTERVAL -1 QUARTER)", "2023-10-31")
one("SELECT DATE_TRUNC(DATE '2024-03-15', MONTH)", "2024-03-01")
one("SELECT DATE_TRUNC(DATE '2024-03-15', WEEK)", "2024-03-10")
one("SELECT DATE_TRUNC(DATE '2024-03-15', WEEK(MONDAY))", "2024-03-11")
one("SELECT DATE_TRUNC(DATE '2024-03-15', ISOWEEK)", "2024-03-11")
one("SELECT DATE_TRUNC(DATE '2016-01-02', ISOYEAR)", "2014-12-29")
one("SELECT TIMESTAMP_TRUNC(TIMESTAMP '2024-03-15 10:20:30', HOUR)", "2024-03-15T10:00:00.000Z")
one("SELECT TIMESTAMP_TRUNC(TIMESTAMP '2024-03-15 02:00:00', DAY, 'America/New_York')", "2024-03-14T04:00:00.000Z")
one("SELECT TIMESTAMP_SUB(TIMESTAMP '2024-03-15 10:00:00', INTERVAL 90 MINUTE)", "2024-03-15T08:30:00.000Z")
one("SELECT TIMESTAMP_DIFF(TIMESTAMP '2024-03-15 10:00:59', TIMESTAMP '2024-03-15 09:00:00', MINUTE)", 60)
one("SELECT TIMESTAMP_DIFF(TIMESTAMP '2018-08-14', TIMESTAMP '2018-10-14', DAY)", -61)
one("SELECT TIMESTAMP_DIFF(TIMESTAMP '2001-02-01 01:00:00', TIMESTAMP '2001-02-01 00:00:01', HOUR)", 0)
one("SELECT DATETIME_DIFF(DATETIME '2018-02-20 01:59:00', DATETIME '2018-02-20 00:01:00', HOUR)", 1)
one("SELECT FORMAT_DATE('%Y-%m-%d', DATE '2024-03-05')", "2024-03-05")
one("SELECT FORMAT_DATE('%b %e, %Y at noon', DATE '2024-03-05')", "Mar 5, 2024 at noon")
one("SELECT FORMAT_DATE('%A %d %B %y', DATE '2024-03-05')", "Tuesday 05 March 24")
one("SELECT FORMAT_TIMESTAMP('%H:%M:%S', TIMESTAMP '2024-03-05 07:08:09')", "07:08:09")
one("SELECT PARSE_DATE('%m/%d/%Y', '12/25/2008')", "2008-12-25")
one("SELECT PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2008-12-25 07:30:00')", "2008-12-25T07:30:00.000Z")
one("SELECT SAFE_DIVIDE(10, 4)", 2.5)
one("SELECT SAFE_DIVIDE(1, 0)", None)
one("SELECT 7 / 2 FROM `default.companies` LIMIT 1", 3.5)
one("SELECT IFNULL(NULL, 'x')", "x")
one("SELECT IF(1 > 2, 'a', 'b')", "b")
one("SELECT STRING_AGG(name) FROM (SELECT name FROM `default.companies` WHERE country = 'US' ORDER BY name)", "Acme,Café 100%")
one("SELECT STRING_AGG(DISTINCT tier, ' | ' ORDER BY tier DESC) FROM `default.companies`", "silver | gold")
one("SELECT STRING_AGG(name, '/' ORDER BY name DESC LIMIT 2) FROM `default.companies`", "Delta/Café 100%")
one("SELECT 'x' IN UNNEST(['x', 'y'])", True)
one("SELECT COUNT(*) FROM `default.companies` WHERE 'vip' IN UNNEST(tags)", 1)
one("SELECT [10, 20, 30][OFFSET(1)]", 20)
one("SELECT [10, 20, 30][ORDINAL(1)]", 10)
one("SELECT [10, 20, 30][SAFE_OFFSET(7)]", None)
one("SELECT tags[OFFSET(1)] FROM `default.companies` WHERE name = 'Acme'", "b2b")
one("SELECT ARRAY_LENGTH(tags) FROM `default.companies` WHERE name = 'Acme'", 2)
one("SELECT ARRAY_LENGTH([1, 2, 3])", 3)
one("SELECT ARRAY_LENGTH(GENERATE_DATE_ARRAY('2024-01-30', '2024-02-02'))", 4)
one("SELECT MAX(d) FROM UNNEST(GENERATE_DATE_ARRAY(DATE '2024-01-01', DATE '2024-03-15', INTERVAL 1 MONTH)) AS d", "2024-03-01")
one("SELECT LOGICAL_OR(is_customer) FROM `default.companies`", True)
one("SELECT STARTS_WITH('cargo', 'car')", True)
one("SELECT ENDS_WITH('cargo', 'go')", True)
one("""SELECT JSON_VALUE('{"a":{"b":"c"}}', '$.a.b')""", "c")
one("""SELECT JSON_VALUE('{"a":{"b":"c"}}', '$.a')""", None)
one("SELECT JSON_VALUE(address, '$.geo.lat') FROM `default.companies` WHERE name = 'Acme'", "48.5")
one("SELECT JSON_EXTRACT_SCALAR(address, '$.city') FROM `default.companies` WHERE name = 'Beta'", "Lyon")
one("SELECT JSON_QUERY(address, '$.geo') FROM `default.companies` WHERE name = 'Acme'", {"lat": 48.5})
one("SELECT REGEXP_REPLACE('a1b22', r'\\d+', '#')", "a#b#")
one("SELECT REGEXP_REPLACE('jane@acme.com', r'(\\w+)@(.*)', r'\\2:\\1')", "acme.com:jane")
one("SELECT REGEXP_CONTAINS('an apple', r'\\bapple\\b')", True)
one("SELECT REGEXP_CONTAINS('pineapples', r'\\bapple\\b')", False)
one("SELECT REGEXP_CONTAINS('A\\nB', r'(?i)a.b')", False)
one("SELECT REGEXP_EXTRACT('jane@acme.com', r'@(.+)$')", "acme.com")
one("SELECT REGEXP_EXTRACT('no digits', r'\\d+')", None)
one("SELECT ARRAY_LENGTH(REGEXP_EXTRACT_ALL('a1b22c333', r'\\d+'))", 3)
# wrong or failing in a plain translation
one("SELECT COUNTIF(employees > 1000) FROM `default.companies` WHERE 1 = 0", 0)
one("SELECT COUNTIF(employees > 40) FROM `default.companies`", 2)
one("SELECT ARRAY_AGG(domain IGNORE NULLS ORDER BY domain) FROM `default.companies`", ["acme.com", "beta.io", "delta.org"])
one("SELECT ARRAY_AGG(name ORDER BY name DESC LIMIT 2) FROM `default.companies`", ["Delta", "Café 100%"])
one("SELECT o FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS o WHERE x = 'b'", 1)
one("SELECT offset FROM UNNEST(['a', 'b']) AS x WITH OFFSET WHERE x = 'a'", 0)
one("SELECT SAFE_CAST('12' AS INT64)", 12)
one("SELECT SAFE_CAST('abc' AS INT64)", None)
one("SELECT SAFE_CAST('1.5' AS FLOAT64)", 1.5)
one("SELECT SAFE_CAST('' AS FLOAT64)", None)
one("SELECT SAFE_CAST('today' AS DATE)", None)
one("SELECT SAFE_CAST('2024-02-30' AS DATE)", None)
one("SELECT SAFE_CAST('2024-02-29' AS DATE)", "2024-02-29")
one("SELECT SAFE_CAST('t' AS BOOL)", None)
one("SELECT SAFE_CAST('TRUE' AS BOOL)", True)
one("SELECT SAFE_CAST(domain AS INT64) FROM `default.companies` WHERE name = 'Acme'", None)
one("SELECT CAST(2.5 AS INT64)", 3)
one("SELECT CAST(-2.5 AS INT64)", -3)
one("SELECT CAST(employees AS INT64) FROM `default.companies` WHERE name = 'Acme'", 120)
one("SELECT CAST(120.0 AS STRING) || 'x' FROM `default.companies` LIMIT 1", "120.0x")
one("SELECT APPROX_COUNT_DISTINCT(country) FROM `default.companies`", 2)
one("SELECT SPLIT('a,b,c')", ["a", "b", "c"])
one("SELECT SPLIT('')", [""])
one("SELECT SPLIT('a-b', '-')[OFFSET(1)]", "b")
one("SELECT CONTAINS_SUBSTR('the Blue house', 'blue')", True)
one("SELECT UNIX_SECONDS(TIMESTAMP '2008-12-25 15:30:00+00')", 1230219000)
one("SELECT UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.5+00')", 1500)
one("SELECT TIMESTAMP_MILLIS(1230219000000)", "2008-12-25T15:30:00.000Z")
one("SELECT EXTRACT(DAYOFWEEK FROM DATE '2024-03-17')", 1)
one("SELECT EXTRACT(WEEK FROM DATE '2017-11-05') FROM `default.companies` LIMIT 1", 45)
one("SELECT EXTRACT(WEEK FROM DATE '2017-01-01') FROM `default.companies` LIMIT 1", 1)
one("SELECT EXTRACT(WEEK FROM DATE '2022-01-01') FROM `default.companies` LIMIT 1", 0)
one("SELECT EXTRACT(WEEK(MONDAY) FROM DATE '2017-11-05')", 44)
one("SELECT EXTRACT(ISOWEEK FROM DATE '2016-01-02')", 53)
one("SELECT EXTRACT(ISOYEAR FROM DATE '2016-01-02')", 2015)
one("SELECT EXTRACT(YEAR FROM founded_at) FROM `default.companies` WHERE name = 'Acme'", 2010)
one("SELECT EXTRACT(DATE FROM founded_at) FROM `default.companies` WHERE name = 'Acme'", "2010-05-17")
one("SELECT EXTRACT(HOUR FROM founded_at AT TIME ZONE 'America/New_York') FROM `default.companies` WHERE name = 'Acme'", 6)
one("SELECT EXTRACT(MICROSECOND FROM TIMESTAMP '2024-01-01 00:00:07.25') FROM `default.companies` LIMIT 1", 250000)
one("SELECT STRUCT(1 AS a, 'x' AS b)", {"a": 1, "b": "x"})
one("SELECT STRUCT(1 AS a, 'x' AS b).b", "x")
one("SELECT STRUCT(1 AS a).a + 1 FROM `default.companies` LIMIT 1", 2)
one("SELECT s.n + 1 FROM (SELECT STRUCT(41 AS n) AS s) AS q WHERE s.n = 41", 42)
one("SELECT ARRAY_AGG(STRUCT(name, employees) ORDER BY employees DESC LIMIT 1)[OFFSET(0)].name FROM `default.companies`", "Acme")
one(
    "SELECT x.n + 1 FROM (SELECT ARRAY_AGG(STRUCT(employees AS n) ORDER BY name LIMIT 1)[OFFSET(0)] AS x FROM `default.companies`)",
    121,
)
one("""SELECT TO_JSON_STRING(address) FROM `default.companies` WHERE name = 'Acme'""", '{"geo":{"lat":48.5},"city":"Paris"}')
one("SELECT TO_JSON_STRING([1, 2])", "[1,2]")
one("SELECT ANY_VALUE(name HAVING MAX employees) FROM `default.companies`", "Acme")
one("SELECT ANY_VALUE(name HAVING MIN employees) FROM `default.companies`", "Café 100%")
one("SELECT APPROX_QUANTILES(employees, 2)[OFFSET(1)] FROM `default.companies`", 45)
one("SELECT APPROX_QUANTILES(employees, 2) FROM `default.companies`", [7, 45, 120])
one("SELECT SUM(x) FROM UNNEST(GENERATE_ARRAY(1, 10, 3)) AS x", 22)
one("SELECT COUNT(*) FROM (SELECT country, COUNT(*) FROM `default.companies` GROUP BY ALL)", 3)
one("SELECT address.city FROM `default.companies` WHERE address.city = 'Paris'", "Paris")
one("SELECT c.address.geo.lat FROM `default.companies` AS c WHERE c.name = 'Acme'", "48.5")
one("SELECT CONCAT('a', NULL, 'b') FROM `default.companies` LIMIT 1", None)
one("SELECT GREATEST(1, NULL, 3) FROM `default.companies` LIMIT 1", None)
one("SELECT SUBSTR('apple', -3, 2) FROM `default.companies` LIMIT 1", "pl")
one("SELECT ROUND(2.345, 2)", 2.35)
one("SELECT ROUND(employees / 7, 1) FROM `default.companies` WHERE name = 'Acme'", 17.1)
one("SELECT MOD(employees, 7) FROM `default.companies` WHERE name = 'Acme'", 1)
one("SELECT LAST_DAY(DATE '2024-02-10')", "2024-02-29")
one("SELECT LAST_DAY(DATE '2024-02-10', YEAR)", "2024-12-31")
one("SELECT LOG(EXP(2)) FROM `default.companies` LIMIT 1", 2)
one("SELECT TO_HEX(MD5('a'))", "0cc175b9c0f1b6a831c399e269772661")
one("SELECT ARRAY_TO_STRING(tags, '+') FROM `default.companies` WHERE name = 'Acme'", "vip+b2b")
one(
    "SELECT COSINE_DISTANCE(embedding, '[0,1,0]') FROM `default.companies` WHERE name = 'Acme'",
    1,
)
one(
    "SELECT name FROM default.companies WHERE embedding IS NOT NULL ORDER BY cosine_distance(embedding, '[0.5,0.9,0]'::vector) LIMIT 1",
    "Café 100%",
)
one("SELECT embedding FROM default.companies WHERE name = 'Acme'", [1, 0, 0])
# Postgres
one("SELECT CURRENT_DATE - DATE '2020-01-01' > 2000", True)
one("SELECT to_char(founded_at, 'YYYY-MM') FROM default.companies WHERE name ILIKE 'acme'", "2010-05")
one("SELECT date_trunc('month', founded_at) FROM default.companies WHERE name = 'Acme'", "2010-05-01T00:00:00.000Z")
one("SELECT address->>'city' FROM default.companies WHERE address->>'city' LIKE 'Ly%'", "Lyon")
one("SELECT address->'geo'->'lat' FROM default.companies WHERE name = 'Acme'", 48.5)
one("SELECT count(*) FROM default.companies WHERE tags ? 'vip'", 1)
one("SELECT count(*) FROM default.companies WHERE tags @> '[\"b2b\"]'", 2)
one("SELECT string_agg(t, ',' ORDER BY t) FROM default.companies, jsonb_array_elements_text(tags) AS t", "b2b,b2b,vip")
one(
    "SELECT count(*) FROM default.companies c WHERE EXISTS (SELECT 1 FROM default.contacts k WHERE k.company_id = c._id AND k.score > 50)",
    1,
)
one("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY employees) FROM default.companies", 45)
one("SELECT count(*) FILTER (WHERE country = 'US') FROM default.companies", 2)
one("SELECT (SELECT max(score) FROM default.contacts WHERE company_id = 'c1')", 90.5)
one("SELECT round(avg(score)::numeric, 1) FROM default.contacts", 50.3)
one("SELECT 7 / 2", 3)
one("SELECT concat('a', NULL, 'b')", "ab")
one("SELECT name FROM default.companies WHERE name LIKE '%100!%' ESCAPE '!'", "Café 100%")
one("SELECT interval '90 minutes'", "PT1H30M")
one("SELECT INTERVAL '3' DAY", "P3D")
one("SELECT array_agg(n) FROM generate_series(1, 3) AS n", [1, 2, 3])
one("SELECT sum(v.a) FROM (VALUES (1, 'x'), (2, 'y')) AS v(a, b)", 3)
one("SELECT extract(epoch FROM timestamp '1970-01-02')", 86400)
one("SELECT 'it''s' || E'\\n' || $$x$$", "it's\nx")
one("SELECT 9007199254740993", 9007199254740993)
one("SELECT 'NaN'::float8", "NaN")
# ClickHouse functions that documents use
one("SELECT count() FROM default.companies", 4)
one("SELECT countIf(country = 'US') FROM default.companies", 2)
one("SELECT toStartOfMonth(founded_at) FROM default.companies WHERE name = 'Acme'", "2010-05-01T00:00:00.000Z")
one("SELECT dateDiff('day', DATE '2024-01-01', DATE '2024-01-31')", 30)
one("SELECT count() FROM default.contacts WHERE created_at > now() - INTERVAL 1 DAY", 0)


async def test_each_construct_gives_what_it_means(executor: QueryExecutor, workspaces: SqlWorkspaces) -> None:
    wrong: list[str] = []
    for sql, expected in ONE:
        try:
            found: object = [list(row.values()) for row in await rows(executor, workspaces, sql)]
        except SqlRefused as refused:
            found = refused.sentence
        if found != [[expected]]:
            wrong.append(f"{sql} gives {found}, not {[[expected]]}")
    assert not wrong, "\n".join(wrong)
