"""BigQuery: statements run once, values are parameters, rows of a batch go in one statement, long jobs are asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.big_query.tables import parts_of, quoted
from cargo_ai.integrations.big_query.values import parameter, records
from cargo_ai.integrations.kit import Done, Failed, InvalidConfig, Later, Outcome, attempt
from tests.integrations.storage.big_query_subject import EXAMPLES, SUBJECT, fill, insert, leads, upsert
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness

Json = Any
ATTACK = "x' OR 1=1; DROP TABLE sales.leads; --"
_ADD: dict[str, Json] = {"query": "UPDATE sales.leads SET score = score + 1 WHERE email = 'ada@example.com'"}


async def _act(harness: Harness, slug: str, *configs: dict[str, Json]) -> list[Outcome]:
    action = harness.integration.action(slug)
    assert action is not None
    if action.rows is not None:
        return [*await harness.act_on_rows(action, configs)]
    return [await harness.act(action, config) for config in configs]


async def _done(harness: Harness, slug: str, config: dict[str, Json], key: str = "") -> Json:
    action = harness.integration.action(slug)
    assert action is not None
    return (await harness.done(action, config, key)).output


async def _failed(harness: Harness, slug: str, config: dict[str, Json], key: str = "") -> Failed:
    action = harness.integration.action(slug)
    assert action is not None
    return await harness.failed(action, config, key)


class TestStatements(Fixtures):
    """Statements of users."""

    subject = SUBJECT

    async def test_values_are_parameters_whatever_stands_in_them(self, harness: Harness) -> None:
        query = (
            "SELECT @text AS text, ARRAY_LENGTH(@some) AS n, email FROM sales.leads WHERE email = @text OR score = @score ORDER BY email"
        )
        output = await _done(harness, "query", {"query": query, "parameters": {"text": ATTACK, "score": 3, "some": ["a", "b"]}})
        assert output == {"rows": [{"text": ATTACK, "n": 2, "email": "ada@example.com"}], "rowsCount": 1, "hasMore": False}
        await _act(harness, "upsert", upsert(ATTACK, name=ATTACK), upsert(name="`);--"))
        assert {row["email"]: row["name"] for row in leads(harness.control)}[ATTACK] == ATTACK

    async def test_rows_come_with_their_types(self, harness: Harness) -> None:
        output = await _done(harness, "query", {"query": "SELECT * FROM sales.leads ORDER BY email"})
        assert output["rows"] == [
            {
                "email": "ada@example.com",
                "name": "Ada",
                "score": 3,
                "changed": "2026-11-01T10:00:00.000000Z",
                "tags": ["a", "b"],
                "address": {"city": "Ulm", "zip": "89073"},
            },
            {
                "email": "bob@example.com",
                "name": "Bob",
                "score": None,
                "changed": "2026-11-02T10:00:00.500000Z",
                "tags": [],
                "address": None,
            },
        ]

    async def test_a_query_reads_and_nothing_else(self, harness: Harness) -> None:
        failure = await _failed(harness, "query", {"query": "DELETE FROM sales.leads WHERE true"})
        assert "use the action execute" in failure.message and len(leads(harness.control)) == 2
        failure = await _failed(harness, "query", {"query": "SELECT 1; DELETE FROM sales.leads WHERE true"})
        assert "SCRIPT" in failure.message and len(leads(harness.control)) == 2

    async def test_a_query_that_would_cost_too_much_is_refused(self, harness: Harness) -> None:
        failure = await _failed(harness, "query", {"query": "SELECT 1 FROM sales.leads", "maximumBytesBilled": 1000})
        assert failure.reason == "tooExpensive" and "`maximumBytesBilled`" in failure.message

    async def test_results_are_read_in_pages_up_to_the_limit(self, harness: Harness) -> None:
        fill(harness.control, 1_203)
        query: dict[str, Json] = {"query": "SELECT email FROM sales.leads", "limit": 10_000}
        output = await _done(harness, "query", query)
        assert (output["rowsCount"], output["hasMore"]) == (1203, False)
        output = await _done(harness, "query", {**query, "limit": 600})
        assert (output["rowsCount"], output["hasMore"]) == (600, True)
        harness.control.seen.clear()
        output = await _done(harness, "query", {**query, "limit": 1})
        assert output["hasMore"] and len(harness.control.sent()) == 2

    async def test_a_statement_that_takes_long_is_asked_for_again_and_not_started_again(self, harness: Harness) -> None:
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
            assert len(harness.control.jobs) == 1, slug
        assert leads(harness.control)[0]["score"] == 4

    async def test_a_statement_is_executed_once_for_one_key(self, harness: Harness) -> None:
        key = harness.new_key()
        first = await _done(harness, "execute", _ADD, key)
        assert await _done(harness, "execute", _ADD, key) == first and first["changedCount"] == 1
        assert leads(harness.control)[0]["score"] == 4
        await _done(harness, "execute", _ADD)
        assert leads(harness.control)[0]["score"] == 5

    async def test_a_job_that_failed_without_effect_is_started_again_under_the_same_key(self, harness: Harness) -> None:
        harness.control.failures = [("invalidQuery", "Could not serialize access to table sales.leads due to concurrent update")]
        key = harness.new_key()
        failure = await _failed(harness, "execute", _ADD, key)
        assert failure.transient and leads(harness.control)[0]["score"] == 3
        await _done(harness, "execute", _ADD, key)
        assert leads(harness.control)[0]["score"] == 4

    async def test_a_script_that_failed_half_way_is_not_started_again(self, harness: Harness) -> None:
        config: dict[str, Json] = {"query": "DELETE FROM sales.leads WHERE true; SELECT 1"}
        key = harness.new_key()
        await _failed(harness, "execute", config, key)
        failure = await _failed(harness, "execute", config, key)
        assert not failure.transient and "Some of its statements may have been done" in failure.message
        assert len(harness.control.jobs) == 1


class TestRows(Fixtures):
    """Rows of a batch."""

    subject = SUBJECT

    async def test_rows_with_one_key_are_one_row_and_a_batch_is_one_statement(self, harness: Harness) -> None:
        wanted = [upsert("eve@example.com", name="Eve"), upsert(name="Ada L."), upsert("eve@example.com", name="Eva")]
        outcomes = await _act(harness, "upsert", *wanted)
        assert [outcome.output["operation"] for outcome in outcomes if isinstance(outcome, Done)] == ["written"] * 3
        assert {row["email"]: row["name"] for row in leads(harness.control)} == {
            "ada@example.com": "Ada L.",
            "bob@example.com": "Bob",
            "eve@example.com": "Eva",
        }
        assert len(harness.control.sent("POST")) == 1
        (again,) = await _act(harness, "upsert", wanted[0])
        assert isinstance(again, Done) and again.output == {"operation": "updated", "table": "sales.leads"}

    async def test_columns_that_a_row_does_not_name_are_left_alone(self, harness: Harness) -> None:
        await _act(harness, "upsert", upsert(score=9), upsert("bob@example.com", name="B", tags=["z"]))
        ada, bob = leads(harness.control)
        assert (ada["name"], ada["score"], ada["tags"]) == ("Ada", 9, ["a", "b"])
        assert (bob["name"], bob["score"], bob["tags"]) == ("B", None, ["z"])
        assert len(harness.control.sent("POST")) == 2

    async def test_records_and_lists_are_written_as_such_or_refused_by_name(self, harness: Harness) -> None:
        good, no_list, no_field = await _act(
            harness,
            "insert",
            insert(email="eve@example.com", tags=["x", "y"], address={"city": "Bonn"}),
            insert(email="f@example.com", tags="x"),
            insert(email="g@example.com", address={"street": "1"}),
        )
        assert isinstance(good, Done) and isinstance(no_list, Failed) and isinstance(no_field, Failed)
        assert "`values.tags` must be a list" in no_list.message and "has no field street" in no_field.message
        assert leads(harness.control)[2]["address"] == {"city": "Bonn", "zip": None}

    async def test_a_row_that_bigquery_refuses_fails_alone(self, harness: Harness) -> None:
        outcomes = await _act(
            harness, "insert", *[insert(email=f"e{number}@example.com", score="many" if number == 3 else 1) for number in range(6)]
        )
        assert [isinstance(outcome, Done) for outcome in outcomes] == [True, True, True, False, True, True]
        failure = outcomes[3]
        assert isinstance(failure, Failed) and "many" in failure.message and len(leads(harness.control)) == 7

    async def test_a_row_without_its_key_is_refused(self, harness: Harness) -> None:
        (outcome,) = await _act(harness, "upsert", upsert("", name="X"))
        assert isinstance(outcome, Failed) and "`values.email` is empty" in outcome.message


class TestModels(Fixtures):
    """Rows that fill a model."""

    subject = SUBJECT
    config: dict[str, Json] = {"table": "sales.leads", "keyColumn": "email", "changedColumn": "changed"}  # noqa: RUF012

    async def test_a_result_that_bigquery_has_forgotten_is_asked_for_again(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        fill(harness.control, 1_200)
        pages = harness.walk(extractor, self.config)
        first = await anext(pages)
        await harness.close(pages)
        harness.control.jobs.clear()
        rest = await harness.extract(extractor, self.config, first.cursor)
        assert len({record["email"] for page in rest for record in page.records}) == 1_200 and not rest[-1].more

    async def test_without_a_column_of_changes_every_sync_reads_all(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        (page,) = await harness.extract(extractor, {"table": "sales.leads", "keyColumn": "email"})
        assert len(page.records) == 2 and page.cursor is None

    async def test_the_shape_knows_types_and_refuses_a_column_that_cannot_be_compared(self, harness: Harness) -> None:
        (extractor,) = harness.integration.extractors
        shape = await extractor.shape_for(harness.extract_request(extractor, self.config))
        types = {column.name: column.type for column in shape.columns}
        assert types == {"email": "string", "name": "string", "score": "number", "changed": "date", "tags": "array", "address": "object"}
        assert (shape.id, shape.time) == ("email", "changed")
        with pytest.raises(InvalidConfig, match="changedColumn"):
            await extractor.shape_for(harness.extract_request(extractor, {**self.config, "changedColumn": "name"}))


def test_names_of_tables_hold_nothing_that_ends_their_quotes() -> None:
    assert parts_of("sales.leads", "p") == ("p", "sales", "leads")
    assert parts_of("`example.com:proj-1.sales.my leads`", "p") == ("example.com:proj-1", "sales", "my leads")
    for wrong in ("leads", "a.b`; DROP TABLE x; --", "a.b.c.d.e", "a.b\\", "a..b", "a.b\nc", ""):
        with pytest.raises(InvalidConfig):
            parts_of(wrong, "p")
    assert quoted("a`b\\") == "`a\\`b\\\\`"


def test_the_type_of_a_parameter_follows_from_its_value_or_is_named() -> None:
    kinds = {"a": True, "b": 1, "c": 1.5, "d": "x", "e": {"k": 1}, "f": None}
    assert [parameter(name, value)["parameterType"]["type"] for name, value in kinds.items()] == [
        "BOOL",
        "INT64",
        "FLOAT64",
        "STRING",
        "JSON",
        "STRING",
    ]
    assert parameter("n", {"type": "numeric", "value": "1.10"}) == {
        "name": "n",
        "parameterType": {"type": "NUMERIC"},
        "parameterValue": {"value": "1.10"},
    }
    assert parameter("n", [1, 2.5])["parameterType"] == {"type": "ARRAY", "arrayType": {"type": "FLOAT64"}}
    for wrong in ([1, "a"], [None], 2**64, {"type": "TABLE", "value": "x"}):
        with pytest.raises(InvalidConfig, match=r"parameters\.n"):
            parameter("n", wrong)


def test_numbers_that_json_cannot_hold_are_texts() -> None:
    fields = [
        {"name": name, "type": kind} for name, kind in (("i", "INTEGER"), ("f", "FLOAT"), ("n", "NUMERIC"), ("b", "BOOLEAN"), ("j", "JSON"))
    ]
    row = {"f": [{"v": "9007199254740993"}, {"v": "NaN"}, {"v": "0.10000000000000000001"}, {"v": "true"}, {"v": '{"a": [1]}'}]}
    assert records(fields, [row]) == [{"i": "9007199254740993", "f": None, "n": "0.10000000000000000001", "b": True, "j": {"a": [1]}}]
    row = {"f": [{"v": "-5"}, {"v": "1.5"}, {"v": "2.50"}, {"v": None}, {"v": None}]}
    assert records(fields, [row]) == [{"i": -5, "f": 1.5, "n": 2.5, "b": None, "j": None}]
