"""Whatever graphs are nested in each other: a run repeated from any node gives the same again, and nothing before that node is called."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from cargo_ai.domains.orchestration.replay import replay_point
from cargo_ai.domains.orchestration.replay.replay_point import Graph, OriginalRun, Reset, Visited
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.journal.replay import ReplayPoint, ReplayRecord
from cargo_ai.engine.worker import child_runs
from tests.kit.property_examples import examples
from tests.property.engine.deaths import work_through
from tests.property.engine.test_groups import (
    Fell,
    Step,
    _proven,  # pyright: ignore[reportPrivateUsage]
    _step,  # pyright: ignore[reportPrivateUsage]
    any_fast,
    fails,
    graph,
    perform,
    steps,
)
from tests.unit.engine.conftest import EngineHarness, _configure, engine_url  # pyright: ignore[reportPrivateUsage]
from tests.unit.engine.engine_worker import Effects, EngineWorker, context_of, submit_run
from tests.unit.engine.graphs import Body

__all__ = ["engine_url"]

Calls = Counter[tuple[int, int]]


def expected(plan: tuple[Step, ...], value: int, path: tuple[int, ...], calls: Calls) -> bool:
    """Count the calls of a run of this plan that goes on at a path of step numbers; False when it never came there."""
    before: Calls = Counter()
    if not _walk(plan[: path[0]], value, before):
        return False
    step = plan[path[0]]
    if len(path) == 1:
        _walk(plan[path[0] :], value, calls)
        return True
    for item in step.items if step.kind == "group" else (value,):
        expected(step.inner, item, path[1:], calls)
    went_on = _walk((step,), value, Counter())
    if went_on:
        _walk(plan[path[0] + 1 :], value, calls)
    return True


def _walk(plan: tuple[Step, ...], value: int, calls: Calls) -> bool:
    """Whether a run comes to the end of these steps."""
    for step in plan:
        try:
            if step.kind == "filter" and value % 5 == step.number:
                return False
            _step(step, value, calls)
        except Fell:
            if not step.spared:
                return False
    return True


def paths(plan: tuple[Step, ...]) -> list[tuple[int, ...]]:
    """Every step, also those inside of others."""
    return [(at, *rest) for at, step in enumerate(plan) for rest in ((), *(paths(step.inner) if step.inner else []))]


async def seed_of(harness: EngineHarness, nodes: list[Body], run: uuid.UUID, path: str) -> ReplayPoint | str:
    rows = await harness.rows(
        "select seq, node_uuid, node_slug, status, next_node_uuid from executions where run_uuid = %s order by seq", run
    )
    return replay_point.find(Reset("node", path=path), OriginalRun(run, run), [Visited(*row.values()) for row in rows], Graph.of(nodes))


async def repeated(harness: EngineHarness, nodes: list[Body], record: Body, seed: ReplayPoint) -> uuid.UUID:
    origin = submit.RunSpec(harness.workspace, harness.workflow, None, harness.release, nodes)
    async with harness.pool.connection() as connection:
        run: uuid.UUID = (await submit.submit_run(connection, harness.queue, origin, ReplayRecord(record, "r", "R", seed)))["uuid"]
        return run


async def proven(url: str, plan: tuple[Step, ...], chosen: tuple[int, ...], deaths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    tools: dict[str, list[Body]] = {}
    nodes = graph(plan, tools)
    effects = Effects(perform, tools)
    path = ".".join(f"s{at}" for at in chosen)
    async with AsyncConnectionPool[Any](url, min_size=2, max_size=6, open=False, configure=_configure) as pool:
        harness = EngineHarness(pool, Queue(), Sources())
        first = await submit_run(harness, nodes, {"value": 1})
        await work_through(lambda: EngineWorker(harness, url, effects), EngineWorker.work, [], monkeypatch)
        seed = await seed_of(harness, nodes, first, path)
        calls: Calls = Counter()
        came = expected(plan, 1, chosen, calls)
        assert came == isinstance(seed, ReplayPoint)
        if isinstance(seed, str):
            return
        effects.calls.clear()
        again = await repeated(harness, nodes, {"value": 1}, seed)
        await work_through(lambda: EngineWorker(harness, url, effects), EngineWorker.work, deaths, monkeypatch)
        rows = [await harness.row("select status, credits from runs where uuid = %s", run) for run in (first, again)]
        assert rows[0]["status"] == rows[1]["status"]
        assert (await context_of(harness, first)).get("end") == (await context_of(harness, again)).get("end")
        await _proven(harness, again)
        if not any_fast(plan):
            keys = {call.key: (call.config["number"], call.config["value"]) for call in effects.calls}
            assert Counter(keys.values()) == calls
            assert rows[1]["credits"] == sum(count for (number, value), count in calls.items() if not fails(number, value))


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps(1), st.sampled_from([50, 0]), st.data())
def test_a_run_repeated_from_any_node_gives_the_same_and_calls_nothing_before_it(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, plan: tuple[Step, ...], inline: int, data: st.DataObject
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(child_runs, "MAX_INLINE", inline)
        patched.setattr(child_runs, "SHARD_RUNS", 2)
        asyncio.run(proven(engine_url, plan, data.draw(st.sampled_from(paths(plan))), [], patched))


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps(2) | steps(3), st.lists(st.integers(1, 30), max_size=3), st.sampled_from([50, 3, 0]), st.data())
def test_a_repetition_whose_workers_die_anywhere_gives_the_same_too(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, plan: tuple[Step, ...], deaths: list[int], inline: int, data: st.DataObject
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(child_runs, "MAX_INLINE", inline)
        patched.setattr(child_runs, "SHARD_RUNS", 2)
        asyncio.run(proven(engine_url, plan, data.draw(st.sampled_from(paths(plan))), deaths, patched))
