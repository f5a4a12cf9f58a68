"""A limit of runs at once, as people meet it: single runs are refused while it is reached, what comes by itself waits and says why."""

from __future__ import annotations

import pytest

from cargo_ai.engine.dispatch import claim, submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import ids
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A pause of less than two seconds is sat out: the run goes on meanwhile.
SLOW = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": 0.03}), node("end")]
FAST = [node("start", children=("end",)), node("end")]


async def test_a_run_is_refused_while_all_go_and_what_comes_by_itself_waits(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backend.state.settings.environment, "CARGO_AI_MAX_CONCURRENT_RUNS", "1")
    assert (await backend.admin.call("workspaceManagement.workspace.getCurrent"))["workspace"]["maxConcurrentRuns"] == 1
    first = (await backend.admin.call("orchestration.run.create", nodes=SLOW, data={}))["run"]
    status, body = await backend.admin.refusal("orchestration.run.create", nodes=SLOW, data={})
    assert (status, body["reason"], body["fix"]) == (429, "concurrencyLimitReached", "cargo-ai server queue")
    action: Body = {"kind": "native", "actionSlug": "variables", "config": {"variables": []}}
    status, body = await backend.admin.refusal("orchestration.action.execute", action=action, data={})
    assert (status, body["reason"]) == (429, "concurrencyLimitReached")

    workflow = ids.parse(first["workflowUuid"])
    assert workflow is not None
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        workspace = ids.parse(backend.workspace)
        assert workspace is not None
        origin = submit.RunSpec(workspace, workflow, None, None, FAST)
        waiting = (await submit.submit_run(await driver_connection(db), producer(1), origin, {}))["uuid"]
        await db.commit()
    reported = (await backend.admin.call("orchestration.run.explain", uuid=str(waiting)))["explanation"]
    assert (reported["reason"], reported["fix"]) == ("waitingForConcurrencyLimit", "cargo-ai server queue")
    items = (await backend.admin.call("orchestration.queue.get"))["items"]
    assert [item["runUuid"] for item in items if item["reason"] == "concurrencyLimit"] == [str(waiting)]

    assert (await backend.ended("runs", first["uuid"]))["run"]["status"] == "success"
    # This worker knows of no limit: what others do at the end of each run is done for it.
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        await claim.admit_shards(await driver_connection(db), producer(1), workspace)
        await db.commit()
    assert (await backend.ended("runs", str(waiting)))["run"]["status"] == "success"
    assert (await backend.run(nodes=FAST))["run"]["status"] == "success"
