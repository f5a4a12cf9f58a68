"""Unknown outcomes: what is repeated, what never is, and what an action learns of an earlier attempt, by its idempotency."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cargo_ai.engine.dispatch.timers import wake
from cargo_ai.engine.graph.action import OUTCOME_UNKNOWN, Call, Done, Failed, Later, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.worker import runner
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker, submit_run
from tests.unit.engine.graphs import Body, actions, effect

CLASSES = ("reads", "key", "upsert", "readback", "none")
LOST = Failed("No answer.", transient=True, reason="unreachable", sent=True)


def graph(action: str, attempts: int = 3, **more: object) -> list[Body]:
    """start → an action of that idempotency → end."""
    slug = "any" if action == "key" else action
    retry = {"maximumAttempts": attempts, "initialInterval": 1}
    return [node("start", children=["act"]), effect("act", ["end"], actionSlug=slug, retry=retry, **more), node("end")]


class Lost(Effects):
    """A service that has done it, and whose first answers are lost."""

    def __init__(self, lost: int = 1, outcome: Outcome = LOST) -> None:
        super().__init__(perform=lambda _call: outcome if len(self.calls) <= lost else Done({"id": 1}))


class Hanging(Effects):
    """A service that has done it, and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    def actions(self) -> Actions:
        """Actions that never end."""

        async def hang(call: Call) -> Outcome:
            self.calls.append(call)
            self.reached.set()
            await asyncio.Event().wait()
            raise AssertionError

        return actions(hang)


async def executed(harness: EngineHarness, run: uuid.UUID) -> Body:
    """The execution of the node that acts."""
    return await harness.row("select status, reason, error_message, credits from executions where run_uuid = %s and node_slug = 'act'", run)


async def carried_out(harness: EngineHarness, url: str, effects: Effects, nodes: list[Body]) -> uuid.UUID:
    """A run, driven to its end by one worker."""
    run = await submit_run(harness, nodes, {})
    worker = EngineWorker(harness, url, effects)
    await worker.work()
    await worker.close()
    return run


@pytest.mark.parametrize("action", [name for name in CLASSES if name != "none"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(harness: EngineHarness, engine_url: str, action: str) -> None:
    effects = Lost()
    run = await carried_out(harness, engine_url, effects, graph(action))
    assert [call.key for call in effects.calls] == [f"{run}:act:1"] * 2
    assert [call.repeated for call in effects.calls] == [False, True]
    assert (await executed(harness, run))["status"] == "success"


async def test_what_nothing_makes_harmless_is_never_repeated_and_says_how_to_look(harness: EngineHarness, engine_url: str) -> None:
    effects = Lost(outcome=Failed("No answer", transient=True, retry_after=0.0, credits=2.0, sent=True))
    run = await carried_out(harness, engine_url, effects, graph("none"))
    assert len(effects.calls) == 1
    entry = await executed(harness, run)
    assert (entry["status"], entry["reason"], entry["credits"]) == ("error", OUTCOME_UNKNOWN, 2.0)
    assert entry["error_message"] == (
        "No answer. The service may have done it all the same: look there before you repeat it; "
        f"`cargo-ai orchestration run explain {run}` has the command."
    )


async def test_a_known_failure_of_the_same_action_is_tried_again(harness: EngineHarness, engine_url: str) -> None:
    effects = Lost(2, Failed("Not now.", transient=True))
    run = await carried_out(harness, engine_url, effects, graph("none"))
    assert len(effects.calls) == 3 and (await executed(harness, run))["status"] == "success"


@pytest.mark.parametrize(
    ("action", "reason"), [("key", OUTCOME_UNKNOWN), ("upsert", "unreachable"), ("readback", "unreachable"), ("reads", "unreachable")]
)
async def test_the_reason_stays_where_another_run_would_do_it_twice(
    harness: EngineHarness, engine_url: str, action: str, reason: str
) -> None:
    effects = Lost(5)
    run = await carried_out(harness, engine_url, effects, graph(action, attempts=2))
    assert len(effects.calls) == 2
    assert (await executed(harness, run))["reason"] == reason


async def killed_in_the_act(harness: EngineHarness, url: str, nodes: list[Body]) -> uuid.UUID:
    """A run whose worker was killed after the service had done it."""
    run = await submit_run(harness, nodes, {})
    await kill_in_the_act(harness, url)
    return run


async def kill_in_the_act(harness: EngineHarness, url: str) -> None:
    """A worker begins what there is to do, and is killed."""
    effects = Hanging()
    victim = EngineWorker(harness, url, effects)
    working = asyncio.create_task(victim.work())
    await asyncio.wait_for(effects.reached.wait(), 20)
    working.cancel()
    await asyncio.wait([working])
    await victim.kill()


@pytest.mark.parametrize("action", [name for name in CLASSES if name != "none"])
async def test_the_next_worker_repeats_what_a_dead_one_has_begun_and_the_action_knows(
    harness: EngineHarness, engine_url: str, action: str
) -> None:
    run, effects = await killed_in_the_act(harness, engine_url, graph(action)), Effects()
    worker = EngineWorker(harness, engine_url, effects)
    await worker.work()
    await worker.close()
    assert [(call.key, call.repeated, call.attempt) for call in effects.calls] == [(f"{run}:act:1", True, 1)]
    assert (await executed(harness, run))["status"] == "success"


async def test_the_next_worker_does_not_repeat_what_nothing_makes_harmless(harness: EngineHarness, engine_url: str) -> None:
    run, effects = await killed_in_the_act(harness, engine_url, graph("none")), Effects()
    worker = EngineWorker(harness, engine_url, effects)
    await worker.work()
    await worker.close()
    entry = await executed(harness, run)
    assert effects.calls == [] and (entry["status"], entry["reason"]) == ("error", OUTCOME_UNKNOWN)
    assert entry["error_message"].startswith("The worker died while this was in progress.")


async def test_a_second_death_does_not_lose_the_mark(harness: EngineHarness, engine_url: str) -> None:
    run = await killed_in_the_act(harness, engine_url, graph("none"))
    shard = await harness.shard_of(run)
    claimed, held = await harness.claimed(shard, "dies at once")
    assert claimed.begun == {f"{run}:act:1"} and held.begun == set()
    worker = EngineWorker(harness, engine_url, effects := Effects())
    await worker.work()
    await worker.close()
    assert effects.calls == [] and (await executed(harness, run))["reason"] == OUTCOME_UNKNOWN


async def test_what_waits_for_its_turn_at_the_service_is_not_under_way(harness: EngineHarness, engine_url: str) -> None:
    """A worker that dies while a run waits has begun nothing."""
    run = await submit_run(harness, graph("none"), {})
    worker = EngineWorker(harness, engine_url, Effects(perform=lambda _call: Later(1.9, None, "rate limit")))
    working = asyncio.create_task(worker.work())

    async def begun() -> object:
        row = await harness.row("select begun from shards where uuid = %s", await harness.shard_of(run))
        return row["begun"]

    async with asyncio.timeout(20):
        # Null before it was begun, the key while it is, nothing afterwards.
        while await begun() != []:  # noqa: ASYNC110 - the database tells no one
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.wait([working])
    await worker.kill()
    after = EngineWorker(harness, engine_url, effects := Effects())
    await after.work()
    await after.close()
    assert len(effects.calls) == 1 and (await executed(harness, run))["status"] == "success"


async def test_what_a_service_ends_later_is_asked_for_again_after_a_death(harness: EngineHarness, engine_url: str) -> None:
    """Once it was begun, and what it left is kept with the run, the action only asks."""
    run = await submit_run(harness, graph("awaits", 1), {})
    first = EngineWorker(harness, engine_url, Effects(perform=lambda _call: Later(3600.0, {"job": "7"}, "the service looks")))
    await first.work()
    await first.close()
    await harness.do("update runs set wake_ms = 0 where uuid = %s", run)
    assert await wake.wake_due_runs(harness.pool, harness.queue) == 1
    await kill_in_the_act(harness, engine_url)
    after = EngineWorker(harness, engine_url, effects := Effects())
    await after.work()
    await after.close()
    assert [call.meta for call in effects.calls] == [{"job": "7"}] and (await executed(harness, run))["status"] == "success"


async def test_what_a_service_ends_later_is_not_begun_twice(harness: EngineHarness, engine_url: str) -> None:
    run, effects = await killed_in_the_act(harness, engine_url, graph("awaits")), Effects()
    worker = EngineWorker(harness, engine_url, effects)
    await worker.work()
    await worker.close()
    assert effects.calls == [] and (await executed(harness, run))["reason"] == OUTCOME_UNKNOWN


async def test_a_fallback_goes_on_behind_an_unknown_outcome(harness: EngineHarness, engine_url: str) -> None:
    run = await killed_in_the_act(harness, engine_url, graph("none", fallbackOnFailure=True))
    worker = EngineWorker(harness, engine_url, Effects())
    await worker.work()
    await worker.close()
    assert (await harness.row("select status from runs where uuid = %s", run))["status"] == "success"


@pytest.mark.parametrize("count", [2, 60])
async def test_what_is_unknown_in_an_item_is_not_repeated_by_the_group(harness: EngineHarness, engine_url: str, count: int) -> None:
    """Another attempt of the group would make new runs, which nothing connects with what was begun. `count`: inline, and in shards."""
    retry = {"maximumAttempts": 3, "initialInterval": 1}
    config = {"items": list(range(count)), "_nodes": graph("none", 1), "failOnItemFailure": True}
    nodes = [node("start", children=["loop"]), node("loop", "group", ["end"], config=config, retry=retry), node("end")]
    effects = Effects(perform=lambda call: LOST if call.context["start"]["value"] == 0 else Done({}))
    run = await carried_out(harness, engine_url, effects, nodes)
    asked = [call for call in effects.calls if call.context["start"]["value"] == 0]
    assert len(asked) == 1
    entry = await harness.row("select status, reason, error_message from executions where run_uuid = %s and node_slug = 'loop'", run)
    assert (entry["status"], entry["reason"]) == ("error", OUTCOME_UNKNOWN)
    assert entry["error_message"].count("may have done it all the same") == 1


async def test_what_is_unknown_in_a_tool_is_not_repeated_by_its_node(harness: EngineHarness, engine_url: str) -> None:
    retry = {"maximumAttempts": 3, "initialInterval": 1}
    tool = node("tool", None, ["end"], kind="tool", toolUuid="t", retry=retry)
    effects = Effects(perform=lambda _call: LOST, tools={"t": graph("none", 1)})
    run = await carried_out(harness, engine_url, effects, [node("start", children=["tool"]), tool, node("end")])
    assert len(effects.calls) == 1
    entry = await harness.row("select status, reason from executions where run_uuid = %s and node_slug = 'tool'", run)
    assert (entry["status"], entry["reason"]) == ("error", OUTCOME_UNKNOWN)


@pytest.mark.parametrize("error", [DATABASE_UNAVAILABLE[0]("gone"), ValueError("a bug")])
async def test_what_breaks_off_in_the_middle_is_unknown(harness: EngineHarness, engine_url: str, error: Exception) -> None:
    def broken(_call: Call) -> Outcome:
        raise error

    effects = Effects(perform=broken)
    run = await carried_out(harness, engine_url, effects, graph("none"))
    assert len(effects.calls) == 1 and (await executed(harness, run))["reason"] == OUTCOME_UNKNOWN


async def test_no_answer_in_time_is_unknown(harness: EngineHarness, engine_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "EFFECT_SECONDS", 0.05)
    effects = Hanging()
    run = await carried_out(harness, engine_url, effects, graph("none"))
    assert len(effects.calls) == 1 and (await executed(harness, run))["reason"] == OUTCOME_UNKNOWN
