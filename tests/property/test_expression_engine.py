"""The path lane and the JavaScript engine give the same, whatever the data and the expression."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.expression import EngineExpression, ExpressionError, NeedsEngine
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.native import path
from cargo_ai.expression.native.number import as_double
from cargo_ai.expression.native.text import to_json_text
from cargo_ai.expression.native.values import UNDEFINED, is_number
from cargo_ai.expression.plain_syntax import is_plain
from cargo_ai.expression.sandbox.host import refusal
from tests.kit.property_examples import examples
from tests.property.test_expression import expressions, json_values, scopes, text

T = TypeVar("T")


class _Loop:
    """An event loop in a thread: what hypothesis calls is not a coroutine."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Engine:
    """The engine, asked from a test that is not a coroutine."""

    def __init__(self, loop: _Loop) -> None:
        self._loop, self._evaluator = loop, Evaluator()

    def __call__(self, source: str, scope: dict[str, Any]) -> object:
        """The value, or the error."""
        question = EngineExpression(source)
        answer = self._loop.run(self._evaluator.ask("fuzz", scope, [question]))[question]
        return answer.error or answer.value

    def problems(self, sources: list[str]) -> dict[EngineExpression, ExpressionError]:
        """The syntax errors that the engine itself finds."""
        questions = tuple(EngineExpression(source) for source in sources)
        return self._loop.run(self._evaluator._batcher("fuzz").check(questions)) if questions else {}  # pyright: ignore[reportPrivateUsage]

    def close(self) -> None:
        self._loop.run(self._evaluator.close())


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loop = _Loop()
    made = Engine(loop)
    if refusal("javascript"):
        refused = made("1 + 1", {})
        assert isinstance(refused, ExpressionError) and "cannot run on this server" in refused.message
        pytest.skip("refused here, as it must be")
    yield made
    made.close()
    loop.close()


def _same(one: object, other: object) -> bool:
    if one is UNDEFINED or other is UNDEFINED:
        return one is other
    if is_number(one) and is_number(other):
        left, right = as_double(one), as_double(other)
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(one, float) and not math.isfinite(one):
        return False
    return type(one) is type(other) and to_json_text(one) == to_json_text(other)


def _lane(source: str, scope: dict[str, Any]) -> object:
    compiled = path.compile(source)
    assert compiled is not None
    return compiled(scope, [])


unhurried = settings(deadline=None, max_examples=examples(400))


@pytest.mark.slow
@unhurried
@given(source=expressions, scope=scopes)
def test_lane_and_engine_agree_on_every_expression_that_the_lane_answers(engine: Engine, source: str, scope: dict[str, Any]) -> None:
    try:
        here = _lane(source, scope)
    except NeedsEngine:
        return
    there = engine(source, scope)
    assert not isinstance(there, ExpressionError), there
    assert _same(here, there), f"{here!r} here, {there!r} in the engine"


@pytest.mark.slow
@unhurried
@given(left=json_values, right=json_values, operator=st.sampled_from(["===", "!==", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "??"]))
def test_lane_and_engine_agree_on_every_comparison(engine: Engine, left: Any, right: Any, operator: str) -> None:
    scope = {"nodes": {"a": left, "b": right}}
    source = f"nodes.a {operator} nodes.b"
    try:
        here = _lane(source, scope)
    except NeedsEngine:
        return
    assert _same(here, engine(source, scope))


@unhurried
@given(value=json_values | st.text(max_size=20) | text)
def test_data_reaches_the_engine_and_comes_back_unchanged(engine: Engine, value: Any) -> None:
    scope = {"nodes": {"a": {"b": value}}}
    there = engine("[nodes.a][0].b", scope)
    if isinstance(value, str) and any("\ud800" <= unit <= "\udfff" for unit in value):
        assert there == "".join("\ufffd" if "\ud800" <= unit <= "\udfff" else unit for unit in value)
        return
    assert _same(_lane("nodes.a.b", scope), there)


@pytest.mark.slow
@unhurried
@given(
    source=st.text(max_size=30)
    | st.lists(
        st.sampled_from(
            ["nodes", ".a", "?.", "[", "]", "(", ")", "{", "}", "`", "${", "'", "/", "//", "=>", "=", "x", "1", "+", "\n", ";", " "]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_source_at_all_gets_an_answer(engine: Engine, source: str) -> None:
    found = engine(source, {"nodes": {"a": {"x": 1}}})
    assert not isinstance(found, ExpressionError) or found.message.endswith((".", ")."))
    assert engine("1 + 1", {}) == 2


PIECES = [
    str(piece)
    for piece in """
a b record.x nodes 1 0.5 .5 1e3 08 0x1 'text' "it\\n" `t` `${a}` ( ) [ ] { } , ; : ? ?. . + - * / % ** ! ~ ++ -- < > <= <!-- --> << >>>
== === != && || ?? & | ^ => = += ... typeof new delete void in of instanceof this true null undefined let async await yield eval
arguments function return __proto__ #a /x/ // /*c*/ if static enum
""".split()  # noqa: SIM905 - a table of pieces
]


def _joined(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from((" ", "", "\n")).map(lambda between: between.join(pieces))


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).flatmap(_joined), min_size=60, max_size=60))
@settings(max_examples=examples(300), deadline=None)
def test_what_is_recognized_without_the_engine_is_valid_for_it(engine: Engine, sources: list[str]) -> None:
    assert engine.problems([source for source in sources if is_plain(source)]) == {}
