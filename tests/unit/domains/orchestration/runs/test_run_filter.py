"""Which runs a list, a count and a download are about: every filter, on one history of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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
RECORDS: list[Body] = [
    {"_id": "a-1", "name": "Acme 100%"},
    {"_id": "b-2", "name": "Beta", "minutes": "soon"},
    {"_id": "c-3", "name": "Gamma_x", "minutes": 60},
    {"_id": "d-4", "name": "Delta", "minutes": 60},
]
"""Ends in success, in error, waits, waits until it is cancelled."""


@dataclass(frozen=True)
class History:
    """Runs of one workflow: four single ones (see RECORDS), then a batch of two, of another release."""

    backend: Backend
    workflow: str
    releases: list[str]
    single: list[str]
    batch: str
    of_batch: list[str]

    async def found(self, **fields: Any) -> list[str]:
        """The record ids of the runs that match, oldest first; list, count and download agree about them."""
        ask = self.backend.admin.call
        listed = await ask("orchestration.run.list", workflowUuid=self.workflow, **fields)
        uuids = [run["uuid"] for run in listed["runs"]]
        assert uuids == sorted(uuids, reverse=True)
        counted = await ask("orchestration.run.count", workflowUuid=self.workflow, **fields)
        assert listed["count"] == counted["count"] == len(uuids)
        if "userUuid" not in fields:
            url = (await ask("orchestration.run.download", workflowUuid=self.workflow, format="json", **fields))["url"]
            reply = await self.backend.admin.http.get(url)
            assert [row["runUuid"] for row in reply.json()] == uuids
        return [run["recordId"] for run in listed["runs"]][::-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history(backend: Backend) -> History:
    """The runs, as they are when nothing more happens."""
    ask = backend.admin.call
    tool, first = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    made = [await ask("orchestration.run.create", workflowUuid=workflow, data=record) for record in RECORDS]
    single = [one["run"]["uuid"] for one in made]
    for uuid in single[:2]:
        await backend.ended("runs", uuid)
    for uuid in single[2:]:
        await backend.parked(uuid)
    await ask("orchestration.run.cancel", workflowUuid=workflow, uuids=single[3:])
    second = (await ask("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=GRAPH))["release"]
    batch = await backend.batch(
        [{"_id": "e-5", "name": "Epsilon"}, {"_id": "f-6", "name": "Zeta", "minutes": "soon"}], workflowUuid=workflow
    )
    listed = await ask("orchestration.run.list", batchUuid=batch["uuid"])
    return History(backend, workflow, [first["uuid"], second["uuid"]], single, batch["uuid"], [run["uuid"] for run in listed["runs"]][::-1])


ALL = ["a-1", "b-2", "c-3", "d-4", "e-5", "f-6"]


async def test_without_a_filter_all_runs_of_the_workflow_come_newest_first(history: History) -> None:
    assert await history.found() == ALL


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        (["success"], ["a-1", "e-5"]),
        (["error"], ["b-2", "f-6"]),
        (["idle"], ["c-3"]),
        (["cancelled"], ["d-4"]),
        (["finished"], ["a-1", "b-2", "d-4", "e-5", "f-6"]),
        (["idle", "error"], ["b-2", "c-3", "f-6"]),
        (["running"], []),
        (["pending"], []),
        (["cancelling"], []),
        (["skipped"], []),
        ([], []),
        ("success,cancelled", ["a-1", "d-4", "e-5"]),
    ],
)
async def test_statuses(history: History, statuses: Any, found: list[str]) -> None:
    assert await history.found(statuses=statuses) == found


async def test_finished_or_not(history: History) -> None:
    assert await history.found(isFinished=True) == ["a-1", "b-2", "d-4", "e-5", "f-6"]
    assert await history.found(isFinished=False) == ["c-3"]


async def test_batch_release_and_user(history: History) -> None:
    assert await history.found(batchUuid=history.batch) == ["e-5", "f-6"]
    assert await history.found(releaseUuid=history.releases[0]) == ["a-1", "b-2", "c-3", "d-4"]
    assert await history.found(releaseUuid=history.releases[1], statuses=["error"]) == ["f-6"]
    listed = await history.backend.admin.call("orchestration.run.list", workflowUuid=history.workflow, limit=1)
    assert await history.found(userUuid=listed["runs"][0]["userUuid"]) == ALL


@pytest.mark.parametrize("field", ["batchUuid", "releaseUuid", "userUuid", "parentBatchUuid", "parentUuid", "parentNodeUuid"])
@pytest.mark.parametrize("value", ["00000000-0000-4000-8000-000000000000", "no-uuid"])
async def test_what_no_one_is_matches_nothing(history: History, field: str, value: str) -> None:
    assert await history.found(**{field: value}) == []


async def test_items_of_groups(history: History) -> None:
    assert await history.found(isGroupParent=False) == ALL
    assert await history.found(isGroupParent=True) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"recordId": "b-2"}, ["b-2"]),
        ({"recordId": "b"}, []),
        ({"recordTitle": "eta"}, ["b-2", "f-6"]),
        ({"recordTitle": "ACME"}, ["a-1"]),
        ({"recordTitle": "100%"}, ["a-1"]),
        ({"recordTitle": "%"}, ["a-1"]),
        ({"recordTitle": "_"}, ["c-3"]),
        ({"recordTitle": "\\"}, []),
        ({"recordTitleOrId": "-"}, ALL),
        ({"recordTitleOrId": "4"}, ["d-4"]),
        ({"recordTitleOrId": "gamma"}, ["c-3"]),
        ({"recordTitle": "' or 1=1 --"}, []),
    ],
)
async def test_records(history: History, fields: Body, found: list[str]) -> None:
    assert await history.found(**fields) == found


async def test_times(history: History) -> None:
    listed = (await history.backend.admin.call("orchestration.run.list", workflowUuid=history.workflow))["runs"][::-1]
    created = [run["createdAt"] for run in listed]
    split = created[2]
    before = [run["recordId"] for run in listed if run["createdAt"] < split]
    after = [run["recordId"] for run in listed if run["createdAt"] >= split]
    assert await history.found(createdAfter=split) == after
    assert await history.found(createdBefore=split) == before
    assert await history.found(createdAfter=split, createdBefore=split) == []
    updated = max(run["updatedAt"] for run in listed)
    assert await history.found(updatedBefore=updated) == [run["recordId"] for run in listed if run["updatedAt"] < updated]
    assert await history.found(updatedAfter=updated) == [run["recordId"] for run in listed if run["updatedAt"] >= updated]
    later = (datetime.fromisoformat(created[-1]) + timedelta(days=400)).isoformat()
    assert await history.found(createdAfter=later) == []
    assert await history.found(createdBefore=later, createdAfter="1971-01-01T00:00:00Z") == ALL


def groups(*conditions: Body, inner: str = "and", outer: str = "and") -> Body:
    return {"conjonction": outer, "groups": [{"conjonction": inner, "conditions": [{"kind": "node", **one} for one in conditions]}]}


def nothing(outer: str) -> Body:
    return {"conjonction": outer, "groups": []}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (groups({"nodeSlug": "wait", "status": "absent"}), ["a-1", "c-3", "d-4", "e-5"]),
        (groups({"nodeSlug": "wait", "status": "pending"}), ["c-3"]),
        (groups({"nodeSlug": "wait", "status": "error"}), ["b-2", "f-6"]),
        (groups({"nodeSlug": "wait", "status": "error", "value": "MINUTES"}), ["b-2", "f-6"]),
        (groups({"nodeSlug": "wait", "status": "error", "value": "hours"}), []),
        (groups({"nodeSlug": "end", "status": "success"}), ["a-1", "e-5"]),
        (groups({"nodeSlug": "end", "status": "success", "value": "acme 100%"}), ["a-1"]),
        (groups({"nodeSlug": "gone", "status": "success"}), []),
        (groups({"nodeSlug": "end", "status": "success"}, {"nodeSlug": "wait", "status": "error"}), []),
        (
            groups({"nodeSlug": "end", "status": "success"}, {"nodeSlug": "wait", "status": "error"}, inner="or"),
            ["a-1", "b-2", "e-5", "f-6"],
        ),
        (nothing(outer="and"), ALL),
        (nothing(outer="or"), []),
        (groups(inner="or"), []),
        (groups(inner="and"), ALL),
        (
            {
                "conjonction": "or",
                "groups": [
                    groups({"nodeSlug": "wait", "status": "pending"})["groups"][0],
                    groups({"nodeSlug": "end", "status": "success", "value": "Eps"})["groups"][0],
                ],
            },
            ["c-3", "e-5"],
        ),
    ],
)
async def test_what_became_of_the_nodes(history: History, wanted: Body, found: list[str]) -> None:
    assert await history.found(executionsFilter=wanted) == found


async def test_pages_never_overlap(history: History) -> None:
    ask = history.backend.admin.call
    pages = [await ask("orchestration.run.list", workflowUuid=history.workflow, limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [page["count"] for page in pages] == [6, 6, 6]
    assert [run["recordId"] for page in pages for run in page["runs"]] == ALL[::-1]
    assert pages[2]["runs"] == []


async def test_the_counters_of_a_finished_batch_agree_with_its_runs(history: History) -> None:
    ask = history.backend.admin.call
    for statuses in (None, ["success"], ["error"], ["cancelled"], ["success", "error"], [], ["idle"], ["finished"]):
        fields = {} if statuses is None else {"statuses": statuses}
        counted = (await ask("orchestration.run.count", batchUuid=history.batch, **fields))["count"]
        # The same, in a form that no counter answers.
        looked = (await ask("orchestration.run.count", batchUuid=history.batch, createdAfter="1971-01-01T00:00:00Z", **fields))["count"]
        assert counted == looked
    other = (await history.backend.admin.tool("Other"))["workflowUuid"]
    assert (await ask("orchestration.run.count", batchUuid=history.batch, workflowUuid=other))["count"] == 0


async def test_named_runs_can_be_downloaded(history: History) -> None:
    uuids = [history.single[0], history.of_batch[1], "00000000-0000-4000-8000-000000000000", "no-uuid"]
    reply = await history.backend.admin.call("orchestration.run.download", workflowUuid=history.workflow, uuids=uuids, format="json")
    rows = (await history.backend.admin.http.get(reply["url"])).json()
    assert [row["recordId"] for row in rows] == ["f-6", "a-1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"statuses": ["done"]},
        {"limit": 0},
        {"limit": 1001},
        {"offset": -1},
        {"createdAfter": "yesterday"},
        {"executionsFilter": {"conjonction": "xor", "groups": []}},
        {"recordTitle": "nul\0"},
    ],
)
async def test_a_filter_that_is_none_is_refused(history: History, fields: Body) -> None:
    status, body = await history.backend.admin.refusal("orchestration.run.list", workflowUuid=history.workflow, **fields)
    assert (status, body["reason"]) == (400, "invalidInput")
    assert body["errors"][0]["path"].startswith(next(iter(fields)))


@pytest.mark.parametrize(
    ("fields", "counted", "exact"),
    [
        ({"countUpTo": 6}, 6, True),
        ({"countUpTo": 2}, 2, False),
        ({"countUpTo": 1, "statuses": ["error"]}, 1, False),
        ({"countUpTo": 2, "statuses": ["error"]}, 2, True),
        # Nothing finds these by an index: no more runs are looked at than are counted.
        ({"countUpTo": 2, "isFinished": True}, 2, False),
        ({"countUpTo": 0}, 0, False),
    ],
)
async def test_counting_stops_where_it_was_asked_to(history: History, fields: Body, counted: int, exact: bool) -> None:
    reply = await history.backend.admin.call("orchestration.run.count", workflowUuid=history.workflow, **fields)
    assert (reply["count"], reply["isCountExact"]) == (counted, exact)


async def test_a_page_is_filled_from_behind_what_was_counted(history: History) -> None:
    fields = {"workflowUuid": history.workflow, "countUpTo": 1, "isFinished": True}
    listed = await history.backend.admin.call("orchestration.run.list", **fields)
    assert [run["recordId"] for run in listed["runs"]] == ["f-6", "e-5", "d-4", "b-2", "a-1"]
    assert (listed["count"], listed["isCountExact"]) == (5, True), "the page has all of them"


async def test_records_and_spans_are_counted_as_far_as_is_asked(history: History) -> None:
    ask = history.backend.admin.call
    records = await ask("orchestration.record.list", workflowUuid=history.workflow, countUpTo=2, limit=1)
    assert (len(records["records"]), records["isCountExact"]) == (1, False)
    fields = {"workflowUuid": history.workflow, "executionStartedAfter": "2020-01-01", "countUpTo": 3}
    spans = await ask("orchestration.span.count", **fields)
    assert (spans["count"], spans["isCountExact"]) == (3, False)
    traces = await ask("orchestration.trace.count", workflowUuid=history.workflow, startedAfter="2020-01-01", countUpTo=1)
    assert (traces["count"], traces["isCountExact"]) == (1, False)
