"""Whatever the data and the expression, the path lane gives JSON or a sentence."""

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.expression import ExpressionError, VariableType, coerce, compile_config
from cargo_ai.expression.native import path
from cargo_ai.expression.native.number import as_double, number_to_text, text_to_number
from cargo_ai.expression.native.values import UNDEFINED
from cargo_ai.expression.template import Source, parse

unhurried = settings(deadline=None)  # a busy machine is not a failure

NAMES = ["a", "b", "length", "constructor", "toString", "__proto__", "split", "map", "é", "$x", "0"]
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | text, inner, max_size=4), max_leaves=20
)
scopes = st.fixed_dictionaries({"nodes": st.dictionaries(st.sampled_from(NAMES), json_values), "parentNodes": json_values})

steps = st.one_of(
    st.sampled_from(NAMES[:-1]).map(lambda name: "." + name),
    st.sampled_from(NAMES[:-1]).map(lambda name: "?." + name),
    st.integers(-2, 4).map(lambda index: f"[{index}]"),
    st.sampled_from(NAMES).map(lambda name: f"?.[{json.dumps(name)}]"),
)
paths = st.tuples(st.sampled_from(["nodes", "parentNodes"]), st.lists(steps, max_size=5)).map(lambda path: path[0] + "".join(path[1]))
literals = st.sampled_from(["0", "1.5", "'a'", '""', "true", "null", "undefined", "NaN", "-1", "'42'", "1e400"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["===", "!==", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "??"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]}) ? {parts[1]} : {parts[2]}"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]})[{parts[1]}]"),
    )


expressions = st.recursive(paths | literals, _combined, max_leaves=6)


@unhurried
@given(expressions, scopes)
def test_an_expression_in_the_lane_gives_json_or_an_expression_error(source: str, scope: dict[str, Any]) -> None:
    before = json.dumps(scope)
    resolver = compile_config({"alone": "{{" + source + "}}", "text": "- {{" + source + "}}"})
    assert resolver.needs_engine == ()
    warnings: list[str] = []
    try:
        resolved = resolver(scope, warnings)
    except ExpressionError as error:
        assert error.message.endswith(".")
    else:
        json.dumps(resolved, allow_nan=False)
        assert isinstance(resolved, dict) and isinstance(resolved["text"], str)
    assert json.dumps(scope) == before
    assert all(warning.endswith(".") for warning in warnings)


@unhurried
@given(st.lists(steps, max_size=5), scopes)
def test_the_fast_path_and_the_careful_walk_agree(read: list[str], scope: dict[str, Any]) -> None:
    def outcome(base: str) -> object:
        compiled = path.compile(base + "".join(read))
        assert compiled is not None
        try:
            return repr(compiled(scope, []))
        except ExpressionError as error:
            return type(error)

    assert outcome("nodes") == outcome("(nodes ?? nodes)")  # a base that is not a name is walked step by step


@unhurried
@given(st.text())
def test_any_text_compiles_or_is_refused_in_words(source: str) -> None:
    try:
        compiled = path.compile(source, body=True)
    except ExpressionError as error:
        assert error.position is not None and 0 <= error.position <= len(source)
    else:
        assert compiled is None or compiled.source == source


@unhurried
@given(
    st.lists(st.sampled_from(["nodes", ".a", "?.", "[", "]", "(", ")", "!", "==", "<", "&&", "??", "?", ":", "'s'", "1", "-", " ", ";"]))
)
def test_any_sequence_of_tokens_compiles_or_is_refused_in_words(tokens: list[str]) -> None:
    try:
        compiled = path.compile("".join(tokens))
        if compiled is not None:
            compiled({"nodes": {"a": 1}}, [])
    except ExpressionError as error:
        assert error.message.endswith(".")


@unhurried
@given(st.text().filter(lambda value: "{{" not in value))
def test_literal_text_round_trips(value: str) -> None:
    assert parse(value) == (value,)
    resolver = compile_config(value)
    assert resolver.constant and resolver({}, []) == value


@unhurried
@given(st.text(alphabet="ab{}\\'\"`/* \n$(", max_size=40))
def test_a_template_loses_no_text(value: str) -> None:
    rebuilt = "".join("{{" + piece.text + "}}" if isinstance(piece, Source) else piece for piece in parse(value))
    assert rebuilt == value.replace("\\{{", "{{") or "\\" in value


@unhurried
@given(json_values)
def test_data_is_never_a_template(value: Any) -> None:
    hostile = {"text": "{{nodes.secret}}", "value": value}
    resolved = compile_config("{{nodes.data}}")({"nodes": {"data": hostile, "secret": "leak"}}, [])
    assert resolved is hostile


@unhurried
@given(json_values, st.sampled_from(["string", "number", "boolean", "date", "array", "object", "any"]))
def test_coercion_gives_the_declared_type_or_null(value: Any, to: VariableType) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "number": (int, float),
        "boolean": (bool,),
        "date": (str,),
        "array": (list,),
        "object": (dict,),
        "any": (object,),
    }
    result, warning = coerce(value, to)
    assert result is None or isinstance(result, kinds[to])
    assert warning is None or result is None
    again, _ = coerce(result, to)
    assert again == result or (to == "any" and isinstance(value, float))


@unhurried
@given(st.floats(allow_nan=False))
def test_a_printed_number_reads_back_as_itself(number: float) -> None:
    assert text_to_number(number_to_text(number)) == as_double(number)


@unhurried
@given(st.text(max_size=12))
def test_reading_a_number_never_fails(value: str) -> None:
    number = text_to_number(value)
    assert math.isnan(number) or number_to_text(number)


def test_undefined_never_leaves_the_resolver() -> None:
    assert compile_config(["{{nodes.x}}", {"y": "{{nodes.x}}"}])({"nodes": {}}, []) == [None, {"y": None}]
    assert compile_config("{{nodes.x}}")({"nodes": {}}, []) is not UNDEFINED
