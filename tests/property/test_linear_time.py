"""Whatever reads texts of users takes time linear in their length: twice as much of anything takes less than three times as long."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.expression import compile_config, template
from cargo_ai.expression.rewrite import rewrite
from cargo_ai.kernel.schemas import json_limits
from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.records.filter import compile
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused
from tests.kit.measures.linear_time import Case, explain_slowness

pytestmark = pytest.mark.slow
COLUMNS = tuple(Column(slug, kind, "original") for slug, kind in (("name", "string"), ("size", "number")))  # pyright: ignore[reportArgumentType]
MODEL = Relation(uuid.UUID(int=1), "companies", "default", "ws", "t_companies", "v_companies", COLUMNS)
CATALOG = Catalog(uuid.UUID(int=2), "role", (MODEL,))


def _config(text: str) -> None:
    template.parse.cache_clear()
    compile_config(text)


def _query(text: str) -> None:
    with suppress(SqlRefused):
        guard.check(text, CATALOG)


def _clickhouse(text: str) -> None:
    with suppress(SqlRefused):
        guard.check(text, CATALOG, clickhouse=True)


def _condition(text: str) -> None:
    guard._check_condition.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with suppress(SqlRefused):
        guard.condition(text, MODEL, '"r"')


def _filter(conditions: list[dict[str, Any]]) -> None:
    groups = [{"conjonction": "and", "conditions": conditions}]
    with suppress(InvalidFilter):
        compile.compile_filter(
            Filter.model_validate({"conjonction": "and", "groups": groups}), MODEL, "r", FilterContext(CATALOG, datetime.now(UTC))
        )


def _rewrite(text: str) -> None:
    rewrite(text, ("nodes",))


def _measure(text: str) -> None:
    json_limits.measure(text.encode())


CASES: dict[str, Case] = {
    "a sum in an expression": (_rewrite, lambda n: "nodes.start.a+" * n + "1", 700),
    "brackets in an expression": (_rewrite, lambda n: "(1)+" * n + "1", 2_000),
    "assignments in brackets": (_rewrite, lambda n: ("(" * 40 + "nodes.a" + ").b=1" * 40 + ";") * n, 30),
    "indexes in brackets": (_rewrite, lambda n: ("nodes[" * 40 + "0" + "]=1" * 40 + ";") * n, 20),
    "unclosed strings": (_rewrite, lambda n: "nodes['" * n, 1_200),
    "expressions in a template": (_config, lambda n: "".join(f"{{{{nodes.start.a{number}}}}} " for number in range(n)), 300),
    "what begins no pattern in a template": (_config, lambda n: "{{/[ }}" * n, 900),
    "slashes in an expression": (_config, lambda n: "{{" + "/[ " * n + "}}", 3_000),
    "divisions in an expression": (_config, lambda n: "{{" + "a/b+" * n + "1}}", 2_000),
    "what closes its expression in a string": (_config, lambda n: "{{(`}}`" * n, 700),
    "what begins many patterns in a template": (_config, lambda n: ("{{" + "/[" * 12 + "}}") * n, 500),
    "opening braces": (_config, lambda n: "{{(" * n, 900),
    "a chain of conditions": (_condition, lambda n: " and ".join(["size > 1"] * n), 150),
    "brackets in a condition": (_condition, lambda n: " and ".join(["(((size > 1)))"] * n), 60),
    "functions in a condition": (_condition, lambda n: " or ".join(["lower(trim(name)) = 'x'"] * n), 60),
    "columns of a query": (_query, lambda n: f"SELECT {', '.join(['name'] * n)} FROM default.companies", 200),
    "cases of a query": (_query, lambda n: f"SELECT CASE {'WHEN size > 1 THEN 2 ' * n}END FROM default.companies", 80),
    "tables of a query": (_query, lambda n: " UNION ALL ".join(["SELECT name FROM default.companies"] * n), 20),
    "steps of a query": (
        _query,
        lambda n: f"WITH {', '.join(f'a{at} AS (SELECT name FROM default.companies)' for at in range(n))} SELECT * FROM a0",
        20,
    ),
    "brackets that never close in a query": (_query, lambda n: "SELECT " + "((1)," * n, 300),
    "BigQuery's words in a query": (_query, lambda n: f"SELECT {', '.join(['SAFE_CAST(name AS INT64)'] * n)} FROM `default.companies`", 50),
    "ClickHouse's words in a query": (_clickhouse, lambda n: f"SELECT {', '.join(['countIf(size > 1)'] * n)} FROM companies", 50),
    "conditions of a filter": (
        _filter,
        lambda n: [{"kind": "string", "columnSlug": "name", "operator": "is", "values": ["x"]}] * n,
        90,
    ),
    "values of a condition": (
        _filter,
        lambda n: [{"kind": "string", "columnSlug": "name", "operator": "contains", "values": [f"{at}%" for at in range(n)]}],
        5_000,
    ),
    "texts in a body": (_measure, lambda n: '["a,b",' * n, 60_000),
    "brackets in a body": (_measure, lambda n: ("[" * 90 + "]" * 90) * n, 400),
}


@pytest.mark.parametrize("case", CASES)
def test_twice_as_much_takes_less_than_three_times_as_long(case: str) -> None:
    slowness = explain_slowness(CASES[case])
    assert slowness is None, f"{case}: {slowness}"
