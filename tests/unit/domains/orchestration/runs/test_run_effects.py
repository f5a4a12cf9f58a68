"""Runs that call a service: while they run, when it fails, when they are cancelled in the middle of a call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import EchoService, Heard, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def service(backend: Backend) -> AsyncIterator[EchoService]:
    """The service that the graphs call, and a connector to call it with."""
    if not (await backend.admin.call("connection.connector.list"))["connectors"]:
        await backend.admin.call("connection.connector.create", integrationSlug="http", slug="web", name="Web")
    async with echo_service() as running:
        yield running


def calling(service: EchoService, path: str = "/call", **more: Any) -> list[Body]:
    """start → call → end; the call carries the record's id."""
    request = {"method": "POST", "url": f"http://127.0.0.1:{service.port}{path}", "body": {"id": "{{nodes.start._id}}"}}
    connector = {"kind": "connector", "integrationSlug": "http", "config": request, **more}
    return [node("start", children=("call",)), node("call", "request", ("end",)) | connector, node("end")]


def said(status: int = 200, **headers: str) -> Say:
    return Say(status, b'{"ok":true}', {"content-type": "application/json", **headers})


class Gate:
    """An answer that is held back until the test lets it go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, heard: Heard) -> Say:
        self.reached.set()
        await self.open.wait()
        return said()


async def test_a_run_is_running_while_the_service_answers(backend: Backend, service: EchoService) -> None:
    gate = service.answers["/call"] = Gate()
    ask = backend.admin.call
    run = (await ask("orchestration.run.create", nodes=calling(service), data={"_id": "1"}))["run"]
    await asyncio.wait_for(gate.reached.wait(), 30)
    assert (await ask("orchestration.run.get", uuid=run["uuid"]))["run"]["status"] == "running"
    for statuses, count in ((["running"], 1), (["pending"], 0), (["idle"], 0), (["finished"], 0)):
        listed = await ask("orchestration.run.list", workflowUuid=run["workflowUuid"], recordId="1", statuses=statuses)
        assert listed["count"] == count
    gate.open.set()
    found = await backend.ended("runs", run["uuid"])
    assert (found["run"]["status"], found["runContext"]["call"]["body"]) == ("success", {"ok": True})
    # No connector is named: the default one of the integration is used, here the oldest.
    connectors = (await ask("connection.connector.list"))["connectors"]
    used = min(one["uuid"] for one in connectors if one["integrationSlug"] == "http")
    assert found["run"]["executions"][1]["nodeConnectorUuid"] == used


async def test_a_run_that_is_cancelled_during_a_call_goes_no_further_when_it_is_answered(backend: Backend, service: EchoService) -> None:
    gate = service.answers["/call"] = Gate()
    ask = backend.admin.call
    nodes = calling(service)
    nodes[1]["childrenUuids"] = ["second"]
    nodes.insert(2, nodes[1] | {"uuid": "second", "slug": "second", "childrenUuids": ["end"]})
    run = (await ask("orchestration.run.create", nodes=nodes, data={"_id": "1"}))["run"]
    await asyncio.wait_for(gate.reached.wait(), 30)
    assert await ask("orchestration.run.cancel", workflowUuid=run["workflowUuid"], uuids=[run["uuid"]]) == {"count": 1}
    assert (await ask("orchestration.run.get", uuid=run["uuid"]))["run"]["status"] == "cancelling"
    gate.open.set()
    found = await backend.ended("runs", run["uuid"])
    assert found["run"]["status"] == "cancelled"
    assert [(one["nodeSlug"], one["status"]) for one in found["run"]["executions"]] == [("start", "success"), ("call", "success")]
    assert len(service.heard) == 1


async def test_a_batch_that_is_cancelled_during_calls_ends_when_they_are_answered(backend: Backend, service: EchoService) -> None:
    gate = service.answers["/call"] = Gate()
    nodes = calling(service)
    nodes[1]["childrenUuids"] = ["second"]
    nodes.insert(2, nodes[1] | {"uuid": "second", "slug": "second", "childrenUuids": ["end"]})
    batch = await backend.start_batch([{"_id": str(at)} for at in range(5)], nodes=nodes)
    await asyncio.wait_for(gate.reached.wait(), 30)
    await backend.admin.call("orchestration.batch.cancel", uuid=batch["uuid"])
    assert (await backend.admin.call("orchestration.batch.get", uuid=batch["uuid"]))["batch"]["status"] == "cancelling"
    gate.open.set()
    found = (await backend.ended("batches", batch["uuid"]))["batch"]
    assert (found["status"], found["runsCount"], found["executedRunsCount"]) == ("cancelled", 5, 0)
    assert (await backend.admin.call("orchestration.run.count", batchUuid=batch["uuid"], statuses=["cancelled"]))["count"] == 5
    assert len(service.heard) <= 5


async def test_attempts_and_waits_that_the_service_asks_for_carry_one_idempotency_key(backend: Backend, service: EchoService) -> None:
    answers = [said(503), said(429, **{"retry-after": "0"}), said(429, **{"retry-after": "0"}), said(500), said(200)]
    service.answers["/call"] = lambda _heard: answers.pop(0)
    rule = {"maximumAttempts": 3, "initialInterval": 10, "backoffCoefficient": 1}
    found = await backend.run({"_id": "1"}, nodes=calling(service, retry=rule))
    assert (found["run"]["status"], answers) == ("success", [])
    assert {heard.headers["idempotency-key"] for heard in service.heard} == {f"{found['run']['uuid']}:call:1"}
    assert len(found["run"]["executions"]) == 3


async def test_when_all_attempts_fail_the_run_says_what_the_service_said(backend: Backend, service: EchoService) -> None:
    service.answers["/call"] = lambda _heard: Say(503, b"come back later")
    found = await backend.run({"_id": "1"}, nodes=calling(service, retry={"maximumAttempts": 2, "initialInterval": 10}))
    assert found["run"]["status"] == "error"
    assert found["run"]["errorMessage"].startswith("call: ") and "503" in found["run"]["errorMessage"]
    assert len(service.heard) == 2


async def test_a_failure_that_is_expected_goes_on(backend: Backend, service: EchoService) -> None:
    service.answers["/call"] = lambda _heard: Say(404, b"no such company")
    found = await backend.run({"_id": "1"}, nodes=calling(service, fallbackOnFailure=True))
    assert (found["run"]["status"], [one["status"] for one in found["run"]["executions"]]) == ("success", ["success", "error", "success"])
    assert "404" in found["runContext"]["call"]["errorMessage"]


async def test_each_record_of_a_batch_is_sent_once_with_a_key_of_its_own(backend: Backend, service: EchoService) -> None:
    found = await backend.batch([{"_id": str(at)} for at in range(60)], nodes=calling(service))
    assert (found["status"], found["executedRunsCount"], found["failedRunsCount"]) == ("success", 60, 0)
    assert sorted(int(json.loads(heard.body)["id"]) for heard in service.heard) == list(range(60))
    assert len({heard.headers["idempotency-key"] for heard in service.heard}) == 60


async def test_a_large_answer_goes_through_a_file_to_the_next_node(backend: Backend, service: EchoService) -> None:
    text = "x" * 100_000
    service.answers["/call"] = lambda _heard: Say(200, json.dumps({"text": text}).encode(), {"content-type": "application/json"})
    nodes = calling(service)
    nodes[2] = node("end", config={"variables": [{"name": "text", "type": "string", "value": "{{nodes.call.body.text}}"}]})
    found = await backend.run({"_id": "1"}, nodes=nodes)
    assert found["runContext"]["end"] == {"text": text}
    assert found["runContext"]["call"]["body"] == {"text": text}
