"""Groups on a real PostgreSQL: items are runs, few in their parent's shard, many in others; the parent goes on once, with all of them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from cargo_ai.engine.dispatch import cancel
from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.engine.journal import fanout
from cargo_ai.kernel import ids
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.engine_worker import Effects, EngineWorker, context_of, submit_run
from tests.unit.engine.graphs import Body, effect, variables


def ended(value: str, name: str = "got") -> Body:
    """An `end` that gives one value."""
    return node("end", config={"variables": [{"name": name, "type": "any", "value": value}]})


def grouped(items: Any, inner: Sequence[Body], **config: Any) -> list[Body]:
    """start → loop → end, which gives what the loop gave."""
    more = {key: config.pop(key) for key in ("retry", "fallbackChildUuid", "fallbackOnFailure") if key in config}
    loop = node("loop", "group", ["end"], config={"items": items, "_nodes": list(inner), **config}, **more)
    return [node("start", children=["loop"]), loop, ended("{{nodes.loop}}")]


PLAIN = [node("start", children=["end"]), ended("{{nodes.start.value}}")]
CALLS = [node("start", children=["call"]), effect("call", ["end"], config={"n": "{{nodes.start.value}}"}), ended("{{nodes.call.n}}")]


def echo(call: Call) -> Outcome:
    """Gives its config; a negative `n` fails."""
    if call.config["n"] < 0:
        return Failed("no")
    return Done(call.config, credits=1.0)


@pytest.fixture
def effects() -> Effects:
    """Effects that echo."""
    return Effects(echo)


@pytest.fixture
async def worker(harness: EngineHarness, engine_url: str, effects: Effects) -> AsyncIterator[EngineWorker]:
    """A worker."""
    made = EngineWorker(harness, engine_url, effects)
    yield made
    await made.close()


async def done(worker: EngineWorker, nodes: Sequence[Body], record: Body | None = None) -> tuple[Body, Body]:
    """The row of a run that a worker brought to its end, and what its nodes gave."""
    run = await submit_run(worker.harness, nodes, record or {})
    await worker.work()
    return await worker.harness.row("select * from runs where uuid = %s", run), await context_of(worker.harness, run)


async def children_of(harness: EngineHarness, run: uuid.UUID) -> list[Body]:
    return await harness.rows("select * from runs where parent_uuid = %s order by item, uuid", run)


async def test_a_group_gives_the_outputs_of_its_items_in_their_order(worker: EngineWorker) -> None:
    nodes = grouped("{{nodes.start.list}}", PLAIN)
    run, context = await done(worker, nodes, {"list": [3, "x", None, [1], {"value": "own"}, {"other": 1}], "_id": "r1", "name": "Acme"})
    assert run["status"] == "success"
    assert context["loop"] == [{"got": 3}, {"got": "x"}, {"got": None}, {"got": [1]}, {"got": "own"}, {"got": None}]
    children = await children_of(worker.harness, run["uuid"])
    assert [child["item"] for child in children] == list(range(6))
    for child in children:
        assert (child["parent_node_uuid"], child["trace_uuid"], child["is_group_parent"]) == ("loop", run["trace_uuid"], True)
        assert (child["record_id"], child["record_title"], child["batch_uuid"]) == ("r1", "Acme", None)
        assert (child["workflow_uuid"], child["release_uuid"], child["status"]) == (run["workflow_uuid"], run["release_uuid"], "success")
    assert run["is_group_parent"] is None
    assert await worker.harness.rows("select 1 from shards where workspace_uuid = %s", worker.harness.workspace) == []


async def test_items_see_the_context_of_their_parent_at_every_depth(worker: EngineWorker) -> None:
    sum_up = [node("start", children=["end"]), ended("{{parentNodes.start.value.length + nodes.start.value}}")]
    nodes = grouped("{{nodes.start.lists}}", grouped("{{nodes.start.value}}", sum_up))
    run, context = await done(worker, nodes, {"lists": [[10, 20], [30]]})
    assert run["status"] == "success", run["error_message"]
    assert context["end"]["got"] == [{"got": [{"got": 12}, {"got": 22}]}, {"got": [{"got": 31}]}]


async def test_an_item_that_comes_to_no_end_or_fails_is_null(worker: EngineWorker) -> None:
    keep = node("keep", "filter", ["call"], config={"filter": "{{nodes.start.value != 2}}"})
    run, context = await done(worker, grouped([1, 2, -3, 4], [node("start", children=["keep"]), keep, *CALLS[1:]]))
    assert run["status"] == "success"
    assert context["loop"] == [{"got": 1}, None, None, {"got": 4}]
    entry = await worker.harness.row("select * from executions where run_uuid = %s and node_uuid = 'loop'", run["uuid"])
    assert "1 of 4 items failed" in entry["warnings"][0] and "Item 2" in entry["warnings"][0]
    assert "_nodes" not in entry["config"]


async def test_an_item_that_fails_fails_its_group_where_that_was_asked(worker: EngineWorker, effects: Effects) -> None:
    twice = [CALLS[0], effect("call", ["more"], config={"n": "{{nodes.start.value}}"}), effect("more", ["end"], config={"n": 1}), CALLS[2]]
    run, _ = await done(worker, grouped([1, -2, *range(3, 40)], twice, failOnItemFailure=True))
    assert (run["status"], run["error_message"]) == ("error", "loop: Item 1 (of 39, counted from 0): call: no")
    statuses = [child["status"] for child in await children_of(worker.harness, run["uuid"])]
    assert statuses[1] == "error" and "cancelled" in statuses and set(statuses) <= {"success", "error", "cancelled"}
    assert len(effects.calls) < 39 * 2


async def test_no_items_are_an_empty_list_and_what_is_no_list_fails_the_node(worker: EngineWorker) -> None:
    run, context = await done(worker, grouped("{{nodes.start.list}}", PLAIN), {"list": []})
    assert (run["status"], context["loop"]) == ("success", [])
    for wrong, reported in (("{{nodes.start.none}}", "null"), ("{{nodes.start.list.length}}", "of type number")):
        run, _ = await done(worker, grouped(wrong, PLAIN), {"list": []})
        assert run["status"] == "error" and reported in run["error_message"]


async def test_many_items_go_into_shards_of_their_own_while_the_parent_waits_parked(worker: EngineWorker) -> None:
    run, context = await done(worker, grouped("{{Array.from({length: 450}, (x, i) => i)}}", PLAIN))
    assert run["status"] == "success", run["error_message"]
    assert context["loop"] == [{"got": at} for at in range(450)]
    assert worker.most_at_once >= 3
    assert [child["inline"] for child in await children_of(worker.harness, run["uuid"])] == [False] * 450
    (fan,) = await worker.harness.rows("select * from fanouts where run_uuid = %s", run["uuid"])
    assert (fan["left_count"], fan["size"], fan["lane"]) == (0, 450, "batch")
    metrics = await worker.harness.rows(
        "select node_uuid, sum(total)::int as total, sum(idle)::int as idle from node_metrics where workspace_uuid = %s group by 1",
        worker.harness.workspace,
    )
    assert {row["node_uuid"]: (row["total"], row["idle"]) for row in metrics} == {"start": (451, 0), "loop": (1, 0), "end": (451, 0)}


@pytest.mark.slow
async def test_of_many_items_the_first_that_fails_cancels_the_rest(worker: EngineWorker) -> None:
    run, _ = await done(worker, grouped("{{Array.from({length: 2500}, (x, i) => i === 9 ? -1 : 1)}}", CALLS, failOnItemFailure=True))
    assert run["status"] == "error"
    assert run["error_message"].startswith("loop: Item ") and run["error_message"].endswith("call: no")
    children = await children_of(worker.harness, run["uuid"])
    assert len(children) == 2500 and {child["status"] for child in children} <= {"success", "error", "cancelled"}
    assert await worker.harness.rows("select 1 from shards where workspace_uuid = %s", worker.harness.workspace) == []


async def test_items_that_wait_park_their_parents_and_wake_them_at_every_depth(worker: EngineWorker) -> None:
    slow = [
        node("start", children=["wait"]),
        node("wait", "delay", ["end"], config={"minutes": "{{nodes.start.value % 2 ? 0.05 : 0}}"}),
        ended("{{nodes.start.value}}"),
    ]
    nodes = grouped([[1, 2], [3, 4], [6]], grouped("{{nodes.start.value}}", slow))
    harness = worker.harness
    run = await submit_run(harness, nodes, {})
    await worker.work()
    parked = await harness.rows("select * from runs where workspace_uuid = %s and status = 'idle' order by uuid", harness.workspace)
    assert [(row["position"], row["waiting_for"] is None) for row in parked] == [
        ("loop", False),
        ("loop", False),
        ("loop", False),
        ("wait", True),
        ("wait", True),
    ]
    assert await harness.rows("select 1 from shards where workspace_uuid = %s", harness.workspace) == []
    await harness.do("update runs set wake_ms = 1 where workspace_uuid = %s and wake_ms is not null", harness.workspace)
    await worker.work()
    row, context = await harness.row("select * from runs where uuid = %s", run), await context_of(harness, run)
    assert row["status"] == "success"
    assert context["loop"] == [{"got": [{"got": 1}, {"got": 2}]}, {"got": [{"got": 3}, {"got": 4}]}, {"got": [{"got": 6}]}]


async def test_credits_of_items_reach_run_and_batch_once(worker: EngineWorker) -> None:
    nodes = grouped([1, 2, -3], grouped(["{{nodes.start.value}}"], CALLS))
    run, _ = await done(worker, nodes)
    assert (run["status"], run["credits"]) == ("success", 2.0)
    batch = await worker.harness.batch(5)
    graph = await worker.harness.row("select graph_uuid from runs where uuid = %s", run["uuid"])
    await worker.harness.do("update runs set graph_uuid = %s where batch_uuid = %s", graph["graph_uuid"], batch)
    await worker.work()
    row = await worker.harness.row("select * from batches where uuid = %s", batch)
    assert (row["status"], row["cursor"], row["executed_count"], row["failed_count"], row["credits"]) == ("success", 5, 5, 0, 10.0)
    below = await worker.harness.rows("select * from runs where parent_batch_uuid = %s", batch)
    assert len(below) == 5 * (3 + 3)
    metrics = await worker.harness.row("select sum(credits) as credits from node_metrics where batch_uuid = %s", batch)
    assert metrics["credits"] == 10.0


async def test_a_group_that_failed_is_tried_again_without_what_went_well(worker: EngineWorker, effects: Effects) -> None:
    left = [2]

    def perform(call: Call) -> Outcome:
        if call.config["n"] == 1 and left[0]:
            left[0] -= 1
            return Failed("not yet")
        return Done(call.config, credits=1.0)

    effects.perform = perform
    nodes = grouped([0, 1, 2], CALLS, failOnItemFailure=True, retry={"maximumAttempts": 3, "initialInterval": 1})
    run, context = await done(worker, nodes)
    assert (run["status"], run["credits"]) == ("success", 3.0)
    assert context["loop"] == [{"got": 0}, {"got": 1}, {"got": 2}]
    assert len([call for call in effects.calls if call.config["n"] == 0]) == 1
    assert len([call for call in effects.calls if call.config["n"] == 1]) == 3


async def test_a_group_that_failed_takes_its_fallback(worker: EngineWorker) -> None:
    other = variables("other", {"why": "{{nodes.loop.errorMessage}}"})
    run, context = await done(worker, [*grouped([-1], CALLS, failOnItemFailure=True, fallbackChildUuid="other"), other])
    assert run["status"] == "success"
    assert context["other"]["why"] == "Item 0 (of 1, counted from 0): call: no"


def nested(depth: int) -> list[Body]:
    """Groups in groups, this many of them."""
    return grouped([1], nested(depth - 1) if depth > 1 else PLAIN)


async def test_groups_are_five_deep_and_no_deeper(worker: EngineWorker) -> None:
    run, context = await done(worker, nested(5))
    assert run["status"] == "success"
    found = context["loop"]
    for _ in range(5):
        found = found[0]["got"]
    assert found == 1
    run, context = await done(worker, nested(6))
    assert run["status"] == "success"  # the innermost group fails, and items that fail are null
    failed = await worker.harness.rows(
        "select error_message from runs where workspace_uuid = %s and status = 'error'", worker.harness.workspace
    )
    assert [row["error_message"] for row in failed] == [f"loop: {group.TOO_DEEP}"]


@pytest.mark.slow
async def test_too_many_items_and_too_large_outputs_fail_the_node_with_a_sentence(worker: EngineWorker) -> None:
    run, _ = await done(worker, grouped("{{Array(10001).fill(1)}}", PLAIN))
    assert "10,001 items; the limit is 10,000" in run["error_message"]
    large = [node("start", children=["end"]), ended("{{'x'.repeat(300000)}}")]
    for count in (15, 51):
        run, _ = await done(worker, grouped(f"{{{{Array({count}).fill(1)}}}}", large))
        assert run["status"] == "error" and "bytes" in run["error_message"] and "limit" in run["error_message"], run["error_message"]


async def test_no_more_than_a_hundred_thousand_runs_are_below_one(worker: EngineWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    from cargo_ai.engine.journal import fanout

    monkeypatch.setattr(group, "MAXIMUM_DESCENDANTS", 30)
    monkeypatch.setattr(fanout, "MAXIMUM_DESCENDANTS", 30)
    run, context = await done(worker, grouped([1] * 10, grouped([1] * 3, PLAIN)))
    assert run["status"] == "success"
    good = [one for one in context["loop"] if one is not None]
    assert len(good) == 6
    (fan,) = await worker.harness.rows("select * from fanouts where run_uuid = %s", run["uuid"])
    assert fan["below"] == 18
    failed = await worker.harness.rows(
        "select error_message from runs where workspace_uuid = %s and status = 'error'", worker.harness.workspace
    )
    assert {row["error_message"] for row in failed} == {f"loop: {group.TOO_MANY}"}


async def test_cancelling_a_run_cancels_everything_below_it(worker: EngineWorker) -> None:
    slow = [node("start", children=["wait"]), node("wait", "delay", ["end"], config={"minutes": 60}), ended("{{1}}")]
    harness = worker.harness
    run = await submit_run(harness, grouped([1, 2], grouped("{{Array(60).fill(1)}}", slow)), {})
    await worker.work()
    async with harness.pool.connection() as connection:
        touched, _ = await cancel.cancel_runs(connection, harness.workspace, [run])
    assert touched == [run]
    await worker.work()
    rows = await harness.rows("select status, count(*)::int as n from runs where workspace_uuid = %s group by 1", harness.workspace)
    assert rows == [{"status": "cancelled", "n": 1 + 2 + 120}]


async def test_cancelling_an_item_lets_its_parent_go_on(worker: EngineWorker) -> None:
    slow = [node("start", children=["wait"]), node("wait", "delay", ["end"], config={"minutes": "{{nodes.start.value}}"}), ended("{{1}}")]
    harness = worker.harness
    run = await submit_run(harness, grouped([0, 60], slow), {})
    await worker.work()
    (waiting,) = [child for child in await children_of(harness, run) if child["status"] == "idle"]
    async with harness.pool.connection() as connection:
        await cancel.cancel_runs(connection, harness.workspace, [waiting["uuid"]])
    await worker.work()
    assert (await harness.row("select status from runs where uuid = %s", run))["status"] == "success"
    assert (await context_of(harness, run))["loop"] == [{"got": 1}, None]


async def test_cancelling_a_batch_cancels_what_its_runs_have_started(worker: EngineWorker) -> None:
    slow = [node("start", children=["wait"]), node("wait", "delay", ["end"], config={"minutes": 60}), ended("{{1}}")]
    harness = worker.harness
    probe = await submit_run(harness, grouped("{{Array(60).fill(1)}}", slow), {})
    batch = await harness.batch(2)
    graph = await harness.row("select graph_uuid from runs where uuid = %s", probe)
    await harness.do("update runs set graph_uuid = %s where batch_uuid = %s", graph["graph_uuid"], batch)
    await worker.work()
    async with harness.pool.connection() as connection:
        await cancel.cancel_batch(connection, harness.workspace, batch)
    async with harness.pool.connection() as connection:
        from cargo_ai.engine.dispatch.claim import close_batch

        assert await close_batch(connection, batch)
    row = await harness.row("select * from batches where uuid = %s", batch)
    assert (row["status"], row["cancelled_count"], row["executed_count"]) == ("cancelled", 2, 0)
    below = await harness.rows("select distinct status from runs where parent_batch_uuid = %s", batch)
    assert below == [{"status": "cancelled"}]


async def test_a_worker_that_drains_in_a_group_leaves_the_rest_to_the_next_one(
    worker: EngineWorker, effects: Effects, engine_url: str
) -> None:
    def perform(call: Call) -> Outcome:
        if len(effects.calls) >= 5 and not worker.draining:
            worker.drain()
        return Done(call.config)

    effects.perform = perform
    twice = [CALLS[0], effect("call", ["more"], config={"n": "{{nodes.start.value}}"}), effect("more", ["end"], config={"n": 1}), CALLS[2]]
    harness = worker.harness
    run = await submit_run(harness, grouped([[1, 2, 3], [4, 5, 6]], grouped("{{nodes.start.value}}", twice)), {})
    await worker.work()
    assert (await harness.row("select finished_ms from runs where uuid = %s", run))["finished_ms"] is None
    following = EngineWorker(harness, engine_url, effects)
    await following.work()
    await following.close()
    assert (await harness.row("select status from runs where uuid = %s", run))["status"] == "success"
    assert (await context_of(harness, run))["loop"] == [
        {"got": [{"got": 1}, {"got": 2}, {"got": 3}]},
        {"got": [{"got": 4}, {"got": 5}, {"got": 6}]},
    ]
    assert len({call.key for call in effects.calls}) == len(effects.calls) == 12


async def test_fan_outs_stay_as_long_as_their_runs(worker: EngineWorker) -> None:
    run = await submit_run(worker.harness, grouped([1, 2], PLAIN), {})
    await worker.work()
    ours = "select count(*) as n from fanouts where workspace_uuid = %s"
    gone = ids.first_at(0)
    copied = "workspace_uuid, node_uuid, visit, attempt, seq, kind, lane, depth, root_uuid, top_uuid, size, left_count, fail_fast, digest"
    statement = f"insert into fanouts (uuid, run_uuid, {copied}, first_run, last_run, created_ms) select %s, %s, {copied}, %s, %s, 0 "
    await worker.harness.do(statement + "from fanouts where run_uuid = %s", ids.new(), gone, gone, gone, run)
    assert (await worker.harness.row(ours, worker.harness.workspace))["n"] == 2
    async with worker.harness.pool.connection() as connection:
        assert await fanout.prune(connection) == 1
    assert (await worker.harness.row(ours, worker.harness.workspace))["n"] == 1
