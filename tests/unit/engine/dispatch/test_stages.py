"""Stages on a real PostgreSQL: the end of one lets the next begin, errors and credits stop them, and a stopped batch goes on."""

from __future__ import annotations

from typing import Any

from cargo_ai.engine.dispatch import cancel, stages
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.dispatch.pace import LOOK_RUNS, Pace
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, batch_of
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.stage_steps import enumerations, numbers, staged, whole, work


def costing(*failing: int) -> Effects:
    """Every call costs 2.5 credits, but those of these numbers, which fail."""

    def perform(call: Call) -> Outcome:
        return Failed("no") if call.config["number"] in failing else Done({}, credits=2.5)

    return Effects(perform)


async def test_each_stage_waits_for_the_runs_of_the_one_before(harness: EngineHarness, engine_url: str) -> None:
    batch = await staged(harness, 30, Pace((1, 5, 10)))
    effects, seen = costing(), list[tuple[int, str]]()
    worker = EngineWorker(harness, engine_url, effects)
    while found := await enumerations(harness):
        await harness.enumerator().enumerate(found[0])
        row = await batch_of(harness, batch)
        seen.append((row["cursor"], row["status"]))
        assert await enumerations(harness) == [], "nothing goes on before its runs have ended"
        await worker.work()
    await worker.close()
    assert seen == [(1, "running"), (6, "running"), (16, "running"), (30, "running")]
    row = await batch_of(harness, batch)
    assert (row["status"], row["stage"], row["executed_count"], row["credits"]) == ("success", 4, 30, 75.0)
    assert await numbers(harness, batch) == list(range(30))


async def test_a_batch_that_ends_with_a_stage_is_over_with_it(harness: EngineHarness, engine_url: str) -> None:
    batch = await staged(harness, 6, Pace((1, 5), stop_above=0.0))
    await whole(harness, engine_url, costing(3))
    row = await batch_of(harness, batch)
    # The last stage has an error, but there is nothing left that could be stopped.
    assert (row["status"], row["stopped"], row["cursor"], row["failed_count"]) == ("success", None, 6, 1)


async def test_too_many_errors_stop_the_batch_and_resume_goes_on_with_the_next_records(harness: EngineHarness, engine_url: str) -> None:
    pace = Pace((1, 5, 10), stop_above=0.1)
    batch = await staged(harness, 30, pace)
    effects = costing(2, 20)
    await whole(harness, engine_url, effects)
    row = await batch_of(harness, batch)
    assert (row["status"], row["stopped"], row["cursor"], row["executed_count"], row["failed_count"]) == ("error", "errorRate", 6, 6, 1)
    assert row["error_message"].startswith("Stopped after stage 2: 1 of its 5 runs failed (20 %), more than 10 %. 6 records are enrolled.")
    async with harness.pool.connection() as connection:
        assert await stages.resume_batch(connection, harness.queue, harness.workspace, batch, pace, None)
        assert not await stages.resume_batch(connection, harness.queue, harness.workspace, batch, pace, None)
    await whole(harness, engine_url, effects)
    row = await batch_of(harness, batch)
    # Stage 3 has none, stage 4 the rest with one error in 14: fewer than 10 %.
    assert (row["status"], row["stopped"], row["executed_count"], row["failed_count"], row["credits"]) == ("success", None, 30, 2, 70.0)
    assert await numbers(harness, batch) == list(range(30))
    assert len({call.key for call in effects.calls}) == len(effects.calls) == 30


async def test_a_stage_stops_within_a_hundred_records_of_the_limit(harness: EngineHarness, engine_url: str) -> None:
    pace = Pace((1, 50, 1_000), stop_above=0.1)
    batch = await staged(harness, 1_051, pace)
    effects = costing(*range(160, 1_051))
    await whole(harness, engine_url, effects)
    row = await batch_of(harness, batch)
    # 109 of the stage are well, 13 more errors are over the limit, and 100 are in flight at most.
    assert (row["status"], row["stopped"], row["stage"]) == ("error", "errorRate", 3)
    assert row["error_message"].startswith("Stopped in stage 3: ")
    assert 160 + 13 <= row["cursor"] == row["executed_count"] <= 160 + 13 + LOOK_RUNS
    async with harness.pool.connection() as connection:
        assert await stages.resume_batch(connection, harness.queue, harness.workspace, batch, Pace((1_000,)), None)
    await whole(harness, engine_url, effects)
    assert await numbers(harness, batch) == list(range(1_051))
    assert len({call.key for call in effects.calls}) == len(effects.calls) == 1_051


async def test_what_waits_keeps_no_other_record_of_a_stage_from_being_enrolled(harness: EngineHarness, engine_url: str) -> None:
    graph = [node("start", children=["rest"]), node("rest", "delay", ["end"], config={"minutes": 60}), node("end")]
    batch = await staged(harness, 300, Pace((300,), stop_above=0.05), graph)
    await whole(harness, engine_url, Effects())
    row = await batch_of(harness, batch)
    assert (row["cursor"], row["executed_count"], row["finished_ms"]) == (300, 0, None)


async def test_credits_stop_the_batch_before_they_pass_the_limit(harness: EngineHarness, engine_url: str) -> None:
    for most in (None, 2.5):
        batch = await staged(harness, 100, Pace(max_credits=100.0, most_per_run=most))
        await whole(harness, engine_url, costing())
        row = await batch_of(harness, batch)
        assert (row["status"], row["stopped"], row["cursor"], row["credits"]) == ("error", "maxCredits", 40, 100.0)
        assert row["error_message"].startswith("Stopped at its limit of 100 credits: 100 are used. 40 records are enrolled.")


async def test_a_limit_that_one_more_run_would_pass_stops_before_it(harness: EngineHarness, engine_url: str) -> None:
    batch = await staged(harness, 100, Pace(max_credits=9.0, most_per_run=2.5))
    await whole(harness, engine_url, costing())
    row = await batch_of(harness, batch)
    assert (row["cursor"], row["credits"]) == (3, 7.5)
    assert "7.5 are used, and one more run may cost 2.5." in row["error_message"]
    async with harness.pool.connection() as connection:
        assert await stages.resume_batch(
            connection, harness.queue, harness.workspace, batch, Pace(max_credits=20.0, most_per_run=2.5), None
        )
    await whole(harness, engine_url, costing())
    row = await batch_of(harness, batch)
    assert (row["cursor"], row["credits"], row["executed_count"]) == (8, 20.0, 8)


async def test_what_the_runs_of_a_stage_cost_bounds_how_far_the_limit_is_passed(harness: EngineHarness, engine_url: str) -> None:
    def dearer(call: Call) -> Outcome:
        return Done({}, credits=float(call.config["number"]))

    batch = await staged(harness, 100, Pace(max_credits=50.0))
    await whole(harness, engine_url, Effects(dearer))
    row: Any = await batch_of(harness, batch)
    rows = await harness.rows("select credits from runs where batch_uuid = %s order by uuid", batch)
    assert row["stopped"] == "maxCredits"
    assert row["credits"] == sum(one["credits"] for one in rows)
    # 0, then 1 to 10 (nothing was known of their costs), and none behind these 55 credits.
    assert (row["cursor"], row["credits"]) == (11, 55.0)


async def test_cancelling_between_two_stages_ends_the_batch(harness: EngineHarness, engine_url: str) -> None:
    batch = await staged(harness, 30, Pace((2, 5)))
    (found,) = await enumerations(harness)
    await harness.enumerator().enumerate(found)
    async with harness.pool.connection() as connection:
        assert await cancel.cancel_batch(connection, harness.workspace, batch)
    async with harness.pool.connection() as connection:
        assert await close_batch(connection, batch)
    worker = EngineWorker(harness, engine_url, costing())
    await work(harness, worker)
    await worker.close()
    row = await batch_of(harness, batch)
    assert (row["status"], row["cursor"], row["cancelled_count"]) == ("cancelled", 2, 2)
