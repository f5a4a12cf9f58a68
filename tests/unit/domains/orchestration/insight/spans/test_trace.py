"""Spans and traces: what nodes did and what a start has led to, read from the journal itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.kernel import ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_AGO = "2020-01-01"
GRAPH = [
    node("start", children=("pick",)),
    node("pick", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}, fallbackOnFailure="{fallback}"),
    node("end", config={"variables": [{"name": "who", "type": "string", "value": "{{nodes.start.name}}"}]}),
]


@dataclass(frozen=True)
class Story:
    """One good run, one that fails, one that waits, one whose failure is absorbed, and a batch of one good and one failing record."""

    backend: Backend
    workflow: str
    runs: dict[str, str]
    batch: str

    async def spans(self, **fields: Any) -> list[Body]:
        """The spans that match; list and count agree."""
        found = await self.backend.admin.call("orchestration.span.list", executionStartedAfter=LONG_AGO, **fields)
        counted = await self.backend.admin.call("orchestration.span.count", executionStartedAfter=LONG_AGO, **fields)
        assert found["count"] == counted["count"] == len(found["spans"])
        return found["spans"]

    async def traces(self, **fields: Any) -> list[Body]:
        """The traces that match; list and count agree."""
        found = await self.backend.admin.call("orchestration.trace.list", startedAfter=LONG_AGO, **fields)
        counted = await self.backend.admin.call("orchestration.trace.count", startedAfter=LONG_AGO, **fields)
        assert found["count"] == counted["count"] == len(found["traces"])
        return found["traces"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(backend: Backend) -> Story:
    """Everything that happened, as it is when nothing more does."""
    strict, lenient = ([{**one, "fallbackOnFailure": on if one["slug"] == "wait" else False} for one in GRAPH] for on in (False, True))
    tool, _ = await backend.admin.deployed(strict)
    workflow = tool["workflowUuid"]
    data: dict[str, Body] = {"good": {"name": "Acme"}, "bad": {"name": "Beta", "minutes": "soon"}, "waits": {"name": "C", "minutes": 60}}
    runs = {
        name: (await backend.admin.call("orchestration.run.create", workflowUuid=workflow, data=one))["run"]["uuid"]
        for name, one in data.items()
    }
    await backend.ended("runs", runs["good"])
    await backend.ended("runs", runs["bad"])
    await backend.parked(runs["waits"])
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=lenient)
    runs["absorbed"] = (await backend.run({"name": "D", "minutes": "soon"}, workflowUuid=workflow))["run"]["uuid"]
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=strict)
    batch = await backend.batch([{"name": "E"}, {"name": "F", "minutes": "soon"}], workflowUuid=workflow)
    return Story(backend, workflow, runs, batch["uuid"])


async def test_the_spans_of_a_run_are_its_executions_the_last_one_first(story: Story) -> None:
    spans = await story.spans(runUuid=story.runs["bad"])
    assert [(one["nodeSlug"], one["executionStatus"], one["executionIndex"]) for one in spans] == [
        ("wait", "error", 2),
        ("pick", "success", 1),
        ("start", "success", 0),
    ]
    assert spans[0]["executionErrorMessage"] and spans[1]["nodeNextUuid"] == "wait" and spans[1]["nodeChildIndex"] == 0
    assert {one["nodeKind"] for one in spans} == {"native"} and spans[0]["nodeActionSlug"] == "delay"


async def test_a_node_that_a_run_waits_at_is_a_pending_span(story: Story) -> None:
    (span,) = await story.spans(executionStatuses=["pending"])
    assert (span["runUuid"], span["nodeSlug"], span["executionIndex"], span["executionFinishedAt"]) == (
        story.runs["waits"],
        "wait",
        2,
        None,
    )


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"executionStatuses": "error"}, 3),
        ({"nodeSlug": "end"}, 3),
        ({"nodeActionSlug": "delay"}, 4),
        ({"nodeKind": "connector"}, 0),
        ({"recordTitle": "bet"}, 3),
        ({"executionTitleOrErrorMessage": "zzz"}, 0),
        ({"executionStartedBefore": LONG_AGO}, 0),
        ({"nodeUuid": "start", "limit": 1000}, 6),
        ({"runUuid": "no-uuid"}, 0),
        ({"nodeToolUuid": "' or true --"}, 0),
    ],
)
async def test_filters_of_spans(story: Story, fields: Body, count: int) -> None:
    assert len(await story.spans(workflowUuid=story.workflow, **fields)) == count


async def test_the_trace_of_a_batch_has_the_spans_of_all_its_runs(story: Story) -> None:
    spans = await story.spans(traceUuid=story.batch)
    assert len(spans) == 6 and {one["batchUuid"] for one in spans} == {story.batch}
    trace = (await story.backend.admin.call("orchestration.trace.get", uuid=story.batch))["trace"]
    assert (trace["spansCount"], trace["failedSpansCount"], trace["succeededSpansCount"]) == (6, 1, 5)
    assert (trace["rootRunUuid"], trace["status"]) == (None, "degraded")


async def test_traces_tell_what_became_of_each_start_the_newest_first(story: Story) -> None:
    traces = await story.traces(workflowUuid=story.workflow)
    assert [(one["rootRecordTitle"], one["status"]) for one in traces] == [
        (None, "degraded"),
        ("D", "degraded"),
        ("C", "pending"),
        ("Beta", "error"),
        ("Acme", "success"),
    ]
    assert [one["pendingSpansCount"] for one in traces] == [0, 0, 1, 0, 0]
    assert [one["spansCount"] for one in traces] == [6, 4, 3, 3, 3]


async def test_traces_are_filtered_by_status_and_time(story: Story) -> None:
    assert [one["rootRunUuid"] for one in await story.traces(statuses=["error"])] == [story.runs["bad"]]
    assert len(await story.traces(statuses="degraded,pending")) == 3
    assert await story.traces(startedBefore=LONG_AGO) == []
    assert await story.traces(chatUuid="00000000-0000-4000-8000-000000000000") == []


async def test_what_a_run_started_belongs_to_its_trace_and_says_where_it_hangs(story: Story) -> None:
    child, parent = ids.new(), uuid.UUID(story.runs["good"])
    copied = "workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, release_uuid, trace_uuid"
    async with story.backend.state.database.session(ALL_WORKSPACES) as db:
        raw: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        await raw.execute(
            f"insert into runs (uuid, {copied}, record_id, record_title, record, status, parent_uuid, parent_node_uuid, is_group_parent,"
            f" created_ms, updated_ms, finished_ms) select %s, {copied}, 'item', 'Item', '{{}}', 'success', uuid, 'pick', true, created_ms,"
            " updated_ms, finished_ms from runs where uuid = %s",
            (child, parent),
        )
        await raw.execute(
            "insert into execution_rows select %s, seq, workspace_uuid, node_uuid, node_slug, visit, status, child_index, next_node_uuid,"
            " title, error_message, warnings, output, output_file, config, credits, started_ms, finished_ms"
            " from executions where run_uuid = %s",
            (child, parent),
        )
        await db.commit()
    spans = await story.spans(traceUuid=str(parent))
    assert [one["parentNodeUuid"] for one in spans] == ["pick"] * 3 + [None] * 3
    assert (await story.spans(parentRunUuid=str(parent), nodeSlug="end"))[0]["runUuid"] == str(child)
    trace = (await story.backend.admin.call("orchestration.trace.get", uuid=str(parent)))["trace"]
    assert (trace["spansCount"], trace["rootRecordTitle"]) == (6, "Acme")
    records = await story.backend.admin.call("orchestration.record.list", workflowUuid=story.workflow, isGroupParent=True)
    assert [(one["parentRunUuid"], one["isGroupParent"]) for one in records["records"]] == [(str(parent), True)]


async def test_another_workspace_sees_no_span_and_no_trace(story: Story) -> None:
    other_api = story.backend.other_api
    assert (await other_api.call("orchestration.span.list", executionStartedAfter=LONG_AGO))["count"] == 0
    assert (await other_api.call("orchestration.trace.list", startedAfter=LONG_AGO))["count"] == 0
    for uid in (story.batch, story.runs["good"], "no-uuid"):
        assert (await other_api.refusal("orchestration.trace.get", uuid=uid))[1]["reason"] == "traceNotFound"


async def test_spans_since_the_middle_of_a_run_are_counted_as_they_are_listed(story: Story) -> None:
    ask, filters = story.backend.admin.call, [{}, {"workflowUuid": story.workflow}, {"batchUuid": story.batch}, {"traceUuid": story.batch}]
    moments = {span["executionStartedAt"] for span in await story.spans(workflowUuid=story.workflow)}
    assert len(moments) > 2
    for moment in moments:
        for filter in filters:
            found = await ask("orchestration.span.list", executionStartedAfter=moment, **filter)
            counted = await ask("orchestration.span.count", executionStartedAfter=moment, **filter)
            assert found["count"] == counted["count"] == len(found["spans"]), (moment, filter)
