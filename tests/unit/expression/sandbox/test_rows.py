"""Requests that ask the same of many records go to the sandbox as rows of one text: each has what it would have by itself."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.expression import EngineExpression, EngineRequest
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.native.values import UNDEFINED
from cargo_ai.expression.requests import EngineResult
from cargo_ai.expression.sandbox.host import refusal
from tests.kit.sandbox import skip_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def answers(evaluator: Evaluator, sources: list[str], records: list[Any], key: str = "start") -> list[list[EngineResult]]:
    """The answers for each record, all asked at once."""
    questions = tuple(EngineExpression(source) for source in sources)
    requests = [EngineRequest({"nodes": {key: record}, "parentNodes": {}}, questions) for record in records]
    found = await evaluator.evaluate("rows", requests)
    if refusal("javascript"):
        skip_refused(found[0][0].error and found[0][0].error.message)
    return found


async def test_each_row_has_its_own_value_error_and_warning(evaluator: Evaluator) -> None:
    records = [{"n": 1}, {"n": "\ud83d"}, {"n": None}, {}, {"n": {"deep": [True, 0.1, -0.0]}}, None, {"n": '"]],[["'}, {"n": "a\tb\u2028é"}]
    found = [one for (one,) in await answers(evaluator, ["[nodes.start.n][0]"], records)]
    values = [1, "\ufffd", None, UNDEFINED, {"deep": [True, 0.1, 0]}, UNDEFINED, '"]],[["', "a\tb\u2028é"]
    assert [one.value for one in found] == values and not any(one.error for one in found)
    assert [bool(one.warnings) for one in found] == [False, False, False, True, False, True, False, False]
    assert "nodes.start is null" in found[5].warnings[0]


@pytest.mark.slow
async def test_what_throws_or_does_not_end_fails_alone(evaluator: Evaluator) -> None:
    records: list[Any] = [{"n": number} for number in range(20)]
    source = "nodes.start.n === 0 ? (() => { for (;;) {} })() : nodes.start.n === 9 ? nodes.start.n.missing() : nodes.start.n * 2"
    found = [one for (one,) in await answers(evaluator, [source], records)]
    assert [one.value for one in found if one.error is None] == [number * 2 for number in range(20) if number not in (0, 9)]
    assert found[0].error is not None and "0.5 seconds of CPU time" in found[0].error.message
    assert found[9].error is not None and "TypeError" in found[9].error.message


async def test_a_row_that_fills_the_memory_fails_alone(evaluator: Evaluator) -> None:
    records: list[Any] = [{"n": number} for number in range(5)]
    source = "nodes.start.n === 2 ? Array(9).fill(0).map((_, i) => String(i).repeat(3e7)).length : nodes.start.n"
    found = [one for (one,) in await answers(evaluator, [source], records)]
    assert [one.value for one in found if one.error is None] == [0, 1, 3, 4]
    assert found[2].error is not None and "64 MB of memory" in found[2].error.message


async def test_questions_of_a_row_do_not_see_each_others_changes(evaluator: Evaluator) -> None:
    records: list[Any] = [{"list": [3, 1, 2], "n": number} for number in range(3)]
    found = await answers(evaluator, ["nodes.start.list.sort().join()", "nodes.start.list.join()", "nodes.start.n"], records)
    assert [[one.value for one in row] for row in found] == [["1,2,3", "3,1,2", number] for number in range(3)]


async def test_a_question_that_cannot_be_compiled_leaves_the_others(evaluator: Evaluator) -> None:
    found = await answers(evaluator, ["nodes.start.n +", "nodes.start.n + 1"], [{"n": 1}, {"n": 2}])
    assert [row[1].value for row in found] == [2, 3]
    assert all(row[0].error is not None and "is not valid JavaScript" in row[0].error.message for row in found)


@pytest.mark.parametrize("key", ["__proto__", "constructor", "toString"])
async def test_names_that_every_object_has_are_properties_of_their_own(evaluator: Evaluator, key: str) -> None:
    found = [one for (one,) in await answers(evaluator, [f"nodes['{key}'].n + Object.keys(nodes).length"], [{"n": 1}, {"n": 2}], key)]
    assert [one.value for one in found] == [2, 3]


async def test_long_texts_and_many_rows_come_back_in_order(evaluator: Evaluator) -> None:
    records: list[Any] = [{"n": number, "text": "x" * (3_000 if number % 50 == 0 else 10)} for number in range(1_000)]
    found = [one for (one,) in await answers(evaluator, ["nodes.start.n + nodes.start.text.length + ' '.repeat(500)"], records)]
    assert [one.value for one in found] == [f"{record['n'] + len(record['text'])}{' ' * 500}" for record in records]


async def test_what_promises_leave_behind_does_not_pile_up(evaluator: Evaluator) -> None:
    source = "(Array(50).fill(0).map(() => Promise.resolve().then(() => 1)), nodes.start.n)"
    found = [one for (one,) in await answers(evaluator, [source], [{"n": number} for number in range(100)])]
    assert [one.value for one in found] == list(range(100))
