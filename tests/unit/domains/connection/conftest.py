"""The connection room by real requests: somebody who asks, a stranger next door, and a worker's connector nodes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai import contract
from cargo_ai.domains.connection.door import ConnectorNodes
from cargo_ai.domains.workspace import door
from cargo_ai.engine.action import Call, Outcome
from cargo_ai.integrations import outbound
from cargo_ai.kernel import ids, query
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.state import State
from tests.kit.echo_service import EchoService, echo_service

Body = dict[str, Any]


@dataclass(frozen=True)
class Asker:
    """Asks operations over HTTP."""

    http: httpx.AsyncClient

    async def send(self, name: str, fields: Body) -> httpx.Response:
        """The reply to an operation."""
        operation = contract.load()[name]
        path, rest = "/v1" + operation.path, dict(fields)
        for field in operation.path_fields:
            path = path.replace(f"{{{field}}}", str(rest.pop(field)))
        if operation.verb == "GET":
            return await self.http.get(f"{path}?{query.encode(rest)}")
        return await self.http.request(operation.verb, path, json=rest)

    async def ask(self, name: str, /, **fields: Any) -> Body:
        """The body of a reply that must be 200."""
        reply = await self.send(name, fields)
        assert reply.status_code == 200, reply.text
        found: Body = reply.json()
        return found

    async def refused(self, name: str, /, **fields: Any) -> tuple[int, str]:
        """Status and reason of a refusal."""
        reply = await self.send(name, fields)
        assert reply.status_code >= 400, reply.text
        return reply.status_code, reply.json()["reason"]

    async def connector(self, slug: str = "crm", **fields: Any) -> Body:
        """A new connector of HTTP."""
        made = await self.ask("connection.connector.create", **{"integrationSlug": "http", "slug": slug, "name": "CRM", **fields})
        found: Body = made["connector"]
        return found


@pytest.fixture
def asker(client: httpx.AsyncClient) -> Asker:
    """The first workspace's admin."""
    return Asker(client)


@pytest.fixture
async def stranger(app: Starlette, state: State, born: door.Bootstrap) -> AsyncIterator[Asker]:
    """The admin of another workspace."""
    async with state.database.session(None) as db:
        other = await door.add_workspace(db, name="Other", email="stranger@example.com")
        await db.commit()
    headers = {"Authorization": f"Bearer {other.token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as http:
        yield Asker(http)


@pytest.fixture
async def service() -> AsyncIterator[EchoService]:
    """A service that echoes."""
    async with echo_service() as running:
        yield running


@dataclass(frozen=True)
class Worker:
    """A worker's connector nodes, in the first workspace unless told otherwise."""

    nodes: ConnectorNodes
    workspace: uuid.UUID

    async def perform(self, config: Body, *, workspace: uuid.UUID | None = None, meta: Any = None, **node: Any) -> Outcome:
        """One attempt of a node of HTTP."""
        run = ids.new()
        named = {"kind": "connector", "integrationSlug": "http", "actionSlug": "request"} | node
        return await self.nodes.perform(Call(workspace or self.workspace, None, run, None, run, named, config, {}, f"{run}:n:1", 1, meta))


@pytest.fixture
async def worker(state: State, born: door.Bootstrap) -> AsyncIterator[Worker]:
    """A worker that may reach loopback."""
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})
    async with outbound.client(settings) as http:
        yield Worker(ConnectorNodes(state.database, state.secrets, settings, http), born.workspace_uuid)
