"""What fails most, and runs reported as they happen."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.journal import failures
from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [
    node("start", children=("check",)),
    node("check", "script", ("wait",), config={"script": "if (nodes.start.fail) throw new Error(nodes.start.fail); return 1"}),
    node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes || 0}}"}),
    node("end"),
]

NOTED = "select count(*) from failed_runs where workflow_uuid = %s"


async def follow(backend: Backend, **fields: Any) -> list[Body]:
    """The lines of a tail until it ends."""
    url = (await backend.admin.call("orchestration.run.tail", **fields))["url"]
    async with backend.admin.http.stream("GET", url) as reply:
        assert reply.status_code == 200
        return [json.loads(line) async for line in reply.aiter_lines()]


async def test_errors_are_grouped_by_node_and_by_message_apart_from_numbers(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    fails = ["No company 17", "No company 4,711", "Forbidden", None, "No company 01a21391-5f8c-7a71-8a63-99476d01d0e7"]
    records = [{"_id": f"r{number}", "fail": fail} for number, fail in enumerate(fails)]
    first = await backend.batch(records, workflowUuid=workflow)
    await backend.batch(
        [{"_id": "x", "minutes": "soon"}, {"_id": "y", "fail": "Forbidden"}, {"_id": "z", "fail": "Forbidden"}], workflowUuid=workflow
    )
    found = await backend.admin.call("orchestration.run.getErrors", workflowUuid=workflow)
    reported = [(one["nodeSlug"], one["runsCount"], one["recordId"]) for one in found["runErrors"]]
    assert (sorted(reported), found["count"]) == (sorted([("check", 3, "z"), ("check", 3, "r4"), ("wait", 1, "x")]), 3)
    assert "No company 01a21391" in next(one["errorMessage"] for one in found["runErrors"] if one["recordId"] == "r4")
    of_batch = await backend.admin.call("orchestration.run.getErrors", workflowUuid=workflow, batchUuid=first["uuid"], limit=1)
    assert ([one["runsCount"] for one in of_batch["runErrors"]], of_batch["count"]) == ([3], 2)
    assert (await backend.admin.call("orchestration.run.getErrors", workflowUuid=workflow, createdBefore="2020-01-01"))["runErrors"] == []
    assert (await backend.other_api.refusal("orchestration.run.getErrors", workflowUuid=workflow))[1]["reason"] == "workflowNotFound"


async def test_hosts_and_e_mail_addresses_do_not_part_errors_but_paths_do(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    messages = ["unknown: www.acme.com", "unknown: a-b.co.uk", "unknown: ann.b@acme.com", "nodes.start.name", "nodes.start.size"]
    records = [{"_id": str(at), "fail": message} for at, message in enumerate(messages)]
    await backend.batch(records, workflowUuid=tool["workflowUuid"])
    errors = (await backend.admin.call("orchestration.run.getErrors", workflowUuid=tool["workflowUuid"]))["runErrors"]
    assert [one["runsCount"] for one in errors] == [3, 1, 1]


async def test_an_absorbed_failure_is_counted_as_such(backend: Backend) -> None:
    lenient = [{**one, "fallbackOnFailure": one["slug"] == "check"} for one in GRAPH]
    tool, _ = await backend.admin.deployed(lenient)
    await backend.run({"fail": "Oops"}, workflowUuid=tool["workflowUuid"])
    (error,) = (await backend.admin.call("orchestration.run.getErrors", workflowUuid=tool["workflowUuid"]))["runErrors"]
    assert (error["runsCount"], error["absorbedCount"]) == (1, 1)


async def test_errors_are_the_same_before_and_after_they_are_counted(backend: Backend) -> None:
    lenient = [{**one, "fallbackOnFailure": one["slug"] == "check"} for one in GRAPH]
    tool, _ = await backend.admin.deployed(lenient)
    url = backend.state.database.url.replace("+psycopg", "")
    async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True) as connection, connection.transaction():
        # No one counts meanwhile.
        await connection.execute(failures.LOCK)
        records: list[Body] = [{"_id": str(at), "fail": f"No company {at}" if at % 2 else "Forbidden"} for at in range(5)]
        await backend.batch([*records, {"_id": "x", "minutes": "soon", "fail": "Forbidden"}], workflowUuid=tool["workflowUuid"])
        waiting = await backend.admin.call(
            "orchestration.run.create", workflowUuid=tool["workflowUuid"], data={"fail": "Gone", "minutes": 9}
        )
        await backend.parked(waiting["run"]["uuid"])
        before = (await backend.admin.call("orchestration.run.getErrors", workflowUuid=tool["workflowUuid"]))["runErrors"]
        noted = await (await connection.execute(NOTED, (tool["workflowUuid"],))).fetchone()
    assert sorted((one["nodeSlug"], one["runsCount"], one["absorbedCount"]) for one in before) == [
        ("check", 1, 0), ("check", 2, 2), ("check", 4, 3), ("wait", 1, 0)
    ]  # fmt: skip
    async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True) as connection:
        while await failures.fold(connection):
            pass
        assert (noted, await (await connection.execute(NOTED, (tool["workflowUuid"],))).fetchone()) == ((7,), (1,)), "one goes on"
    after = (await backend.admin.call("orchestration.run.getErrors", workflowUuid=tool["workflowUuid"]))["runErrors"]
    assert sorted(after, key=str) == sorted(before, key=str)
    lately = (clock.now() - timedelta(minutes=10)).isoformat()
    of_time = await backend.admin.call("orchestration.run.getErrors", workflowUuid=tool["workflowUuid"], createdAfter=lately)
    assert sorted(of_time["runErrors"], key=str) == sorted(before, key=str), "also those of a part of an hour"


async def test_a_batch_is_followed_to_its_end(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    records = [{"_id": f"r{number}", "fail": "Oops" if number == 3 else None} for number in range(20)]
    batch = await backend.start_batch(records, workflowUuid=tool["workflowUuid"])
    lines = await follow(backend, batchUuid=batch["uuid"])
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["status"]) == ("following", "batch", "success")
    ended = {line["recordId"]: (line["status"], line["nodeSlug"]) for line in lines if line["event"] == "run"}
    assert ended == {f"r{number}": ("error", "check") if number == 3 else ("success", "end") for number in range(20)}
    assert len(lines) == 22


async def test_a_run_is_followed_node_by_node(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    made = await backend.admin.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={})
    lines = await follow(backend, runUuid=made["run"]["uuid"])
    assert [line.get("nodeSlug") for line in lines if line["event"] == "node"] == ["start", "check", "wait", "end"]
    assert (lines[-1]["event"], lines[-1]["status"]) == ("run", "success")


async def test_a_workflow_is_followed_while_new_runs_come_until_the_time_is_up(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    following = asyncio.create_task(follow(backend, workflowUuid=workflow, seconds=2))
    await backend.run({"_id": "now"}, workflowUuid=workflow)
    lines = await following
    assert [line["event"] for line in lines] == ["following", "run", "stopped"]
    assert (lines[1]["recordId"], lines[1]["status"]) == ("now", "success")


async def test_nothing_of_another_workspace_can_be_followed(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    made = await backend.admin.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={})
    for fields, reason in (
        ({"workflowUuid": tool["workflowUuid"]}, "workflowNotFound"),
        ({"runUuid": made["run"]["uuid"]}, "runNotFound"),
        ({"batchUuid": made["run"]["uuid"]}, "batchNotFound"),
        ({}, "nothingToFollow"),
    ):
        assert (await backend.other_api.refusal("orchestration.run.tail", **fields))[1]["reason"] == reason
