"""The storage room by real requests: somebody who asks, a stranger next door, models to try things on."""

from __future__ import annotations

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
COMPANIES = [
    {"slug": "domain", "type": "string", "label": "Domain"},
    {"slug": "name", "type": "string", "label": "Name"},
    {"slug": "employees", "type": "number", "label": "Employees"},
    {"slug": "founded", "type": "date", "label": "Founded"},
    {"slug": "is_public", "type": "boolean", "label": "Is public"},
    {"slug": "facts", "type": "object", "label": "Facts"},
    {"slug": "tags", "type": "array", "label": "Tags"},
]


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

    async def sentence(self, name: str, /, **fields: Any) -> str:
        """What a refusal says."""
        reply = await self.send(name, fields)
        assert reply.status_code >= 400, reply.text
        found: str = reply.json()["errorMessage"]
        return found

    async def dataset(self) -> str:
        """The uuid of the workspace's own dataset."""
        found = await self.ask("storage.dataset.all")
        return str(next(one["uuid"] for one in found["datasets"] if one["kind"] == "native"))

    async def model(self, slug: str = "companies", extractor: str = "defineObject", **config: Any) -> str:
        """The uuid of a new model; without a config one of companies by domain."""
        config = config or {"columns": COMPANIES, "idColumnSlug": "domain", "titleColumnSlug": "name"}
        made = await self.ask(
            "storage.model.create",
            slug=slug,
            name=slug.title(),
            datasetUuid=await self.dataset(),
            extractorSlug=extractor,
            config=config,
        )
        return str(made["model"]["uuid"])

    async def column(self, model: str, **column: Any) -> Body:
        """A new column of a model."""
        made: Body = (await self.ask("storage.column.create", modelUuid=model, column={"label": "", "type": "string", **column}))["column"]
        return made

    async def add(self, model: str, *records: Body) -> list[Body]:
        """New records."""
        made = await self.ask("storage.record.createBulk", modelUuid=model, records=[{"data": one} for one in records])
        found: list[Body] = made["records"]
        return found

    async def records(self, model: str, **page: Any) -> list[Body]:
        """The records of a model by id."""
        found = await self.ask("storage.record.list", modelUuid=model, sort={"kind": "asc", "columnSlug": "_id"}, **page)
        listed: list[Body] = found["records"]
        return listed


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
