"""Tool nodes on a real PostgreSQL: another tool's graph as a run below this one, waited for or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker, context_of, submit_run
from tests.unit.engine.graphs import Body, effect

FIND = [node("start", children=["call"]), effect("call", ["end"], config={"n": "{{nodes.start.n}}"})]
FIND.append(node("end", config={"variables": [{"name": "email", "type": "any", "value": "{{nodes.start.n}}@{{parentNodes}}"}]}))
LOOP = [node("start", children=["again"]), node("again", kind="tool", toolUuid="loop", config={}, children=["end"]), node("end")]
SPAWN = [node("start", children=["again"]), node("again", kind="tool", toolUuid="spawn", waitUntilFinished=False, children=[None])]
SLOW = [node("start", children=["wait"]), node("wait", "delay", ["end"], config={"minutes": 60}), node("end")]


def answer(call: Call) -> Outcome:
    return Failed("not found") if call.config["n"] == 0 else Done({}, credits=2.0)


@pytest.fixture
async def worker(harness: EngineHarness, engine_url: str) -> AsyncIterator[EngineWorker]:
    """A worker."""
    made = EngineWorker(harness, engine_url, Effects(answer, {"find": FIND, "loop": LOOP, "spawn": SPAWN, "slow": SLOW}))
    yield made
    await made.close()


def using(tool: str, config: Body, **more: Any) -> list[Body]:
    """start → tool."""
    return [node("start", children=["tool"]), node("tool", kind="tool", toolUuid=tool, config=config, children=[None], **more)]


async def done(worker: EngineWorker, nodes: Sequence[Body], record: Body | None = None) -> tuple[Body, Body, list[Body]]:
    run = await submit_run(worker.harness, nodes, record or {})
    await worker.work()
    row = await worker.harness.row("select * from runs where uuid = %s", run)
    return row, await context_of(worker.harness, run), await worker.harness.rows("select * from runs where parent_uuid = %s", run)


async def test_a_tool_node_gives_what_the_tools_end_gives(worker: EngineWorker) -> None:
    run, context, (child,) = await done(worker, using("find", {"n": "{{nodes.start.x}}"}), {"x": 7, "_id": "r7"})
    assert (run["status"], run["credits"], context["tool"]) == ("success", 2.0, {"email": "7@"})
    assert (child["parent_node_uuid"], child["trace_uuid"], child["record_id"]) == ("tool", run["trace_uuid"], "r7")
    assert (child["is_group_parent"], child["inline"], child["record"]) == (False, True, {"n": 7})
    assert child["workflow_uuid"] not in (None, run["workflow_uuid"])


async def test_a_tool_that_fails_fails_the_node_with_its_message(worker: EngineWorker) -> None:
    run, _, _ = await done(worker, using("find", {"n": 0}, retry={"maximumAttempts": 2, "initialInterval": 1}))
    assert (run["status"], run["error_message"]) == ("error", "tool: call: not found")
    assert len(await worker.harness.rows("select 1 from runs where parent_uuid = %s and status = 'error'", run["uuid"])) == 2
    run, _, _ = await done(worker, using("gone", {}))
    assert run["error_message"] == "tool: There is no tool gone."


async def test_a_tool_that_no_one_waits_for_goes_on_by_itself(worker: EngineWorker) -> None:
    run, context, (child,) = await done(worker, using("slow", {}, waitUntilFinished=False))
    assert (run["status"], context["tool"]) == ("success", {"runUuid": str(child["uuid"])})
    assert (child["status"], child["position"]) == ("idle", "wait")
    await worker.harness.do("update runs set wake_ms = 1 where uuid = %s", child["uuid"])
    await worker.work()
    assert (await worker.harness.row("select status from runs where uuid = %s", child["uuid"]))["status"] == "success"


async def test_a_tool_that_waits_parks_who_called_it(worker: EngineWorker) -> None:
    run, _, (child,) = await done(worker, using("slow", {}))
    assert (run["status"], child["status"], run["waiting_for"]) == ("idle", "idle", child["fanout_uuid"])
    await worker.harness.do("update runs set wake_ms = 1 where uuid = %s", child["uuid"])
    await worker.work()
    row = await worker.harness.row("select status from runs where uuid = %s", run["uuid"])
    assert (row["status"], (await context_of(worker.harness, run["uuid"]))["tool"]) == ("success", {})


@pytest.mark.parametrize("tool", ["loop", "spawn"])
async def test_tools_that_run_each_other_end_five_deep(worker: EngineWorker, tool: str) -> None:
    run, _, _ = await done(worker, using(tool, {}))
    rows = await worker.harness.rows(
        "select status, error_message from runs where workspace_uuid = %s order by uuid", worker.harness.workspace
    )
    assert len(rows) == 1 + group.MAXIMUM_DEPTH
    assert group.TOO_DEEP in rows[-1]["error_message"]
    assert run["status"] == ("error" if tool == "loop" else "success")
    if tool == "loop":
        assert group.TOO_DEEP in run["error_message"]


async def test_tools_that_no_one_waits_for_may_outlive_their_batch_and_leave_nothing_behind(worker: EngineWorker) -> None:
    harness = worker.harness
    probe = await submit_run(harness, using("slow", {}, waitUntilFinished=False), {})
    batch = await harness.batch(3)
    graph = await harness.row("select graph_uuid from runs where uuid = %s", probe)
    await harness.do("update runs set graph_uuid = %s where batch_uuid = %s", graph["graph_uuid"], batch)
    await worker.work()
    row = await harness.row("select * from batches where uuid = %s", batch)
    assert (row["status"], row["cursor"], row["executed_count"]) == ("success", 3, 3)
    below = "select status, count(*)::int as n from runs where parent_batch_uuid = %s group by 1"
    assert await harness.rows(below, batch) == [{"status": "idle", "n": 3}]
    await harness.do("update runs set wake_ms = 1 where parent_batch_uuid = %s", batch)
    await worker.work()
    assert await harness.rows(below, batch) == [{"status": "success", "n": 3}]
    assert await harness.rows("select 1 from shards where workspace_uuid = %s", harness.workspace) == []
    assert (await harness.row("select executed_count from batches where uuid = %s", batch))["executed_count"] == 3
