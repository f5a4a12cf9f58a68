"""Expressions mean in the sandbox what they mean in Node: the measured tables, row by row."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.expression import ExpressionError, JsonValue
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.native.values import UNDEFINED
from tests.kit.sandbox import answer, resolve

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = json.loads((Path(__file__).parent / "expressions.json").read_text("utf-8"))
NODE_20 = json.loads((Path(__file__).parent / "node20.json").read_text("utf-8"))
SCOPE: dict[str, Any] = {"nodes": TABLE["nodes"], "parentNodes": {}, "now": "2026-01-02T03:04:05.000Z"}
THROWN = {"SyntaxError": "is not valid JavaScript", "ReferenceError": "does not exist here"}


@pytest.mark.parametrize("row", TABLE["rows"], ids=[row[0] for row in TABLE["rows"]])
async def test_an_expression_has_the_value_that_node_gives(evaluator: Evaluator, row: list[Any]) -> None:
    source, kind, *expected = row
    found = await answer(evaluator, source, SCOPE)
    if kind == "throws":
        assert found.error is not None
        assert THROWN.get(expected[0], f"failed: {expected[0]}") in found.error.message
        return
    assert found.error is None, found.error
    if kind == "undefined":
        assert found.value is UNDEFINED
    elif kind == "number":
        assert repr(found.value) == repr(float(expected[0]))
    else:
        assert found.value == expected[0] and type(found.value) in (type(expected[0]), int, float)


async def test_intl_dates_numbers_and_urls_are_those_of_node_or_refused(evaluator: Evaluator) -> None:
    wrong: list[str] = []
    for source, kind, *expected in NODE_20:
        found = await answer(evaluator, f"[{source}][0]" if kind == "v" else source, SCOPE)
        reported = found.error.message if found.error else ""
        if kind == "refused":
            right = "RangeError" in reported and "available here" in reported
        elif kind == "e":
            right = f"failed: {expected[0]}" in reported
        else:
            right = not reported and found.value == expected[0]
        if not right:
            wrong.append(f"{source}: {expected}, not {reported or found.value!r}")
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "(1).toLocaleString('de-DE')",
        "new Intl.NumberFormat('fr')",
        "new Date(0).toLocaleDateString('en-GB')",
        "new Date(0).toLocaleString('en-US', {timeZone: 'Europe/Paris'})",
        "new Intl.DateTimeFormat('en-US', {timeZone: 'America/New_York'})",
        "'a'.localeCompare('b', 'sv')",
        "'I'.toLocaleLowerCase('tr')",
        "(1).toLocaleString('en-US', {style: 'unit', unit: 'liter'})",
    ],
)
async def test_another_locale_zone_or_option_is_an_error_and_no_wrong_answer(evaluator: Evaluator, source: str) -> None:
    found = await answer(evaluator, source, SCOPE)
    assert found.error is not None and "available here" in found.error.message


@pytest.mark.parametrize("source", ["new Date().getTimezoneOffset()", "new Date(2024, 0, 15, 10).getTime() - Date.UTC(2024, 0, 15, 10)"])
async def test_local_time_is_utc(evaluator: Evaluator, source: str) -> None:
    assert (await answer(evaluator, source, SCOPE)).value == 0


TEMPLATES: list[tuple[str, JsonValue]] = [
    ("{{nodes.start.employee_count}}", 250),
    ("{{nodes.start.employee_count}} people", "250 people"),
    ("{{nodes.start.missing}}", None),
    ("Hi {{nodes.start.missing}}!", "Hi !"),
    ("Hi {{nodes.start.nul}}!", "Hi !"),
    ("{{nodes.start.tags}}", ["b", "a", "c"]),
    ("Tags: {{nodes.start.tags}}", 'Tags: ["b","a","c"]'),
    ("{{nodes.start.first_name}}{{nodes.start.last_name}}", "Jane"),
    (" {{nodes.start.zero}}", " 0"),
    ("{{ {a:{b:1}} }}", {"a": {"b": 1}}),
    ("{{'}}'}}", "}}"),
    ("{{`${nodes.start.first_name}}}`}}", "Jane}}"),
    ("{{nodes.start.html.replace(/}}|<b>/g,'')}}", "Hi</b> &amp; bye"),
    ("{{nodes.start.first_name /* }} */}}", "Jane"),
    ("a {{ b", "a {{ b"),
    (r"\{{nodes.start.ok}}", "{{nodes.start.ok}}"),
    ("{{}}", None),
    ("x{{}}y", "xy"),
    ('{{"{{nodes.start.ok}}"}}', "{{nodes.start.ok}}"),
    ("on {{new Date(nodes.start.created)}}", "on 2024-01-15T10:30:00.000Z"),
    ("{{nodes.start.f}}/{{nodes.start.small}}/{{1/0}}", "2/1e-7/Infinity"),
    ("{{nodes.start.email.split('@')[1]}};", "acme.co.uk;"),
    ("{{nodes.start.tags.map(tag => tag.toUpperCase());}}", ["B", "A", "C"]),
    ("{{0/0}}", None),
    ("{{new Set([1,1,2])}} and {{new Map([['k', 1]])}}", '[1,2] and {"k":1}'),
    ("{{[nodes.start.emoji[1]]}}", ["\ufffd"]),
]


@pytest.mark.parametrize(("text", "expected"), TEMPLATES)
async def test_a_template_resolves_with_both_lanes(evaluator: Evaluator, text: str, expected: JsonValue) -> None:
    assert await resolve(evaluator, text, SCOPE) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("record.a * 2", 6),
        ("const double = record.a * 2;\nreturn double", 6),
        ("if (record.a > 2) { return 'big' } else { return 'small' }", "big"),
        ("{a: record.a}", {"a": 3}),
        ("return\nrecord.a", None),
    ],
)
async def test_a_js_expression_is_an_expression_or_a_body_with_return(evaluator: Evaluator, source: str, expected: JsonValue) -> None:
    config: JsonValue = {"kind": "jsExpression", "expression": source}
    assert await resolve(evaluator, config, {"record": {"a": 3}}) == expected


@pytest.mark.parametrize(
    ("source", "expected", "warnings"),
    [
        ("nodes.missing.deep + 1", math.nan, ["nodes.missing.deep is undefined: there is no nodes.missing."]),
        ("nodes.enrich.name + ''", "undefined", ["nodes.enrich.name is undefined: nodes.enrich is null."]),
        ("nodes.a.email || nodes.b.email || 'x'.trim()", "x", ["nodes.a.email is undefined: there is no nodes.a."]),
        (
            "(nodes.a ?? nodes.b).name + ''",
            "undefined",
            ["nodes.a is undefined.", "nodes.b is undefined.", "(…).name is undefined: there is no (…)."],
        ),
        ("nodes.start.list[9].n + ''", "undefined", ["nodes.start.list[9].n is undefined: there is no nodes.start.list[9]."]),
        ("nodes.start.list[nodes.start.zero].n.length", 3, []),
        ("nodes.missing?.deep.deeper.trim()", UNDEFINED, []),
        ("`${nodes.start.nope}`", "undefined", ["nodes.start.nope is undefined."]),
        ("'nodes.missing.deep'.length + /nodes.missing.deep/.source.length", 36, []),
    ],
)
async def test_a_missing_path_is_undefined_at_any_depth_and_warns(
    evaluator: Evaluator, source: str, expected: object, warnings: list[str]
) -> None:
    found = await answer(evaluator, source, SCOPE)
    assert found.error is None, found.error
    assert repr(found.value) == repr(expected)
    assert list(found.warnings)[: len(warnings)] == warnings and bool(found.warnings) == bool(warnings)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nodes.missing.deep.trim()", "nodes.missing.deep is undefined, so trim cannot be called on it"),
        ("nodes.enrich.trim()", "nodes.enrich is null, so trim cannot be called on it"),
        ("nodes.start.first_name.foo()", "nodes.start.first_name.foo is not a function"),
        ("nodes.start.list[7].n.trim()", "nodes.start.list[7].n is undefined, so trim cannot be called on it"),
    ],
)
async def test_a_method_of_nothing_is_an_error_that_names_the_path(evaluator: Evaluator, source: str, sentence: str) -> None:
    found = await answer(evaluator, source, SCOPE)
    assert found.error is not None
    assert found.error.message == f"The expression {{{{{source}}}}} failed: TypeError: {sentence}."


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("nodes.start.a + + * 2", 18),
        ("let x = 1", 0),
        ("f(1,", 4),
        ("nodes.a.map(x => {", 18),
        ("'a' +\n'b' 'c'", 10),
        ("1), (2", 1),
        ("1)}, x, ()=>{(1", 3),
    ],
)
async def test_a_syntax_error_names_the_expression_and_its_position(evaluator: Evaluator, source: str, position: int) -> None:
    found = await answer(evaluator, source, SCOPE)
    assert found.error is not None
    assert "is not valid JavaScript" in found.error.message
    assert found.error.position == position and f"(character {position + 1})" in found.error.message


async def test_an_error_that_is_thrown_fails_with_its_words(evaluator: Evaluator) -> None:
    with pytest.raises(ExpressionError, match=r"failed: Error: no stock\."):
        await resolve(evaluator, "{{(() => { throw new Error('no stock') })()}}", SCOPE)


async def test_an_expression_cannot_wait_for_a_promise(evaluator: Evaluator) -> None:
    found = await answer(evaluator, "(async () => 1)()", SCOPE)
    assert found.error is not None and "only a script can wait" in found.error.message


async def test_expressions_of_one_config_do_not_see_each_others_changes(evaluator: Evaluator) -> None:
    config: JsonValue = {
        "sorted": "{{nodes.start.tags.sort()}}",
        "first": "{{nodes.start.tags.at(0)}}",
        "pushed": "{{nodes.start.nums.push(1)}}",
    }
    assert await resolve(evaluator, config, SCOPE) == {"sorted": ["a", "b", "c"], "first": "b", "pushed": 4}
    assert SCOPE["nodes"]["start"]["tags"] == ["b", "a", "c"]


async def test_a_result_is_never_evaluated_again(evaluator: Evaluator) -> None:
    assert await resolve(evaluator, "{{'{{' + 'nodes.start.ok' + '}}'}}", SCOPE) == "{{nodes.start.ok}}"


async def test_text_that_json_escapes_comes_back_as_it_was(evaluator: Evaluator) -> None:
    hostile = {"nodes": {"a": {"text": '\\ud800 "\\" \u2028 \x00 \x7f </script> \U0001f600', "__proto__": {"x": 1}, "k\n": 1}}}
    assert (await answer(evaluator, "[nodes.a][0]", hostile)).value == hostile["nodes"]["a"]


async def test_half_a_character_is_replaced_and_breaks_nothing(evaluator: Evaluator) -> None:
    found = await answer(evaluator, "[nodes.a.text, nodes.a.text.length]", {"nodes": {"a": {"text": "x\ud83d"}}})
    assert found.value == ["x\ufffd", 2]


async def test_data_of_sixteen_megabytes_goes_in_and_a_large_result_comes_out(evaluator: Evaluator) -> None:
    scope = {"nodes": {"big": {"text": "é" * 4_000_000, "list": list(range(200_000))}}}
    assert (await answer(evaluator, "nodes.big.text.length + nodes.big.list.length", scope)).value == 4_200_000
    found = await answer(evaluator, "nodes.big.text.slice(0, 3000000).trim()", scope)
    assert isinstance(found.value, str) and len(found.value) == 3_000_000
