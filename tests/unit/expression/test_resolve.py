"""A config's expressions are evaluated, everything else passes as it is."""

from typing import Any

import pytest

from cargo_ai.expression import EngineExpression, EngineResult, ExpressionError, JsonValue, NeedsEngine, compile_config

START: dict[str, Any] = {
    "first_name": "Jane",
    "last_name": "",
    "employee_count": 250,
    "zero": 0,
    "nul": None,
    "ok": True,
    "tags": ["b", "a", "c"],
    "mixed": {"b": 1, "10": 1e-7, "2": None, "s": 'a"b'},
    "f": 2.0,
    "small": 1e-7,
    "template": "{{nodes.start.ok}}",
}
SCOPE: dict[str, Any] = {"nodes": {"start": START}, "parentNodes": {}, "record": {"a": 3}}


def template(text: str, **extra: JsonValue) -> dict[str, JsonValue]:
    return {"kind": "templateExpression", "expression": text, "instructTo": "none", "fromRecipe": False, **extra}


def javascript(text: str) -> dict[str, JsonValue]:
    return {"kind": "jsExpression", "expression": text, "instructTo": "none", "fromRecipe": False}


def resolve(config: JsonValue, warnings: list[str] | None = None) -> JsonValue:
    return compile_config(config)(SCOPE, [] if warnings is None else warnings)


TEMPLATES: list[tuple[str, JsonValue]] = [
    ("{{nodes.start.employee_count}}", 250),
    ("{{nodes.start.employee_count}} people", "250 people"),
    ("{{nodes.start.missing}}", None),
    ("Hi {{nodes.start.missing}}!", "Hi !"),
    ("Hi {{nodes.start.nul}}!", "Hi !"),
    ("{{nodes.start.tags}}", ["b", "a", "c"]),
    ("Tags: {{nodes.start.tags}}", 'Tags: ["b","a","c"]'),
    ("Mixed: {{nodes.start.mixed}}", 'Mixed: {"2":null,"10":1e-7,"b":1,"s":"a\\"b"}'),
    ("{{nodes.start.first_name}}{{nodes.start.last_name}}", "Jane"),
    (" {{nodes.start.zero}}", " 0"),
    ("is {{nodes.start.ok}}", "is true"),
    ("{{'}}'}}", "}}"),
    ("{{nodes.start.first_name /* }} */}}", "Jane"),
    ("a {{ b", "a {{ b"),
    (r"\{{nodes.start.ok}}", "{{nodes.start.ok}}"),
    ("{{}}", None),
    ("x{{}}y", "xy"),
    ('{{"{{nodes.start.ok}}"}}', "{{nodes.start.ok}}"),
    ("{{nodes.start.template}}", "{{nodes.start.ok}}"),
    ("-> {{nodes.start.template}}", "-> {{nodes.start.ok}}"),
    ("{{nodes.start.f}}/{{nodes.start.small}}/{{Infinity}}", "2/1e-7/Infinity"),
    ("", ""),
    ("no expression", "no expression"),
]


@pytest.mark.parametrize(("text", "expected"), TEMPLATES)
def test_a_template_expression_resolves(text: str, expected: JsonValue) -> None:
    assert resolve(template(text)) == expected


@pytest.mark.parametrize(("text", "expected"), TEMPLATES)
def test_a_plain_string_is_a_template_too(text: str, expected: JsonValue) -> None:
    assert resolve(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("record.a", 3),
        ("record.a > 2", True),
        ("return record.a;", 3),
        ("return /* the a */ record.a", 3),
        ("return;", None),
        ("{{record.a}}", 3),
        (" {{record.a}}\n", 3),
        ("{{record.a}}-{{record.a}}", "3-3"),
        ("'{{record.a}}'", "{{record.a}}"),
        ("", None),
    ],
)
def test_a_js_expression_is_an_expression_a_return_or_a_template(text: str, expected: JsonValue) -> None:
    assert resolve(javascript(text)) == expected


def test_a_return_before_a_line_break_is_left_to_the_engine() -> None:
    assert compile_config(javascript("return\nrecord.a")).needs_engine == ("return\nrecord.a",)


def test_objects_and_arrays_are_walked_and_keep_their_order() -> None:
    config: JsonValue = {
        "variables": [
            {"name": "n", "type": "number", "value": template("{{nodes.start.employee_count}}")},
            {"name": "greeting", "type": "string", "value": "Hi {{nodes.start.first_name}}"},
            {"name": "fixed", "type": "any", "value": [1, None, True]},
        ],
        "last": 1,
    }
    resolved = resolve(config)
    assert resolved == {
        "variables": [
            {"name": "n", "type": "number", "value": 250},
            {"name": "greeting", "type": "string", "value": "Hi Jane"},
            {"name": "fixed", "type": "any", "value": [1, None, True]},
        ],
        "last": 1,
    }
    assert isinstance(resolved, dict) and list(resolved) == ["variables", "last"]


def test_undefined_is_null_in_objects_and_arrays() -> None:
    assert resolve({"a": "{{nodes.x}}", "b": ["{{nodes.x}}", 1]}) == {"a": None, "b": [None, 1]}


def test_undefined_keys_can_be_left_out() -> None:
    resolver = compile_config({"a": "{{nodes.x}}", "b": ["{{nodes.x}}"], "c": "{{nodes.start.nul}}"}, omit_undefined=True)
    assert resolver(SCOPE, []) == {"b": [None], "c": None}


def test_numbers_that_json_lacks_are_null_with_a_warning() -> None:
    warnings: list[str] = []
    assert resolve({"a": "{{NaN}}", "b": "{{1e999}}"}, warnings) == {"a": None, "b": None}
    assert warnings == ["{{NaN}} is not a finite number, so the value is null.", "{{1e999}} is not a finite number, so the value is null."]


def test_missing_paths_leave_warnings() -> None:
    warnings: list[str] = []
    resolve({"a": "Hi {{nodes.enrich.name}}"}, warnings)
    assert warnings == ["nodes.enrich.name is undefined: there is no nodes.enrich."]


def test_a_config_without_expressions_is_constant_and_not_copied() -> None:
    config: JsonValue = {"a": [1, {"b": "x"}], "kind": "templateExpression"}
    resolver = compile_config(config)
    assert resolver.constant
    assert resolver(SCOPE, []) is config


def test_constant_subtrees_are_shared_and_the_config_is_left_alone() -> None:
    config: dict[str, JsonValue] = {"fixed": {"deep": [1]}, "x": "{{nodes.start.ok}}"}
    resolved = resolve(config)
    assert isinstance(resolved, dict) and resolved["fixed"] is config["fixed"]
    assert config["x"] == "{{nodes.start.ok}}"


def test_inner_nodes_of_a_group_are_not_walked() -> None:
    inner: JsonValue = [{"slug": "x", "config": {"value": "{{nodes.start.value.split('@')}}"}}]
    resolver = compile_config({"items": "{{nodes.start.tags}}", "_nodes": inner})
    assert resolver.needs_engine == ()
    assert resolver(SCOPE, []) == {"items": ["b", "a", "c"], "_nodes": inner}


def test_further_keys_can_be_skipped() -> None:
    config: JsonValue = {"script": "return `{{nodes}}`", "x": "{{nodes.start.ok}}"}
    assert compile_config(config, skip=frozenset({"script"}))(SCOPE, []) == {"script": "return `{{nodes}}`", "x": True}


def test_expressions_that_need_the_engine_are_listed_before_anything_runs() -> None:
    resolver = compile_config({"a": template("{{nodes.start.email.split('@')[1]}}"), "b": "x {{ 1 + 1 }}", "c": "{{nodes.start.ok}}"})
    assert resolver.needs_engine == ("nodes.start.email.split('@')[1]", "1 + 1")
    assert resolver.sources == ("nodes.start.email.split('@')[1]", "1 + 1", "nodes.start.ok")


def test_an_expression_that_needs_the_engine_fails_when_it_is_evaluated() -> None:
    with pytest.raises(NeedsEngine) as caught:
        resolve(template("{{nodes.start.email.split('@')[1]}}"))
    assert caught.value.message == (
        "The expression {{nodes.start.email.split('@')[1]}} needs the JavaScript engine, which cannot run here: "
        "use paths, comparisons and boolean operators."
    )


def test_every_problem_that_is_known_without_running_is_listed() -> None:
    resolver = compile_config({"a": "{{nodes.}}", "b": "{{email}}", "c": template("Write a poem", instructTo="ai"), "d": "{{f(1)}}"})
    assert [problem.message.split(":")[0] for problem in resolver.problems] == [
        "The expression {{nodes.}} is not valid JavaScript",
        "The expression {{email}} uses the name email, which does not exist here",
        "Only fields of nodes are filled by AI",
    ]
    assert resolver.needs_engine == ("f(1)",)


def test_questions_for_the_engine_are_those_that_the_path_lane_cannot_answer_with_this_data() -> None:
    certain = "{{nodes.start.ok}}"
    resolver = compile_config({"a": "{{f(1)}}", "b": "x {{nodes.start.tags == 'b,a,c'}}", "c": certain, "d": javascript("f(1)")})
    asked = EngineExpression("f(1)"), EngineExpression("nodes.start.tags == 'b,a,c'"), EngineExpression("f(1)", body=True)
    assert resolver.questions(SCOPE) == asked
    assert resolver.questions({"nodes": {"start": {"tags": "b,a,c"}}}) == (asked[0], asked[2])


def test_answers_of_the_engine_are_used_with_their_warnings() -> None:
    resolver = compile_config({"a": "{{f(1)}}", "b": "- {{f(1)}} {{nodes.x}}"})
    warnings: list[str] = []
    answers = {EngineExpression("f(1)"): EngineResult([1], ("f is odd.",))}
    assert resolver(SCOPE, warnings, answers) == {"a": [1], "b": "- [1] "}
    assert warnings == ["f is odd.", "nodes.x is undefined."]


def test_an_error_of_the_engine_fails_the_config() -> None:
    answers = {EngineExpression("f(1)"): EngineResult(error=ExpressionError("f is broken.", "f(1)", 0))}
    with pytest.raises(ExpressionError, match="f is broken"):
        compile_config("{{f(1)}}")(SCOPE, [], answers)


def test_a_question_without_an_answer_still_needs_the_engine() -> None:
    with pytest.raises(NeedsEngine):
        compile_config("{{f(1)}}")(SCOPE, [], {})


def test_names_that_are_not_in_scope_are_a_problem() -> None:
    resolver = compile_config(javascript("nodes.a"), names=frozenset({"record"}))
    assert "uses the name nodes" in resolver.problems[0].message


def test_a_field_for_ai_to_fill_is_refused_in_words() -> None:
    with pytest.raises(ExpressionError, match="Only fields of nodes are filled by AI"):
        resolve({"a": template("Summarise {{nodes.start.first_name}}", instructTo="ai")})


def test_a_syntax_error_names_expression_and_position() -> None:
    with pytest.raises(ExpressionError) as caught:
        resolve("{{ nodes.start. }}")
    assert caught.value.expression == "nodes.start."
    assert caught.value.position == 12


def test_an_error_can_be_raised_again_and_again() -> None:
    resolver = compile_config("{{f()}}")
    errors: list[ExpressionError] = []
    for _ in range(2):
        with pytest.raises(NeedsEngine) as caught:
            resolver(SCOPE, [])
        errors.append(caught.value)
    assert errors[0] is not errors[1]


def test_a_config_nested_too_deeply_is_a_problem_and_no_crash() -> None:
    config: JsonValue = "{{nodes.start.ok}}"
    for _ in range(500):
        config = [config]
    assert compile_config(config).problems[0].message == "The config is nested more than 100 levels deep."


def test_a_value_nested_too_deeply_for_text_is_an_expression_error() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ExpressionError, match="nested too deeply"):
        compile_config("x {{nodes.deep}}")({"nodes": {"deep": deep}}, [])


def test_an_object_that_only_looks_like_an_expression_is_walked() -> None:
    assert resolve({"kind": "other", "expression": "{{nodes.start.ok}}"}) == {"kind": "other", "expression": True}
    assert resolve({"kind": ["templateExpression"], "expression": 5}) == {"kind": ["templateExpression"], "expression": 5}


def test_an_expression_of_more_than_twenty_thousand_characters_is_refused() -> None:
    resolver = compile_config({"a": "{{ nodes.start.a" + " + 1" * 6000 + " }}"})
    (problem,) = resolver.problems
    assert "at most 20,000 go: use a script node" in problem.message


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("{{/[ }}" * 40_000, "more than 2,000 expressions"),
        (["{{a}}"] * 2_001, "more than 2,000 expressions"),
        (["{{" + "/[ " * 6_600 + "}}"] * 30, "more than 500,000 characters"),
    ],
)
def test_a_config_of_more_expressions_than_anyone_writes_has_one_problem(config: JsonValue, sentence: str) -> None:
    problems = [problem.message for problem in compile_config(config).problems if "more than" in problem.message]
    assert len(problems) == 1
    assert sentence in problems[0]
