"""Counts per node: from the counters that are kept, and the same from the executions themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The order of the graph is not the order of the walk.
GRAPH = [
    node("end"),
    node("start", children=("pick",)),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}, fallbackOnFailure=True),
    node("unused", "end"),
    node("pick", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}),
]
METRICS = "orchestration.run.getMetrics"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def short(metrics: list[Body]) -> dict[str, tuple[int, int, int, int]]:
    """node → total, success, error, idle; everything else must be zero."""
    found: dict[str, tuple[int, int, int, int]] = {}
    for one in metrics:
        kept = {name: one.pop(f"{name}ExecutionsCount") for name in ("total", "success", "error", "idle")}
        uuid, slug = one.pop("nodeUuid"), one.pop("nodeSlug")
        assert slug in (uuid, None)
        assert set(one.values()) == {0}, one
        found[uuid] = (kept["total"], kept["success"], kept["error"], kept["idle"])
    return found


async def counted(backend: Backend, workflow: str, **fields: Any) -> dict[str, tuple[int, int, int, int]]:
    """The counts, which must be the same when executions are looked at instead of counters."""
    kept = short((await backend.admin.call(METRICS, workflowUuid=workflow, **fields))["runMetrics"])
    within = (datetime.fromisoformat("2020-01-01T00:00:00+00:00") + timedelta(minutes=7)).isoformat()
    scanned = short((await backend.admin.call(METRICS, workflowUuid=workflow, createdAfter=within, **fields))["runMetrics"])
    assert kept == scanned
    return kept


async def test_every_node_is_counted_in_the_order_of_the_graph(backend: Backend) -> None:
    tool, first = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    none = dict.fromkeys(("end", "start", "wait", "unused", "pick"), (0, 0, 0, 0))
    assert await counted(backend, workflow) == none
    await backend.run({}, workflowUuid=workflow)
    await backend.run({"minutes": "soon"}, workflowUuid=workflow)
    waiting = [
        (await backend.admin.call("orchestration.run.create", workflowUuid=workflow, data={"minutes": 60}))["run"]["uuid"] for _ in range(2)
    ]
    for uuid in waiting:
        await backend.parked(uuid)
    rows = (await backend.admin.call(METRICS, workflowUuid=workflow))["runMetrics"]
    assert {row["nodeSlug"] for row in rows} == set(none)
    single = {"end": (2, 2, 0, 0), "start": (4, 4, 0, 0), "wait": (3, 0, 1, 2), "unused": (0, 0, 0, 0), "pick": (4, 4, 0, 0)}
    found = await counted(backend, workflow)
    assert (found, list(found)) == (single, list(none))
    # Who was cancelled while it waited waits no more.
    await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow, uuids=waiting)
    single["wait"] = (1, 0, 1, 0)
    assert await counted(backend, workflow) == single
    # Another release, and a batch.
    second = (await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=GRAPH))["release"]
    batch = await backend.batch([{}, {"minutes": "soon"}, {}], workflowUuid=workflow)
    of_batch = {"end": (3, 3, 0, 0), "start": (3, 3, 0, 0), "wait": (1, 0, 1, 0), "unused": (0, 0, 0, 0), "pick": (3, 3, 0, 0)}
    assert await counted(backend, workflow, batchUuid=batch["uuid"]) == of_batch
    assert await counted(backend, workflow, releaseUuid=first["uuid"]) == single
    assert await counted(backend, workflow, releaseUuid=second["uuid"]) == of_batch
    together = {name: tuple(map(sum, zip(single[name], of_batch[name], strict=True))) for name in single}
    assert await counted(backend, workflow) == together
    assert await counted(backend, workflow, releaseUuid=UNKNOWN) == {}
    assert await counted(backend, workflow, batchUuid=UNKNOWN) == {}
    assert await counted(backend, workflow, releaseUuid="no-uuid") == {}


async def test_a_batch_that_was_cancelled_while_it_waited_leaves_nothing_waiting(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    batch = await backend.start_batch([{"minutes": 60}, {"minutes": 60}], workflowUuid=tool["workflowUuid"])
    await backend.idle(batch["uuid"], 2)
    assert (await counted(backend, tool["workflowUuid"]))["wait"] == (2, 0, 0, 2)
    await backend.admin.call("orchestration.batch.cancel", uuid=batch["uuid"])
    await backend.ended("batches", batch["uuid"])
    assert (await counted(backend, tool["workflowUuid"]))["wait"] == (0, 0, 0, 0)


async def test_a_run_that_waited_and_went_on_is_counted_once(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    await backend.run({"minutes": 0.035}, workflowUuid=tool["workflowUuid"])
    assert (await counted(backend, tool["workflowUuid"]))["wait"] == (1, 1, 0, 0)


async def test_times_choose_by_the_creation_of_the_run(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    one = (await backend.run({}, workflowUuid=workflow))["run"]["createdAt"]
    two = (await backend.run({}, workflowUuid=workflow))["run"]["createdAt"]

    async def starts(**fields: Any) -> int:
        metrics = (await backend.admin.call(METRICS, workflowUuid=workflow, **fields))["runMetrics"]
        return next(row["totalExecutionsCount"] for row in metrics if row["nodeUuid"] == "start")

    assert [await starts(createdAfter=at) for at in (one, two)] == [2, 1]
    assert [await starts(createdBefore=at) for at in (one, two)] == [0, 1]
    assert await starts(createdAfter=one, createdBefore=two) == 1
    hour = datetime.fromisoformat(one).replace(minute=0, second=0, microsecond=0)
    assert await starts(createdAfter=hour.isoformat()) == 2
    assert await starts(createdBefore=hour.isoformat()) == 0
    assert await starts(createdAfter=hour.isoformat(), createdBefore=(hour + timedelta(hours=2)).isoformat()) == 2


@pytest.mark.parametrize("uuid", [UNKNOWN, "no-uuid"])
async def test_an_unknown_workflow_is_refused(backend: Backend, uuid: str) -> None:
    status, body = await backend.admin.refusal(METRICS, workflowUuid=uuid)
    assert (status, body["reason"]) == (404, "workflowNotFound")
