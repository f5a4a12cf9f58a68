"""Attempts and logs of executions: what the journal keeps of them, and shows line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import EchoService, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")
PRINTS = "for (let i = 0; i < nodes.start.lines; i++) console.log('line', i); if (nodes.start.fails) throw new Error('no'); 1"
GRAPH = [
    node("start", children=("one",)),
    node("one", "script", ("two",), config={"script": PRINTS}),
    node("two", "python", ("end",), config={"script": "print('é', 2)\nprint()\nprint('end')\nresult = 1"}),
    node("end"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def service(backend: Backend) -> AsyncIterator[EchoService]:
    """A service that answers what it is asked to."""
    async with echo_service() as running:
        yield running


async def lines(backend: Backend, run: Body, **fields: object) -> tuple[list[str], int]:
    reply = await backend.admin.call("orchestration.run.getLog", uuid=run["uuid"], **fields)
    return [f"{line['executionIndex']} {line['nodeSlug']} {line['text']}" for line in reply["lines"]], reply["count"]


async def test_a_log_is_shown_line_by_line_of_all_nodes_or_of_one(backend: Backend) -> None:
    run = (await backend.run({"lines": 3}, nodes=GRAPH))["run"]
    assert [step["hasLog"] for step in run["executions"]] == [False, True, True, False]
    one, two = ["1 one line 0", "1 one line 1", "1 one line 2"], ["2 two é 2", "2 two ", "2 two end"]
    assert await lines(backend, run) == ([*one, *two], 6)
    assert await lines(backend, run, nodeSlug="two", limit=2) == (two[:2], 3)
    assert await lines(backend, run, executionIndex=1, offset=2) == (one[2:], 3)
    assert await lines(backend, run, nodeSlug="end") == ([], 0)
    assert await lines(backend, run, offset=1_000) == ([], 6)


async def test_what_a_script_printed_before_it_failed_is_kept(backend: Backend) -> None:
    run = (await backend.run({"lines": 2, "fails": True}, nodes=GRAPH))["run"]
    assert run["status"] == "error"
    assert await lines(backend, run) == (["1 one line 0", "1 one line 1"], 2)
    again = (await backend.admin.call("orchestration.run.replay", uuid=run["uuid"], fromNode="one"))["run"]
    await backend.ended("runs", again["uuid"])
    assert (await lines(backend, again))[1] == 2


async def test_a_log_that_is_too_long_is_cut_and_says_so(backend: Backend) -> None:
    script = "console.log('x'.repeat(1000000)); console.log('never seen'); 1"
    nodes = [node("start", children=("one",)), node("one", "script", ("end",), config={"script": script}), node("end")]
    run = (await backend.run({}, nodes=nodes))["run"]
    assert run["status"] == "success"
    assert await lines(backend, run) == (["1 one " + "x" * 65_536, "1 one … (a log keeps 65,536 characters)"], 2)


async def test_an_execution_says_how_often_it_was_tried_and_why_again(backend: Backend, service: EchoService) -> None:
    answers = [Say(503), Say(502), Say(200)]
    service.answers["/shaky"] = lambda _heard: answers.pop(0)
    retry = {"maximumAttempts": 3, "initialInterval": 10, "backoffCoefficient": 1}
    call = {"kind": "connector", "integrationSlug": "http", "config": {"url": service.url + "/shaky"}, "retry": retry}
    run = (await backend.run({}, nodes=[node("start", children=("call",)), node("call", "request", ("end",), **call), node("end")]))["run"]
    called = run["executions"][1]
    assert (called["status"], called["attemptsCount"]) == ("success", 3)
    assert ["503" in called["failedAttempts"][0]["errorMessage"], "502" in called["failedAttempts"][1]["errorMessage"]] == [True, True]
    assert called["startedAt"] <= called["failedAttempts"][0]["finishedAt"] <= called["failedAttempts"][1]["startedAt"]
    assert (run["executions"][0]["attemptsCount"], run["executions"][0]["failedAttempts"]) == (1, [])


async def test_a_log_of_another_workspace_is_not_found(backend: Backend) -> None:
    run = (await backend.run({"lines": 1}, nodes=GRAPH))["run"]
    for api, uuid in ((backend.other_api, run["uuid"]), (backend.admin, "00000000-0000-4000-8000-000000000000"), (backend.admin, "x")):
        status, body = await api.refusal("orchestration.run.getLog", uuid=uuid)
        assert (status, body["reason"]) == (404, "runNotFound"), body
