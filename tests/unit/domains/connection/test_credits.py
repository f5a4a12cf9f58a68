"""What calls of connectors cost: with the installation's shared account, never with credentials of their own."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.connection.accounts import accounts as connector_nodes
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Done, Failed
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from tests.kit.api_client import ApiClient
from tests.kit.peers.echo_service import EchoService, Say
from tests.unit.domains.connection.conftest import Worker


@pytest.fixture
def settings(tmp_path: Path, service: EchoService) -> Settings:
    """An installation that has an account of HTTP, whose calls cost 2 credits."""
    file = tmp_path / "shared.json"
    file.write_text(json.dumps({"http": {"baseUrl": service.url, "auth": {"kind": "bearer", "token": "the-operator's"}}}))
    return Settings(
        {
            "CARGO_AI_DATA_DIR": str(tmp_path / "data"),
            "CARGO_AI_STRICT_REFUSALS": "1",
            "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1",
            "CARGO_AI_SHARED_ACCOUNTS_FILE": str(file),
            "CARGO_AI_ACTION_COSTS": "http.request=2",
        }
    )


@pytest.fixture
async def worker(
    state: State, settings: Settings, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """A worker of that installation, which looks at connectors again at once."""
    monkeypatch.setattr(connector_nodes, "FRESH_SECONDS", 0.0)
    async with http_client.client(settings) as http:
        yield Worker(services_of(settings, state.database, state.files, state.secrets, http), first_workspace.workspace_uuid)


async def shared_connector(api: ApiClient, **more: Any) -> dict[str, Any]:
    """A connector without credentials of its own."""
    request = {"integrationSlug": "http", "slug": "shared", "name": "Shared"} | more
    connector: dict[str, Any] = (await api.call("connection.connector.create", **request))["connector"]
    return connector


async def test_a_connector_without_a_config_uses_the_shared_account_for_credits(
    worker: Worker, api: ApiClient, service: EchoService
) -> None:
    connector = await shared_connector(api)
    assert (connector["useCredits"], connector["config"]) == (True, None)

    outcome = await worker.perform({"url": "x"}, connectorUuid=connector["uuid"])
    assert isinstance(outcome, Done)
    assert (outcome.credits, outcome.connector) == (2.0, uuid.UUID(connector["uuid"]))
    assert service.heard[0].headers["authorization"] == "Bearer the-operator's"
    assert "the-operator's" not in json.dumps(outcome.output)


async def test_credentials_of_its_own_make_a_connector_free(worker: Worker, api: ApiClient, service: EchoService) -> None:
    own = await api.connector("own", config={"baseUrl": service.url})
    shared = await shared_connector(api)
    changed = await api.call("connection.connector.update", uuid=shared["uuid"], config={"baseUrl": service.url})
    assert changed["connector"]["useCredits"] is False

    outcomes = [await worker.perform({"url": "x"}, connectorUuid=connector) for connector in (own["uuid"], shared["uuid"])]
    assert [outcome.credits for outcome in outcomes if isinstance(outcome, Done)] == [0.0, 0.0]


async def test_a_stored_answer_a_failure_and_a_refusal_cost_nothing(worker: Worker, api: ApiClient, service: EchoService) -> None:
    shared = await shared_connector(api, cacheTtlMilliseconds=60_000)
    service.on("/bad", Say(404))
    outcomes = [await worker.perform({"url": url}, connectorUuid=shared["uuid"]) for url in ("x", "x", "bad")]

    assert [outcome.credits for outcome in outcomes if isinstance(outcome, Done | Failed)] == [2.0, 0.0, 0.0]


async def test_a_call_whose_outcome_no_one_knows_counts_as_spent(worker: Worker, api: ApiClient, service: EchoService) -> None:
    shared = await shared_connector(api)
    service.on("/cut", Say(reset=True))
    outcome = await worker.perform({"url": "cut", "method": "POST"}, connectorUuid=shared["uuid"])

    assert isinstance(outcome, Failed)
    assert (outcome.sent, outcome.credits) == (True, 2.0)
    action = worker.services.actions.connector("http", "request")
    assert action is not None
    assert action.spent is not None
    run = ids.new()
    node = {"kind": "connector", "integrationSlug": "http", "actionSlug": "request", "connectorUuid": shared["uuid"]}
    spent = await action.spent(Call(worker.workspace, None, run, None, run, node, {"url": "x"}, {}, f"{run}:n:1", 1))
    assert spent == (2.0, uuid.UUID(shared["uuid"]))


async def test_the_catalog_shows_what_the_operator_has_set(api: ApiClient) -> None:
    shown = (await api.call("connection.integration.get", slug="http"))["integration"]["actions"]["request"]["credits"]
    assert shown == {"costs": [{"type": "fixed", "cost": 2}]}


async def test_a_shared_account_that_is_gone_fails_the_node(worker: Worker, api: ApiClient, settings: Settings) -> None:
    shared = await shared_connector(api)
    await asyncio.to_thread(Path(settings.shared_accounts_file).write_text, "{}")
    outcome = await worker.perform({"url": "x"}, connectorUuid=shared["uuid"])

    assert isinstance(outcome, Failed)
    assert "no shared account of HTTP" in outcome.message
