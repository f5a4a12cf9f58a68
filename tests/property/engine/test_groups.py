"""Whatever graphs are nested in each other, whatever fails, and wherever workers die: groups and tools give what plain recursion gives."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.engine.worker import child_runs
from tests.kit.graphs import node
from tests.kit.property_examples import examples
from tests.property.engine.deaths import work_through
from tests.unit.engine.conftest import EngineHarness, _configure, engine_url  # pyright: ignore[reportPrivateUsage]
from tests.unit.engine.engine_worker import Effects, EngineWorker, context_of, submit_run
from tests.unit.engine.graphs import Body, effect

__all__ = ["engine_url"]

unhurried = settings(deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Step:
    """One node behind the start. `inner`: what a group or a tool runs; `spared`: a failure of it is not the end."""

    kind: str
    number: int = 0
    items: tuple[int, ...] = ()
    inner: tuple[Step, ...] = ()
    spared: bool = False
    fail_fast: bool = False


def steps(depth: int) -> st.SearchStrategy[tuple[Step, ...]]:
    """Up to three nodes, groups and tools among them while there is depth left."""
    number = st.integers(0, 4)
    plain = st.builds(Step, st.sampled_from(["call", "call", "filter", "delay"]), number, spared=st.booleans())
    if depth == 0:
        return st.lists(plain, max_size=2).map(tuple)
    items = st.lists(st.integers(0, 9), max_size=8).map(tuple)
    group = st.builds(Step, st.just("group"), number, items, steps(depth - 1), st.booleans(), st.booleans())
    tool = st.builds(Step, st.just("tool"), number, st.just(()), steps(depth - 1), st.booleans())
    return st.lists(plain | group | tool, min_size=1, max_size=3).map(tuple)


def fails(number: int, value: int) -> bool:
    """Whether a call of that number fails for that value."""
    return (value * 3 + number) % 5 == 0


def graph(plan: tuple[Step, ...], tools: dict[str, list[Body]]) -> list[Body]:
    """The nodes of a plan; its tools are added to `tools`. `end` gives all that came before it."""
    names = [*(f"s{at}" for at in range(len(plan))), "end"]
    nodes = [node("start", children=[names[0]])]
    for name, following, step in zip(names, names[1:], plan, strict=False):
        more: Body = {"children": [following], "fallbackOnFailure": step.spared}
        if step.kind == "call":
            nodes.append(effect(name, config={"number": step.number, "value": "{{nodes.start.value}}"}, **more))
        elif step.kind == "filter":
            condition = f"{{{{nodes.start.value % 5 !== {step.number}}}}}"
            nodes.append(node(name, "filter", config={"filter": condition}, **more))
        elif step.kind == "delay":
            nodes.append(node(name, "delay", config={"minutes": 0}, **more))
        elif step.kind == "group":
            held = {"items": list(step.items), "_nodes": graph(step.inner, tools), "failOnItemFailure": step.fail_fast}
            nodes.append(node(name, "group", config=held, **more))
        else:
            uid = f"t{len(tools)}"
            tools[uid] = []
            tools[uid] = graph(step.inner, tools)
            nodes.append(node(name, kind="tool", toolUuid=uid, config={"value": "{{nodes.start.value}}"}, **more))
    given_ = {"own": "{{nodes.start.value}}", "above": "{{parentNodes.start.value}}"}
    given_ |= {name: f"{{{{nodes.{name}.errorMessage ? 'failed' : nodes.{name}}}}}" for name in names[:-1]}
    listed = [{"name": name, "type": "any", "value": value} for name, value in given_.items()]
    return [*nodes, node("end", config={"variables": listed})]


class Fell(Exception):
    """A run of the oracle failed."""


def oracle(plan: tuple[Step, ...], value: int, above: int | None, calls: Counter[tuple[int, int]]) -> Any:
    """What the run of a plan gives. Raises Fell."""
    found: Body = {"own": value, "above": above}
    for at, step in enumerate(plan):
        try:
            if step.kind == "filter" and value % 5 == step.number:
                return None
            found[f"s{at}"] = _step(step, value, calls)
        except Fell:
            if not step.spared:
                raise
            found[f"s{at}"] = "failed"
    return found


def _step(step: Step, value: int, calls: Counter[tuple[int, int]]) -> Any:
    if step.kind == "call":
        calls[step.number, value] += 1
        if fails(step.number, value):
            raise Fell
        return {"called": value}
    if step.kind == "tool":
        return oracle(step.inner, value, None, calls)
    if step.kind != "group":
        return {"condition": True} if step.kind == "filter" else {"minutes": 0}
    results: list[Any] = []
    for item in step.items:
        try:
            results.append(oracle(step.inner, item, value, calls))
        except Fell:
            if step.fail_fast:
                raise
            results.append(None)
    return results


def any_fast(plan: tuple[Step, ...]) -> bool:
    """Whether a failure somewhere may cut other items short."""
    return any(step.fail_fast or any_fast(step.inner) for step in plan)


def perform(call: Call) -> Outcome:
    number, value = call.config["number"], call.config["value"]
    return Failed("no") if fails(number, value) else Done({"called": value}, credits=1.0)


async def walked(url: str, plan: tuple[Step, ...], deaths: list[int], monkeypatch: pytest.MonkeyPatch) -> tuple[Body, Any, Effects]:
    """The run of a plan, its end's output, and the effects after it; workers die at these points, one after the other."""
    tools: dict[str, list[Body]] = {}
    nodes = graph(plan, tools)
    effects = Effects(perform, tools)
    async with AsyncConnectionPool[Any](url, min_size=2, max_size=6, open=False, configure=_configure) as pool:
        harness = EngineHarness(pool, Queue(), Sources())
        run = await submit_run(harness, nodes, {"value": 1})
        await work_through(lambda: EngineWorker(harness, url, effects), EngineWorker.work, deaths, monkeypatch)
        row = await harness.row("select * from runs where uuid = %s", run)
        await _proven(harness, run)
        return row, (await context_of(harness, run)).get("end"), effects


async def _proven(harness: EngineHarness, run: uuid.UUID) -> None:
    """Nothing is left over, everything ended, every item and every node of a run is there once."""
    assert await harness.rows("select 1 from shards where workspace_uuid = %s", harness.workspace) == []
    assert await harness.rows("select 1 from runs where workspace_uuid = %s and finished_ms is null", harness.workspace) == []
    fans = await harness.rows("select size, left_count, run_uuid, uuid from fanouts where workspace_uuid = %s", harness.workspace)
    for fan in fans:
        items = await harness.rows("select item from runs where fanout_uuid = %s order by item", fan["uuid"])
        assert [row["item"] for row in items] == list(range(fan["size"]))
        assert fan["left_count"] == 0
    twice = "select 1 from executions where workspace_uuid = %s group by run_uuid, node_uuid having count(*) > 1"
    assert await harness.rows(twice, harness.workspace) == []


@pytest.mark.slow
@unhurried
@given(steps(2) | steps(3), st.lists(st.integers(1, 40), max_size=3), st.sampled_from([50, 3, 0]))
def test_nested_groups_and_tools_give_what_recursion_gives_wherever_workers_die(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, plan: tuple[Step, ...], deaths: list[int], inline: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(child_runs, "MAX_INLINE", inline)
        patched.setattr(child_runs, "SHARD_RUNS", 2)
        row, output, effects = asyncio.run(walked(engine_url, plan, deaths, patched))
    calls: Counter[tuple[int, int]] = Counter()
    try:
        wanted = oracle(plan, 1, None, calls)
    except Fell:
        assert row["status"] == "error", plan
    else:
        assert (row["status"], output) == ("success", wanted), plan
    if not any_fast(plan):
        # With the same key as often as someone died, but never under another one.
        keys = {call.key: (call.config["number"], call.config["value"]) for call in effects.calls}
        assert Counter(keys.values()) == calls
        assert row["credits"] == sum(count for (number, value), count in calls.items() if not fails(number, value))
