"""Whatever is written as SQL: it is refused, or what comes out is one SELECT over the workspace's views and allowed functions."""

from __future__ import annotations

import re
import uuid

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.translate.calls.allowed_functions import AGGREGATES, SCALARS, WINDOWS, WITHIN
from tests.kit.property_examples import examples

WORKSPACE = uuid.UUID(int=1)
RELATION = Relation(
    uuid.UUID(int=2),
    "companies",
    "default",
    "ws_1_default",
    "m_companies_1",
    "v_companies_1",
    (Column("name", "string", "original"), Column("employees", "number", "original"), Column("tags", "array", "original")),
)
OTHER = Relation(
    uuid.UUID(int=3), "contacts", "default", "ws_1_default", "m_contacts_2", "v_contacts_2", (Column("email", "string", "original"),)
)
CATALOG = Catalog(WORKSPACE, "role", (RELATION, OTHER))

VALID = [
    "SELECT name, COUNT(*) AS n FROM default.companies WHERE employees > 10 GROUP BY name HAVING n > 1 ORDER BY n LIMIT 5",
    "SELECT * EXCEPT (tags) FROM `p.datasets_default.models_companies` QUALIFY RANK() OVER (PARTITION BY name ORDER BY employees) = 1",
    "WITH a AS (SELECT name FROM default.companies), b AS (SELECT * FROM a) SELECT name FROM b JOIN default.contacts c ON c.email = b.name",
    "SELECT t, o FROM default.companies c, UNNEST(c.tags) AS t WITH OFFSET AS o WHERE t IN UNNEST(['a', 'b'])",
    "SELECT (SELECT max(employees) FROM default.companies) + 1 UNION ALL SELECT 2 ORDER BY 1",
    "SELECT CASE WHEN name LIKE 'a%' THEN CAST(employees AS text) ELSE 'x' END, EXTRACT(YEAR FROM _created_at) FROM default.companies",
    "SELECT STRUCT(name AS a, employees).a, SAFE_CAST(name AS INT64), DATE_SUB(CURRENT_DATE(), INTERVAL 3 DAY) FROM default.companies",
    "SELECT x.n FROM (VALUES (1), (2)) AS x(n), generate_series(1, 3) AS g WHERE x.n = g AND EXISTS (SELECT 1 FROM default.contacts)",
]
VOCABULARY = """
SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING WITH AS ( ) ( ) , , . * ; UNION ALL JOIN ON USING CROSS LATERAL CASE WHEN THEN ELSE END
AND OR NOT IN IS NULL BETWEEN LIKE EXISTS ANY DISTINCT OVER PARTITION QUALIFY UNNEST OFFSET ARRAY STRUCT INTERVAL CAST EXTRACT
INSERT DELETE UPDATE INTO DROP TABLE SET ROLE COPY CALL DO FOR UPDATE RECURSIVE VALUES RETURNING EXPLAIN LISTEN PREPARE RESET
default companies contacts name employees email tags datasets_default.models_companies default.contacts c c.name xmin ctid tableoid
pg_catalog pg_authid pg_class information_schema.tables public.tokens ws_1_default.m_companies_1 ws_2_default.v_vault_1
pg_sleep pg_read_file set_config current_setting version query_to_xml lo_import count sum lower regclass oid text int64 jsonb
:: -> ->> || + - / % = <> < > @> [ ] 1 0.5 'a' 'pg_authid' "name" `default.companies` $1 ? @x $$a$$ E'\\n' U&'x' -- /* */
"""
KEYWORD_TEXT = """
as in and or not over filter where group values any all exists cast by interval lateral array row on using union except intersect with
between then else when case end from select distinct is like ilike to materialized having offset limit conflict zone
"""
WORDS, KEYWORDS = VOCABULARY.split(), frozenset(KEYWORD_TEXT.split())
FUNCTIONS = (
    {rule.name or name for table in (SCALARS, AGGREGATES, WINDOWS) for name, rule in table.items()}
    | set(WITHIN)
    | {"count", "substr", "concat", "greatest", "least", "log", "ln", "array_length", "date_trunc", "date_part", "extract", "string_agg"}
    | {"make_date", "sha256", "sha512", "encode", "convert_to", "regexp_match", "jsonb_exists", "jsonb_object_keys", "jsonb_each"}
    | {
        "jsonb_each_text",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "string_to_table",
        "array_to_string",
        "position",
        "percentile_disc",
    }
    | {"numeric", "varchar", "char"}
)
CALL = re.compile(r"([A-Za-z_][A-Za-z_0-9.]*)\s*\(")
STRINGS = re.compile(r"E?'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"")


def assert_harmless(sql: str) -> None:
    """One SELECT that reads the catalog's views alone and calls nothing but what is allowed, as another reading of it finds."""
    trees = sqlglot.parse(sql, dialect="postgres")
    assert len(trees) == 1
    tree = trees[0]
    assert isinstance(tree, exp.Query)
    assert not list(tree.find_all(exp.Command, exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop, exp.Into, exp.Lock))
    views = {(one.schema, one.view) for one in CATALOG.relations}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            backend = (table.db, table.name)
            assert backend in views or (not table.db and re.fullmatch(r"r\d+", table.name)), backend
    for called in CALL.findall(STRINGS.sub(lambda found: '"x"' if found[0].startswith('"') else "''", sql)):
        plain = called.lower()
        assert plain in KEYWORDS or plain in FUNCTIONS or plain.startswith("bq.") or re.fullmatch(r"r\d+|u", plain), called
    for column in tree.find_all(exp.Column):
        assert column.table, column.sql()


def check(text: str) -> None:
    try:
        made = guard.check(text, CATALOG)
    except SqlRefused as refused:
        assert refused.sentence
        return
    assert_harmless(made.sql)


@pytest.mark.parametrize("sql", VALID)
def test_what_is_valid_is_taken_and_harmless(sql: str) -> None:
    assert_harmless(guard.check(sql, CATALOG).sql)


@settings(max_examples=examples(1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
def test_a_soup_of_words_never_gets_out(words: list[str]) -> None:
    check(" ".join(["SELECT", *words]))


@settings(max_examples=examples(1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(VALID),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["drop", "double", "put", "swap"]), st.sampled_from(WORDS)), min_size=1, max_size=4
    ),
)
def test_a_query_that_was_changed_anywhere_never_gets_out(sql: str, changes: list[tuple[float, str, str]]) -> None:
    tokens = re.findall(r"\w+|'[^']*'|\S", sql)
    for where, how, word in changes:
        at = min(int(where * len(tokens)), len(tokens) - 1)
        if how == "drop" and len(tokens) > 1:
            del tokens[at]
        elif how == "double":
            tokens.insert(at, tokens[at])
        else:
            tokens[at : at + (how == "swap")] = [word]
    check(" ".join(tokens))


@settings(max_examples=examples(400), deadline=None)
@given(st.text(max_size=200))
def test_no_text_at_all_is_a_bug(text: str) -> None:
    check(text)
    check(f"SELECT '{text}' FROM default.companies")
    check(f'SELECT name AS "{text}" FROM default.companies')
    check(f"SELECT name AS `{text}` FROM default.companies")
