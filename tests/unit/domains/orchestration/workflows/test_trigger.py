"""Triggers: the clock starts a tool's run on the trigger's data, and says why when it cannot."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from cargo_ai.domains.orchestration.workflows import trigger
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = [node("start", children=("end",)), node("end")]


async def struck(backend: Backend, tool: str) -> Body:
    """The tool's trigger after its clock has struck now."""
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        strike = "update schedules set next_fire_at = now() where kind = :kind and owner_uuid = cast(:uid as uuid) returning last_fire_at"
        before = await db.scalar(text(strike), {"kind": trigger.KIND, "uid": tool})
        await db.execute(text("select pg_notify('cargo_schedules', '')"))
        await db.commit()
    deadline = clock.seconds() + 60
    while clock.seconds() < deadline:
        (shown,) = (await backend.admin.call("orchestration.tool.get", uuid=tool))["tool"]["triggers"]
        if shown["lastFireAt"] is not None and (before is None or shown["lastFireAt"] != clock.to_iso(before)):
            return shown
        await asyncio.sleep(0.02)
    raise AssertionError("the clock did not strike")


async def test_a_tool_without_a_deployed_graph_says_so_and_runs_once_it_has_one(backend: Backend) -> None:
    made = await backend.admin.tool("Monday pull")
    monday = {"name": "Monday", "type": "cron", "cron": "0 9 * * 1", "data": {"_id": "monday", "n": 1}}
    await backend.admin.call("orchestration.tool.update", uuid=made["uuid"], triggers=[monday])

    before = await struck(backend, made["uuid"])
    assert before["lastRunUuid"] is None
    assert "nothing deployed" in before["problem"] and made["workflowUuid"] in before["problem"]

    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=LINE, formFields=None)
    after = await struck(backend, made["uuid"])
    assert after["problem"] is None and after["nextFireAt"] > after["lastFireAt"]
    found = await backend.ended("runs", after["lastRunUuid"])
    assert (found["run"]["status"], found["run"]["recordId"], found["runContext"]["start"]) == ("success", "monday", monday["data"])


async def test_a_removed_tool_has_no_schedule(backend: Backend) -> None:
    made = await backend.admin.tool("Gone")
    await backend.admin.call("orchestration.tool.update", uuid=made["uuid"], triggers=[{"name": "Hourly", "cron": "@every 1h"}])

    await backend.admin.call("orchestration.tool.remove", uuid=made["uuid"])

    async with backend.state.database.session(ALL_WORKSPACES) as db:
        left = await db.scalar(text("select count(*) from schedules where owner_uuid = cast(:uid as uuid)"), {"uid": made["uuid"]})
    assert left == 0
