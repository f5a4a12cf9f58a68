"""The quota of large outputs: they count, and a run whose output has no place ends in error with a sentence, before its next effect."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.kernel.settings import Settings
from cargo_ai.store import quotas
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker, context_of, submit_run
from tests.unit.engine.graphs import effect

LIMIT = 250_000
CALLS = [node("start", children=["call"]), effect("call", ["end"], config={"n": 1}), node("end")]


@pytest.fixture
def effects() -> Effects:
    """Effects that give 100,000 characters."""

    def give(_call: Call) -> Outcome:
        return Done({"text": "x" * 100_000})

    return Effects(give)


@pytest.fixture
async def worker(harness: EngineHarness, engine_url: str, effects: Effects) -> AsyncIterator[EngineWorker]:
    """A worker of a server on which a workspace may keep 250,000 bytes of outputs."""
    made = EngineWorker(harness, engine_url, effects, Settings({"CARGO_AI_MAX_OUTPUT_BYTES": str(LIMIT)}))
    yield made
    await made.close()


async def used(harness: EngineHarness) -> int:
    async with harness.pool.connection() as connection:
        return await quotas.used_of(connection, harness.workspace, "outputBytes")


async def test_large_outputs_count_until_there_is_no_place_for_another(worker: EngineWorker, harness: EngineHarness) -> None:
    runs: list[uuid.UUID] = []
    for _ in range(3):
        runs.append(await submit_run(harness, CALLS, {"a": 1}))
        await worker.work()
    first, second, third = [await harness.row("select status, error_message from runs where uuid = %s", run) for run in runs]
    assert (first["status"], second["status"], third["status"]) == ("success", "success", "error")
    assert "244.1 KB of outputs of runs" in third["error_message"]
    assert "CARGO_AI_MAX_OUTPUT_BYTES" in third["error_message"]
    assert (await context_of(harness, runs[2]))["call"] == {"errorMessage": third["error_message"]}
    assert 200_000 < await used(harness) < LIMIT


async def test_a_run_whose_record_has_no_place_has_no_effect(worker: EngineWorker, harness: EngineHarness, effects: Effects) -> None:
    run = await submit_run(harness, CALLS, {"text": "x" * 300_000})
    await worker.work()
    assert (await harness.row("select status from runs where uuid = %s", run))["status"] == "error"
    assert effects.calls == []
