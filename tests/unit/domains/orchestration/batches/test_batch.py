"""Batches, by real requests and with a worker that works: started, refused, looked at and cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = [
    node("start", children=("end",)),
    node("end", config={"variables": [{"name": "who", "type": "string", "value": "{{nodes.start.name}}"}]}),
]
WAITING = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}), node("end")]
CREATE = "orchestration.batch.create"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def contexts(backend: Backend, batch: str) -> list[Body]:
    """What `start` of each run was given, in the order of the source."""
    listed = (await backend.admin.call("orchestration.run.list", batchUuid=batch, limit=1000))["runs"][::-1]
    return [(await backend.admin.call("orchestration.run.get", uuid=run["uuid"]))["runContext"]["start"] for run in listed]


async def of_file(backend: Backend, name: str, content: bytes, **more: Any) -> Body:
    """A batch of a file that has ended."""
    data = {"kind": "file", "s3Filename": await backend.upload(name, content), **more}
    made = (await backend.admin.call(CREATE, nodes=LINE, data=data))["batch"]
    found: Body = (await backend.ended("batches", made["uuid"]))["batch"]
    return found


async def test_records_go_through_a_tool_one_run_each(backend: Backend) -> None:
    tool, release = await backend.admin.deployed(LINE)
    records = [{"_id": str(at), "name": f"N{at}"} for at in range(3)]
    made = await backend.start_batch(records, workflowUuid=tool["workflowUuid"])
    assert (made["workflowUuid"], made["releaseUuid"], made["nodes"]) == (tool["workflowUuid"], release["uuid"], None)
    assert made["status"] in ("pending", "querying", "running", "success")
    assert made["data"]["kind"] == "records" and "records" not in made["data"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    counts = {name: found[name] for name in ("status", "runsStatus", "runsCount", "executedRunsCount", "failedRunsCount", "errorMessage")}
    assert counts == {
        "status": "success",
        "runsStatus": "healthy",
        "runsCount": 3,
        "executedRunsCount": 3,
        "failedRunsCount": 0,
        "errorMessage": None,
    }
    assert await contexts(backend, made["uuid"]) == records


async def test_a_batch_with_failed_runs_is_a_success_that_is_not_healthy(backend: Backend) -> None:
    found = await backend.batch([{"minutes": 0}, {"minutes": "soon"}], nodes=WAITING)
    assert (found["status"], found["runsStatus"], found["executedRunsCount"], found["failedRunsCount"]) == ("success", "unhealthy", 2, 1)


async def test_a_graph_of_ones_own_is_shown_with_its_batch(backend: Backend) -> None:
    found = await backend.batch([{"name": "x"}], nodes=LINE)
    assert (found["releaseUuid"], found["nodes"]) == (None, LINE)


async def test_a_csv_file_gives_texts_under_its_headers(backend: Backend) -> None:
    found = await of_file(backend, "companies.csv", "\ufeffname;Employees Count\r\nZoë;042\r\n\r\nBeta;\r\n".encode())
    assert (found["status"], found["runsCount"]) == ("success", 2)
    assert await contexts(backend, found["uuid"]) == [{"name": "Zoë", "Employees Count": "042"}, {"name": "Beta", "Employees Count": ""}]


async def test_a_file_of_json_lines_gives_values_as_they_are(backend: Backend) -> None:
    found = await of_file(backend, "companies.ndjson", b'{"name":"A","n":1}\n{"name":"B","n":[null]}\n')
    assert await contexts(backend, found["uuid"]) == [{"name": "A", "n": 1}, {"name": "B", "n": [None]}]


async def test_mappings_name_the_fields_of_the_record(backend: Backend) -> None:
    found = await of_file(
        backend, "c.csv", b"Company,Site,Other\nAcme,acme.com,1\n", mappings={"name": "Company", "domain": "Site", "gone": "Missing"}
    )
    assert found["data"]["mappings"] == {"name": "Company", "domain": "Site", "gone": "Missing"}
    assert await contexts(backend, found["uuid"]) == [{"name": "Acme", "domain": "acme.com", "gone": ""}]


async def test_a_file_with_headers_only_is_a_batch_without_runs(backend: Backend) -> None:
    found = await of_file(backend, "c.csv", b"name,domain\n")
    assert (found["status"], found["runsStatus"], found["runsCount"]) == ("success", None, 0)


@pytest.mark.slow
async def test_a_batch_of_two_thousand_keeps_the_order_of_its_file(backend: Backend) -> None:
    found = await of_file(backend, "c.csv", b"_id,name\n" + b"".join(b"%d,N%d\n" % (at, at) for at in range(2_000)))
    assert (found["status"], found["runsCount"], found["executedRunsCount"]) == ("success", 2_000, 2_000)
    pages = [await backend.admin.call("orchestration.run.list", batchUuid=found["uuid"], limit=1000, offset=offset) for offset in (0, 1000)]
    assert [run["recordId"] for page in pages for run in page["runs"]][::-1] == [str(at) for at in range(2_000)]


async def test_a_row_that_cannot_be_read_ends_the_batch_and_what_was_enrolled_finishes(backend: Backend) -> None:
    good = b"".join(b"%d,%s\n" % (at, b"N" * 300) for at in range(1_500))
    found = await of_file(backend, "c.csv", b"_id,name\n" + good + b"7,too,many,cells\n")
    assert found["status"] == "error"
    assert "1502" in found["errorMessage"]
    assert 0 < found["runsCount"] == found["executedRunsCount"] < 1_500
    assert (await backend.admin.call("orchestration.run.count", batchUuid=found["uuid"], statuses=["success"]))["count"] == found[
        "runsCount"
    ]


async def test_a_small_file_with_a_bad_row_enrols_nothing(backend: Backend) -> None:
    found = await of_file(backend, "c.csv", b"_id,name\n1,a\n2,b,c\n")
    assert (found["status"], found["runsCount"], found["runsStatus"]) == ("error", 0, None)
    assert "3" in found["errorMessage"]


async def test_a_file_that_is_no_table_ends_the_batch_in_error(backend: Backend) -> None:
    found = await of_file(backend, "c.csv", b"PK\x03\x04\xff and more")
    assert found["status"] == "error"
    assert "Excel" in found["errorMessage"]


async def refusal(backend: Backend, data: Any, **fields: Any) -> tuple[int, Body]:
    return await backend.admin.refusal(CREATE, data=data, **{"nodes": LINE} | fields)


def files_of(backend: Backend) -> set[Path]:
    folder = backend.state.settings.data_dir / "files"
    return {path for path in folder.rglob("*") if path.is_file()}


async def test_an_empty_list_of_records_is_refused(backend: Backend) -> None:
    status, body = await refusal(backend, {"kind": "records", "records": []})
    assert (status, body["reason"], body["dataError"]) == (400, "dataError", {"reason": "noRecords"})
    assert body["errorMessage"] == "The records cannot be read: the list of records is empty."


@pytest.mark.parametrize("records", [[1], ["a"], [None], "text", {}, None])
async def test_records_must_be_objects(backend: Backend, records: Any) -> None:
    status, body = await refusal(backend, {"kind": "records", "records": records})
    assert (status, body["reason"]) == (400, "invalidInput")
    assert body["errors"][0]["path"].startswith("data.records")


async def test_a_file_that_the_workspace_has_not_is_refused(backend: Backend) -> None:
    ours = await backend.upload("c.csv", b"name\nAcme\n")
    folder, _, rest = ours.partition("/")
    theirs = backend.state.files.new_key(ids.new(), "uploads", "c.csv")
    await backend.state.files.put(theirs, b"name\nsecret\n")
    tricks = [
        theirs,
        f"{folder}/../{theirs}",
        f"{folder}/./{rest}",
        f"{folder}//{rest}",
        f"/{ours}",
        f"{ours}/",
        f"{folder}/uploads/gone.csv",
        folder,
        f"{folder}/",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        f"{folder}/%2e%2e/{theirs}",
        f"{folder}\\..\\{theirs}",
        "c.csv",
        "file:///etc/passwd",
    ]
    for key in tricks:
        status, body = await refusal(backend, {"kind": "file", "s3Filename": key})
        assert (status, body["reason"], body["dataError"]) == (400, "dataError", {"reason": "invalidData"}), key
        assert body["errorMessage"].startswith(f"The records cannot be read: there is no file {key}: upload it first")
        assert body["fix"].startswith("cargo-ai workspace file upload")


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "segment", "segmentUuid": UNKNOWN},
        {"kind": "change", "changeUuid": UNKNOWN, "changeKinds": ["added"], "segmentUuid": UNKNOWN, "modelUuid": UNKNOWN},
        {"kind": "filter", "modelUuid": UNKNOWN},
        {"kind": "recordIds", "modelUuid": UNKNOWN, "ids": ["1"]},
        {"kind": "recordIds", "recordIds": ["1"]},
        {"kind": "schedule", "modelUuid": UNKNOWN, "segmentUuid": UNKNOWN, "changeKinds": ["added"]},
        {"kind": "form", "records": [{"name": "x"}]},
        {"kind": "watchedRecords", "modelUuid": UNKNOWN, "changeKinds": ["added"], "s3Filename": "x"},
        {"kind": "group", "items": [1], "parentRunUuid": UNKNOWN, "parentNodeUuid": "n"},
    ],
)
async def test_kinds_of_data_that_a_tool_cannot_take_are_refused(backend: Backend, data: Body) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    status, body = await refusal(backend, data, nodes=None, workflowUuid=tool["workflowUuid"])
    assert (status, body["reason"]) == (400, "invalidDataKind"), body
    assert f"Data of kind {data['kind']}" in body["errorMessage"] and "records, file or runs" in body["errorMessage"]


@pytest.mark.parametrize("data", [{"kind": "tea"}, {}, None, [], {"kind": "file"}, {"kind": "file", "s3Filename": ""}])
async def test_data_of_no_shape_is_refused(backend: Backend, data: Any) -> None:
    status, body = await refusal(backend, data)
    assert (status, body["reason"]) == (400, "invalidInput")
    assert body["errors"][0]["path"].startswith("data")


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"nodes": None}, 400, "nodesNotFound"),
        ({"nodes": []}, 400, "nodesNotFound"),
        ({"nodes": LINE[1:]}, 400, "rootNodeNotFound"),
        ({"nodes": LINE[:1]}, 400, "invalidReleaseOrCustomNodes"),
        ({"nodes": None, "releaseUuid": UNKNOWN}, 400, "invalidReleaseOrCustomNodes"),
        ({"releaseUuid": UNKNOWN}, 400, "invalidReleaseOrCustomNodes"),
        ({"workflowUuid": UNKNOWN}, 404, "workflowNotFound"),
        ({"workflowUuid": "no-uuid"}, 404, "workflowNotFound"),
    ],
)
async def test_a_graph_that_cannot_be_walked_is_refused_and_no_file_is_left(
    backend: Backend, fields: Body, status: int, reason: str
) -> None:
    before = files_of(backend)
    found, body = await refusal(backend, {"kind": "records", "records": [{"name": "x"}]}, **fields)
    assert (found, body["reason"]) == (status, reason)
    assert files_of(backend) == before


async def test_nothing_of_another_workspace_is_there(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(LINE)
    batch = await backend.batch([{"name": "x"}], workflowUuid=tool["workflowUuid"])
    there = backend.other_api
    assert (await there.refusal(CREATE, workflowUuid=tool["workflowUuid"], data={"kind": "records", "records": [{}]}))[1][
        "reason"
    ] == "workflowNotFound"
    key = await backend.upload("c.csv", b"name\nsecret\n")
    assert (await there.refusal(CREATE, nodes=LINE, data={"kind": "file", "s3Filename": key}))[1]["reason"] == "dataError"
    for name in ("get", "cancel", "download"):
        foreign = await there.refusal(f"orchestration.batch.{name}", uuid=batch["uuid"])
        unknown = await there.refusal(f"orchestration.batch.{name}", uuid=UNKNOWN)
        assert (foreign[0], foreign[1]["reason"]) == (unknown[0], unknown[1]["reason"]) == (404, "batchNotFound")
    assert (await there.call("orchestration.batch.list", workflowUuids=[tool["workflowUuid"]])) == {"batches": []}
    assert (await there.call("orchestration.run.list", batchUuid=batch["uuid"])) == {"runs": [], "count": 0, "isCountExact": True}


async def cancelled(backend: Backend, records: list[Body]) -> Body:
    """A batch of waiting runs that was cancelled when all of them waited."""
    made = await backend.start_batch(records, nodes=WAITING)
    await backend.idle(made["uuid"], sum(record["minutes"] != 0 for record in records))
    assert await backend.admin.call("orchestration.batch.cancel", uuid=made["uuid"]) == {"uuid": made["uuid"]}
    found: Body = (await backend.ended("batches", made["uuid"]))["batch"]
    return found


async def test_cancelling_a_batch_ends_what_waits_and_keeps_what_has_ended(backend: Backend) -> None:
    found = await cancelled(backend, [{"minutes": 60}, {"minutes": 0}, {"minutes": 60}])
    assert (found["status"], found["runsCount"], found["executedRunsCount"]) == ("cancelled", 3, 1)
    listed = (await backend.admin.call("orchestration.run.list", batchUuid=found["uuid"]))["runs"]
    assert [run["status"] for run in listed] == ["cancelled", "success", "cancelled"]


async def test_a_batch_is_cancelled_once(backend: Backend) -> None:
    found = await cancelled(backend, [{"minutes": 60}])
    status, body = await backend.admin.refusal("orchestration.batch.cancel", uuid=found["uuid"])
    assert (status, body["reason"]) == (409, "batchAlreadyFinished")
    assert body["errorMessage"] == f"Batch {found['uuid']} has already ended (cancelled), so there is nothing to cancel."


async def test_cancelling_the_last_waiting_run_ends_its_batch(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(WAITING)
    made = await backend.start_batch([{"minutes": 0}, {"minutes": 60}], workflowUuid=tool["workflowUuid"])
    (waiting,) = await backend.idle(made["uuid"], 1)
    await backend.admin.call("orchestration.run.cancel", workflowUuid=tool["workflowUuid"], uuids=[waiting])
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["status"], found["executedRunsCount"], found["failedRunsCount"]) == ("success", 1, 0)


@pytest.mark.parametrize("uuid", [UNKNOWN, "no-uuid"])
async def test_an_unknown_batch_is_not_found(backend: Backend, uuid: str) -> None:
    for name in ("get", "cancel", "download"):
        status, body = await backend.admin.refusal(f"orchestration.batch.{name}", uuid=uuid)
        assert (status, body["reason"]) == (404, "batchNotFound")


async def test_a_workflow_shows_its_newest_batch(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(WAITING)
    idle = await backend.admin.tool("Idle")

    async def last(workflow: str) -> Any:
        rows = (await backend.admin.call("orchestration.workflow.all"))["workflows"]
        return next(row["lastBatch"] for row in rows if row["uuid"] == workflow)

    assert await last(tool["workflowUuid"]) is None
    first = await backend.batch([{"minutes": 0}], workflowUuid=tool["workflowUuid"])
    names = ("uuid", "status", "runsStatus", "errorMessage", "createdAt", "finishedAt")
    assert await last(tool["workflowUuid"]) == {name: first[name] for name in names}
    second = await backend.batch([{"minutes": "soon"}], workflowUuid=tool["workflowUuid"])
    assert await last(tool["workflowUuid"]) == {name: second[name] for name in names}
    assert second["runsStatus"] == "unhealthy"
    assert await last(idle["workflowUuid"]) is None
