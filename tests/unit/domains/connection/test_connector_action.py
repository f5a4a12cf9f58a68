"""Connector nodes as the engine performs them: accounts, limits, remembered answers, and silence about secrets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cargo_ai.domains.connection.accounts import accounts as connector_nodes
from cargo_ai.engine.graph.action import Done, Failed, Later
from cargo_ai.kernel import ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from tests.kit.api_client import ApiClient
from tests.kit.peers.echo_service import EchoService, Heard, Say
from tests.unit.domains.connection.conftest import Worker

TOKEN = "tok-4711-very-secret"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look at connectors again at once, so that no test has to wait."""
    monkeypatch.setattr(connector_nodes, "FRESH_SECONDS", 0.0)


def account(service: EchoService) -> dict[str, Any]:
    return {"baseUrl": service.url, "auth": {"kind": "bearer", "token": TOKEN}}


async def test_http_works_without_any_connector(worker: Worker, service: EchoService) -> None:
    outcome = await worker.perform({"url": f"{service.url}/a"})
    assert isinstance(outcome, Done)
    assert outcome.output["body"]["path"] == "/a"


async def test_a_named_connector_is_used(worker: Worker, api: ApiClient, service: EchoService) -> None:
    await api.connector("other")
    made = await api.connector(config=account(service))
    await worker.perform({"url": "a"}, connectorUuid=made["uuid"])
    assert service.heard[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_without_a_name_the_default_connector_is_used(worker: Worker, api: ApiClient, service: EchoService) -> None:
    await api.connector("oldest", config={"baseUrl": f"{service.url}/oldest"})
    newer = await api.connector("newer", config={"baseUrl": f"{service.url}/newer"})
    await worker.perform({"url": "x"})
    await api.call("connection.connector.update", uuid=newer["uuid"], isDefault=True)
    await worker.perform({"url": "x"})
    assert [heard.path for heard in service.heard] == ["/oldest/x", "/newer/x"]


async def test_a_changed_connector_is_taken_over_and_a_removed_one_fails(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config={"baseUrl": f"{service.url}/old"})
    await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    await api.call("connection.connector.update", uuid=made["uuid"], config={"baseUrl": f"{service.url}/new"})
    await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    assert [heard.path for heard in service.heard] == ["/old/x", "/new/x"]
    await api.call("connection.connector.remove", uuid=made["uuid"])
    outcome = await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    assert outcome == Failed(f"There is no connector {made['uuid']}: it was removed, or the node names a wrong one.")
    assert len(service.heard) == 2


async def test_a_batch_may_use_a_connector_as_it_was_a_moment_ago(
    worker: Worker, api: ApiClient, service: EchoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_nodes, "FRESH_SECONDS", 3600.0)
    batch = ids.new()
    made = await api.connector(config={"baseUrl": service.url})
    await worker.perform({"url": "x"}, batch=batch, connectorUuid=made["uuid"])
    await api.call("connection.connector.remove", uuid=made["uuid"])
    assert isinstance(await worker.perform({"url": "x"}, batch=batch, connectorUuid=made["uuid"]), Done)


async def test_a_run_of_its_own_uses_the_connector_as_it_was_when_the_run_was_made(
    worker: Worker, api: ApiClient, service: EchoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_nodes, "FRESH_SECONDS", 3600.0)
    missing = await worker.perform({"url": "x"})
    assert isinstance(missing, Failed), "without a connector there is no base URL"
    made = await api.connector(config={"baseUrl": f"{service.url}/old"})
    await worker.perform({"url": "x"})
    await api.call("connection.connector.update", uuid=made["uuid"], config={"baseUrl": f"{service.url}/new"})
    await worker.perform({"url": "x"})
    assert [heard.path for heard in service.heard] == ["/old/x", "/new/x"]


async def test_a_connector_of_another_workspace_does_not_exist(worker: Worker, other_api: ApiClient, service: EchoService) -> None:
    made = await other_api.connector(config=account(service))
    outcome = await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    assert isinstance(outcome, Failed)
    assert "There is no connector" in outcome.message
    relative = await worker.perform({"url": "x"})
    assert isinstance(relative, Failed)
    assert service.heard == []


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"integrationSlug": "nowhere"}, "There is no integration nowhere"),
        ({"actionSlug": "fly"}, "HTTP has no action fly; it has: request."),
        ({"connectorUuid": "no-uuid"}, "There is no connector no-uuid"),
        ({"connectorUuid": "0198c5f0-0000-7000-8000-000000000001"}, "There is no connector 0198c5f0"),
    ],
)
async def test_a_node_that_names_what_is_not_there_fails_for_good(worker: Worker, node: dict[str, Any], said: str) -> None:
    outcome = await worker.perform({"url": "http://127.0.0.1"}, **node)
    assert isinstance(outcome, Failed)
    assert said in outcome.message
    assert not outcome.transient


async def test_a_secret_that_the_service_repeats_is_not_in_the_output(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service))

    def repeat(heard: Heard) -> Say:
        return Say(
            body=f'{{"{TOKEN}": ["{heard.headers["authorization"]}"]}}'.encode(),
            headers={"content-type": "application/json", "x-you": TOKEN},
        )

    service.on("/repeat", repeat)
    outcome = await worker.perform({"url": "repeat"}, connectorUuid=made["uuid"])
    assert isinstance(outcome, Done)
    assert outcome.output["body"] == {"***": ["***"]} or outcome.output["body"] == {"***": ["Bearer ***"]}
    assert TOKEN not in str(outcome)


async def test_a_secret_that_the_service_repeats_is_not_in_the_error(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service))
    service.on("/bad", lambda heard: Say(401, f"bad token {heard.headers['authorization']}".encode()))
    outcome = await worker.perform({"url": "bad"}, connectorUuid=made["uuid"])
    assert isinstance(outcome, Failed)
    assert (outcome.message, outcome.reason) == ("HTTP 401 from 127.0.0.1: bad token Bearer ***", "unauthorized")


async def test_a_rate_limit_sends_the_call_away_without_an_attempt(worker: Worker, api: ApiClient, service: EchoService) -> None:
    limit = {"unit": "hour", "max": 2, "strategy": "burst"}
    made = await api.connector(config=account(service), rateLimit=limit)
    outcomes = await asyncio.gather(*(worker.perform({"url": "x"}, connectorUuid=made["uuid"], meta="m") for _ in range(5)))
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 2
    later = [outcome for outcome in outcomes if isinstance(outcome, Later)]
    assert len(later) == 3
    assert all(400 < wait.seconds <= 900 and wait.meta == "m" for wait in later)
    assert all(wait.reason.startswith("rate limit: all 2 calls of an hour are used, and the next may go at ") for wait in later)
    assert len(service.heard) == 2


async def test_calls_without_a_connector_have_no_rate_limit(worker: Worker, service: EchoService) -> None:
    outcomes = await asyncio.gather(*(worker.perform({"url": f"{service.url}/x"}) for _ in range(10)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)


async def test_a_stored_answer_is_given_again_at_no_cost(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service), cacheTtlMilliseconds=60_000, rateLimit={"unit": "hour", "max": 2})
    first = await worker.perform({"url": "x", "query": {"a": 1, "b": 2}}, connectorUuid=made["uuid"])
    again = await worker.perform({"query": {"b": 2, "a": 1}, "url": "x"}, connectorUuid=made["uuid"])
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert again.output == first.output
    assert (again.title, again.credits) == ("✅ 200 OK (stored answer)", 0.0)
    assert len(service.heard) == 1


async def test_another_config_another_connector_and_an_older_answer_are_asked_afresh(
    worker: Worker, api: ApiClient, service: EchoService
) -> None:
    one = await api.connector("one", config=account(service), cacheTtlMilliseconds=60_000)
    two = await api.connector("two", config=account(service), cacheTtlMilliseconds=60_000)
    short = await api.connector("short", config=account(service), cacheTtlMilliseconds=1)
    for url, connector in (("x", one), ("y", one), ("x", two), ("x", short), ("x", short)):
        await worker.perform({"url": url}, connectorUuid=connector["uuid"])
        await asyncio.sleep(0.002)
    assert len(service.heard) == 5


async def test_failures_and_bad_answers_are_not_stored(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service), cacheTtlMilliseconds=60_000)
    service.on("/bad", Say(500))
    for fails in (True, True, False, False):
        await worker.perform({"url": "bad", "failOnError": fails}, connectorUuid=made["uuid"])
    assert len(service.heard) == 4 + 0


async def test_changing_the_account_forgets_what_was_stored(worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service), cacheTtlMilliseconds=60_000)
    await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    await api.call("connection.connector.update", uuid=made["uuid"], config={"baseUrl": f"{service.url}/new"})
    await worker.perform({"url": "x"}, connectorUuid=made["uuid"])
    assert [heard.path for heard in service.heard] == ["/x", "/new/x"]


async def test_with_another_key_the_node_fails_and_says_why(state: State, worker: Worker, api: ApiClient, service: EchoService) -> None:
    made = await api.connector(config=account(service))
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})
    async with http_client.client(settings) as http:
        other = Worker(
            services_of(settings, state.database, state.files, SecretKey(b"another key of 32 bytes or more!"), http), worker.workspace
        )
        outcome = await other.perform({"url": "x"}, connectorUuid=made["uuid"])
    assert isinstance(outcome, Failed)
    assert "secrets cannot be read" in outcome.message


async def test_many_calls_look_at_the_connector_once(
    worker: Worker, api: ApiClient, service: EchoService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_nodes, "FRESH_SECONDS", 60.0)
    made = await api.connector(config=account(service))
    outcomes = await asyncio.gather(*(worker.perform({"url": "x"}, connectorUuid=made["uuid"]) for _ in range(50)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert len(service.heard) == 50
