"""Whatever a graph is made of: one that validates does not fail for its own form when it is walked."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from cargo_ai.engine.graph.interpret import advance
from cargo_ai.engine.graph.validation import Inventory, validate
from cargo_ai.engine.graph.walk import Pause
from tests.kit.graphs import node
from tests.kit.property_examples import examples
from tests.unit.engine.graphs import NOW, Body, actions, start

KNOWN = Inventory(actions())
RECORD: Body = {"n": 0, "text": "a", "list": [1], "deep": {"x": {}}}
SLUGS = [f"n{at}" for at in range(6)]

numbers = st.sampled_from([0, 50, 50.5, "50", " 7 ", "{{nodes.start.n}}"])
NO_NUMBERS: list[Any] = ["", "x", -1, 1e9, None, True, [], {}, [0]]
no_numbers = st.sampled_from(NO_NUMBERS)
fields = st.sampled_from(["n", "x", "condition", "minutes", "child", "route", "deep.x.y", "list[0]"])
known_paths = st.builds("nodes.start.{}".format, fields) | st.builds("nodes.{}?.x".format, st.sampled_from(SLUGS))
any_paths = st.builds("nodes.{}.{}".format, st.sampled_from(["start", "nope", *SLUGS]), fields)


def values(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Constants, and expressions over these paths in every form."""
    texts = paths.map("{{{{{}}}}}".format) | paths.map("{{{{{} ?? 1}}}}".format) | paths.map("a {{{{{}}}}}".format)
    return numbers | texts | texts.map(lambda text: {"kind": "templateExpression", "expression": text})


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """An object with some of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


def all_of(**required: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """An object with all of these keys."""
    return st.fixed_dictionaries(required)


kinds = st.sampled_from(["any", "number"])
RIGHT = {
    "delay": all_of(minutes=numbers),
    "split": all_of(percentage=numbers),
    "branch": all_of(condition=values(known_paths)),
    "filter": all_of(filter=values(known_paths)) | all_of(condition=values(known_paths)),
    "variables": all_of(variables=st.lists(all_of(name=st.sampled_from(["x", "n"]), type=kinds, value=values(known_paths)), max_size=3)),
    "switch": all_of(routes=st.lists(all_of(value=values(known_paths)), max_size=2)),
}
entries = some(name=st.sampled_from(["x", "", 5, None]), type=kinds | st.sampled_from(["Number", 3]), value=values(any_paths))
WRONG = {
    "delay": some(minutes=no_numbers, unit=st.just("m")),
    "split": some(percentage=no_numbers),
    "branch": some(condition=values(any_paths) | no_numbers),
    "filter": some(filter=values(any_paths), condition=no_numbers),
    "variables": some(variables=st.lists(entries | st.none(), max_size=3) | st.just("x")),
    "switch": some(routes=st.lists(some(name=st.just("a"), value=values(any_paths)), max_size=2)),
}
retries = st.sampled_from([None, None, {}, {"maximumAttempts": 3}, {"initialInterval": 0}, {"maximumAttempts": 0}, {"initialInterval": -1}])


@st.composite
def graphs(draw: st.DrawFn) -> list[Body]:
    """start and up to six nodes; every way leads to a later one, or nowhere."""
    count = draw(st.integers(1, len(SLUGS)))
    wrong = draw(st.sets(st.integers(0, count - 1), max_size=1))
    nodes = [node("start", children=[SLUGS[0]])]
    for at, slug in enumerate(SLUGS[:count]):
        action = draw(st.sampled_from(sorted(RIGHT)))
        config = draw((WRONG if at in wrong else RIGHT)[action])
        ways = {"branch": 2, "split": 2, "switch": len(config.get("routes") or [])}.get(action, 1)
        later = st.none() if at + 1 == count else st.sampled_from([*SLUGS[at + 1 : count], None])
        children = draw(st.lists(later, min_size=ways, max_size=ways))
        nodes.append(node(slug, action, children, config=config, retry=draw(retries) if at in wrong else None))
    return nodes


@settings(deadline=None, max_examples=examples(400))
@given(graphs())
def test_a_graph_that_validates_does_not_fail_for_its_own_form(nodes: list[Body]) -> None:
    report = validate(nodes, KNOWN)
    event("valid" if not report.faults else "not valid")
    assert all(fault.message.endswith((".", "?")) for fault in report.faults)
    assert all(doubt.message.endswith((".", "?")) for doubt in report.doubts)
    if report.faults:
        return
    walk = start(nodes, RECORD)
    step = advance(walk, NOW)
    while step is not None:
        assert isinstance(step, Pause) and step.reason == "delay"
        step = advance(walk, NOW)
    assert walk.status == "success", walk.error
