"""The command that an explanation gives can be pasted: each of them is read as the command line reads it, and carried out."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from cargo_ai.cli.arguments.parse import parse
from cargo_ai.cli.run import Request
from cargo_ai.cli.words.commands import find
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.unit.domains.orchestration.insight.explanations.test_explain import companies

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROKEN = node("broken", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"})
GRAPH = [node("start", children=("broken",)), BROKEN, node("end")]


async def carried_out(api: ApiClient, command: str) -> Body:
    """What the server answers to a command, every word of which the command line knows."""
    name, *words = shlex.split(command)
    found = find(words)
    assert name == "cargo-ai" and found.row is not None, command
    request = Request(found.row, parse(found.row, found.words, found.rest))
    reply = await api.http.request(request.verb, f"{request.path}?{request.query}", json=request.body)
    assert reply.status_code == 200, f"{command}: {reply.text}"
    answer: Body = reply.json()
    return answer


async def why(backend: Backend, run: str, reason: str) -> Body:
    """The explanation of a run, which has this reason."""
    found: Body = (await backend.admin.call("orchestration.run.explain", uuid=run))["explanation"]
    assert found["reason"] == reason, found
    return found


async def ran(backend: Backend, nodes: list[Body], data: Body, reason: str) -> Body:
    """The explanation of a run of a fresh tool that has ended."""
    tool, _ = await backend.admin.deployed(nodes)
    return await why(backend, (await backend.run(data, workflowUuid=tool["workflowUuid"]))["run"]["uuid"], reason)


async def test_a_node_that_failed_is_tried_again_from_there(backend: Backend) -> None:
    found = await ran(backend, GRAPH, {"minutes": "soon"}, "nodeFailed")
    assert found["fix"] == f"cargo-ai orchestration run replay {found['runUuid']} --from-node broken" and found["batchFix"] is None
    again = (await carried_out(backend.admin, found["fix"]))["run"]
    assert (again["replayOfUuid"], again["reusedExecutionsCount"]) == (found["runUuid"], 1)


async def test_the_failures_of_a_batch_are_done_again_together(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    batch = await backend.batch([{"minutes": "soon"}, {"minutes": 0}, {"minutes": "late"}], workflowUuid=tool["workflowUuid"])
    runs = (await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"], statuses=["error"]))["runs"]
    found = await why(backend, runs[0]["uuid"], "nodeFailed")
    await carried_out(backend.admin, found["fix"])
    again = (await carried_out(backend.admin, found["batchFix"]))["batch"]
    ended = (await backend.ended("batches", again["uuid"]))["batch"]
    assert (ended["runsCount"], ended["failedRunsCount"]) == (2, 2)


async def test_after_a_new_release_the_commands_repeat_with_that(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    batch = await backend.batch([{"minutes": "soon"}], workflowUuid=workflow)
    (run,) = (await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"]))["runs"]
    before = await why(backend, run["uuid"], "nodeFailed")
    assert "--release-uuid" not in before["fix"] + before["batchFix"]
    mended = [GRAPH[0], node("broken", "delay", ("end",), config={"minutes": 0}), GRAPH[2]]
    deployed = await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=mended, formFields=None)
    release = deployed["release"]["uuid"]
    found = await why(backend, run["uuid"], "nodeFailed")
    assert f"another release now, {release}" in found["sentence"]
    assert found["fix"].endswith(f"--release-uuid {release}")
    again = (await carried_out(backend.admin, found["fix"]))["run"]
    assert (await backend.ended("runs", again["uuid"]))["run"]["status"] == "success"
    repeated = (await carried_out(backend.admin, found["batchFix"]))["batch"]
    assert (await backend.ended("batches", repeated["uuid"]))["batch"]["failedRunsCount"] == 0


async def test_what_failed_in_a_group_or_a_tool_is_tried_again_by_the_run_at_the_top(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    call = node("call", children=("end",), kind="tool", toolUuid=tool["uuid"], config={"minutes": "{{nodes.start.minutes}}"})
    inner = [node("start", children=("call",)), call, node("end")]
    loop = node("loop", "group", ("end",), config={"items": [{"minutes": "soon"}], "_nodes": inner, "failOnItemFailure": True})
    top = await ran(backend, [node("start", children=("loop",)), loop, node("end")], {}, "childFailed")
    item = (await carried_out(backend.admin, top["fix"]))["explanation"]
    assert item["reason"] == "childFailed"
    found = (await carried_out(backend.admin, item["fix"]))["explanation"]
    assert found["reason"] == "nodeFailed"
    assert found["fix"] == f"cargo-ai orchestration run replay {top['runUuid']} --from-node loop.call.broken"
    assert (await carried_out(backend.admin, found["fix"]))["run"]["replayOfUuid"] == top["runUuid"]


async def test_runs_that_ended_otherwise_than_one_might_think_can_be_looked_at(backend: Backend) -> None:
    lenient = [{**one, "fallbackOnFailure": one["slug"] == "broken"} for one in GRAPH]
    spite = await ran(backend, lenient, {"minutes": "soon"}, "succeededInSpite")
    assert (await carried_out(backend.admin, spite["fix"]))["run"]["uuid"] == spite["runUuid"]
    check = node("check", "filter", ("end",), config={"condition": "{{false}}"})
    stopped = await ran(backend, [node("start", children=("check",)), check, node("end")], {}, "stoppedByFilter")
    assert (await carried_out(backend.admin, stopped["fix"]))["run"]["uuid"] == stopped["runUuid"]


async def test_what_a_run_waits_for_can_be_looked_at(backend: Backend) -> None:
    ask = backend.admin.call
    tool, _ = await backend.admin.deployed(GRAPH)
    call = node("call", children=("end",), kind="tool", toolUuid=tool["uuid"], config={"minutes": 60})
    loop = node("loop", "group", ("end",), config={"items": [{"minutes": 60}], "_nodes": GRAPH})
    review = node("ask", "humanReview", ("end", "end"), config={"title": "All right?"})
    rate = {"unit": "hour", "max": 1, "strategy": "spread"}
    made = await ask("connection.connector.create", integrationSlug="http", slug="scarce", name="Scarce", rateLimit=rate)
    connector = made["connector"]
    request = {"method": "GET", "url": "http://127.0.0.1:9/"}
    slow = node("slow", "request", ("end",), kind="connector", integrationSlug="http", connectorUuid=connector["uuid"], config=request)
    cases: list[tuple[Body, str, str]] = [
        (call, "waitingForChildren", "runs"),
        (loop, "waitingForChildren", "runs"),
        (review, "waitingForReview", "review"),
        (slow, "waitingForRateLimit", "connector"),
    ]
    for one, reason, answer in cases:
        graph = [node("start", children=(one["uuid"],)), one, node("end")]
        started = [(await ask("orchestration.run.create", nodes=graph, data={}))["run"] for _ in range(2 if one is slow else 1)]
        run = await backend.parked(started[-1]["uuid"]) if one is not slow else await first_parked(backend, started)
        found = await carried_out(backend.admin, (await why(backend, run["uuid"], reason))["fix"])
        assert answer in found
        waits = (await ask("orchestration.queue.get"))["items"]
        expected = {"runs": "children", "review": "review", "connector": "rateLimit"}[answer]
        assert expected in {item["reason"] for item in waits if run["uuid"] == item["runUuid"]}
        if one is slow:
            [item] = [item for item in waits if run["uuid"] == item["runUuid"]]
            assert "The one call of an hour is used, and the next may go at " in item["sentence"]
        if answer == "runs":
            assert [below["parentUuid"] for below in found["runs"]] == [run["uuid"]]
        await ask("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[one["uuid"] for one in started])


async def first_parked(backend: Backend, made: list[Body]) -> Body:
    """The one of two runs that has to wait for the other."""
    while True:
        for one in made:
            found: Body = (await backend.admin.call("orchestration.run.get", uuid=one["uuid"]))["run"]
            if found["status"] == "idle":
                return found


async def test_a_record_that_never_ran_can_be_brought_in(backend: Backend) -> None:
    ask = backend.admin.call
    model = await companies(backend)
    condition = {"kind": "string", "columnSlug": "country", "operator": "is", "values": ["FR"]}
    french = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}
    play = (await ask("orchestration.play.create", name="French", modelUuid=model, filter=french))["play"]
    workflow = play["workflowUuid"]

    async def next_step(record: str, reason: str, **fields: Any) -> Body:
        found = (await ask("orchestration.record.explain", workflowUuid=workflow, id=record, **fields))["explanation"]
        assert found["reason"] == reason, found
        return await carried_out(backend.admin, found["fix"])

    assert "records" in await next_step("nobody.com", "noRecord")
    await ask("orchestration.draftRelease.update", workflowUuid=workflow, nodes=[node("start", children=("end",)), node("end")])
    assert (await next_step("acme.com", "nothingDeployed"))["release"]["status"] == "deployed"
    assert "segment" in await next_step("globex.com", "notInSegment")
    await ask("orchestration.play.update", uuid=play["uuid"], isEnabled=False)
    assert (await next_step("acme.com", "playDisabled"))["play"]["isEnabled"]
    scheduled = await next_step("acme.com", "neverScheduled")
    await backend.ended("batches", scheduled["batch"]["uuid"])
    assert (await ask("orchestration.record.explain", workflowUuid=workflow, id="acme.com"))["explanation"]["reason"] == "succeeded"
    tool, _ = await backend.admin.deployed([node("start", children=("end",)), node("end")])
    workflow = tool["workflowUuid"]
    assert (await next_step("O'Hara", "runsOnDemand"))["run"]["recordId"] == "O'Hara"


async def test_nothing_deployed_and_nothing_drawn_says_what_to_do_first(backend: Backend) -> None:
    tool = await backend.admin.tool("Empty")
    found = (await backend.admin.call("orchestration.record.explain", workflowUuid=tool["workflowUuid"], id="x"))["explanation"]
    assert found["reason"] == "nothingDeployed"
    await carried_out(backend.admin, found["fix"])
