"""The check of a graph before anybody walks it: every reason, and what is not a fault."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.engine.graph.graph import MAXIMUM_NODES, InvalidGraph, compile_graph
from cargo_ai.engine.graph.validation import Inventory, Report, validate
from tests.kit.graphs import node
from tests.unit.engine.graphs import Body, actions, effect, variables

KNOWN = Inventory(
    actions(),
    connectors={"crm": "any"},
)


def faults(nodes: list[Body], known: Inventory = KNOWN) -> list[tuple[str, str]]:
    found = validate(nodes, known).faults
    assert all(one.message.endswith((".", "?")) for one in found), found
    return [(one.slug, one.reason) for one in found]


LINE = [node("start", children=["a"]), variables("a", {"x": 1}, ["end"]), node("end")]


def test_a_line_has_no_fault() -> None:
    assert faults(LINE) == []


def test_a_node_may_have_two_parents() -> None:
    diamond = [
        node("start", children=["branch"]),
        node("branch", children=["a", "b"], config={"condition": True}),
        variables("a", {}, ["end"]),
        variables("b", {}, ["end"]),
        node("end"),
    ]
    assert faults(diamond) == []


def test_both_children_may_be_the_same_node_or_none() -> None:
    same = [node("start", children=["branch"]), node("branch", children=["end", "end"], config={"condition": 1}), node("end")]
    assert faults(same) == []
    nowhere = [node("start", children=["branch"]), node("branch", children=[None, None], config={"condition": 1})]
    assert faults(nowhere) == []
    assert faults([node("start", children=[None])]) == []


def test_a_graph_without_a_start_is_reported() -> None:
    assert faults([node("end")]) == [("start", "startNodeNotFound")]
    assert faults([]) == [("start", "startNodeNotFound")]
    assert faults([node("begin", "start", [None])]) == [("start", "startNodeNotFound")]
    assert faults([node("start", "end")]) == [("start", "startNodeNotFound")]


def test_a_circle_is_reported_on_its_nodes_only() -> None:
    nodes = [
        node("start", children=["a"]),
        variables("a", {}, ["b"]),
        variables("b", {}, ["a"]),
    ]
    assert faults(nodes) == [("a", "childrenUuidsInvalid"), ("b", "childrenUuidsInvalid")]


def test_a_path_between_two_circles_is_on_neither() -> None:
    nodes = [
        node("start", children=["fork"]),
        node("fork", "branch", ["fork", "between"], config={"condition": 1}),
        variables("between", {}, ["again"]),
        variables("again", {}, ["again"]),
    ]
    assert faults(nodes) == [("fork", "childrenUuidsInvalid"), ("again", "childrenUuidsInvalid")]


def test_a_circle_through_a_fallback_is_one() -> None:
    nodes = [node("start", children=["a"]), variables("a", {}, ["b"]), variables("b", {}, [None], fallbackChildUuid="a")]
    assert faults(nodes) == [("a", "childrenUuidsInvalid"), ("b", "childrenUuidsInvalid")]


def test_a_node_that_is_its_own_child_is_a_circle() -> None:
    assert faults([node("start", children=["start"])]) == [("start", "childrenUuidsInvalid")]


@pytest.mark.parametrize("field", [{"childrenUuids": ["gone"]}, {"fallbackChildUuid": "gone"}])
def test_a_way_to_nowhere_is_reported(field: Body) -> None:
    assert faults([node("start", children=["a"]), variables("a", {}, [None]) | field]) == [("a", "nodesNotFound")]


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (node("a", "variables"), 0),
        (node("a", "end", ["end"]), 1),
        (node("a", "branch", ["end"], config={"condition": 1}), 1),
        (node("a", "split", ["end", "end", "end"], config={"percentage": 5}), 3),
        (effect("a", ["end", "end"]), 2),
    ],
)
def test_a_wrong_number_of_children_is_reported(made: Body, count: int) -> None:
    nodes = [node("start", children=["a"]), made, node("end")]
    assert faults(nodes) == [("a", "childrenUuidsInvalid")]
    assert f"has {count}." in validate(nodes, KNOWN).faults[0].message


@pytest.mark.parametrize(("children", "valid"), [(1, False), (2, True), (3, True), (4, False)])
def test_a_switch_has_as_many_children_as_routes_or_one_more(children: int, valid: bool) -> None:
    routes = [{"name": "a", "value": 1}, {"name": "b", "value": 2}]
    nodes = [node("start", children=["switch"]), node("switch", children=["end"] * children, config={"routes": routes}), node("end")]
    assert faults(nodes) == ([] if valid else [("switch", "childrenUuidsInvalid")])


@pytest.mark.parametrize("slug", ["", "a b", "ä", "a-b", "a.b", "a\n"])
def test_a_slug_has_letters_digits_and_underscores(slug: str) -> None:
    assert faults([node("start", children=["x"]), variables("x", {}, [None]) | {"slug": slug}]) == [(slug, "slugInvalid")]


def test_a_uuid_that_stands_on_two_nodes_is_reported_on_the_second() -> None:
    nodes = [node("start", children=["a"]), node("a", "end"), node("a", "end") | {"slug": "b"}]
    assert faults(nodes) == [("b", "childrenUuidsInvalid")]


def test_repeated_slugs_are_no_fault() -> None:
    assert faults([node("start", children=["a"]), variables("a", {}, ["b"]), node("b", "end") | {"slug": "a"}]) == []


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (node("a", "fly", [None]), "nativeInvalid"),
        (node("a", "delay", [None], config={"minutes": -1}), "nativeInvalid"),
        (effect("a", [None]) | {"actionSlug": "other"}, "actionNotFound"),
        (effect("a", [None], connectorUuid="gone"), "connectorNotFound"),
        (node("a", children=[None], kind="tool", toolUuid="gone"), "toolInvalid"),
        (node("a", children=[None], kind="agent"), "agentInvalid"),
        (variables("a", {"x": "{{ nodes. }}"}, [None]), "expressionInvalid"),
    ],
)
def test_what_cannot_be_carried_out_is_reported(made: Body, reason: str) -> None:
    assert faults([node("start", children=["a"]), made]) == [("a", reason)]


def test_a_connector_that_is_there_is_no_fault() -> None:
    assert faults([node("start", children=["a"]), effect("a", [None], connectorUuid="crm")]) == []


def test_a_tool_node_names_a_tool_and_perhaps_a_release_of_it() -> None:
    able = replace(KNOWN, tools=frozenset({"t"}), tool_releases=frozenset({("t", "r")}))
    for more, fault in (
        ({"toolUuid": "t"}, None),
        ({"toolUuid": "t", "releaseUuid": "r"}, None),
        ({"toolUuid": "t", "releaseUuid": "s"}, "no release s"),
        ({"toolUuid": "u"}, "no tool u"),
        ({"templateSlug": "any"}, "no tool template 'any'"),
        ({}, "names no tool"),
    ):
        found = validate([node("start", children=["a"]), node("a", children=[None], kind="tool", **more)], able).faults
        assert [one.reason for one in found] == ([] if fault is None else ["toolInvalid"])
        assert fault is None or fault in found[0].message


def in_groups(nodes: Any, depth: int) -> list[Body]:
    """A graph whose group holds a graph, this many times, and these nodes innermost."""
    if depth == 0:
        return nodes
    inner = nodes if depth == 1 else in_groups(nodes, depth - 1)
    loop = node("loop", "group", [None], config={"items": [1], "_nodes": inner})
    return [node("start", children=["loop"]), loop]


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(
    ("inner", "reasons"),
    [
        ([node("start", children=[None])], []),
        ([node("end")], ["startNodeNotFound"]),
        ([node("start", children=["gone"])], ["nodesNotFound"]),
        ([node("start", children=[])], ["childrenUuidsInvalid"]),
        ([node("start", children=[None]), node("a", "nothing")], ["nativeInvalid"]),
        ([node("start", children=[None]), node("a", kind="tool", toolUuid="u")], ["toolInvalid"]),
        ([node("start", children=[None]), node("a b", "end")], ["slugInvalid"]),
        ([node("start", children=[None]), node("a", "end"), node("a", "end") | {"slug": "b"}], ["childrenUuidsInvalid"]),
        ([node("start", children=[None]), variables("a", {"x": "{{ nodes. }}"}, [None])], ["expressionInvalid"]),
    ],
)
def test_every_fault_inside_a_group_is_found_with_its_reason_at_every_depth(inner: list[Body], reasons: list[str], depth: int) -> None:
    found = validate(in_groups(inner, depth), KNOWN).faults
    for _ in range(depth if reasons else 0):
        assert [(one.uuid, one.reason) for one in found] == [("loop", "subNodesInvalid")]
        assert found[0].to_wire()["invalidNodes"][0]["message"] in found[0].message
        found = list(found[0].nodes)
    assert [one.reason for one in found] == reasons


WRONG: list[Any] = [
    None,
    [],
    {},
    [1],
    [{}],
    [{"uuid": "a"}],
    [{"uuid": "a", "slug": "a", "kind": "odd"}],
    [node("start", children=[None], config=[1])],
    [node("start") | {"childrenUuids": [{}]}],
    [node("start", fallbackChildUuid=[])],
    [node("start", retry="x")],
    [node("start", retry={"maximumAttempts": "x"})],
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_graph_inside_a_group_is_reported_and_breaks_nothing(wrong: object) -> None:
    (found,) = validate(in_groups(wrong, 1), KNOWN).faults
    assert (found.reason, found.nodes) == ("subNodesInvalid", ())


def test_groups_nest_five_deep() -> None:
    leaf = [node("start", children=[None])]
    assert validate(in_groups(leaf, 5), KNOWN).faults == []
    found = validate(in_groups(leaf, 6), KNOWN).faults
    for _ in range(5):
        found = list(found[0].nodes)
    assert "nested 5 deep" in found[0].message


def long_line(length: int) -> list[Body]:
    """start, then variables, `length` nodes in all."""
    middle = [variables(f"n{at}", {}, [f"n{at + 1}" if at < length - 1 else None]) for at in range(1, length)]
    return [node("start", children=["n1"]), *middle]


def test_500_nodes_are_a_graph_and_501_are_not() -> None:
    assert faults(long_line(MAXIMUM_NODES)) == []
    (fault,) = validate(long_line(MAXIMUM_NODES + 1), KNOWN).faults
    assert (fault.reason, fault.message) == ("nodesNotFound", "A graph has at most 500 nodes; this one has 501.")


def test_the_wire_names_the_node() -> None:
    (fault,) = validate([node("start", children=["a"]), node("a", "end", ["a"])], KNOWN).faults
    assert fault.to_wire()["node"] == {"uuid": "a", "slug": "a"}
    assert "invalidNodes" not in fault.to_wire()


def test_a_graph_that_names_what_the_server_does_not_know_is_not_loaded() -> None:
    with pytest.raises(InvalidGraph, match="start"):
        compile_graph([node("end")], actions())
    with pytest.raises(InvalidGraph, match="'a'"):
        compile_graph([node("start", children=["a"]), node("a", "fly")], actions())


@pytest.mark.parametrize(
    ("given", "attempts", "waits"),
    [
        (None, 1, 1.0),
        ({}, 1, 1.0),
        ({"maximumAttempts": 3, "initialInterval": 500, "backoffCoefficient": 3}, 3, 0.5),
        ({"maximumAttempts": 0}, 1, 1.0),
        ({"maximumAttempts": 2.9, "initialInterval": None}, 2, 1.0),
        ({"maximumAttempts": 1e300, "initialInterval": -5}, 100, 0.0),
        ({"maximumAttempts": 5, "initialInterval": 1e15}, 5, 3600.0),
    ],
)
def test_a_retry_rule_is_brought_within_bounds(given: Any, attempts: int, waits: float) -> None:
    loaded = compile_graph([node("start", children=[None], retry=given)], actions()).start.retry
    assert (loaded.maximum_attempts, loaded.seconds_before(2)) == (attempts, waits)


def test_no_backoff_is_too_large_for_arithmetic() -> None:
    loaded = compile_graph(
        [node("start", children=[None], retry={"maximumAttempts": 100, "backoffCoefficient": 1e9})], actions()
    ).start.retry
    assert loaded.seconds_before(100) == 3600


def grouped_lines(length: int) -> list[Body]:
    """Two graphs of about this length, one inside a group of the other, in which every node reads the first and the one before it."""

    def reading(at: int, prefix: str) -> dict[str, str]:
        return {"x": f"{{{{nodes.{prefix}{max(at - 1, 0)}.x}}}} {{{{nodes.{prefix}0.x}}}}"}

    def line_of(prefix: str, last: Body) -> list[Body]:
        own = [variables(f"{prefix}{at}", {"x": 1} if at == 0 else reading(at, prefix), [f"{prefix}{at + 1}"]) for at in range(length)]
        own[-1]["childrenUuids"] = [last["uuid"]]
        return [node("start", children=[f"{prefix}0"]), *own, last]

    return line_of("a", node("each", "group", [None], config={"items": [1], "_nodes": line_of("b", node("end"))}))


def fastest(nodes: list[Body]) -> float:
    """Seconds of the fastest of three validations."""
    took: list[float] = []
    for _ in range(3):
        began = time.process_time()
        assert validate(nodes, KNOWN) == Report()
        took.append(time.process_time() - began)
    return min(took)


@pytest.mark.alone
def test_a_thousand_nodes_take_less_than_a_second_and_twice_as_many_twice_as_long() -> None:
    half, whole = fastest(grouped_lines(249)), fastest(grouped_lines(498))
    assert whole < 1
    assert whole < 3 * half + 0.01
