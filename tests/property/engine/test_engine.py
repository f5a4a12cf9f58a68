"""Whatever the graph and whatever its nodes give: a run that a crash cut off anywhere goes on as if nothing had happened."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from cargo_ai.engine.graph.action import Done, Failed, Later, Outcome
from cargo_ai.engine.graph.interpret import advance, begin, resume, settle
from cargo_ai.engine.graph.validation import Inventory, validate
from cargo_ai.engine.graph.walk import Act, Pause, Walk
from tests.kit.graphs import node
from tests.kit.property_examples import examples
from tests.unit.engine.graphs import NOW, RUN, Body, actions, effect, program, row, variables

unhurried = settings(deadline=None, max_examples=examples(80))
KNOWN = Inventory(actions())

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=6)
records = st.dictionaries(text, values.map(lambda value: from_json(to_json(value, inf_nan_mode="null"))), max_size=3)

credit = st.sampled_from([0.0, 0.25, 2.0])
done = st.builds(Done, output=values, title=text, credits=credit, warnings=st.lists(text, max_size=1).map(tuple))
failures = st.builds(Failed, text, st.booleans(), st.none() | st.sampled_from([0.0, 1.0, 60.0]))
waits = st.builds(Later, st.sampled_from([0.0, 1.0, 60.0]), values)


def _script(before: list[Outcome], last: Outcome) -> list[Outcome]:
    return [*before, last]


scripts = st.builds(_script, st.lists(failures | waits, max_size=4), done | failures)


@dataclass
class ScriptedEffects:
    """What the effects of one run do: each node has a script, from its beginning again for a worker that knows of no earlier attempt."""

    scripts: dict[str, list[Outcome]]
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    pauses: list[Pause] = field(default_factory=list[Pause])

    def perform(self, act: Act) -> Outcome:
        script, call = self.scripts[act.node.uuid], self.calls[act.node.uuid]
        self.calls[act.node.uuid] += 1
        self.keys.append((act.node.uuid, act.key))
        return script[min(call, len(script) - 1)]


@st.composite
def graphs(draw: st.DrawFn) -> list[Body]:
    """start and up to nine nodes behind it; every way leads to a later one, or nowhere."""
    count = draw(st.integers(1, 9))
    names = [f"n{at}" for at in range(count)]
    nodes: list[Body] = []
    for at in range(-1, count):
        later: st.SearchStrategy[str | None] = st.none() | st.sampled_from(names[at + 1 :]) if at + 1 < count else st.none()
        before = st.sampled_from(["start", *names[:at]]) if at > 0 else st.just("start")

        def some(n: int, later: st.SearchStrategy[str | None] = later) -> list[str | None]:
            return draw(st.lists(later, min_size=n, max_size=n))

        if at < 0:
            nodes.append(node("start", children=[names[0]]))
            continue
        name, source = names[at], draw(before)
        reading = f"{{{{nodes.{source}.{draw(st.sampled_from(['a', 'condition', 'errorMessage', 'child']))}}}}}"
        more: Body = {
            "fallbackOnFailure": draw(st.booleans()),
            "fallbackChildUuid": draw(later),
            "retry": draw(st.none() | st.fixed_dictionaries({"maximumAttempts": st.integers(1, 3), "initialInterval": st.just(1)})),
        }
        kind = draw(st.sampled_from(["effect", "effect", "variables", "branch", "filter", "split", "switch", "delay", "end"]))
        if kind == "effect":
            made = effect(name, some(1), config={"to": reading}, **more)
        elif kind == "variables":
            made = variables(name, {"a": reading, "all": f"{{{{nodes.{source}}}}}", "text": f"<{reading}>"}, some(1), **more)
        elif kind == "branch":
            made = node(name, "branch", some(2), config={"condition": reading}, **more)
        elif kind == "filter":
            made = node(name, "filter", some(1), config={"filter": reading}, **more)
        elif kind == "split":
            made = node(name, "split", some(2), config={"percentage": draw(st.sampled_from([0, 50, 100, reading]))}, **more)
        elif kind == "switch":
            routes = [{"name": "x", "value": reading}, {"name": "y", "value": f"{reading[:-2]} === 1}}}}"}]
            made = node(name, "switch", some(draw(st.integers(2, 3))), config={"routes": routes}, **more)
        elif kind == "delay":
            made = node(name, "delay", some(1), config={"minutes": draw(st.sampled_from([0, 1, reading]))}, **more)
        else:
            made = node(name, "end", config={"variables": [{"name": "a", "type": "any", "value": reading}]}, **more)
        if draw(st.integers(0, 9)) == 0:
            made["slug"] = draw(st.sampled_from(names))  # a slug that another node has, too
        nodes.append(made)
    return nodes


def go_on(walk: Walk, effects: ScriptedEffects, *, park_at: int | None = None) -> Walk:
    """Walk to the end; at the pause of that number, let go of the run and take it up again from its journal."""
    written = [row(entry) for entry in walk.entries]
    step = advance(walk, NOW) if walk.status is None else None
    while step is not None:
        if isinstance(step, Act):
            step = settle(walk, step.node, step.config, effects.perform(step), step.warnings, step.started, NOW) or advance(walk, NOW)
            continue
        assert isinstance(step, Pause)
        assert step.seconds >= 0
        if len(effects.pauses) == park_at:
            kept = from_json(to_json(walk.pending()))
            entries = walk.entries
            walk = resume(begin(walk.run, walk.program, walk.record), [*written, *map(row, entries)], kept)
            walk.entries = entries
        effects.pauses.append(step)
        step = advance(walk, NOW)
    return walk


def shown(walk: Walk, since: int = 0) -> tuple[Any, ...]:
    """Everything of a walk that must not depend on where it was cut off; JSON, so that 1 and 1.0 and True differ."""
    end = (walk.status, walk.error, walk.credits, walk.size, walk.visits, walk.seq)
    return [entry for entry in walk.entries if entry.seq >= since], to_json(walk.context, inf_nan_mode="strings"), end


@unhurried
@given(graphs(), records, st.data())
def test_a_run_cut_off_after_any_of_its_steps_goes_on_as_if_nothing_had_happened(
    nodes: list[Body], record: Body, data: st.DataObject
) -> None:
    assert validate(nodes, KNOWN).fatal() == []
    graph = program(nodes)
    effects = ScriptedEffects({one["uuid"]: data.draw(scripts) for one in nodes if one["kind"] == "connector"})
    straight = go_on(begin(RUN, graph, record), effects)
    assert straight.status in ("success", "error")
    assert (straight.status == "error") == (straight.error is not None)
    assert all(key == f"{RUN}:{name}:1" for name, key in effects.keys)
    whole = [row(entry) for entry in straight.entries]
    for cut in range(len(whole) + 1):
        after = ScriptedEffects(effects.scripts)
        again = go_on(resume(begin(RUN, graph, copy.deepcopy(record)), whole[:cut], None), after)
        assert shown(again) == shown(straight, cut)
        left = {entry.node for entry in straight.entries[cut:]}
        assert after.keys == [(name, key) for name, key in effects.keys if name in left]


@unhurried
@given(graphs(), records, st.data())
def test_a_run_that_is_parked_at_any_pause_goes_on_as_if_it_had_stayed(nodes: list[Body], record: Body, data: st.DataObject) -> None:
    graph = program(nodes)
    effects = ScriptedEffects({one["uuid"]: data.draw(scripts) for one in nodes if one["kind"] == "connector"})
    straight = go_on(begin(RUN, graph, record), effects)
    for pause in range(data.draw(st.integers(1, 4))):
        after = ScriptedEffects(effects.scripts)
        assert shown(go_on(begin(RUN, graph, record), after, park_at=pause)) == shown(straight)
        assert (after.keys, after.pauses) == (effects.keys, effects.pauses)
