"""Where no way depends on what an effect answers, a dry run counts exactly what the runs then do, groups and tools included."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from cargo_ai.domains.orchestration.dry_run.node_costs import NodePrices
from cargo_ai.domains.orchestration.dry_run.walk import DryRun
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph import price
from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import compile_graph
from cargo_ai.engine.graph.interpret import begin
from cargo_ai.engine.graph.walk import Act
from cargo_ai.kernel import ids
from tests.kit.property_examples import examples
from tests.property.engine.test_engine import ScriptedEffects, done, go_on, graphs, records
from tests.property.engine.test_groups import Step, graph, steps
from tests.unit.engine.conftest import EngineHarness, _configure, engine_url  # pyright: ignore[reportPrivateUsage]
from tests.unit.engine.engine_worker import Effects, EngineWorker, submit_run
from tests.unit.engine.graphs import NOW, RUN, Body, actions, program

__all__ = ["engine_url"]

DONE = """
select e.node_uuid, e.run_uuid, r.parent_uuid, r.parent_node_uuid from executions e join runs r on r.uuid = e.run_uuid
where r.workspace_uuid = %s
"""


def well(call: Call) -> Outcome:
    return Done({"called": call.config["value"]})


async def executed(harness: EngineHarness) -> Counter[str]:
    """How often each node was executed, by the way to it."""
    rows = await harness.rows(DONE, harness.workspace)
    above = {row["run_uuid"]: (row["parent_uuid"], row["parent_node_uuid"]) for row in rows}

    def prefix(run: uuid.UUID) -> str:
        parent, node = above[run]
        return "" if parent is None else f"{prefix(parent)}{node}."

    return Counter(prefix(row["run_uuid"]) + row["node_uuid"] for row in rows)


async def proven(url: str, plan: tuple[Step, ...], values: list[int]) -> None:
    tools: dict[str, list[Body]] = {}
    nodes = graph(plan, tools)
    effects = Effects(well, tools)
    known = effects.actions()
    dry_run = DryRun(ids.new(), known, NOW)
    loaded = compile_graph(nodes, known)
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for value in values:
        reported = await dry_run.record(begin(str(ids.new()), loaded, {"value": value}))
        least.update({place.path: many for place, many in reported.least.items()})
        most.update({place.path: many for place, many in reported.most.items()})
        assert reported.failed == reported.failed_most == 0
    assert effects.calls == []
    async with AsyncConnectionPool[Any](url, min_size=2, max_size=6, open=False, configure=_configure) as pool:
        harness = EngineHarness(pool, Queue(), Sources())
        for value in values:
            await submit_run(harness, nodes, {"value": value})
        worker = EngineWorker(harness, url, effects)
        await worker.work()
        await worker.close()
        found = await executed(harness)
    assert least == most == found


@settings(deadline=None, max_examples=examples(150))
@given(graphs(), records, st.data())
def test_what_a_run_does_is_within_what_was_reported_whatever_its_effects_answer(
    nodes: list[Body], record: Body, data: st.DataObject
) -> None:
    graph_ = program(nodes)
    dry_run = DryRun(ids.new(), actions(), NOW)
    reported = asyncio.run(dry_run.record(begin(RUN, graph_, record)))
    effects = ScriptedEffects({one["uuid"]: [data.draw(done)] for one in nodes if one["kind"] == "connector"})
    walk = go_on(begin(RUN, graph_, record), effects)
    # Where an answer is not known, it and what is made of it are taken to go well.
    assume(not dry_run.unknown or all(entry.status != "error" for entry in walk.entries))
    found = Counter(entry.node for entry in walk.entries)
    least, most = ({place.node: many for place, many in side.items()} for side in (reported.least, reported.most))
    for node_ in {*found, *least, *most}:
        assert least.get(node_, 0) <= found[node_] <= most.get(node_, 0), node_
    for place, likely in reported.likely.items():
        assert reported.least[place] - 1e-9 <= likely <= reported.most[place] + 1e-9, place
    assert reported.failed <= int(walk.status == "error")


PRICES = st.lists(
    st.fixed_dictionaries({"type": st.just("fixed"), "cost": st.sampled_from([0.5, 3])})
    | st.fixed_dictionaries({"type": st.just("unit"), "fixedCost": st.sampled_from([0, 1.5]), "cost": st.just(0.25), "unit": st.just("a")})
    | st.fixed_dictionaries({"type": st.just("package"), "cost": st.just(2), "unit": st.just("a"), "unitsCount": st.just(2)}),
    min_size=1,
    max_size=2,
)
# Of several, a price that holds for some configs only comes first.
CONDITIONS = st.none() | st.just({"jsonSchema": {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}})


@st.composite
def priced_actions(draw: st.DrawFn) -> Actions:
    """Those of `actions`, of which some cost something: native ones always the same, the service by what came of it, too."""
    known, condition = actions(), draw(CONDITIONS)
    costs = [*draw(PRICES)]
    service = known.connector("any", "any")
    assert service is not None
    of_service = replace(service, costs=[{**costs[0], "config": condition} if condition else costs[0], *costs[1:]])
    fixed = [[{"type": "fixed", "cost": draw(st.sampled_from([0, 0.25, 1]))}] for _ in known.natives()]
    return Actions([*(replace(action, costs=cost) for action, cost in zip(known.natives(), fixed, strict=True)), of_service])


@settings(deadline=None, max_examples=examples(150))
@given(graphs(), records, priced_actions(), st.sampled_from([0.0, 0.1]), st.data())
def test_what_a_run_costs_is_within_what_was_reported(
    nodes: list[Body], record: Body, known: Actions, fee: float, data: st.DataObject
) -> None:
    graph_ = compile_graph(nodes, known)
    dry_run = DryRun(ids.new(), known, NOW, prices=NodePrices(known, fee=fee))
    reported = asyncio.run(dry_run.record(begin(RUN, graph_, record)))
    service = known.connector("any", "any")
    costs = () if service is None else service.costs
    answers = {one["uuid"]: data.draw(done) for one in nodes if one["kind"] == "connector"}

    class Charging(ScriptedEffects):
        def perform(self, act: Act) -> Outcome:
            answer = answers[act.node.uuid]
            return replace(answer, credits=price.of_success(costs, act.config, answer.output))

    walk = go_on(begin(RUN, graph_, record), Charging({}))
    assume(not dry_run.unknown or all(entry.status != "error" for entry in walk.entries))
    spent = sum(entry.credits for entry in walk.entries) + fee * len(walk.entries)
    assert reported.credits <= spent + 1e-6
    assert reported.credits_most is None or spent <= reported.credits_most + 1e-6


@settings(deadline=None, max_examples=examples(15), suppress_health_check=[HealthCheck.filter_too_much])
@given(graphs(), records, st.lists(st.sampled_from([10, 50, 75]), min_size=9, max_size=9))
def test_what_chance_leaves_open_is_reported_as_often_as_it_happens(nodes: list[Body], record: Body, shares: list[int]) -> None:
    # In the place of each effect there is another split.
    made = {"kind": "native", "actionSlug": "split"}
    splits = [
        one
        if one["kind"] == "native"
        else one | made | {"config": {"percentage": shares.pop()}, "childrenUuids": [*one["childrenUuids"], None]}
        for one in nodes
    ]
    graph_ = program(splits)
    dry_run = DryRun(ids.new(), actions(), NOW)
    reported = asyncio.run(dry_run.record(begin(RUN, graph_, record)))
    assert not dry_run.unknown
    assume(reported.least != reported.most)
    found: Counter[str] = Counter()
    for at in range(400):
        found.update(entry.node for entry in go_on(begin(str(uuid.UUID(int=at)), graph_, record), ScriptedEffects({})).entries)
    for place, likely in reported.likely.items():
        # Six standard deviations of 400 throws of a coin.
        assert place in reported.unsure or abs(found[place.node] / 400 - likely) < 0.15, place


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps(1) | steps(2), st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_a_dry_run_counts_what_the_runs_then_do(engine_url: str, plan: tuple[Step, ...], values: list[int]) -> None:
    asyncio.run(proven(engine_url, plan, values))
