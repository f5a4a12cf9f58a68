"""Records: the latest run of each record of a workflow, on one history in which some records ran twice."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [
    node("start", children=("pick",)),
    node("pick", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}),
    node("end", config={"variables": [{"name": "who", "type": "string", "value": "{{nodes.start.name}}"}]}),
]


@dataclass(frozen=True)
class Ledger:
    """a: good. b: failed in the first batch, good in the second. c: good, then failed. d: waits. Two batches."""

    backend: Backend
    workflow: str
    batches: list[str]

    async def found(self, **fields: Any) -> list[str]:
        """The ids of the records that match, oldest run first; list and count agree about them."""
        listed = await self.backend.admin.call("orchestration.record.list", workflowUuid=self.workflow, **fields)
        counted = await self.backend.admin.call("orchestration.record.count", workflowUuid=self.workflow, **fields)
        assert listed["count"] == counted["count"] == len(listed["records"])
        return [record["id"] for record in listed["records"]][::-1]

    async def file(self, name: str, **fields: Any) -> bytes:
        """The bytes behind the URL that an operation shows."""
        url = (await self.backend.admin.call(name, workflowUuid=self.workflow, **fields))["url"]
        reply = await self.backend.admin.http.get(url)
        assert reply.status_code == 200, reply.text
        return reply.content


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledger(backend: Backend) -> Ledger:
    """The runs, as they are when nothing more happens."""
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    first: list[Body] = [{"_id": "a", "name": "Acme"}, {"_id": "b", "name": "Beta", "minutes": "soon"}, {"_id": "c", "name": "Gamma"}]
    second: list[Body] = [{"_id": "b", "name": "Beta two"}, {"_id": "c", "name": "Gamma", "minutes": "soon"}]
    batches = [(await backend.batch(records, workflowUuid=workflow))["uuid"] for records in (first, second)]
    waiting = await backend.admin.call("orchestration.run.create", workflowUuid=workflow, data={"_id": "d", "name": "Delta", "minutes": 60})
    await backend.parked(waiting["run"]["uuid"])
    return Ledger(backend, workflow, batches)


async def test_each_record_is_there_once_with_its_latest_run(ledger: Ledger) -> None:
    listed = await ledger.backend.admin.call("orchestration.record.list", workflowUuid=ledger.workflow)
    states = {record["id"]: (record["status"], record["title"], record["batchUuid"]) for record in listed["records"]}
    assert states == {
        "a": ("success", "Acme", ledger.batches[0]),
        "b": ("success", "Beta two", ledger.batches[1]),
        "c": ("error", "Gamma", ledger.batches[1]),
        "d": ("pending", "Delta", None),
    }
    failed = next(record for record in listed["records"] if record["id"] == "c")
    assert failed["errorMessage"] and [one["nodeSlug"] for one in failed["executions"]] == ["start", "pick", "wait"]
    run = await ledger.backend.admin.call("orchestration.run.get", uuid=failed["runUuid"])
    assert (run["run"]["recordId"], failed["parentRunUuid"], failed["isGroupParent"]) == ("c", None, None)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"statuses": ["error"]}, ["c"]),
        ({"statuses": "success"}, ["a", "b"]),
        ({"statuses": ["pending"]}, ["d"]),
        ({"statuses": ["finished"]}, ["a", "b", "c"]),
        ({"ids": "a,d,unknown"}, ["a", "d"]),
        ({"title": "beta TWO"}, ["b"]),
        ({"titleOrId": "D"}, ["d"]),
        ({"isGroupParent": False}, ["a", "b", "c", "d"]),
        ({"isGroupParent": True}, []),
        ({"createdBefore": "2000-01-01"}, []),
    ],
)
async def test_filters_are_about_the_latest_run(ledger: Ledger, fields: Body, found: list[str]) -> None:
    assert await ledger.found(**fields) == found


async def test_a_batch_shows_the_records_that_have_not_run_again_since(ledger: Ledger) -> None:
    assert await ledger.found(batchUuid=ledger.batches[0]) == ["a"]
    assert await ledger.found(batchUuid=ledger.batches[1], statuses=["error"]) == ["c"]


async def test_the_executions_filter_is_about_the_latest_run(ledger: Ledger) -> None:
    condition = {"kind": "node", "nodeSlug": "wait", "status": "error"}
    wanted = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}
    assert await ledger.found(executionsFilter=wanted) == ["c"]


async def test_a_download_has_one_row_per_record(ledger: Ledger) -> None:
    packed = await ledger.file("orchestration.record.download")
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))
    assert [(row["recordId"], row["status"]) for row in rows] == [("d", "idle"), ("c", "error"), ("b", "success"), ("a", "success")]
    assert rows[1]["pick"] and rows[1]["wait"] and not rows[2]["wait"]


async def test_outputs_come_with_the_input_of_the_latest_run(ledger: Ledger) -> None:
    text = (await ledger.file("orchestration.record.downloadOutputs", outputNodeSlug="end", ids=["b"], format="json")).decode()
    assert '"who":"Beta two"' in text and '"name":"Beta two"' in text
    status, refusal = await ledger.backend.admin.refusal("orchestration.record.downloadOutputs", workflowUuid=ledger.workflow, ids=["x"])
    assert (status, refusal["reason"]) == (400, "noRecordsFound")


async def test_metrics_count_each_record_once(ledger: Ledger) -> None:
    found = await ledger.backend.admin.call("orchestration.record.getMetrics", workflowUuid=ledger.workflow)
    counts = {
        row["nodeUuid"]: (row["totalExecutionsCount"], row["successExecutionsCount"], row["errorExecutionsCount"])
        for row in found["recordMetrics"]
    }
    assert counts == {"start": (4, 4, 0), "pick": (4, 4, 0), "wait": (2, 0, 1), "end": (2, 2, 0)}
    assert "idleExecutionsCount" not in found["recordMetrics"][0]
    waiting = next(row for row in found["recordMetrics"] if row["nodeUuid"] == "wait")
    assert waiting["pendingExecutionsCount"] == 1


async def test_cancelling_reaches_only_what_is_unfinished(ledger: Ledger) -> None:
    backend = ledger.backend
    made = await backend.admin.call("orchestration.run.create", workflowUuid=ledger.workflow, data={"_id": "e", "minutes": 60})
    await backend.parked(made["run"]["uuid"])
    done = await backend.admin.call("orchestration.record.cancel", workflowUuid=ledger.workflow, ids="a,e")
    assert done["count"] == 1
    assert (await backend.ended("runs", made["run"]["uuid"]))["run"]["status"] == "cancelled"
    many = [str(number) for number in range(2_001)]
    status, refusal = await backend.admin.refusal("orchestration.record.cancel", workflowUuid=ledger.workflow, ids=many)
    assert (status, refusal["reason"]) == (400, "tooManyRecordsSelected")


async def test_no_one_sees_or_cancels_the_records_of_another_workspace(ledger: Ledger) -> None:
    other_api = ledger.backend.other_api
    assert (await other_api.call("orchestration.record.list", workflowUuid=ledger.workflow))["records"] == []
    for name in ("download", "downloadOutputs", "getMetrics", "cancel"):
        status, refusal = await other_api.refusal(f"orchestration.record.{name}", workflowUuid=ledger.workflow, ids=["d"])
        assert (status, refusal["reason"]) == (404, "workflowNotFound")


INNER = [
    node("start", children=("pause",)),
    node("pause", "delay", ("end",), config={"minutes": "{{nodes.start.value}}"}),
    node("end"),
]
LOOP = [
    node("start", children=("loop",)),
    node(
        "loop",
        "group",
        ("end",),
        config={"items": "{{nodes.start.items}}", "_nodes": INNER, "failOnItemFailure": True},
        retry={"maximumAttempts": 2, "initialInterval": 1},
        fallbackOnFailure=True,
    ),
    node("end"),
]


async def test_every_item_of_a_group_is_shown_once_with_where_it_comes_from_and_those_of_the_last_time_through(backend: Backend) -> None:
    workflow = (await backend.admin.deployed(LOOP))[0]["workflowUuid"]
    first = await backend.batch([{"_id": "a", "items": [0, "soon", 0]}, {"_id": "b", "items": [0, 0]}], workflowUuid=workflow)
    top = {run["recordId"]: run["uuid"] for run in (await backend.admin.call("orchestration.run.list", batchUuid=first["uuid"]))["runs"]}

    async def items(**fields: Any) -> list[str]:
        found = (await backend.admin.call("orchestration.record.list", workflowUuid=workflow, isGroupParent=True, **fields))["records"]
        for one in found:
            assert (one["parentNodeUuid"], one["parentBatchUuid"], one["batchUuid"]) == ("loop", batch["uuid"], None)
        count = (await backend.admin.call("orchestration.record.count", workflowUuid=workflow, isGroupParent=True, **fields))["count"]
        assert count == len(found)
        return sorted(one["id"] for one in found)

    batch = first
    # The item that failed has run twice, at least.
    assert len((await backend.admin.call("orchestration.run.list", workflowUuid=workflow, parentUuid=top["a"]))["runs"]) > 3
    assert await items() == ["a", "a", "a", "b", "b"]
    assert await items(parentRunUuid=top["a"]) == ["a", "a", "a"]
    assert await items(parentBatchUuid=first["uuid"], ids=["b"]) == ["b", "b"]
    sql = "SELECT id, parent_batch_uuid FROM records WHERE is_group_parent ORDER BY id"
    rows = (await backend.admin.call("orchestration.query.execute", query=sql))["rows"]
    assert [row["id"] for row in rows if row["parent_batch_uuid"] == first["uuid"]] == ["a", "a", "a", "b", "b"]
    spans = (await backend.admin.call("orchestration.span.list", workflowUuid=workflow, executionStartedAfter="2020-01-01", limit=100))[
        "spans"
    ]
    assert {span["parentBatchUuid"] for span in spans if span["isGroupParent"]} == {first["uuid"]}

    batch = await backend.batch([{"_id": "a", "items": [0]}], workflowUuid=workflow)
    assert await items(ids=["a"]) == ["a"]
