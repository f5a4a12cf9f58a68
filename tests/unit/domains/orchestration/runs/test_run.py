"""Runs, by real requests and with a worker that works: started, refused, looked at and cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from cargo_ai.domains.orchestration.tables import Workflow
from cargo_ai.kernel import ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = [
    node("start", children=("v",)),
    node("v", "variables", ("end",), config={"variables": [{"name": "shout", "type": "string", "value": "{{nodes.start.name}}!"}]}),
    node("end", config={"variables": [{"name": "out", "type": "string", "value": "{{nodes.v.shout}}"}]}),
]
WAITING = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}), node("end")]
CREATE = "orchestration.run.create"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_a_run_of_a_tool_walks_its_deployed_release(backend: Backend) -> None:
    tool, release = await backend.admin.deployed(LINE)
    made = await backend.admin.call(CREATE, workflowUuid=tool["workflowUuid"], data={"_id": "1", "name": "Acme"})
    run = made["run"]
    assert (run["workflowUuid"], run["releaseUuid"], run["nodes"], run["batchUuid"]) == (tool["workflowUuid"], release["uuid"], None, None)
    assert (run["recordId"], run["recordTitle"], run["executions"], run["finishedAt"]) == ("1", "Acme", [], None)
    assert run["status"] in ("pending", "running")
    found = await backend.ended("runs", run["uuid"])
    assert (found["run"]["status"], found["run"]["errorMessage"]) == ("success", None)
    assert found["runContext"] == {"start": {"_id": "1", "name": "Acme"}, "v": {"shout": "Acme!"}, "end": {"out": "Acme!"}}
    assert found["runComputedConfigs"]["v"]["variables"][0]["value"] == "Acme!"
    steps = [(one["nodeSlug"], one["status"], one["nextNodeUuid"], one["nodeActionSlug"]) for one in found["run"]["executions"]]
    assert steps == [("start", "success", "v", "start"), ("v", "success", "end", "variables"), ("end", "success", None, "end")]


async def test_a_run_keeps_the_release_it_started_with(backend: Backend) -> None:
    tool, first = await backend.admin.deployed(LINE)
    workflow = tool["workflowUuid"]
    await backend.admin.call(
        "orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=[LINE[0] | {"childrenUuids": ["end"]}, LINE[2] | {"config": {}}]
    )
    old = await backend.run({"name": "Acme"}, workflowUuid=workflow, releaseUuid=first["uuid"])
    new = await backend.run({"name": "Acme"}, workflowUuid=workflow)
    assert old["run"]["releaseUuid"] == first["uuid"] and "v" in old["runContext"]
    assert new["run"]["releaseUuid"] != first["uuid"] and "v" not in new["runContext"]


async def test_a_draft_can_be_tried_by_its_uuid(backend: Backend) -> None:
    tool = await backend.admin.tool()
    draft = await backend.admin.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=LINE)
    found = await backend.run({"name": "x"}, workflowUuid=tool["workflowUuid"], releaseUuid=draft["release"]["uuid"])
    assert found["runContext"]["end"] == {"out": "x!"}


async def test_a_graph_of_ones_own_needs_no_workflow(backend: Backend) -> None:
    found = await backend.run({"name": "Acme"}, nodes=LINE)
    run = found["run"]
    assert (run["releaseUuid"], [one["uuid"] for one in run["nodes"]]) == (None, ["start", "v", "end"])
    assert run["recordId"] == run["uuid"]
    again = await backend.run({"name": "Acme"}, nodes=LINE)
    assert again["run"]["workflowUuid"] == run["workflowUuid"]
    listed = (await backend.admin.call("orchestration.workflow.all"))["workflows"]
    assert run["workflowUuid"] not in [one["uuid"] for one in listed]


async def test_a_graph_of_ones_own_may_run_in_a_tools_name(backend: Backend) -> None:
    tool = await backend.admin.tool()
    found = await backend.run({"name": "Acme"}, workflowUuid=tool["workflowUuid"], nodes=LINE)
    assert (found["run"]["workflowUuid"], found["run"]["releaseUuid"]) == (tool["workflowUuid"], None)


async def refusal(backend: Backend, **fields: Any) -> tuple[int, str, str, str]:
    """Status, reason, sentence and fix of a run that is refused; nothing may be left of it."""
    status, body = await backend.admin.refusal(CREATE, **{"data": {}} | fields)
    return status, body["reason"], body["errorMessage"], body.get("fix", "")


async def test_an_unknown_workflow_is_refused(backend: Backend) -> None:
    for uuid in (UNKNOWN, "not-a-uuid"):
        status, reason, sentence, fix = await refusal(backend, workflowUuid=uuid)
        assert (status, reason, sentence) == (404, "workflowNotFound", f"There is no workflow with uuid {uuid}.")
        assert fix == "cargo-ai orchestration tool list"


async def test_the_list_of_runs_goes_on_behind_one_of_them(backend: Backend) -> None:
    workflow = (await backend.admin.deployed(LINE))[0]["workflowUuid"]
    batch = await backend.batch([{"name": str(number)} for number in range(5)], workflowUuid=workflow)
    listed = (await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"]))["runs"]
    page = await backend.admin.call("orchestration.run.list", workflowUuid=workflow, limit=2, after=listed[1]["uuid"])
    assert page == {"runs": listed[2:4], "count": 2, "isCountExact": True}
    beyond = await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"], after=listed[4]["uuid"])
    assert (beyond["runs"], beyond["count"]) == ([], 0)
    assert (await backend.admin.call("orchestration.run.list", workflowUuid=workflow, after="nonsense"))["runs"] == []


async def test_a_tool_that_was_removed_runs_no_more_and_its_runs_can_be_read(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    found = await backend.run({"name": "x"}, workflowUuid=tool["workflowUuid"])
    await backend.admin.call("orchestration.tool.remove", uuid=tool["uuid"])
    assert (await refusal(backend, workflowUuid=tool["workflowUuid"]))[:2] == (404, "workflowNotFound")
    assert (await backend.admin.call("orchestration.run.get", uuid=found["run"]["uuid"]))["run"]["status"] == "success"
    assert (await backend.admin.call("orchestration.run.list", workflowUuid=tool["workflowUuid"]))["count"] == 1


async def test_a_tool_with_nothing_deployed_names_the_command_that_deploys(backend: Backend) -> None:
    tool = await backend.admin.tool()
    status, reason, sentence, fix = await refusal(backend, workflowUuid=tool["workflowUuid"])
    assert (status, reason) == (400, "nodesNotFound")
    assert "nothing deployed" in sentence
    assert fix == "cargo-ai orchestration draft-release deploy --help"


async def test_neither_workflow_nor_nodes_is_nothing_to_run(backend: Backend) -> None:
    assert (await refusal(backend))[:3] == (400, "nodesNotFound", "There is nothing to run: name a workflow, or give nodes.")
    assert (await refusal(backend, nodes=[]))[:2] == (400, "nodesNotFound")


async def test_a_release_and_nodes_together_are_refused(backend: Backend) -> None:
    tool, release = await backend.admin.deployed(LINE)
    status, reason, sentence, _ = await refusal(backend, workflowUuid=tool["workflowUuid"], releaseUuid=release["uuid"], nodes=LINE)
    assert (status, reason) == (400, "invalidReleaseOrCustomNodes")
    assert sentence == "The run cannot use this graph: give a release or nodes, not both."


async def test_a_release_needs_its_own_workflow(backend: Backend) -> None:
    tool, release = await backend.admin.deployed(LINE)
    other = await backend.admin.tool("Other")
    for fields in ({}, {"workflowUuid": other["workflowUuid"]}):
        assert (await refusal(backend, releaseUuid=release["uuid"], **fields))[:2] == (400, "invalidReleaseOrCustomNodes")
    for unknown in (UNKNOWN, "x"):
        assert (await refusal(backend, workflowUuid=tool["workflowUuid"], releaseUuid=unknown))[:2] == (400, "invalidReleaseOrCustomNodes")


async def test_a_graph_without_a_start_is_refused(backend: Backend) -> None:
    assert (await refusal(backend, nodes=[LINE[2]]))[:2] == (400, "rootNodeNotFound")


async def test_a_graph_with_a_fault_is_refused_with_the_fault(backend: Backend) -> None:
    status, body = await backend.admin.refusal(CREATE, data={}, nodes=[LINE[0]])
    assert (status, body["reason"]) == (400, "invalidReleaseOrCustomNodes")
    assert "node start (nodesNotFound)" in body["errorMessage"]
    assert [one["reason"] for one in body["invalidNodes"]] == ["nodesNotFound"]
    assert "fix" not in body


async def test_a_draft_with_a_fault_is_refused(backend: Backend) -> None:
    tool = await backend.admin.tool()
    draft = await backend.admin.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=LINE[:1])
    fields = {"workflowUuid": tool["workflowUuid"], "releaseUuid": draft["release"]["uuid"]}
    assert (await refusal(backend, **fields))[:2] == (400, "invalidReleaseOrCustomNodes")


@pytest.mark.parametrize("data", [None, [], [{}], "text", 3, True])
async def test_data_that_is_no_object_is_refused(backend: Backend, data: Any) -> None:
    status, reason, sentence, _ = await refusal(backend, nodes=LINE, data=data)
    assert (status, reason) == (400, "invalidData")
    assert 'a JSON object such as {"domain": "acme.com"}' in sentence


async def test_data_must_be_there(backend: Backend) -> None:
    status, body = await backend.admin.refusal(CREATE, nodes=LINE)
    assert (status, body["reason"], body["errors"][0]["path"]) == (400, "invalidInput", "data")


async def test_the_workflow_of_a_play_is_not_run_one_by_one(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        row = (await db.scalars(select(Workflow).where(Workflow.uuid == tool["workflowUuid"]))).one()
        row.kind, row.tool_uuid, row.play_uuid = "play", None, ids.new()
        await db.commit()
    status, reason, _, fix = await refusal(backend, workflowUuid=tool["workflowUuid"])
    assert (status, reason) == (400, "playNotCompatible")
    assert fix == "cargo-ai orchestration batch create --help"


async def test_a_refused_run_leaves_nothing(backend: Backend) -> None:
    tool = await backend.admin.tool()
    await refusal(backend, workflowUuid=tool["workflowUuid"], nodes=LINE, data=7)
    assert (await backend.admin.call("orchestration.run.list", workflowUuid=tool["workflowUuid"])) == {
        "runs": [],
        "count": 0,
        "isCountExact": True,
    }


async def test_the_same_idempotency_key_starts_one_run(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    body = {"workflowUuid": tool["workflowUuid"], "data": {"name": "x"}}
    key = {"Idempotency-Key": "one-run"}
    replies = [await backend.admin.http.post("/v1/orchestration/runs", json=body, headers=key) for _ in range(2)]
    assert replies[0].json()["run"]["uuid"] == replies[1].json()["run"]["uuid"]
    assert (await backend.admin.call("orchestration.run.count", workflowUuid=tool["workflowUuid"]))["count"] == 1


async def test_nothing_of_another_workspace_is_there(backend: Backend) -> None:
    tool, release = await backend.admin.deployed(LINE)
    workflow = tool["workflowUuid"]
    run = (await backend.run({"name": "x"}, workflowUuid=workflow))["run"]["uuid"]
    there = backend.other_api
    for fields in (
        {"workflowUuid": workflow},
        {"workflowUuid": workflow, "nodes": LINE},
        {"workflowUuid": workflow, "releaseUuid": release["uuid"]},
    ):
        foreign = await there.refusal(CREATE, data={}, **fields)
        unknown = await there.refusal(CREATE, data={}, **fields | {"workflowUuid": UNKNOWN})
        assert (foreign[0], foreign[1]["reason"]) == (unknown[0], unknown[1]["reason"]) == (404, "workflowNotFound")
    own = (await there.tool())["workflowUuid"]
    assert (await there.refusal(CREATE, data={}, workflowUuid=own, releaseUuid=release["uuid"]))[1][
        "reason"
    ] == "invalidReleaseOrCustomNodes"
    assert (await there.refusal("orchestration.run.get", uuid=run))[1]["reason"] == "runNotFound"
    assert await there.call("orchestration.run.list") == {"runs": [], "count": 0, "isCountExact": True}
    assert (await there.call("orchestration.run.count"))["count"] == 0
    for name in ("list", "count", "getMetrics", "download", "downloadOutputs", "cancel"):
        status, body = await there.refusal(f"orchestration.run.{name}", workflowUuid=workflow)
        assert (status, body["reason"]) == (404, "workflowNotFound")
    assert await there.call("orchestration.run.cancel", workflowUuid=own, uuids=[run]) == {"count": 0}


@pytest.mark.parametrize("uuid", [UNKNOWN, "not-a-uuid"])
async def test_an_unknown_run_is_not_found(backend: Backend, uuid: str) -> None:
    status, body = await backend.admin.refusal("orchestration.run.get", uuid=uuid)
    assert (status, body["reason"]) == (404, "runNotFound")


async def test_a_failed_run_says_where_and_why(backend: Backend) -> None:
    found = await backend.run({"minutes": "soon"}, nodes=WAITING)
    run = found["run"]
    assert run["status"] == "error"
    assert run["errorMessage"].startswith("wait: `minutes`")
    assert run["executions"][-1]["status"] == "error"
    assert run["executions"][-1]["errorMessage"] in run["errorMessage"]
    assert found["runContext"]["wait"] == {"errorMessage": run["executions"][-1]["errorMessage"]}


async def test_a_waiting_run_is_idle_and_shows_what_it_waits_at(backend: Backend) -> None:
    made = await backend.admin.call(CREATE, nodes=WAITING, data={"minutes": 60})
    run = await backend.parked(made["run"]["uuid"])
    assert [one["status"] for one in run["executions"]] == ["success", "pending"]
    waiting = run["executions"][1]
    assert (waiting["nodeSlug"], waiting["nodeActionSlug"], waiting["finishedAt"]) == ("wait", "delay", None)
    assert waiting["title"].startswith("⏳ Waiting until 20")
    assert run["finishedAt"] is None


async def test_a_short_delay_is_waited_out(backend: Backend) -> None:
    found = await backend.run({"minutes": 0.001}, nodes=WAITING)
    assert found["runContext"]["wait"] == {"minutes": 0.001}


async def test_a_delay_of_seconds_parks_the_run_and_wakes_it(backend: Backend) -> None:
    found = await backend.run({"minutes": 0.04}, nodes=WAITING)
    assert found["run"]["status"] == "success"
    assert len(found["run"]["executions"]) == 3


async def test_a_large_output_goes_to_a_file_and_comes_back(backend: Backend) -> None:
    record = {"name": "Zoë" * 40_000}
    found = await backend.run(record, nodes=LINE)
    run = found["run"]["uuid"]
    assert found["runContext"]["start"] == record
    assert found["runContext"]["end"] == {"out": record["name"] + "!"}
    kept = await backend.state.files.read(f"{backend.workspace}/outputs/{run}/2.json")
    assert b"Zo\xc3\xab" in kept
    await backend.state.files.remove(f"{backend.workspace}/outputs/{run}/2.json")
    again = await backend.admin.call("orchestration.run.get", uuid=run)
    assert again["runContext"]["end"] == {"errorMessage": "The file with this output no longer exists."}


@pytest.mark.parametrize("name", ["tab\t\nline", "\\N", "quote\"'{}", "会社 🎉", "\\.\n"])
async def test_any_text_comes_back_as_it_was_sent(backend: Backend, name: str) -> None:
    found = await backend.run({"name": name, "_id": name}, nodes=LINE)
    assert (found["runContext"]["end"], found["run"]["recordId"], found["run"]["recordTitle"]) == ({"out": f"{name}!"}, name, name)


async def parked_runs(backend: Backend, count: int) -> tuple[str, list[str]]:
    """A tool's workflow and runs of it that wait for an hour."""
    tool, _ = await backend.admin.deployed(WAITING)
    made = [
        await backend.admin.call(CREATE, workflowUuid=tool["workflowUuid"], data={"_id": f"r{at}", "minutes": 60}) for at in range(count)
    ]
    uuids = [one["run"]["uuid"] for one in made]
    for uuid in uuids:
        await backend.parked(uuid)
    return tool["workflowUuid"], uuids


async def test_runs_are_cancelled_by_their_uuids(backend: Backend) -> None:
    workflow, (one, two, three) = await parked_runs(backend, 3)
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow, uuids=[one, two, UNKNOWN, "no-uuid"]) == {"count": 2}
    assert [(await backend.admin.call("orchestration.run.get", uuid=uuid))["run"]["status"] for uuid in (one, two, three)] == [
        "cancelled",
        "cancelled",
        "idle",
    ]
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow, uuids=[one, two]) == {"count": 0}


async def test_a_cancelled_run_has_ended_without_an_error(backend: Backend) -> None:
    workflow, (uuid,) = await parked_runs(backend, 1)
    await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow, uuids=uuid)
    run = (await backend.ended("runs", uuid))["run"]
    assert (run["status"], run["errorMessage"]) == ("cancelled", None)
    assert [one["status"] for one in run["executions"]] == ["success"]


async def test_runs_are_cancelled_by_a_filter(backend: Backend) -> None:
    workflow, uuids = await parked_runs(backend, 3)
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow, recordId="r1") == {"count": 1}
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=workflow) == {"count": 2}
    listed = await backend.admin.call("orchestration.run.list", workflowUuid=workflow, statuses=["cancelled"])
    assert [run["uuid"] for run in listed["runs"]] == uuids[::-1]


async def test_runs_of_another_workflow_are_not_cancelled(backend: Backend) -> None:
    _, (uuid,) = await parked_runs(backend, 1)
    other = (await backend.admin.tool("Other"))["workflowUuid"]
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=other, uuids=[uuid]) == {"count": 0}
    assert (await backend.admin.call("orchestration.run.get", uuid=uuid))["run"]["status"] == "idle"


async def test_finished_runs_are_not_cancelled(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    run = (await backend.run({"name": "x"}, workflowUuid=tool["workflowUuid"]))["run"]
    assert await backend.admin.call("orchestration.run.cancel", workflowUuid=tool["workflowUuid"], uuids=[run["uuid"]]) == {"count": 0}
    assert (await backend.admin.call("orchestration.run.get", uuid=run["uuid"]))["run"]["status"] == "success"


async def test_cancelling_needs_a_workflow_that_is_there(backend: Backend) -> None:
    status, body = await backend.admin.refusal("orchestration.run.cancel", workflowUuid=UNKNOWN, uuids=[UNKNOWN])
    assert (status, body["reason"]) == (404, "workflowNotFound")
