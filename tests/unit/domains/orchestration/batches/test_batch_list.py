"""The list of batches and its filters, by real requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAITING = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}), node("end")]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Batches:
    """Batches of one workflow by name, from the oldest to the newest."""

    backend: Backend
    workflow: str
    named: dict[str, Body]

    async def found(self, **fields: Any) -> list[str]:
        """The names of those that match, oldest first."""
        listed = (await self.backend.admin.call("orchestration.batch.list", **{"workflowUuids": [self.workflow]} | fields))["batches"]
        names = {batch["uuid"]: name for name, batch in self.named.items()}
        return [names[batch["uuid"]] for batch in listed][::-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def batches(backend: Backend) -> Batches:
    """One that went well, an empty one, one in error, one that waits, one that was cancelled."""
    ask = backend.admin.call
    tool, _ = await backend.admin.deployed(WAITING)
    workflow = tool["workflowUuid"]

    async def file(content: bytes) -> Body:
        data = {"kind": "file", "s3Filename": await backend.upload("c.csv", content)}
        made = (await ask("orchestration.batch.create", workflowUuid=workflow, data=data))["batch"]
        return (await backend.ended("batches", made["uuid"]))["batch"]

    named = {"well": await backend.batch([{"minutes": 0}], workflowUuid=workflow)}
    named["empty"] = await file(b"minutes\n")
    named["error"] = await file(b"minutes\n0,1\n")
    await ask("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=WAITING)
    for name in ("waits", "cancelled"):
        named[name] = await backend.start_batch([{"minutes": 60}], workflowUuid=workflow)
        await backend.idle(named[name]["uuid"], 1)
    await ask("orchestration.batch.cancel", uuid=named["cancelled"]["uuid"])
    await backend.ended("batches", named["cancelled"]["uuid"])
    return Batches(backend, workflow, named)


ALL = ["well", "empty", "error", "waits", "cancelled"]


async def test_without_a_filter_all_come_newest_first(batches: Batches) -> None:
    assert await batches.found() == ALL
    listed = (await batches.backend.admin.call("orchestration.batch.list"))["batches"]
    assert [batch["uuid"] for batch in listed] == sorted((batch["uuid"] for batch in listed), reverse=True)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"statuses": ["success"]}, ["well", "empty"]),
        ({"statuses": ["error"]}, ["error"]),
        ({"statuses": ["running"]}, ["waits"]),
        ({"statuses": ["cancelled", "error"]}, ["error", "cancelled"]),
        ({"statuses": ["finished"]}, ["well", "empty", "error", "cancelled"]),
        ({"statuses": ["finished", "running"]}, ALL),
        ({"isFinished": True}, ["well", "empty", "error", "cancelled"]),
        ({"isFinished": False}, ["waits"]),
        ({"hasRuns": True}, ["well", "waits", "cancelled"]),
        ({"hasRuns": False}, ["empty", "error"]),
        ({"isSkipped": True}, []),
        ({"isSkipped": False}, ALL),
        ({"includedDataKinds": ["file"]}, ["empty", "error"]),
        ({"includedDataKinds": ["file", "records"]}, ALL),
        ({"includedDataKinds": ["segment"]}, []),
        ({"excludedDataKinds": ["file"]}, ["well", "waits", "cancelled"]),
        ({"excludedDataKinds": ["segment"]}, ALL),
        ({"parentBatchUuid": UNKNOWN}, []),
        ({"parentRunUuid": UNKNOWN}, []),
        ({"parentNodeUuid": UNKNOWN}, []),
        ({"releaseUuid": UNKNOWN}, []),
        ({"releaseUuid": "no-uuid"}, []),
        ({"workflowUuids": [UNKNOWN, "no-uuid"]}, []),
        ({"isFinished": True, "hasRuns": True, "statuses": ["success"]}, ["well"]),
    ],
)
async def test_filters(batches: Batches, fields: Body, found: list[str]) -> None:
    assert await batches.found(**fields) == found


async def test_a_release_and_either_spelling_of_workflows(batches: Batches) -> None:
    assert await batches.found(releaseUuid=batches.named["well"]["releaseUuid"]) == ALL[:3]
    assert await batches.found(releaseUuid=batches.named["waits"]["releaseUuid"]) == ALL[3:]
    listed = await batches.backend.admin.call("orchestration.batch.list", workflowUuid=batches.workflow)
    assert len(listed["batches"]) == 5


async def test_pages_never_overlap(batches: Batches) -> None:
    pages = [await batches.found(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert pages == [["waits", "cancelled"], ["empty", "error"], ["well"], []]


async def test_live_counts_of_a_batch_that_is_going(batches: Batches) -> None:
    batch = (await batches.backend.admin.call("orchestration.batch.get", uuid=batches.named["waits"]["uuid"]))["batch"]
    assert (batch["status"], batch["runsCount"], batch["executedRunsCount"], batch["runsStatus"]) == ("running", 1, 0, None)
    assert batch["finishedAt"] is None


@pytest.mark.parametrize("fields", [{"statuses": ["done"]}, {"limit": 0}, {"includedDataKinds": ["tea"]}, {"hasRuns": "perhaps"}])
async def test_a_filter_that_is_none_is_refused(batches: Batches, fields: Body) -> None:
    status, body = await batches.backend.admin.refusal("orchestration.batch.list", **fields)
    assert (status, body["reason"]) == (400, "invalidInput")
