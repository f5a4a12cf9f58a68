"""Snowflake: statements run once, values are bindings, rows of a batch go in one statement, long statements are asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.kit import Done, Failed, InvalidConfig, Later, Outcome, ServiceError, attempt
from cargo_ai.integrations.snowflake.account import address
from cargo_ai.integrations.snowflake.key_pair import claimed_account
from cargo_ai.integrations.snowflake.statements import bind, check_reads, quoted_table
from cargo_ai.integrations.snowflake.values import records
from tests.integrations.storage.snowflake_subject import ADD, EXAMPLES, PAGE, SUBJECT, account, fill, insert, leads, upsert
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness
from tests.simulators.snowflake.control import ACCESS_TOKEN, private_key

Json = Any
ATTACK = "x' OR 1=1; DROP TABLE leads; --"
_ADD: dict[str, Json] = {"query": ADD, "parameters": {"more": 1, "email": "ada@example.com"}}


async def _act(harness: Harness, slug: str, *configs: dict[str, Json]) -> list[Outcome]:
    action = harness.integration.action(slug)
    assert action is not None
    return [*await harness.act_on_rows(action, configs)]


async def _done(harness: Harness, slug: str, config: dict[str, Json], key: str = "") -> Json:
    action = harness.integration.action(slug)
    assert action is not None
    return (await harness.done(action, config, key)).output


async def _failed(harness: Harness, slug: str, config: dict[str, Json], key: str = "") -> Failed:
    action = harness.integration.action(slug)
    assert action is not None
    return await harness.failed(action, config, key)


class TestAccounts(Fixtures):
    """Ways to sign in."""

    subject = SUBJECT

    async def test_an_encrypted_key_and_an_access_token_sign_in_too(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        assert verification is not None
        encrypted = account(harness.simulator, privateKey=private_key("secret words"), passphrase="secret words")
        token = {"method": "accessToken", "account": "ACME-PROD", "host": harness.simulator.url, "accessToken": ACCESS_TOKEN}
        for harness.account in (encrypted, token):
            await verification.verify(harness.service())
        harness.account = {**encrypted, "passphrase": "others"}
        with pytest.raises(InvalidConfig, match="passphrase"):
            await verification.verify(harness.service())

    async def test_an_account_that_does_not_fit_the_key_is_refused_with_what_to_do(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        assert verification is not None
        harness.account = account(harness.simulator, account="OTHER-PROD")
        with pytest.raises(ServiceError, match="SET RSA_PUBLIC_KEY"):
            await verification.verify(harness.service())


class TestStatements(Fixtures):
    """Statements of users."""

    subject = SUBJECT

    async def test_values_are_bindings_whatever_stands_in_them(self, harness: Harness) -> None:
        query = "SELECT :text AS t, email FROM leads WHERE email = :text OR score = :score -- ':no :parameter"
        output = await _done(harness, "query", {"query": query, "parameters": {"text": ATTACK, "score": 3}})
        assert [[*row.values()] for row in output["rows"]] == [[ATTACK, "ada@example.com"]]
        await _act(harness, "upsert", upsert(ATTACK, NAME=ATTACK), upsert(NAME='");--'))
        assert {row["email"]: row["name"] for row in leads(harness.control)}[ATTACK] == ATTACK

    async def test_rows_come_with_their_types(self, harness: Harness) -> None:
        output = await _done(harness, "query", {"query": "SELECT * FROM leads ORDER BY email"})
        ada = {"EMAIL": "ada@example.com", "NAME": "Ada", "SCORE": 3, "CHANGED": "2026-11-01T10:00:00.000000", "INFO": {"city": "Ulm"}}
        assert output["rows"][0] == ada and output["rows"][1]["CHANGED"] == "2026-11-02T10:00:00.500000"

    async def test_a_query_reads_and_nothing_else(self, harness: Harness) -> None:
        assert "use the action execute" in (await _failed(harness, "query", {"query": "/* SELECT */ DELETE FROM leads"})).message
        failure = await _failed(harness, "query", {"query": "SELECT 1; DELETE FROM leads"})
        assert "statement count" in failure.message and len(leads(harness.control)) == 2

    async def test_results_are_read_in_partitions_up_to_the_limit(self, harness: Harness) -> None:
        fill(harness.control, 120)
        output = await _done(harness, "query", {"query": "SELECT email FROM leads"})
        assert (output["rowsCount"], output["hasMore"]) == (120, False)
        assert len(harness.control.sent("GET")) == 2
        output = await _done(harness, "query", {"query": "SELECT email FROM leads", "limit": 10})
        assert (output["rowsCount"], output["hasMore"]) == (10, True)

    async def test_a_statement_that_takes_long_is_asked_for_again_and_not_sent_again(self, harness: Harness) -> None:
        for slug, config in (("query", EXAMPLES["query"].config), ("execute", _ADD)):
            action = harness.integration.action(slug)
            assert action is not None
            harness.control.reset()
            harness.control.slow = 2
            request = harness.request(action, config)
            outcome = await attempt(action, request)
            for _ in range(5):
                if not isinstance(outcome, Later):
                    break
                outcome = await attempt(action, replace(request, call=replace(request.call, meta=outcome.meta)))
            assert isinstance(outcome, Done), outcome
            assert len(harness.control.statements) == 1, slug
        assert leads(harness.control)[0]["score"] == 4

    async def test_a_statement_is_executed_once_for_one_key(self, harness: Harness) -> None:
        key = harness.new_key()
        first = await _done(harness, "execute", _ADD, key)
        assert await _done(harness, "execute", _ADD, key) == first and first["changedCount"] == 1
        assert leads(harness.control)[0]["score"] == 4
        await _done(harness, "execute", _ADD)
        assert leads(harness.control)[0]["score"] == 5

    async def test_a_locked_table_is_waited_for(self, harness: Harness) -> None:
        harness.control.failures = [("000625", "Statement aborted because the number of waiters for this lock exceeds the limit.")]
        failure = await _failed(harness, "execute", _ADD)
        assert failure.transient and failure.retry_after == 5.0 and not failure.sent


class TestRows(Fixtures):
    """Rows of a batch."""

    subject = SUBJECT

    async def test_rows_with_one_key_are_one_row_and_a_batch_is_one_statement(self, harness: Harness) -> None:
        wanted = [upsert("eve@example.com", NAME="Eve"), upsert(NAME="Ada L."), upsert("eve@example.com", NAME="Eva")]
        outcomes = await _act(harness, "upsert", *wanted)
        assert [outcome.output["operation"] for outcome in outcomes if isinstance(outcome, Done)] == ["written"] * 3
        names = {"ada@example.com": "Ada L.", "bob@example.com": "Bob", "eve@example.com": "Eva"}
        assert {row["email"]: row["name"] for row in leads(harness.control)} == names
        assert len([seen for seen in harness.control.sent("POST") if "MERGE" in seen.body["statement"]]) == 1
        (again,) = await _act(harness, "upsert", wanted[0])
        assert isinstance(again, Done) and again.output == {"operation": "updated", "table": '"LEADS"'}

    async def test_columns_are_found_in_any_case_and_values_get_their_types(self, harness: Harness) -> None:
        values = {"email": "eve@example.com", "Score": "7", "changed": "2026-01-01T00:00:00", "info": {"a": [1]}}
        (outcome,) = await _act(harness, "insert", insert(**values))
        assert isinstance(outcome, Done), outcome
        row = leads(harness.control)[2]
        assert (row["score"], row["info"]) == (7, '{"a":[1]}')
        (twice,) = await _act(harness, "insert", insert(email="a", EMAIL="b"))
        assert isinstance(twice, Failed) and "names a column twice" in twice.message

    async def test_a_row_that_snowflake_refuses_fails_alone(self, harness: Harness) -> None:
        rows = [insert(EMAIL=f"e{number}@example.com", SCORE="many" if number == 3 else 1) for number in range(6)]
        outcomes = await _act(harness, "insert", *rows)
        assert [isinstance(outcome, Done) for outcome in outcomes] == [True, True, True, False, True, True]
        failure = outcomes[3]
        assert isinstance(failure, Failed) and "many" in failure.message and len(leads(harness.control)) == 7


class TestModels(Fixtures):
    """Rows that fill a model."""

    subject = SUBJECT
    config: dict[str, Json] = {"table": "leads", "keyColumn": "email", "changedColumn": "changed"}  # noqa: RUF012

    async def test_a_result_that_snowflake_has_forgotten_is_asked_for_again(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        fill(harness.control, 2 * PAGE + 5)
        pages = harness.walk(extractor, self.config)
        first = await anext(pages)
        await harness.close(pages)
        harness.control.statements.clear()
        rest = await harness.extract(extractor, self.config, first.cursor)
        assert len({record["EMAIL"] for page in rest for record in page.records}) == 2 * PAGE + 5

    async def test_the_shape_knows_types_and_refuses_a_column_that_cannot_be_compared(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        shape = await extractor.shape_for(harness.extract_request(extractor, self.config))
        types = {column.name: column.type for column in shape.columns}
        assert types == {"EMAIL": "string", "NAME": "string", "SCORE": "number", "CHANGED": "date", "INFO": "any"}
        assert (shape.id, shape.time) == ("EMAIL", "CHANGED")
        with pytest.raises(InvalidConfig, match="changedColumn"):
            await extractor.shape_for(harness.extract_request(extractor, {**self.config, "changedColumn": "NAME"}))
        (page,) = await harness.extract(extractor, {"table": "leads", "keyColumn": "EMAIL"})
        assert len(page.records) == 2 and page.cursor is None


def test_parameters_are_found_outside_of_quotes_comments_and_paths() -> None:
    sql = """SELECT src:city, "a b":x, list[0]:y, f():z, x::text, ':no', "q:no", $$ :no $$ FROM t -- :no
    WHERE a = :a AND b=:b /* :no */ AND c = :a // :no"""
    text, bindings = bind(sql, {"a": 1, "b": None, "unused": 2})
    assert text.count("?") == 3 and ":no" in text and "src:city" in text and "x::text" in text
    assert bindings == {"1": {"type": "FIXED", "value": "1"}, "2": {"type": "TEXT", "value": None}, "3": {"type": "FIXED", "value": "1"}}


@pytest.mark.parametrize(
    ("sql", "says"), [("SELECT :x", "has no x"), ("SELECT ?", "name its parameters"), (" ", "empty"), ("x" * 100_001, "at most")]
)
def test_a_statement_that_cannot_be_bound_is_refused(sql: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        bind(sql, {})


@pytest.mark.parametrize(
    "sql", ["SELECT 1", " (select 1)", "-- DELETE\nwith a as (select 1) select * from a", "SHOW TABLES", "/* a */ desc table t"]
)
def test_statements_that_read_may_be_queries(sql: str) -> None:
    check_reads(sql)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM t", "-- SELECT\nDROP TABLE t", "/* SELECT */ CALL p()", "", "BEGIN SELECT 1; END", "// SELECT\nTRUNCATE t"]
)
def test_statements_of_other_kinds_may_not(sql: str) -> None:
    with pytest.raises(InvalidConfig, match="only reads"):
        check_reads(sql)


def test_names_are_quoted_as_snowflake_keeps_them() -> None:
    assert quoted_table("leads") == '"LEADS"'
    assert quoted_table('sales.public."my ""leads"""') == '"SALES"."PUBLIC"."my ""leads"""'
    for wrong in ("a.b.c.d", "a b", 'x"; DROP TABLE t; --', '"', '""', "a.", ""):
        with pytest.raises(InvalidConfig):
            quoted_table(wrong)


def test_an_account_is_named_as_tokens_and_addresses_need_it() -> None:
    assert claimed_account("acme-prod_eu") == "ACME-PROD_EU" and claimed_account("xy12345.us-east-1.aws") == "XY12345"
    assert claimed_account("xy12345-abc.global") == "XY12345"
    assert address({"account": "ACME-PROD_EU"}) == "https://acme-prod-eu.snowflakecomputing.com"
    assert address({"account": "x1", "host": "x1.privatelink.snowflakecomputing.com/"}) == "https://x1.privatelink.snowflakecomputing.com"
    for wrong in (
        {"account": "evil.example/"},
        {"account": "a@b"},
        {"account": "x.snowflakecomputing.com"},
        {"host": "http://evil.example"},
        {"host": "a/b"},
    ):
        with pytest.raises(InvalidConfig):
            address(wrong)


def test_texts_are_read_by_their_types() -> None:
    cells = {
        "fixed": ("9007199254740993", "9007199254740993"),
        "real": ("1.5", 1.5),
        "boolean": ("true", True),
        "date": ("18628", "2021-01-01"),
        "time": ("82919.000000000", "23:01:59.000000"),
        "timestamp_ltz": ("1616173619.500000000", "2021-03-19T17:06:59.500000Z"),
        "timestamp_tz": ("1616173619.000000000 960", "2021-03-19T09:06:59.000000-08:00"),
        "variant": ('{"a": [1]}', {"a": [1]}),
        "binary": ("00FF", "00FF"),
        "text": ("x", "x"),
    }
    columns = [{"name": kind, "type": kind} for kind in cells]
    assert records(columns, [[sent for sent, _ in cells.values()]]) == [{kind: value for kind, (_, value) in cells.items()}]
    assert records([{"name": "d", "type": "fixed", "scale": 2}, {"name": "t", "type": "timestamp_ntz"}], [["1.10", None]]) == [
        {"d": 1.1, "t": None}
    ]
