"""What a program that speaks REST relies on: brackets in queries, the workspace header, safe writes, waiting, one kind of error."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.kit.processes.real_server import RealServer, real_server
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Json, Person

TOOLS = "/v1/orchestration/tools"


@pytest.fixture
def client(server: RealServer) -> Iterator[httpx.Client]:
    """A program signed in as the admin of the first workspace."""
    with server.client_of(server.token) as made:
        yield made


@pytest.fixture
def second(server: RealServer, second_token: str) -> Iterator[httpx.Client]:
    """A program of the second workspace."""
    with server.client_of(second_token) as made:
        yield made


@pytest.mark.parametrize(
    "spelling",
    ["workflowUuids[]={0}&workflowUuids[]={1}", "workflowUuids[0]={0}&workflowUuids[1]={1}", "workflowUuids={0}&workflowUuids={1}"],
)
def test_lists_in_a_query_are_written_with_brackets_or_by_repeating(server: RealServer, client: httpx.Client, spelling: str) -> None:
    workflows = [server.tool(graphs.wait(0)) for _ in range(3)]
    data: Json = {"kind": "records", "records": [{}]}
    batches = [server.call("orchestration.batch.create", workflowUuid=workflow, data=data)["batch"]["uuid"] for workflow in workflows]
    reply = client.get(f"/v1/orchestration/batches/list?{spelling.format(*workflows)}&limit=10")
    assert reply.status_code == 200, reply.text
    assert sorted(batch["uuid"] for batch in reply.json()["batches"]) == sorted(batches[:2])


def test_the_selected_workspace_must_be_the_tokens(client: httpx.Client, second: httpx.Client) -> None:
    current = "/v1/workspaceManagement/workspaces/current"
    mine, theirs = (http.get(current).json()["workspace"]["uuid"] for http in (client, second))
    assert client.get(current, headers={"selected-workspace-uuid": mine}).status_code == 200
    sentences: set[str] = set()
    for other in (theirs, graphs.uuid_of("nobody"), "nonsense"):
        reply = client.get(current, headers={"selected-workspace-uuid": other})
        assert (reply.status_code, reply.json()["reason"]) == (403, "forbidden")
        sentences.add(reply.json()["errorMessage"])
    assert len(sentences) == 1


def test_the_same_key_makes_one_tool_however_often_it_is_sent(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "one-tool"}
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(client.post, TOOLS, json={"name": "Only once"}, headers=headers) for _ in range(8)]
        replies = [one.result() for one in sent]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" in reply.headers for reply in replies) == 7
    assert sum(tool["name"] == "Only once" for tool in client.get(f"{TOOLS}/list").json()["tools"]) == 1
    other = client.post(TOOLS, json={"name": "Another"}, headers=headers)
    assert (other.status_code, other.json()["reason"]) == (409, "idempotencyKeyReused")


def test_a_key_belongs_to_its_token(client: httpx.Client, second: httpx.Client) -> None:
    headers = {"Idempotency-Key": "shared"}
    first, theirs = (http.post(TOOLS, json={"name": "Mine"}, headers=headers) for http in (client, second))
    assert first.json()["tool"]["uuid"] != theirs.json()["tool"]["uuid"]


def test_a_run_is_waited_for_by_one_request(server: RealServer, client: httpx.Client) -> None:
    workflow = server.tool(graphs.wait(2 / 60))
    run = server.run(workflow, {"name": "Ann"})
    reply = client.get(f"/v1/orchestration/runs/{run}", headers={"Prefer": "wait=20"})
    assert reply.headers["preference-applied"] == "wait=20"
    assert reply.json()["run"]["status"] == "success"
    at_once = client.get(f"/v1/orchestration/runs/{run}")
    assert "preference-applied" not in at_once.headers


@pytest.mark.slow
def test_many_waiting_programs_leave_room_for_others(server: RealServer, client: httpx.Client) -> None:
    workflow = server.tool(graphs.wait(60))
    run = server.run(workflow, {"name": "Ann"})
    limits = httpx.Limits(max_connections=200)
    headers = {**client.headers, "Prefer": "wait=25"}
    waiters = httpx.Client(base_url=server.base_url, headers=headers, limits=limits, timeout=60, trust_env=False)
    with waiters, ThreadPoolExecutor(200) as pool:
        waiting = [pool.submit(waiters.get, f"/v1/orchestration/runs/{run}") for _ in range(200)]
        for _ in range(5):
            assert client.get(f"{TOOLS}/list", timeout=20).status_code == 200
        assert not any(one.done() for one in waiting)
        server.call("orchestration.run.cancel", workflowUuid=workflow, uuids=[run])
        replies = [one.result() for one in waiting]
    assert {reply.json()["run"]["status"] for reply in replies} == {"cancelled"}


@pytest.mark.parametrize(
    ("verb", "path", "content", "status", "reason"),
    [
        ("POST", TOOLS, b"{", 400, "invalidInput"),
        ("POST", TOOLS, b"[]", 400, "invalidInput"),
        ("POST", TOOLS, b'{"name": "a\\u0000b"}', 400, "invalidInput"),
        ("POST", TOOLS, b'{"name": ""}', 400, "invalidInput"),
        ("POST", TOOLS, b"{}", 400, "invalidInput"),
        ("GET", f"{TOOLS}/%00", b"", 400, "invalidInput"),
        ("GET", f"{TOOLS}/nonsense", b"", 404, "toolNotFound"),
        ("PATCH", TOOLS, b"{}", 405, "methodNotAllowed"),
        ("GET", "/v1/nothing/here", b"", 404, "routeNotFound"),
        ("GET", "/v1/orchestration/batches/list?limit=nope", b"", 400, "invalidInput"),
    ],
)
def test_every_error_has_a_sentence_a_reason_and_a_request_id(
    client: httpx.Client, verb: str, path: str, content: bytes, status: int, reason: str
) -> None:
    reply = client.request(verb, path, content=content, headers={"X-Request-Id": "mine"})
    document = reply.json()
    assert (reply.status_code, document["reason"], document["requestId"]) == (status, reason, "mine")
    assert document["errorMessage"] and "Traceback" not in reply.text and "pydantic" not in reply.text
    if status == 400 and content not in (b"{", b"[]"):
        assert document["errors"][0]["message"]


def test_unknown_fields_are_ignored_and_named(client: httpx.Client) -> None:
    reply = client.post(TOOLS, json={"name": "Typo", "descripton": "x"})
    assert reply.status_code == 200
    (warning,) = json.loads(reply.headers["x-cargo-warnings"])
    assert "descripton" in warning


@pytest.mark.slow
def test_a_server_that_is_reported_to_stop_does_not_wait_for_those_who_wait(tmp_path: Path) -> None:
    with real_server(tmp_path, workers=1) as server, ThreadPoolExecutor(1) as pool:
        run = server.run(server.tool(graphs.wait(60)), {"name": "Ann"})
        waiting = pool.submit(server.client.get, f"/v1/orchestration/runs/{run}", headers={"Prefer": "wait=25"})
        assert server.send("orchestration.run.get", uuid=run).json()["run"]["finishedAt"] is None
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20
        assert waiting.result().json()["run"]["finishedAt"] is None


def test_those_who_writes_a_program_finds_the_document_and_the_page(person: Person, server: RealServer) -> None:
    document = person("api", "GET", "/openapi.json")
    assert document["servers"][0]["url"].endswith("/v1")
    assert document["paths"]["/orchestration/runs"]["post"]["operationId"] == "orchestration.run.create"
    page = httpx.get(f"{server.base_url}/docs", trust_env=False)
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
