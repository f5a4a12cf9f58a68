"""Many runs are cancelled in the background: the caller hears at once, `queue get` shows what is left, and what a worker left goes on."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from cargo_ai.domains.orchestration.runs import run_cancel
from cargo_ai.domains.orchestration.runs.run_cancel import CancelJob
from cargo_ai.domains.orchestration.tables import cancellations
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.journal import crash_points
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": 60}), node("end")]
COUNT = 40


class Killed(Exception):
    """What stands for the end of a worker."""


async def parked(backend: Backend) -> tuple[str, str]:
    """A workflow, and a batch of it whose runs all wait."""
    tool, _ = await backend.admin.deployed(GRAPH)
    batch = await backend.start_batch([{"_id": f"r{n}"} for n in range(COUNT)], workflowUuid=tool["workflowUuid"])
    await backend.idle(batch["uuid"], COUNT)
    return tool["workflowUuid"], batch["uuid"]


async def test_many_runs_are_cancelled_by_a_job(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_cancel, "AT_ONCE", 5)
    monkeypatch.setattr(run_cancel, "PART", 7)
    workflow, batch = await parked(backend)
    other, untouched = await parked(backend)
    (sentence,) = await backend.admin.warnings("orchestration.run.cancel", workflowUuid=workflow)
    assert sentence.startswith(f"{COUNT} runs are being cancelled in the background")
    ended = (await backend.ended("batches", batch))["batch"]
    assert (await backend.admin.call("orchestration.run.count", workflowUuid=workflow, statuses=["cancelled"]))["count"] == COUNT
    assert ended["finishedAt"] is not None
    assert len(await backend.idle(untouched, COUNT)) == COUNT
    few = await backend.admin.call("orchestration.run.cancel", workflowUuid=other, recordId="r7")
    assert few["count"] == 1, "few are cancelled at once"


async def test_what_a_worker_left_of_a_cancellation_goes_on(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_cancel, "AT_ONCE", 5)
    monkeypatch.setattr(run_cancel, "PART", 7)

    async def no_job(*_: object, **__: object) -> None:
        """The job is this test's."""

    workflow, batch = await parked(backend)
    with monkeypatch.context() as patch:
        patch.setattr(Queue, "defer", no_job)
        await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        uid = str(await db.scalar(select(cancellations.c.uuid)))
    passed = 0

    def kill(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crash_points, "point", kill)
        with pytest.raises(Killed):
            await CancelJob(backend.state.database).run(uid)
    (item,) = [each for each in (await backend.admin.call("orchestration.queue.get"))["items"] if "background" in each["sentence"]]
    assert (item["reason"], item["runsCount"], item["workflowUuid"]) == ("cancelling", COUNT - 7, workflow)
    await asyncio.gather(CancelJob(backend.state.database).run(uid), CancelJob(backend.state.database).run(uid))
    assert len(await backend.idle(batch, 0)) == 0
    assert (await backend.admin.call("orchestration.run.count", workflowUuid=workflow, statuses=["cancelled"]))["count"] == COUNT
    assert not [each for each in (await backend.admin.call("orchestration.queue.get"))["items"] if "background" in each["sentence"]]


async def test_runs_that_are_named_and_unknown_or_over_are_said(backend: Backend) -> None:
    workflow, batch = await parked(backend)
    _, other = await parked(backend)
    mine, foreign = await backend.idle(batch, COUNT), await backend.idle(other, COUNT)
    assert not await backend.admin.warnings("orchestration.run.cancel", workflowUuid=workflow, uuids=mine[:2])
    unknown, over = await backend.admin.warnings("orchestration.run.cancel", workflowUuid=workflow, uuids=[*mine[1:3], *foreign[:7]])
    assert unknown.startswith(f"The workflow has no such runs: {', '.join(foreign[:5])} and 2 more")
    assert over == "Runs that had ended already and stay as they are: 1."
    assert (await backend.admin.call("orchestration.run.count", workflowUuid=workflow, statuses=["cancelled"]))["count"] == 3
    assert len(await backend.idle(other, COUNT)) == COUNT


@pytest.mark.parametrize("what", ["run", "record"])
async def test_a_filter_that_it_does_not_know_is_refused_and_cancels_nothing(backend: Backend, what: str) -> None:
    workflow, batch = await parked(backend)
    name = f"orchestration.{what}.cancel"
    status, refusal = await backend.admin.refusal(name, workflowUuid=workflow, recordTitel="r7")
    assert (status, refusal["reason"]) == (400, "invalidInput")
    assert {"path": "recordTitel", "message": "is not a known field"} in refusal["errors"]
    assert "Nothing was done" in refusal["errorMessage"]
    assert len(await backend.idle(batch, COUNT)) == COUNT
