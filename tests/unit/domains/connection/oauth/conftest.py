"""A service that is connected by OAuth, at the simulator of an authorization server."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from cargo_ai.domains.connection.accounts import accounts
from cargo_ai.domains.connection.connector_action import ConnectorNodes
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Outcome
from cargo_ai.integrations.kit import (
    AccountSpec,
    Action,
    ActionRequest,
    Bearer,
    ConnectorAction,
    Done,
    Integration,
    ServiceSpec,
    Verification,
    integrations,
)
from cargo_ai.integrations.kit.signing.oauth import OAuth2
from cargo_ai.integrations.kit.signing.service_account import ServiceAccount
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.peers.echo_service import EchoService
from tests.simulators.oauth import OAuthSimulator

SLUG = "consented"


async def _perform(request: ActionRequest) -> Outcome:
    return Done((await request.service.get("/me")).body)


ACTION: ConnectorAction = Action(
    slug="me",
    kind="connector",
    name="Me",
    description="Who calls.",
    does="acts",
    config_schema={"type": "object"},
    perform=_perform,
    hint="reads",
)


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of a service account."""
    return rsa.generate_private_key(65537, 2048)


def key_file() -> str:
    """Its key file, as Google gives one."""
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps({"type": "service_account", "client_email": "robot@example.com", "private_key_id": "k1", "private_key": pem})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are looked up again at once."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.0)


@pytest.fixture
def vendor(service: EchoService) -> OAuthSimulator:
    """The authorization server, and the API behind it."""
    return OAuthSimulator(service, key=private_key().public_key())


@pytest.fixture
def integration(service: EchoService) -> Iterator[Integration]:
    """The service, in the catalogue of this test alone."""
    url = service.url
    oauth = OAuth2(authorize_url=f"{url}/authorize", token_url=f"{url}/token", revoke_url=f"{url}/revoke", scopes=("crm", "read"))
    robot = ServiceAccount(token_url=f"{url}/token", scopes=("sheets",))
    made = Integration(
        slug=SLUG,
        name="Consented",
        description="",
        icon="",
        color="",
        url=url,
        category="sales",
        account=AccountSpec(sign_ins=(Bearer(), oauth, robot), verification=Verification("/me")),
        service=ServiceSpec(url),
        actions=(ACTION,),
        documentation="",
    )
    integrations().loaded[SLUG] = made
    yield made
    del integrations().loaded[SLUG]


@pytest.fixture
def settings(settings: Settings, vendor: OAuthSimulator) -> Settings:
    """A server with an app for the service."""
    app = {"CARGO_AI_OAUTH_CONSENTED_CLIENT_ID": vendor.client_id, "CARGO_AI_OAUTH_CONSENTED_CLIENT_SECRET": vendor.client_secret}
    return Settings({**settings.environment, **app, "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1", "CARGO_AI_PUBLIC_URL": "http://test"})


@dataclass(frozen=True)
class Process:
    """One worker process's connector nodes."""

    nodes: ConnectorNodes
    integration: Integration
    workspace: uuid.UUID

    async def perform(self, connector: str) -> Outcome:
        """One call with this connector."""
        run = ids.new()
        node = {"kind": "connector", "integrationSlug": SLUG, "actionSlug": "me", "connectorUuid": connector}
        return await self.nodes.perform(self.integration, ACTION, Call(self.workspace, None, run, None, run, node, {}, {}, f"{run}:n:1", 1))


@pytest.fixture
async def processes(state: State, first_workspace: public.Bootstrap, integration: Integration) -> AsyncIterator[list[Process]]:
    """Two worker processes."""
    async with http_client.client(state.settings) as first, http_client.client(state.settings) as second:
        yield [
            Process(
                ConnectorNodes(services_of(state.settings, state.database, state.files, state.secrets, client)),
                integration,
                first_workspace.workspace_uuid,
            )
            for client in (first, second)
        ]


async def connected(api: ApiClient, vendor: OAuthSimulator, **fields: Any) -> str:
    """The uuid of a connector that a person has connected in the browser."""
    asked = await api.call("connection.connector.connect", **{"integrationSlug": SLUG, **fields})
    page = await agree(api, vendor.consent(asked["consentUrl"]))
    assert page.status_code == 200, page.text
    return str(asked["connector"]["uuid"])


async def agree(api: ApiClient, brought: dict[str, str]) -> Any:
    """The answer to the button on the page of the redirect."""
    return await api.http.post("/v1/oauth/callback", data=brought, headers={"Authorization": ""})


async def shown(api: ApiClient, connector: str) -> Body:
    """The connector."""
    found: Body = (await api.call("connection.connector.get", uuid=connector))["connector"]
    return found


async def expire(state: State) -> None:
    """Let every access token be over, as far as this server knows."""
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(
            text("update connector_grants set refresh_at = now() - interval '1 hour', expires_at = now() - interval '1 second'")
        )
        await db.commit()
