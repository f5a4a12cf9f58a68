"""Salesforce by client credentials and by consent: tokens are fetched by one call of all processes, and used where they are good."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from cargo_ai.domains.connection.connector_action import ConnectorNodes
from cargo_ai.domains.connection.oauth import grants
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.integrations.kit import integrations
from cargo_ai.integrations.kit.signing.oauth import INSTANCE
from cargo_ai.integrations.salesforce.account import home
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.simulators.salesforce import server
from tests.simulators.salesforce.control import CLIENT_ID, CLIENT_SECRET
from tests.simulators.salesforce.server import Running
from tests.unit.domains.connection.oauth.conftest import agree, shown

SEARCH: Body = {"objectType": "Account", "properties": ["Name"]}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for another process looks often."""
    monkeypatch.setattr(grants, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(grants, "AGAIN_SECONDS", 0.0)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running() as running:
        yield running


@pytest.fixture
def salesforce(simulator: Running) -> Running:
    """A new org."""
    simulator.control.reset()
    return simulator


@pytest.fixture
def settings(tmp_path: Path, salesforce: Running, request: pytest.FixtureRequest) -> Settings:
    """A server that may reach the simulator; for a consent, which is asked for at login.salesforce.com, by an address of the operator's."""
    by_operator = {"CARGO_AI_SERVICE_ADDRESSES": f"salesforce={salesforce.url}"} if "consent" in request.node.name else dict[str, str]()
    named = {
        "CARGO_AI_DATA_DIR": str(tmp_path / "data"),
        "CARGO_AI_STRICT_REFUSALS": "1",
        "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1",
        "CARGO_AI_PUBLIC_URL": "http://test",
        "CARGO_AI_OAUTH_SALESFORCE_CLIENT_ID": CLIENT_ID,
        "CARGO_AI_OAUTH_SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
        **by_operator,
    }
    return Settings(named)


Perform = Any


@pytest.fixture
async def processes(state: State, first_workspace: public.Bootstrap) -> AsyncIterator[list[Perform]]:
    """Two worker processes: each performs a search with a connector."""

    def worker(client: http_client.HttpClient) -> Perform:
        nodes = ConnectorNodes(services_of(state.settings, state.database, state.files, state.secrets, client))
        integration = integrations()["salesforce"]
        action = integration.action("searchRecords")
        assert action is not None

        async def perform(connector: str) -> Outcome:
            run = ids.new()
            node = {"kind": "connector", "integrationSlug": "salesforce", "actionSlug": "searchRecords", "connectorUuid": connector}
            workspace: uuid.UUID = first_workspace.workspace_uuid
            return await nodes.perform(integration, action, Call(workspace, None, run, None, run, node, SEARCH, {}, f"{run}:n:1", 1))

        return perform

    async with http_client.client(state.settings) as first, http_client.client(state.settings) as second:
        yield [worker(first), worker(second)]


def _config(salesforce: Running, secret: str = CLIENT_SECRET) -> Body:
    return {"method": "clientCredentials", "domain": salesforce.url, "clientId": CLIENT_ID, "clientSecret": secret}


async def _created(api: ApiClient, config: Body) -> str:
    made = await api.call("connection.connector.create", integrationSlug="salesforce", name="CRM", slug="crm", config=config)
    return str(made["connector"]["uuid"])


async def test_a_right_app_is_proved_and_a_wrong_one_is_refused_in_salesforces_words(api: ApiClient, salesforce: Running) -> None:
    connector = await _created(api, _config(salesforce))
    assert (await shown(api, connector))["config"]["clientSecret"] == "***"
    fields: Body = {"integrationSlug": "salesforce", "name": "Other", "slug": "other", "config": _config(salesforce, "wrong-secret-4711")}
    _, refused = await api.refusal("connection.connector.create", **fields)
    assert refused["reason"] == "verificationFailed" and "invalid client credentials" in str(refused)
    assert "wrong-secret-4711" not in str(refused)


async def test_a_session_that_is_over_does_not_make_a_right_app_a_wrong_one(api: ApiClient, salesforce: Running) -> None:
    connector = await _created(api, _config(salesforce))
    await api.call("connection.connector.get", uuid=connector, verify=True)
    salesforce.control.end_sessions()
    await api.call("connection.connector.get", uuid=connector, verify=True)
    salesforce.control.end_sessions()
    fields: Body = {"integrationSlug": "salesforce", "name": "Other", "slug": "other", "config": _config(salesforce)}
    await api.call("connection.connector.create", **fields)


async def test_an_address_that_is_none_is_refused_before_a_secret_goes_there(api: ApiClient, salesforce: Running) -> None:
    for domain in (
        "http://acme.my.salesforce.com",
        "acme.my.salesforce.com/services",
        "acme@evil.example",
        "acme.example?x=.salesforce.com",
    ):
        fields: Body = {
            "integrationSlug": "salesforce",
            "name": "Other",
            "slug": "other",
            "config": {**_config(salesforce), "domain": domain},
        }
        assert "`domain` is not an address of an org" in await api.refusal_message("connection.connector.create", **fields)
    made = await api.call("connection.connector.create", **fields, verify=False)
    asked: Body = {"connectorUuid": made["connector"]["uuid"], "slug": "listObjects", "params": {}}
    assert "`domain` is not an address of an org" in await api.refusal_message("connection.connector.autocomplete", **asked)


async def test_all_processes_fetch_one_token_and_one_more_when_it_is_over(
    api: ApiClient, salesforce: Running, processes: list[Perform], state: State
) -> None:
    connector = await _created(api, _config(salesforce))
    salesforce.control.add("Account", Name="Acme")
    given = salesforce.control.given
    for round_number in (1, 2):
        outcomes = await asyncio.gather(*(perform(connector) for perform in processes for _ in range(8)))
        assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
        assert salesforce.control.given == given + round_number
        salesforce.control.end_sessions()
    async with state.database.session(ALL_WORKSPACES) as db:
        sealed = bytes((await db.execute(text("select sealed_tokens from connector_grants"))).scalar_one())
    assert b"00D5g" not in sealed


async def test_another_secret_is_used_at_once_and_a_withdrawn_one_fails_with_a_sentence(
    api: ApiClient, salesforce: Running, processes: list[Perform]
) -> None:
    connector = await _created(api, _config(salesforce))
    assert isinstance(await processes[0](connector), Done)
    given = salesforce.control.given
    salesforce.control.clients[CLIENT_ID] = "another-secret-0815"
    await api.call("connection.connector.update", uuid=connector, config=_config(salesforce, "another-secret-0815"))
    assert isinstance(await processes[0](connector), Done)
    assert salesforce.control.given == given + 1
    salesforce.control.clients.clear()
    salesforce.control.end_sessions()
    failure = await processes[1](connector)
    assert isinstance(failure, Failed) and not failure.transient
    assert "client identifier invalid" in failure.message and "another-secret-0815" not in failure.message


async def test_another_org_wants_the_secret_again_and_leaves_no_token_behind(
    api: ApiClient, salesforce: Running, processes: list[Perform], state: State
) -> None:
    connector = await _created(api, _config(salesforce))
    assert isinstance(await processes[0](connector), Done)
    moved = {**_config(salesforce, "***"), "domain": salesforce.url.replace("127.0.0.1", "localhost")}
    _, refused = await api.refusal("connection.connector.update", uuid=connector, config=moved)
    assert "clientSecret" in str(refused)
    await api.call("connection.connector.update", uuid=connector, config={**moved, "clientSecret": CLIENT_SECRET}, verify=False)
    assert (await shown(api, connector))["status"] == "active"
    async with state.database.session(ALL_WORKSPACES) as db:
        assert (await db.execute(text("select count(*) from connector_grants"))).scalar_one() == 0
    assert (await api.refused("connection.connector.disconnect", uuid=connector))[1] == "notConnected"


async def test_a_consent_is_used_at_the_org_that_gave_it(
    api: ApiClient, salesforce: Running, processes: list[Perform], state: State
) -> None:
    asked = await api.call("connection.connector.connect", integrationSlug="salesforce", name="CRM", slug="crm")
    where = urlsplit(str(asked["consentUrl"]))
    query = dict(parse_qsl(where.query))
    assert (where.netloc, where.path) == ("login.salesforce.com", "/services/oauth2/authorize")
    assert query["scope"] == "api refresh_token" and query["code_challenge_method"] == "S256"
    salesforce.control.codes.add("code-4711")
    page = await agree(api, {"state": query["state"], "code": "code-4711"})
    assert page.status_code == 200, page.text
    connector = str(asked["connector"]["uuid"])
    assert isinstance(await processes[0](connector), Done)
    salesforce.control.end_sessions()
    assert isinstance(await processes[1](connector), Done)
    async with state.database.session(ALL_WORKSPACES) as db:
        sealed = bytes((await db.execute(text("select sealed_tokens from connector_grants"))).scalar_one())
    # Kept through the refresh; without an address of the operator's, it is where calls go.
    config = {INSTANCE: json.loads(state.secrets.open(sealed))["instance"]}
    assert home(config) == salesforce.url and home({}) == "https://login.salesforce.com"
