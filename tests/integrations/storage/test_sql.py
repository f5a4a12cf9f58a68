"""SQL conforms on real databases: PostgreSQL, and MariaDB where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, Done, Failed, InvalidConfig, integrations
from cargo_ai.integrations.sql.choices import AUTOCOMPLETES, SCHEMAS
from cargo_ai.integrations.sql.extractors.source import PAGE
from cargo_ai.integrations.sql.statement import bind, quoted_table
from cargo_ai.integrations.sql.values import to_json
from cargo_ai.store.embedded.postgres import Cluster
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Simulator, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators import databases

Json = Any
ALL = "select id, email, name, score from people order by id"
GRACE: dict[str, Json] = {"id": 2, "email": "grace@example.com", "name": "Grace", "score": 2.25}


@pytest.fixture(scope="class")
def postgresql_database(cluster: Cluster) -> Iterator[Simulator]:
    """A database of the test process's PostgreSQL."""
    with databases.postgresql(cluster.admin_url) as relay:
        yield relay


def _account(simulator: Any, dialect: str, password: str) -> dict[str, Json]:
    where = {"host": "127.0.0.1", "port": simulator.port, "database": databases.NAME, "tls": "off"}
    return {"dialect": dialect, **where, "user": databases.USER, "password": password}


def _mariadb_account(simulator: Simulator) -> dict[str, Json]:
    return _account(simulator, "mysql", databases.PASSWORD)


def _wrong_mariadb_account(simulator: Simulator) -> dict[str, Json]:
    return _account(simulator, "mysql", "another-password-entirely")


def _people(control: databases.Control) -> Json:
    return [[*row[:3], float(row[3]) if row[3] is not None else None] for row in control.rows(ALL)]


def _deals(control: databases.Control) -> Json:
    return control.rows("select title, amount from deals order by title")


def _upsert(**values: Json) -> dict[str, Json]:
    return {"table": "people", "matchingColumns": ["id"], "values": values}


def _fill_deals(control: databases.Control, count: int) -> list[str]:
    titles = [f"deal-{number:05}" for number in range(count)]
    if titles:
        values = ", ".join(f"('{title}', {number})" for number, title in enumerate(titles))
        control.change(f"insert into deals (title, amount) values {values}")
    return titles


SUBJECT = Subject(
    slug="sql",
    running="postgresql_database",
    account=lambda simulator: _account(simulator, "postgresql", databases.PASSWORD),
    wrong=lambda simulator: _account(simulator, "postgresql", "another-password-entirely"),
    secret=databases.PASSWORD,
    error=lambda _status, sentence: sentence,
    over_http=False,
    params={"listColumns": {"table": "people"}, "row": {"table": "people"}},
    extractions={
        "fetchRows": Extraction(config={"table": "deals", "idColumn": "title"}, size=PAGE, fill=_fill_deals),
        "fetchChangedRows": Extraction(
            config={"query": "select title, amount from deals", "idColumn": "title", "incrementalColumn": "amount"},
            size=PAGE,
            fill=_fill_deals,
            change=lambda control, title: control.change(f"update deals set amount = 1000000 where title = '{title}'"),
            # The row with the highest number.
            overlap=1,
        ),
    },
    examples={
        "query": Example(
            config={"query": "select name from people where email = :email", "parameters": {"email": "ada@example.com"}}, effect=_people
        ),
        "execute": Example(
            config={"statement": "update people set name = :name where id = 1", "parameters": {"name": "Countess"}}, effect=_people
        ),
        "insert": Example(
            config={"table": "deals", "values": {"title": "Lamp", "amount": 3}},
            effect=_deals,
            rejected={"table": "deals", "values": {"title": "Lamp", "colour": "red"}},
            says="colour",
        ),
        "upsert": Example(
            config=_upsert(**GRACE),
            effect=_people,
            rejected=_upsert(**GRACE, colour="red"),
            says="colour",
            nulls=_upsert(id=2, email=None, name="Grace", score=None),
        ),
    },
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["sql"].action(slug)
    assert action is not None
    return action


class SqlTests:
    """What is the same on every kind of database."""

    async def test_rows_come_as_json(self, harness: Harness) -> None:
        done = await harness.done(_action("query"), {"query": "select id, name, score from people"})
        assert done.output == {"rows": [{"id": 1, "name": "Ada", "score": 1.5}], "rowsCount": 1, "hasMore": False}

    async def test_rows_beyond_the_limit_are_not_read(self, harness: Harness) -> None:
        many = " union all ".join(["select 1 as one"] * 30)
        done = await harness.done(_action("query"), {"query": many, "limit": 10})
        assert (done.output["rowsCount"], done.output["hasMore"]) == (10, True)
        assert (await harness.done(_action("query"), {"query": "select 1 as one"})).output["rowsCount"] == 1

    async def test_a_query_changes_nothing(self, harness: Harness) -> None:
        failure = await harness.failed(_action("query"), {"query": "delete from people"})
        assert "use `execute`" in failure.message and failure.reason == "readOnly"
        assert len(harness.control.rows(ALL)) == 1

    async def test_several_statements_in_one_are_refused(self, harness: Harness) -> None:
        await harness.failed(_action("execute"), {"statement": "delete from deals; delete from people"})
        assert len(harness.control.rows(ALL)) == 1

    async def test_a_value_is_never_part_of_the_statement(self, harness: Harness) -> None:
        config = {"query": "select id from people where name = :name", "parameters": {"name": "' or '1'='1"}}
        assert (await harness.done(_action("query"), config)).output["rows"] == []

    async def test_a_table_that_is_not_there_is_named(self, harness: Harness) -> None:
        config = {"table": "persons", "values": {"id": 1}}
        (failure,) = await harness.act_on_rows(_action("insert"), [config])
        assert isinstance(failure, Failed) and "no table persons" in failure.message

    async def test_rows_say_whether_they_were_created_or_updated(self, harness: Harness) -> None:
        outcomes = await harness.act_on_rows(
            _action("upsert"), [_upsert(id=1, name="Countess"), _upsert(**GRACE), _upsert(id=2, name="Hopper")]
        )
        operations = [outcome.output["operation"] for outcome in outcomes if isinstance(outcome, Done)]
        assert operations == ["updated", "created", "updated"]
        assert [row[2] for row in harness.control.rows(ALL)] == ["Countess", "Hopper"]

    async def test_a_conflict_refuses_the_whole_batch_so_that_its_rows_are_tried_alone(self, harness: Harness) -> None:
        taken = _upsert(id=7, email="ada@example.com")
        failure = await harness.failed(_action("upsert"), taken)
        assert failure.reason == "conflict" and not failure.transient
        assert len(harness.control.rows(ALL)) == 1

    async def test_matching_by_columns_without_an_index_says_what_to_do(self, harness: Harness) -> None:
        if harness.account["dialect"] == "mysql":
            pytest.skip("MySQL matches by every unique index")
        failure = await harness.failed(_action("upsert"), {"table": "people", "matchingColumns": ["name"], "values": GRACE})
        assert failure.reason == "noUniqueIndex" and "unique index" in failure.message

    async def test_a_key_without_a_value_is_refused(self, harness: Harness) -> None:
        (failure,) = await harness.act_on_rows(_action("upsert"), [_upsert(id=None, name="Nameless")])
        assert isinstance(failure, Failed) and "`values.id` is empty" in failure.message

    async def test_tables_and_columns_can_be_chosen(self, harness: Harness) -> None:
        request = harness.form_request()
        tables = [choice.value for choice in await AUTOCOMPLETES["listTables"].perform(request, {}, None)]
        columns = [choice.value for choice in await AUTOCOMPLETES["listColumns"].perform(request, {"table": "people"}, "e")]
        schema, _ = await SCHEMAS["row"].perform(request, {"table": "people"})
        assert tables == ["deals", "people"] and "email" in columns and "id" not in columns
        assert schema["required"] == ["id"]


class TestSql(SqlTests, IntegrationConformance):
    """On PostgreSQL."""

    subject = SUBJECT

    async def test_lists_and_objects_are_arrays_and_json(self, harness: Harness) -> None:
        await harness.done(_action("upsert"), _upsert(id=1, tags=["a", 'b"{'], details={"plan": ["x", 1]}))
        done = await harness.done(_action("query"), {"query": "select tags, details from people"})
        assert done.output["rows"] == [{"tags": ["a", 'b"{'], "details": {"plan": ["x", 1]}}]

    async def test_a_statement_that_takes_too_long_is_stopped(self, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cargo_ai.integrations.sql.postgresql_connection.STATEMENT_SECONDS", 1.0)
        failure = await harness.failed(_action("query"), {"query": "select pg_sleep(20)"})
        assert failure.reason == "timeout"

    async def test_a_result_that_is_too_large_is_refused(self, harness: Harness) -> None:
        failure = await harness.failed(_action("query"), {"query": "select repeat('x', 1000000) from generate_series(1, 50)"})
        assert "larger than 4 MB" in failure.message


@pytest.mark.skipif(not databases.has_mariadb(), reason="MariaDB is not installed")
class TestMariadb(SqlTests, IntegrationConformance):
    """On MariaDB."""

    subject = replace(
        SUBJECT,
        running=databases.mariadb,
        account=_mariadb_account,
        wrong=_wrong_mariadb_account,
    )


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("select :a", "select %(a)s"),
        ("select ':a', a::text, 5 % 2, \":a\"", "select ':a', a::text, 5 %% 2, \":a\""),
        ("select '\\', :a, ''", "select '\\', %(a)s, ''"),
        ("select $$:a$$, $x$:a $$ $x$ -- :a\n/* :a */, :a", "select $$:a$$, $x$:a $$ $x$ -- :a\n/* :a */, %(a)s"),
        ("select ':a", "select ':a"),
    ],
)
def test_only_what_stands_for_a_value_is_a_parameter(text: str, statement: str) -> None:
    assert bind(text, {"a": 1}, "postgresql")[0] == statement


def test_a_backslash_escapes_in_texts_of_mysql() -> None:
    assert bind("select 'it\\'s :a', `:a`, :a # :a", {"a": 1}, "mysql")[0] == "select 'it\\'s :a', `:a`, %(a)s # :a"


def test_a_parameter_without_a_value_is_named() -> None:
    with pytest.raises(InvalidConfig, match=":b"):
        bind("select :b", {"a": 1}, "mysql")


def test_names_are_quoted() -> None:
    assert quoted_table('a"b.c', "postgresql") == '"a""b"."c"' and quoted_table("a`b", "mysql") == "`a``b`"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1.5"), 1.5),
        (Decimal("3.00"), 3),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"),
        (2**60, str(2**60)),
        (float("nan"), None),
        (date(2026, 11, 27), "2026-11-27"),
        (b"\x00\x01", "AAE="),
    ],
)
def test_values_are_json_that_loses_nothing(value: object, shown: Json) -> None:
    assert to_json(value) == shown
