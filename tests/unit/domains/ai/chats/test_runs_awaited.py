"""Runs that answers wait for: the time that they are given counts from the first look at them."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cargo_ai.domains.ai.chats.calling.runs_awaited import RunsAwaited
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_run_that_has_ended_is_found_in_no_time_at_all(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed([node("start", children=("end",)), node("end")])
    run = await backend.run({"_id": "r"}, workflowUuid=tool["workflowUuid"])
    awaited = RunsAwaited(backend.state.database)
    outcome = await awaited.wait(uuid.UUID(run["run"]["workspaceUuid"]), uuid.UUID(run["run"]["uuid"]), 0)
    assert outcome is not None
    assert outcome.status == "success"


async def test_who_no_longer_waits_leaves_the_run_to_others(backend: Backend) -> None:
    graph = [node("start", children=("wait",)), node("wait", "delay", config={"minutes": 60}, children=("end",)), node("end")]
    tool, _ = await backend.admin.deployed(graph)
    made = await backend.admin.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={"_id": "r"})
    await backend.parked(made["run"]["uuid"])
    workspace, run = uuid.UUID(made["run"]["workspaceUuid"]), uuid.UUID(made["run"]["uuid"])
    awaited = RunsAwaited(backend.state.database)
    patient = asyncio.create_task(awaited.wait(workspace, run, 60))
    assert await awaited.wait(workspace, run, 0) is None
    await backend.admin.call("orchestration.run.cancel", workflowUuid=tool["workflowUuid"], uuids=[str(run)])
    outcome = await patient
    assert outcome is not None
    assert outcome.status == "cancelled"
