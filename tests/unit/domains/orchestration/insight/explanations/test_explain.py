"""Why a run or a record is where it is, and what of the workspace waits: a reason code, a sentence and the command to run next."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel import ids
from cargo_ai.store import disk
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [
    node("start", children=("check",)),
    node("check", "filter", ("wait",), config={"condition": "{{!nodes.start.out}}"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes || 0}}"}),
    node("end"),
]


async def explained(backend: Backend, run: str) -> Body:
    """The explanation of a run."""
    return (await backend.admin.call("orchestration.run.explain", uuid=run))["explanation"]


async def ran(backend: Backend, nodes: list[Body], data: Body) -> Body:
    """The explanation of a run of a fresh tool that has ended."""
    tool, _ = await backend.admin.deployed(nodes)
    return await explained(backend, (await backend.run(data, workflowUuid=tool["workflowUuid"]))["run"]["uuid"])


async def test_how_a_run_has_ended(backend: Backend) -> None:
    good = await ran(backend, GRAPH, {})
    assert (good["reason"], good["nodeSlug"], good["fix"]) == ("succeeded", "end", None)
    stopped = await ran(backend, GRAPH, {"out": True})
    assert (stopped["reason"], stopped["nodeSlug"], stopped["status"]) == ("stoppedByFilter", "check", "success")
    failed = await ran(backend, GRAPH, {"minutes": "soon"})
    assert (failed["reason"], failed["nodeSlug"]) == ("nodeFailed", "wait")
    assert failed["errorMessage"] and failed["fix"] == f"cargo-ai orchestration run replay {failed['runUuid']} --from-node wait"
    lenient = [{**one, "fallbackOnFailure": one["slug"] == "wait"} for one in GRAPH]
    assert (await ran(backend, lenient, {"minutes": "soon"}))["reason"] == "succeededInSpite"


async def test_a_failure_below_leads_to_the_run_that_failed(backend: Backend) -> None:
    inner = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}), node("end")]
    loop = node("loop", "group", ("end",), config={"items": "{{nodes.start.items}}", "_nodes": inner, "failOnItemFailure": True})
    found = await ran(backend, [node("start", children=("loop",)), loop, node("end")], {"items": [{"minutes": "soon"}]})
    assert (found["reason"], found["nodeSlug"]) == ("childFailed", "loop")
    below = await explained(backend, found["causeRunUuid"])
    assert (below["reason"], below["nodeSlug"]) == ("nodeFailed", "wait")


async def test_a_run_that_waits_says_for_what_and_until_when(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    made = await backend.admin.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={"_id": "slow", "minutes": 60})
    run = (await backend.parked(made["run"]["uuid"]))["uuid"]
    found = await explained(backend, run)
    assert (found["reason"], found["nodeSlug"], found["status"]) == ("waitingForTime", "wait", "idle")
    assert found["dueAt"] > found["since"]
    queue = await backend.admin.call("orchestration.queue.get")
    item = next(one for one in queue["items"] if one["workflowUuid"] == tool["workflowUuid"])
    assert (item["reason"], item["runsCount"], item["nodeSlug"], item["runUuid"]) == ("time", 1, "wait", run)
    assert [one["isAlive"] for one in queue["workers"]] == [True] and queue["alerts"] == []
    await backend.admin.call("orchestration.run.cancel", workflowUuid=tool["workflowUuid"], uuids=[run])
    assert (await explained(backend, run))["reason"] == "cancelled"


async def test_work_without_a_worker_is_an_alert(api: ApiClient) -> None:
    tool, _ = await api.deployed(GRAPH)
    assert (await api.call("orchestration.queue.get"))["alerts"] == []
    made = await api.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={})
    await api.call("orchestration.batch.create", workflowUuid=tool["workflowUuid"], data={"kind": "records", "records": [{}]})
    queue = await api.call("orchestration.queue.get")
    assert [(one["code"], one["fix"]) for one in queue["alerts"]] == [("noWorker", "cargo-ai server start")]
    assert sorted(one["reason"] for one in queue["items"]) == ["batchToRead", "worker"]
    found = (await api.call("orchestration.run.explain", uuid=made["run"]["uuid"]))["explanation"]
    assert (found["reason"], found["fix"], found["nodeSlug"]) == ("noWorker", "cargo-ai server start", "start")


async def test_a_full_disk_is_an_alert(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LEAST_FREE_BYTES", 2**62)
    (alert,) = (await api.call("orchestration.queue.get"))["alerts"]
    assert alert["code"] == "diskFull" and "is full" in alert["sentence"] and "Make room" in alert["sentence"]


async def test_a_record_that_ran_is_explained_by_its_latest_run(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    await backend.run({"_id": "twice", "minutes": "soon"}, workflowUuid=workflow)
    await backend.run({"_id": "twice"}, workflowUuid=workflow)
    found = (await backend.admin.call("orchestration.record.explain", workflowUuid=workflow, id="twice"))["explanation"]
    assert (found["reason"], found["recordId"]) == ("succeeded", "twice")


async def test_a_record_that_never_entered_says_what_keeps_it_out(backend: Backend) -> None:
    ask = backend.admin.call
    idle = await backend.admin.tool("Idle")
    found = (await ask("orchestration.record.explain", workflowUuid=idle["workflowUuid"], id="x"))["explanation"]
    assert (found["reason"], found["status"]) == ("nothingDeployed", None)
    tool, _ = await backend.admin.deployed(GRAPH)
    found = (await ask("orchestration.record.explain", workflowUuid=tool["workflowUuid"], id="O'Hara"))["explanation"]
    assert found["reason"] == "runsOnDemand" and """'{"_id": "O'\\''Hara"}'""" in found["fix"]


async def companies(backend: Backend) -> str:
    """A model of two companies."""
    ask = backend.admin.call
    dataset = next(one["uuid"] for one in (await ask("storage.dataset.all"))["datasets"] if one["kind"] == "native")
    columns = [{"slug": "domain", "type": "string", "label": "Domain"}, {"slug": "country", "type": "string", "label": "Country"}]
    config = {"columns": columns, "idColumnSlug": "domain", "titleColumnSlug": "domain"}
    made = await ask(
        "storage.model.create", slug="companies", name="Companies", datasetUuid=dataset, extractorSlug="defineObject", config=config
    )
    model: str = made["model"]["uuid"]
    rows = [{"data": {"domain": "acme.com", "country": "FR"}}, {"data": {"domain": "globex.com", "country": "US"}}]
    await ask("storage.record.createBulk", modelUuid=model, records=rows)
    return model


async def test_what_keeps_a_record_out_of_a_play(backend: Backend) -> None:
    ask = backend.admin.call
    model = await companies(backend)
    condition = {"kind": "string", "columnSlug": "country", "operator": "is", "values": ["FR"]}
    french = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}
    play = (await ask("orchestration.play.create", name="French", modelUuid=model, filter=french))["play"]
    workflow = play["workflowUuid"]

    async def why(record: str, **fields: Any) -> str:
        found = await ask("orchestration.record.explain", workflowUuid=workflow, id=record, **fields)
        return found["explanation"]["reason"]

    assert await why("nobody.com") == "noRecord"
    assert await why("acme.com", modelUuid=model) == "nothingDeployed"
    await ask("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=GRAPH)
    assert await why("globex.com") == "notInSegment"
    assert await why("acme.com") in {"playDisabled", "neverScheduled"}
    await ask("orchestration.play.update", uuid=play["uuid"], isEnabled=True, schedule={"type": "realtime"})
    assert await why("acme.com") == "notChanged"
    batch = (await ask("orchestration.batch.create", workflowUuid=workflow, data={"kind": "recordIds", "recordIds": ["acme.com"]}))["batch"]
    await backend.ended("batches", batch["uuid"])
    assert await why("acme.com") == "succeeded"


async def test_nothing_of_another_workspace_is_explained(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    run = (await backend.run({}, workflowUuid=tool["workflowUuid"]))["run"]["uuid"]
    assert (await backend.other_api.refusal("orchestration.run.explain", uuid=run))[1]["reason"] == "runNotFound"
    refused = await backend.other_api.refusal("orchestration.record.explain", workflowUuid=tool["workflowUuid"], id="x")
    assert refused[1]["reason"] == "workflowNotFound"
    refused = await backend.admin.refusal(
        "orchestration.record.explain", workflowUuid=tool["workflowUuid"], id="x", modelUuid=str(ids.new())
    )
    assert refused[1]["reason"] == "modelNotFound"
    assert (await backend.other_api.call("orchestration.queue.get"))["items"] == []
