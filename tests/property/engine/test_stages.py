"""Whatever fails, whatever runs cost and wherever workers die: a batch in stages enrols each record once, stops where it must, goes on."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import stages
from cargo_ai.engine.dispatch.enumerate import Sources
from cargo_ai.engine.dispatch.pace import NextStage, Pace, Progress, Stop, decide
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from tests.kit.property_examples import examples
from tests.property.engine.deaths import work_through
from tests.unit.engine.conftest import EngineHarness, _configure, batch_of, engine_url  # pyright: ignore[reportPrivateUsage]
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.stage_steps import numbers, recover, staged, work

__all__ = ["engine_url"]

FAILS = -1.0
"""A cost that stands for a call that fails."""
records = st.lists(st.sampled_from([FAILS, 0.0, 0.5, 1.0, 2.0]), max_size=45)
paces = st.builds(
    Pace,
    st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple) | st.just(()),
    st.none() | st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    st.none() | st.sampled_from([0.0, 3.0, 10.0, 100.0]),
    st.none() | st.just(2.0),
)


def oracle(given_: list[float], pace: Pace, at: int, stage: int, used: float, dearest: float) -> tuple[int, int, str | None]:
    """Where enrolling ends that goes on behind `at`: the cursor, the number of stages, and why it stopped."""
    progress = Progress(stage, 0, 0, 0, used, dearest)
    while True:
        step = decide(pace, progress)
        if isinstance(step, Stop):
            return at, progress.stage, step.why
        assert isinstance(step, NextStage)
        part = given_[at : at + step.size]
        at += len(part)
        good = [cost for cost in part if cost != FAILS]
        used, dearest = used + sum(good), max([dearest, *good])
        if at >= len(given_):
            return at, progress.stage + 1, None
        progress = Progress(progress.stage + 1, len(part), len(part), len(part) - len(good), used, dearest)


async def worked(harness: EngineHarness, url: str, effects: Effects, deaths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the batch is over; workers die at these points, one after the other."""

    async def recover_and_work(worker: EngineWorker) -> None:
        await recover(harness)
        await work(harness, worker)

    await work_through(lambda: EngineWorker(harness, url, effects), recover_and_work, deaths, monkeypatch)


async def proven(url: str, given_: list[float], pace: Pace, deaths: list[int], later: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(call: Call) -> Outcome:
        cost = given_[int(call.config["number"])]
        return Failed("no") if cost == FAILS else Done({}, credits=cost)

    effects = Effects(perform)
    async with AsyncConnectionPool[Any](url, min_size=2, max_size=6, open=False, configure=_configure) as pool:
        harness = EngineHarness(pool, Queue(), Sources())
        batch = await staged(harness, len(given_), pace, shard_size=5)
        at, stage, why = 0, 0, "first"
        while why is not None:
            good = [cost for cost in given_[:at] if cost != FAILS]
            at, stage, why = oracle(given_, pace, at, stage, sum(good), max([0.0, *good]))
            await worked(harness, url, effects, deaths, monkeypatch)
            await _as_reported(harness, batch, given_, at, stage, why)
            if why == "maxCredits":
                pace = Pace(pace.ramp, pace.stop_above, None, None)
            deaths = later
            if why is not None:
                async with harness.pool.connection() as connection:
                    assert await stages.resume_batch(connection, harness.queue, harness.workspace, batch, pace, None)
        # Each record once, and each call under one key, however often someone died.
        assert await numbers(harness, batch) == list(range(len(given_)))
        assert len({call.key for call in effects.calls}) == len(given_)


async def _as_reported(harness: EngineHarness, batch: uuid.UUID, given_: list[float], at: int, stage: int, why: str | None) -> None:
    row = await batch_of(harness, batch)
    assert (row["cursor"], row["stage"], row["stopped"], row["status"]) == (at, stage, why, "error" if why else "success")
    failed = sum(cost == FAILS for cost in given_[:at])
    assert (row["executed_count"], row["failed_count"]) == (at, failed)
    assert row["credits"] == sum(cost for cost in given_[:at] if cost != FAILS)
    assert await numbers(harness, batch) == list(range(at))
    assert await harness.rows("select 1 from shards where batch_uuid = %s", batch) == []


@settings(deadline=None, max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records, paces.filter(lambda pace: pace.staged))
def test_a_batch_in_stages_stops_and_goes_on_as_reported(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, given_: list[float], pace: Pace
) -> None:
    with monkeypatch.context() as patched:
        asyncio.run(proven(engine_url, given_, pace, [], [], patched))


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records, paces.filter(lambda pace: pace.staged), st.lists(st.integers(1, 40), max_size=3), st.lists(st.integers(1, 20), max_size=2))
def test_a_batch_in_stages_repeats_no_record_wherever_workers_die(
    engine_url: str, monkeypatch: pytest.MonkeyPatch, given_: list[float], pace: Pace, deaths: list[int], later: list[int]
) -> None:
    with monkeypatch.context() as patched:
        asyncio.run(proven(engine_url, given_, pace, deaths, later, patched))
