"""A preview shows the records that a batch would enrol, whatever they come from, and starts nothing."""

from __future__ import annotations

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.unit.domains.orchestration.batches.test_batch_records import UNKNOWN, above, companies

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREVIEW = "orchestration.batch.preview"
LINE = [node("start", children=("end",)), node("end")]


async def tool(backend: Backend) -> str:
    return (await backend.admin.deployed(LINE))[0]["workflowUuid"]


async def play(backend: Backend, model: str) -> Body:
    return (await backend.admin.call("orchestration.play.create", name="P", modelUuid=model))["play"]


async def test_records_and_files_of_a_tool(backend: Backend) -> None:
    workflow = await tool(backend)
    listed = [{"n": at, "name": f"N{at}", "ok": True} for at in range(120)]
    found = await backend.admin.call(PREVIEW, workflowUuid=workflow, data={"kind": "records", "records": listed})
    assert (found["count"], len(found["records"]), found["records"][0]) == (120, 100, listed[0])
    assert [(one["slug"], one["type"]) for one in found["columns"]] == [("n", "number"), ("name", "string"), ("ok", "boolean")]
    key = await backend.upload("c.csv", b"Name,City\nAcme,Paris\nBolt,Rome\n")
    found = await backend.admin.call(PREVIEW, workflowUuid=workflow, data={"kind": "file", "s3Filename": key, "mappings": {"name": "Name"}})
    assert (found["count"], found["records"]) == (2, [{"name": "Acme"}, {"name": "Bolt"}])
    assert (await backend.admin.call("orchestration.run.list", workflowUuid=workflow))["count"] == 0


async def test_records_of_a_model_with_its_columns(backend: Backend) -> None:
    model = await companies(backend, "previewed", 5)
    made = await play(backend, model)
    workflow = made["workflowUuid"]
    data = {"kind": "filter", "modelUuid": model, "filter": above(2)}
    found = await backend.admin.call(PREVIEW, workflowUuid=workflow, data=data)
    assert (found["count"], [one["_id"] for one in found["records"]]) == (2, ["c3", "c4"])
    assert {"slug": "score", "type": "number", "label": "Score"} in found["columns"]
    segment = made["segmentUuid"]
    for data in (
        {"kind": "segment", "segmentUuid": segment},
        {"kind": "schedule", "modelUuid": model, "segmentUuid": segment, "changeKinds": ["added"]},
    ):
        assert (await backend.admin.call(PREVIEW, workflowUuid=workflow, data=data))["count"] == 5
    data = {"kind": "recordIds", "modelUuid": model, "ids": ["c1", "gone"]}
    assert (await backend.admin.call(PREVIEW, workflowUuid=workflow, data=data))["count"] == 1


async def test_runs_to_be_done_again_and_items_of_a_group(backend: Backend) -> None:
    workflow = await tool(backend)
    batch = await backend.batch([{"_id": "a"}, {"_id": "b"}], workflowUuid=workflow)
    runs = [one["uuid"] for one in (await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"]))["runs"]]
    data = {"kind": "runs", "runUuids": runs, "reset": {"from": "firstNode"}}
    found = await backend.admin.call(PREVIEW, workflowUuid=workflow, data=data)
    assert (found["count"], [one["_id"] for one in found["records"]]) == (2, ["a", "b"])
    data = {"kind": "group", "items": [1, {"x": 2}], "parentRunUuid": runs[0], "parentNodeUuid": "g"}
    assert (await backend.admin.call(PREVIEW, workflowUuid=workflow, data=data))["records"] == [{"value": 1}, {"x": 2}]


async def test_what_does_not_fit_is_refused_as_the_contract_says(backend: Backend) -> None:
    model = await companies(backend, "unfit", 1)
    ours, theirs = await tool(backend), (await play(backend, model))["workflowUuid"]
    filter: Body = {"kind": "filter", "modelUuid": model}
    records: Body = {"kind": "records", "records": [{}]}
    cases: list[tuple[str, Body, int, str]] = [
        (UNKNOWN, records, 404, "workflowNotFound"),
        (ours, filter, 400, "noModelLinkedToWorkflow"),
        (theirs, records, 400, "modelLinkedToWorkflow"),
        (theirs, {"kind": "segment", "segmentUuid": UNKNOWN}, 404, "segmentNotFound"),
        (theirs, filter | {"filter": {"field": "nope", "operator": "is", "value": "N1"}}, 400, "invalidInput"),
        (ours, {"kind": "file", "s3Filename": "nowhere.csv"}, 400, "invalidInput"),
    ]
    for workflow, data, status, reason in cases:
        found, body = await backend.admin.refusal(PREVIEW, workflowUuid=workflow, data=data)
        assert (found, body["reason"]) == (status, reason), body
    assert (await backend.other_api.refusal(PREVIEW, workflowUuid=ours, data=records))[0] == 404
