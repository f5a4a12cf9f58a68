"""A template's expressions end where JavaScript says they end."""

import pytest

from cargo_ai.expression.template import Source, parse


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("{{nodes.start.x}}", "nodes.start.x"),
        ("{{ {a:{b:1}} }}", " {a:{b:1}} "),
        ("{{{a:1}}}", "{a:1}"),
        ("{{'}}'}}", "'}}'"),
        (r"{{'\'}}'}}", r"'\'}}'"),
        ('{{"{{nodes.start.ok}}"}}', '"{{nodes.start.ok}}"'),
        ("{{`${nodes.start.first_name}}}`}}", "`${nodes.start.first_name}}}`"),
        ("{{`${ {a:`}}`}.a }`}}", "`${ {a:`}}`}.a }`"),
        (r"{{`\`}}`}}", r"`\`}}`"),
        ("{{nodes.start.html.replace(/}}|<b>/g,'')}}", "nodes.start.html.replace(/}}|<b>/g,'')"),
        ("{{x.replace(/[/}}]/g,'')}}", "x.replace(/[/}}]/g,'')"),
        ("{{a / b}}", "a / b"),
        ("{{a / b / '}}'}}", "a / b / '}}'"),
        ("{{typeof /}}/}}", "typeof /}}/"),
        ("{{nodes.start.first_name /* }} */}}", "nodes.start.first_name /* }} */"),
        ("{{nodes.start.x // note }}", "nodes.start.x // note "),
        ("{{nodes.start.x // it's a note }}\n}}", "nodes.start.x // it's a note "),
        ("{{f(x, // }}\n y)}}", "f(x, // }}\n y)"),
        ("{{}}", ""),
    ],
)
def test_the_end_of_an_expression_is_found_as_javascript_reads_it(text: str, source: str) -> None:
    assert parse(text)[0] == Source(source)


@pytest.mark.parametrize(
    "text", ["", "plain", "a { b } c", "}}", "{ {x} }", "a {{ b", "{{", "{{'", "{{nodes.a }", "{{`", "{{/*", r"back\slash"]
)
def test_text_without_a_whole_expression_is_literal(text: str) -> None:
    assert parse(text) == (text,)


def test_an_escaped_opening_is_literal() -> None:
    assert parse(r"\{{nodes.start.ok}}") == ("{{nodes.start.ok}}",)
    assert parse(r"a \{{x}} {{y}}") == ("a {{x}} ", Source("y"))


def test_literals_and_expressions_keep_their_order() -> None:
    assert parse("Hi {{a}}{{b}}, {{c}}!") == ("Hi ", Source("a"), Source("b"), ", ", Source("c"), "!")


@pytest.mark.parametrize("text", ["{{ (a }} b", "{{ 'a }} b", "{{ ) }} b"])
def test_where_the_scan_fails_the_first_closing_braces_end_the_expression(text: str) -> None:
    pieces = parse(text)
    assert isinstance(pieces[0], Source) and pieces[1] == " b"


@pytest.mark.parametrize("unit", ["{{/*}}", "{{`}}", "{{(", "{{'}}", "{{/", "{{${", "{{//}}"])
def test_hostile_text_is_scanned_in_reasonable_time(unit: str) -> None:
    # 60,000 characters; a scan that restarts at every opening without a bound would take minutes.
    assert parse(unit * (60_000 // len(unit)))
