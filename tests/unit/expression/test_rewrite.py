"""Paths are made forgiving without touching anything else of the source."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cargo_ai.expression.dependencies import properties_read
from cargo_ai.expression.rewrite import MAX_LENGTH, rewrite, strip_semicolons
from cargo_ai.expression.tokens import TokenizeError, tokenize

NAMES = ("nodes", "parentNodes")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nodes.a + 1", '(nodes?.a??$path$(nodes,"nodes",0,"a")) + 1'),
        ("nodes.a.b[0].c", '(nodes?.a?.b?.[0]?.c??$path$(nodes,"nodes",0,"a","b",0,"c"))'),
        ("nodes . a\n.b", '(nodes?.a?.b??$path$(nodes,"nodes",0,"a","b"))'),
        ("nodes.a?.b.c", '(nodes?.a?.b?.c??$path$(nodes,"nodes",2,"a","b","c"))'),
        ("nodes?.a", '(nodes?.a??$path$(nodes,"nodes",1,"a"))'),
        ("nodes['x y'].b", '(nodes?.[\'x y\']?.b??$path$(nodes,"nodes",0,\'x y\',"b"))'),
        ("nodes.a[nodes.b.c].d", '$path$(nodes,"nodes",0,"a",()=>((nodes?.b?.c??$path$(nodes,"nodes",0,"b","c"))),"d")'),
        ("nodes.a[k // first\n].b", '$path$(nodes,"nodes",0,"a",()=>(k // first\n\n),"b")'),
        ("parentNodes.a.b * 2", '(parentNodes?.a?.b??$path$(parentNodes,"parentNodes",0,"a","b")) * 2'),
        ("nodes.a.b.trim()", '(typeof nodes?.a?.b?.trim===\'function\'?nodes.a.b:$owner$("trim",nodes,"nodes",0,"a","b")).trim()'),
        (
            "nodes.a.b.trim().length",
            '(typeof nodes?.a?.b?.trim===\'function\'?nodes.a.b:$owner$("trim",nodes,"nodes",0,"a","b")).trim().length',
        ),
        ("nodes.a.tag`x`", '(typeof nodes?.a?.tag===\'function\'?nodes.a:$owner$("tag",nodes,"nodes",0,"a")).tag`x`'),
        ("nodes.a?.b.trim()", '$owner$("trim",nodes,"nodes",2,"a","b")?.trim()'),
        ("nodes.a?.trim()", '$path$(nodes,"nodes",2,"a")?.trim()'),
        ("nodes.a.b?.(1)", '$path$(nodes,"nodes",0,"a").b?.(1)'),
        ("nodes.a.b[k](1)", '$path$(nodes,"nodes",0,"a","b")[k](1)'),
        ("nodes.a?.b[k](1)", '$path$(nodes,"nodes",2,"a","b")?.[k](1)'),
        ("nodes.l.map(x => x.nodes + nodes.z)", '$owner$("map",nodes,"nodes",0,"l").map(x => x.nodes + $path$(nodes,"nodes",0,"z"))'),
        ("`${nodes.a.b} nodes.a`", '`${(nodes?.a?.b??$path$(nodes,"nodes",0,"a","b"))} nodes.a`'),
        ("[...nodes.a.b]", '[...(nodes?.a?.b??$path$(nodes,"nodes",0,"a","b"))]'),
        ("typeof nodes.a.b", 'typeof (nodes?.a?.b??$path$(nodes,"nodes",0,"a","b"))'),
        (
            "(nodes.a ?? nodes.b).c + 1",
            '$path$(((nodes?.a??$path$(nodes,"nodes",0,"a")) ?? (nodes?.b??$path$(nodes,"nodes",0,"b"))),"(\\u2026)",0,"c") + 1',
        ),
        ("nodes.a / nodes.b / 2", '(nodes?.a??$path$(nodes,"nodes",0,"a")) / $path$(nodes,"nodes",0,"b") / 2'),
        ("x ? .5 : nodes.z.y", 'x ? .5 : (nodes?.z?.y??$path$(nodes,"nodes",0,"z","y"))'),
        ("/nodes.a/.test(nodes.b.c)", '/nodes.a/.test((nodes?.b?.c??$path$(nodes,"nodes",0,"b","c")))'),
        ("x\n(nodes.a.b)", 'x\n((nodes?.a?.b??$path$(nodes,"nodes",0,"a","b")))'),
        ("x;nodes.a\nnodes.b", 'x;(nodes?.a??$path$(nodes,"nodes",0,"a"))\n$path$(nodes,"nodes",0,"b")'),
        ("nodes.l.sort() + nodes.a", '$owner$("sort",nodes,"nodes",0,"l").sort() + $path$(nodes,"nodes",0,"a")'),
        ("[nodes.a].map((nodes) => nodes.b)", '[$path$(nodes,"nodes",0,"a")].map((nodes) => $path$(nodes,"nodes",0,"b"))'),
    ],
)  # fmt: skip
def test_a_path_becomes_a_forgiving_call(source: str, expected: str) -> None:
    assert rewrite(source, NAMES) == expected


@pytest.mark.parametrize(
    "source",
    [
        "'nodes.a.b'",
        "// nodes.a.b",
        "/* nodes.a.b */ 1",
        "/nodes.a.b/",
        "x.nodes.a.b",
        "x?.nodes.a",
        "{nodes: {a: 1}}",
        "nodes",
        "nodes.map(x => x)",
        "nodes.a.b = 1",
        "nodes.a.b += 1",
        "nodes.a.b ??= 1",
        "nodes.a.b++",
        "--nodes.a.b",
        "delete nodes.a.b",
        "new nodes.a.B()",
        "record.a.b",
        "n\\u006fdes.a",
        "if (x) /nodes.a/.test(1)",
        "nodes.a.b )",
        "'unterminated nodes.a",
        "`nodes.a ${",
        "class A { #nodes; f() { return this.#nodes.a } }",
    ],
)
def test_what_is_no_path_or_no_certain_one_is_left_alone(source: str) -> None:
    assert rewrite(source, NAMES) is None


@pytest.mark.parametrize(
    "source",
    [
        "a + b / c",
        "x => `${x} }} ${`${x}`}`",
        "/[/}]+/g.test('}')",
        "a\n/b/c",
        "0x1f + 1_000n + .5e-3",
        "a?.5:1",
        "#x in y",
        "'\\'' + \"\\\"\"",
    ],
)
def test_tokens_together_are_the_source(source: str) -> None:
    assert "".join(token.text for token in tokenize(source)) == source


@pytest.mark.parametrize("source", ["(", "a)", "[}", "`${a", "'a", "a /* b", "`a", "}{"])
def test_what_cannot_be_read_says_so(source: str) -> None:
    with pytest.raises(TokenizeError):
        tokenize(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("a;", "a"), ("a ; // b\n;", "a"), ("';';", "';'"), (";", "undefined"), ("// a", "undefined"), ("a; b", "a; b"), ("'a;", "'a")],
)
def test_semicolons_at_the_end_are_dropped(source: str, expected: str) -> None:
    assert strip_semicolons(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nodes.a.b + nodes.c", {"a", "c"}),
        ("nodes?.a", {"a"}),
        ("nodes['a b'] + nodes[\"c\"]", {"a b", "c"}),
        ("1 + 1", set[str]()),
        ("parentNodes.a", set[str]()),
        ("nodes", None),
        ("Object.keys(nodes)", None),
        ("nodes[x]", None),
        ("{...nodes}", None),
        ("eval('nod' + 'es.a')", None),
        ("n\\u006fdes.a", None),
        ("(function () { return arguments })()", None),
        ("nodes /* c */ .a", None),
    ],
)
def test_the_data_that_an_expression_can_read_is_known_or_all_of_it(source: str, expected: set[str] | None) -> None:
    assert properties_read(source, "nodes") == expected


def nested_group(depth: int) -> str:
    source = "nodes.start.a"
    for _ in range(depth):
        source = f"({source}).a=1"
    return source


def nested_index(depth: int) -> str:
    return "nodes[" * depth + "0" + "]=1" * depth


@pytest.mark.parametrize("nest", [nested_group, nested_index], ids=["groups", "indexes"])
def test_paths_that_are_given_up_are_not_read_again_at_every_depth(nest: Callable[[int], str]) -> None:
    began = time.process_time()
    for depth in range(1, 100):
        rewrite(nest(depth), NAMES)
    assert time.process_time() - began < 2  # it doubled with each depth: depth 40 took forever


def repeated_groups(count: int) -> str:
    return "+".join(["((nodes.a).b).c"] * count)


def assigned_groups(count: int) -> str:
    return ";".join(["((nodes.a).b=(nodes.c)).d=1"] * count)


def opened_patterns(count: int) -> str:
    return "()/[" * count + "]" * count


def cpu_seconds(source: str) -> float:
    """The best of five, in CPU time."""
    seconds: list[float] = []
    for _ in range(5):
        rewrite.cache_clear()
        began = time.process_time()
        rewrite(source, NAMES)
        seconds.append(time.process_time() - began)
    return min(seconds)


@pytest.mark.parametrize("repeat", [repeated_groups, assigned_groups, opened_patterns])
def test_twice_the_source_takes_at_most_three_times_as_long(repeat: Callable[[int], str]) -> None:
    count = MAX_LENGTH // len(repeat(1)) // 2
    assert cpu_seconds(repeat(count * 2)) < 3 * cpu_seconds(repeat(count)) + 0.01


def test_a_source_beyond_the_limits_is_left_as_it_is() -> None:
    assert rewrite("nodes.a.b + 1".ljust(MAX_LENGTH), NAMES) is not None
    assert rewrite("nodes.a.b + 1".ljust(MAX_LENGTH + 1), NAMES) is None
    assert rewrite("(" * 9000 + "nodes.a.b" + ")" * 9000, NAMES) is None
