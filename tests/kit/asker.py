"""Whoever asks operations by name over HTTP, in process or on a port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from cargo_ai import contract
from cargo_ai.kernel import query

Body = dict[str, Any]


def request_of(name: str, fields: Body) -> tuple[str, str, Body | None]:
    """Verb, path and body of an operation: path fields go into the path, the rest into the body, or into the query of a GET."""
    operation = contract.load()[name]
    path, rest = "/v1" + operation.path, dict(fields)
    for field in operation.path_fields:
        path = path.replace(f"{{{field}}}", str(rest.pop(field)))
    return ("GET", f"{path}?{query.encode(rest)}", None) if operation.verb == "GET" else (operation.verb, path, rest)


@dataclass(frozen=True)
class Asker:
    """Asks operations over HTTP."""

    http: httpx.AsyncClient

    async def send(self, name: str, fields: Body) -> httpx.Response:
        """The reply to an operation."""
        verb, path, body = request_of(name, fields)
        return await self.http.request(verb, path, json=body)

    async def ask(self, name: str, /, **fields: Any) -> Body:
        """The body of a reply that must be 200."""
        reply = await self.send(name, fields)
        assert reply.status_code == 200, reply.text
        found: Body = reply.json()
        return found

    async def no(self, name: str, /, **fields: Any) -> tuple[int, Body]:
        """Status and body of a reply that must be a refusal."""
        reply = await self.send(name, fields)
        assert reply.status_code >= 400, reply.text
        found: Body = reply.json()
        assert found["errorMessage"] and found["requestId"]
        return reply.status_code, found

    async def refused(self, name: str, /, **fields: Any) -> tuple[int, Any]:
        """Status and reason of a refusal."""
        status, body = await self.no(name, **fields)
        return status, body["reason"]

    async def sentence(self, name: str, /, **fields: Any) -> str:
        """What a refusal says."""
        found: str = (await self.no(name, **fields))[1]["errorMessage"]
        return found
