"""The path lane answers as JavaScript does, and says so when it is not certain."""

import inspect
import json
import math
import sys
from typing import Any

import pytest

from cargo_ai.expression import ExpressionError, NeedsEngine
from cargo_ai.expression.native import path
from cargo_ai.expression.native.values import UNDEFINED

START: dict[str, Any] = {
    "email": "Jane.Doe+news@acme.co.uk",
    "first_name": "Jane",
    "last_name": "",
    "employee_count": 250,
    "zero": 0,
    "nul": None,
    "ok": True,
    "no": False,
    "num_str": "42",
    "tags": ["b", "a", "c"],
    "empty": [],
    "nested": {"a": {"b": [{"c": "deep"}]}},
    "emoji": "a😀b",
    "accent": "Crème Brûlée",
    "f": 2.0,
    "small": 1e-7,
    "a-b": "dash",
    "length": 7,
    "prénom": "Zoé",
    "big": 9007199254740993,
    "0": "zeroth",
    "key": "email",
    "index": 1,
}
SCOPE: dict[str, Any] = {
    "nodes": {"start": START, "enrich": None, "loop": [{"domain": "x.io"}, {"domain": "y.io"}]},
    "parentNodes": {},
    "record": {"a": 1},
    "now": "2026-01-02T03:04:05.000Z",
}


def evaluate(source: str, warnings: list[str] | None = None) -> object:
    compiled = path.compile(source)
    assert compiled is not None, f"{source} is outside the lane"
    return compiled(SCOPE, [] if warnings is None else warnings)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nodes.start.email", "Jane.Doe+news@acme.co.uk"),
        ("nodes.start.employee_count", 250),
        ("nodes.start.nul", None),
        ("nodes.start.tags", ["b", "a", "c"]),
        ("nodes.start.tags[0]", "b"),
        ("nodes.start.tags['1']", "a"),
        ("nodes.start.tags[3]", UNDEFINED),
        ("nodes.start.tags[-1]", UNDEFINED),
        ("nodes.start.tags['01']", UNDEFINED),
        ("nodes.start.tags.length", 3),
        ("nodes.start.tags['length']", 3),
        ("nodes.start.length", 7),
        ("nodes.start['a-b']", "dash"),
        ("nodes.start[0]", "zeroth"),
        ("nodes.start.prénom", "Zoé"),
        ("nodes.start.nested.a.b[0].c", "deep"),
        ("nodes.start[nodes.start.key]", "Jane.Doe+news@acme.co.uk"),
        ("nodes.start.tags[nodes.start.index]", "a"),
        ("nodes.loop[1].domain", "y.io"),
        ("nodes.start.emoji.length", 4),
        ("nodes.start.emoji[3]", "b"),
        ("nodes.start.first_name[1]", "a"),
        ("nodes.start.first_name.nickname", UNDEFINED),
        ("nodes.start.zero.anything", UNDEFINED),
        ("nodes.start.ok.anything", UNDEFINED),
        ("nodes.start.f", 2),
        ("nodes.start.small", 1e-7),
        ("nodes.start.big", 9007199254740992),
        ("(nodes.enrich ?? nodes.start).first_name", "Jane"),
        ("record.a", 1),
        ("now", "2026-01-02T03:04:05.000Z"),
        ("'}}'.length", 2),
    ],
)
def test_a_path_reads_as_in_javascript(source: str, expected: object) -> None:
    value = evaluate(source)
    assert value == expected and type(value) in (type(expected), float)


def test_a_whole_float_comes_back_as_an_int() -> None:
    assert type(evaluate("nodes.start.f")) is int


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nodes.start.last_name ?? 'fallback'", ""),
        ("nodes.start.last_name || 'fallback'", "fallback"),
        ("nodes.start.nul ?? 'fallback'", "fallback"),
        ("nodes.start.zero ?? 5", 0),
        ("nodes.start.zero || 5", 5),
        ("nodes.start.first_name && nodes.start.zero", 0),
        ("nodes.a.email || nodes.b.email || nodes.start.email", "Jane.Doe+news@acme.co.uk"),
        ("!!nodes.start.empty", True),
        ("!!nodes.start.zero", False),
        ("!nodes.start.missing", True),
        ("nodes.start.nul == undefined", True),
        ("nodes.start.nul === undefined", False),
        ("nodes.start.missing == null", True),
        ("nodes.start.num_str == 42", True),
        ("nodes.start.num_str === 42", False),
        ("nodes.start.num_str != 42", False),
        ("nodes.start.num_str !== 42", True),
        ("nodes.start.num_str > 5", True),
        ("'10' < '9'", True),
        ("'\uffff' > '😀'", True),
        ("nodes.start.missing > 5", False),
        ("nodes.start.missing <= 5", False),
        ("null >= 0", True),
        ("true == 1", True),
        ("true == '1'", True),
        ("'' == 0", True),
        ("'abc' == 0", False),
        ("NaN == NaN", False),
        ("NaN !== NaN", True),
        ("1 < 2 < 3", True),
        ("3 > 2 > 1", False),
        ("nodes.start.employee_count > 100", True),
        ("nodes.start.employee_count >= 250 && nodes.start.ok", True),
        ("nodes.start.employee_count > 1000 ? 'large' : nodes.start.employee_count > 100 ? 'medium' : 'small'", "medium"),
        ("nodes.start.ok ? nodes.start.no ? 1 : 2 : 3", 2),
        ("(1 || 0) && 2", 2),
        ("1 || 0 && 2", 1),
        ("nodes.start.ok ?.5 : 1", 0.5),
        ("-5 < -0x4", True),
        ("1e3", 1000),
        ("9007199254740993", 9007199254740992),
        ("Infinity", math.inf),
        (r"'it\'s'", "it's"),
        (r'"\u00e9\x41\n\u{1F600}\ud83d\ude00"', "éA\n😀😀"),
        ("'é' === 'e\\u0301'", False),
    ],
)
def test_operators_decide_as_in_javascript(source: str, expected: object) -> None:
    assert evaluate(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "nodes.start.first_name;",
        "nodes.start.first_name ;; ",
        "nodes.start.first_name // comment",
        "/* a */ nodes /* }} */ . start\n.first_name",
        "\u00a0nodes.start.first_name\ufeff",
        "((nodes.start)).first_name",
    ],
)
def test_spaces_comments_and_a_final_semicolon_do_not_matter(source: str) -> None:
    assert evaluate(source) == "Jane"


@pytest.mark.parametrize("source", ["", "  ", "// nothing", "/* nothing */", ";"])
def test_an_empty_expression_is_undefined(source: str) -> None:
    assert evaluate(source) is UNDEFINED


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        ("nodes.start.emial", "nodes.start.emial is undefined."),
        ("nodes.missing", "nodes.missing is undefined."),
        ("nodes.missing.deep", "nodes.missing.deep is undefined: there is no nodes.missing."),
        ("nodes.missing.deep.deeper[0].x", "nodes.missing.deep.deeper[0].x is undefined: there is no nodes.missing."),
        ("nodes.enrich.name", "nodes.enrich.name is undefined: nodes.enrich is null."),
        ("nodes.start.nested['x y'].z", "nodes.start.nested['x y'].z is undefined: there is no nodes.start.nested['x y']."),
        ("nodes.start.tags[9]", "nodes.start.tags[9] is undefined."),
        ("parentNodes.start.x", "parentNodes.start.x is undefined: there is no parentNodes.start."),
    ],
)
def test_a_missing_path_is_undefined_at_any_depth_and_warns(source: str, warning: str) -> None:
    warnings: list[str] = []
    assert evaluate(source, warnings) is UNDEFINED
    assert warnings == [warning]


@pytest.mark.parametrize("source", ["nodes.enrich?.name", "nodes.missing?.deep.deeper[0].x", "nodes.start?.missing", "nodes.missing?.[0]"])
def test_an_optional_step_expects_absence_and_does_not_warn(source: str) -> None:
    warnings: list[str] = []
    assert evaluate(source, warnings) is UNDEFINED
    assert warnings == []


def test_the_same_missing_path_warns_once() -> None:
    warnings: list[str] = []
    evaluate("nodes.x.y || nodes.x.y || nodes.x.y", warnings)
    assert len(warnings) == 1


def test_a_rounded_whole_number_warns() -> None:
    warnings: list[str] = []
    evaluate("nodes.start.big", warnings)
    assert warnings == ["nodes.start.big is a whole number beyond 2^53 and was rounded, as JavaScript does."]


def test_a_null_is_a_value_and_does_not_warn() -> None:
    warnings: list[str] = []
    assert evaluate("nodes.start.nul", warnings) is None
    assert warnings == []


@pytest.mark.parametrize(
    "source",
    [
        "nodes.start.email.split('@')[1]",
        "nodes.start.num_str + 1",
        "nodes.start.employee_count - 1",
        "0.1 + 0.2",
        "1 / 0",
        "typeof nodes.start.nul",
        "`${nodes.start.f}`",
        "({ name: nodes.start.first_name })",
        "{a:1}.a",
        "[undefined, null]",
        "new Date(nodes.start.created)",
        "Math.max(1, 2)",
        "nodes.start.list.find(x => x.s > 100)?.n ?? null",
        "/sales$/i.test(nodes.start.title)",
        "nodes.start.first_name?.()",
        "let x = 1",
        "'a' in nodes",
        "nodes.start.x = 1",
        "10n ** 20n",
        "08",
        "1_000",
        r"'\0'",
        r"'\ud83d'",
        "(" * 50 + "1" + ")" * 50,
        "1 == " * 20 + "1",
        "!" * 50 + "1",
        "||".join(["1"] * 5000),
    ],
)
def test_more_javascript_is_outside_the_lane(source: str) -> None:
    assert path.compile(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "nodes.start.tags == 'b,a,c'",
        "nodes.start.tags > 1",
        "nodes.start.tags === nodes.start.tags",
        "nodes.start.constructor",
        "nodes.start.email.split",
        "nodes.start.tags.map",
        "nodes.start.emoji[1]",
        "nodes.start[nodes.start.tags]",
        "nodes.start.zero.toFixed",
    ],
)
def test_an_uncertain_result_asks_for_the_engine(source: str) -> None:
    with pytest.raises(NeedsEngine) as caught:
        evaluate(source)
    assert caught.value.expression == source
    assert caught.value.message == (
        f"The expression {{{{{source}}}}} needs the JavaScript engine, which cannot run here: use paths, comparisons and boolean operators."
    )


@pytest.mark.parametrize(
    ("source", "problem", "position"),
    [
        ("nodes.start.", "it ends too early", 12),
        ("nodes.start.a &&", "it ends too early", 16),
        ("(nodes.start.a", 'it ends where ")" is missing', 14),
        ("nodes.start['a'", 'it ends where "]" is missing', 15),
        ("nodes.a ? 1", 'it ends where ":" is missing', 11),
        ("nodes.a || 1 ?? 2", "?? next to || or && needs parentheses", 8),
        ("nodes.a ?? 1 && 2", "?? next to || or && needs parentheses", 8),
        ("nodes.list.0", ".0 is unexpected", 10),
        ("nodes.a 'b'", "'b' is unexpected", 8),
    ],
)
def test_what_is_certainly_no_javascript_is_refused_with_its_position(source: str, problem: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        path.compile(source)
    assert problem in caught.value.message
    assert caught.value.position == position


def test_an_expression_that_runs_out_of_stack_is_left_to_the_engine() -> None:
    source = "1"
    for _ in range(38):
        source = f"!!!!!!!!({source}) < 1 < 1 < 1 < 1 == 1 == 1 == 1 == 1"
    compiled = path.compile(source)
    assert compiled is not None

    def evaluate_below(frames: int) -> object:
        return evaluate_below(frames - 1) if frames else compiled(SCOPE, [])

    assert isinstance(evaluate_below(0), bool)
    with pytest.raises(NeedsEngine):
        evaluate_below(sys.getrecursionlimit() - len(inspect.stack()) - 50)


def test_parentheses_allow_mixing_coalescing_and_or() -> None:
    assert evaluate("(nodes.enrich ?? 0) || 'x'") == "x"


def test_an_unknown_name_fails_only_when_it_is_reached() -> None:
    assert evaluate("true || email") is True
    with pytest.raises(ExpressionError, match="uses the name email, which does not exist here"):
        evaluate("email")


def test_nodes_and_parent_nodes_are_undefined_where_the_scope_lacks_them() -> None:
    compiled = path.compile("parentNodes.start.x")
    assert compiled is not None
    warnings: list[str] = []
    assert compiled({}, warnings) is UNDEFINED
    assert warnings == ["parentNodes.start.x is undefined: there is no parentNodes."]


def test_an_own_property_named_like_a_builtin_is_read() -> None:
    compiled = path.compile("record.constructor")
    assert compiled is not None
    assert compiled({"record": {"constructor": "Bob"}}, []) == "Bob"


def test_names_that_an_expression_reads_are_listed() -> None:
    compiled = path.compile("nodes.a.b > record.c ? now : nodes.d")
    assert compiled is not None
    assert compiled.names == ("nodes", "record", "now")


def test_the_scope_is_never_changed() -> None:
    before = json.dumps(SCOPE)
    evaluate("nodes.start.tags[5] || nodes.missing.x || nodes.start.nested")
    assert json.dumps(SCOPE) == before
