"""Orchestration by real requests: somebody who asks operations by name, a stranger next door, and small graphs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai import contract
from cargo_ai.domains.workspace import door
from cargo_ai.kernel import query
from cargo_ai.server.state import State

Body = dict[str, Any]


@dataclass(frozen=True)
class Asker:
    """Asks operations over HTTP."""

    http: httpx.AsyncClient

    async def send(self, name: str, fields: Body) -> httpx.Response:
        """The reply to an operation: path fields into the path, the rest into the body, or the query of a GET."""
        operation = contract.load()[name]
        path = "/v1" + operation.path
        rest = dict(fields)
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

    async def warned(self, name: str, /, **fields: Any) -> list[str]:
        """The warnings of a reply that must be 200."""
        reply = await self.send(name, fields)
        assert reply.status_code == 200, reply.text
        found: list[str] = json.loads(reply.headers.get("x-cargo-warnings", "[]"))
        return found

    async def refused(self, name: str, /, **fields: Any) -> tuple[int, Body]:
        """Status and body of a reply that must be a refusal."""
        reply = await self.send(name, fields)
        assert reply.status_code >= 400, reply.text
        found: Body = reply.json()
        assert found["errorMessage"] and found["requestId"]
        return reply.status_code, found

    async def tool(self, name: str = "Tier") -> Body:
        """A fresh tool."""
        return (await self.ask("orchestration.tool.create", name=name))["tool"]

    async def deployed(self, nodes: list[Body], name: str = "Tier") -> tuple[Body, Body]:
        """A fresh tool and its first release, with these nodes."""
        made = await self.tool(name)
        release = await self.ask("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=nodes, formFields=None)
        return made, release["release"]


def client_of(app: Starlette, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers, timeout=60)


@pytest.fixture
async def asker(client: httpx.AsyncClient) -> Asker:
    """The admin of the first workspace."""
    return Asker(client)


@pytest.fixture
async def stranger(app: Starlette, state: State, born: door.Bootstrap) -> AsyncIterator[Asker]:
    """The admin of another workspace."""
    async with state.database.session(None) as db:
        other = await door.add_workspace(db, name="Other", email="stranger@example.com")
        await db.commit()
    async with client_of(app, other.token) as http:
        yield Asker(http)


def node(slug: str, action: str | None = None, children: tuple[str, ...] = (), **more: Any) -> Body:
    """A native node whose uuid is its slug."""
    return {
        "uuid": slug,
        "slug": slug,
        "kind": "native",
        "actionSlug": action or slug,
        "config": {},
        "childrenUuids": list(children),
        "fallbackOnFailure": False,
        "position": {"x": 0, "y": 0},
        **more,
    }


@pytest.fixture
def graph() -> list[Body]:
    """start → end with one variable."""
    variables = [{"name": "domain", "type": "string", "value": "{{nodes.start.domain}}"}]
    return [node("start", children=("end",)), node("end", config={"variables": variables})]


__all__ = ["Asker", "Body", "node"]
