"""An HTTP client that calls operations by name, in process or on a port."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from cargo_ai import contract
from cargo_ai.kernel import query

Body = dict[str, Any]

COMPANIES: list[Body] = [
    {"slug": "domain", "type": "string", "label": "Domain"},
    {"slug": "name", "type": "string", "label": "Name"},
    {"slug": "employees", "type": "number", "label": "Employees"},
    {"slug": "founded", "type": "date", "label": "Founded"},
    {"slug": "is_public", "type": "boolean", "label": "Is public"},
    {"slug": "facts", "type": "object", "label": "Facts"},
    {"slug": "tags", "type": "array", "label": "Tags"},
]
"""The columns of the model that tests use most."""


def request_of(name: str, fields: Body) -> tuple[str, str, Body | None]:
    """Verb, path and body of an operation: path fields go into the path, the rest into the body, or into the query of a GET."""
    operation = contract.load()[name]
    path, rest = "/v1" + operation.path, dict(fields)
    for field in operation.path_fields:
        path = path.replace(f"{{{field}}}", str(rest.pop(field)))
    return ("GET", f"{path}?{query.encode(rest)}", None) if operation.verb == "GET" else (operation.verb, path, rest)


@dataclass(frozen=True)
class ApiClient:
    """Calls operations over HTTP as one signed-in user. Fields are given as on the wire."""

    http: httpx.AsyncClient

    async def send(self, name: str, /, **fields: Any) -> httpx.Response:
        """The response to an operation, whatever its status."""
        verb, path, body = request_of(name, fields)
        return await self.http.request(verb, path, json=body)

    async def _success(self, name: str, fields: Body) -> httpx.Response:
        response = await self.send(name, **fields)
        assert response.status_code == 200, response.text
        return response

    async def call(self, name: str, /, **fields: Any) -> Body:
        """The body of a response that must be 200."""
        body: Body = (await self._success(name, fields)).json()
        return body

    async def warnings(self, name: str, /, **fields: Any) -> list[str]:
        """The warnings of a response that must be 200."""
        warnings: list[str] = json.loads((await self._success(name, fields)).headers.get("x-cargo-warnings", "[]"))
        return warnings

    async def refusal(self, name: str, /, **fields: Any) -> tuple[int, Body]:
        """Status and body of a response that must be a refusal."""
        response = await self.send(name, **fields)
        assert response.status_code >= 400, response.text
        body: Body = response.json()
        assert body["errorMessage"] and body["requestId"]
        return response.status_code, body

    async def refused(self, name: str, /, **fields: Any) -> tuple[int, str]:
        """Status and reason of a refusal."""
        status, body = await self.refusal(name, **fields)
        return status, str(body["reason"])

    async def refusal_message(self, name: str, /, **fields: Any) -> str:
        """The sentence of a refusal."""
        return str((await self.refusal(name, **fields))[1]["errorMessage"])

    async def dataset(self) -> str:
        """The uuid of the workspace's native dataset."""
        datasets: list[Body] = (await self.call("storage.dataset.all"))["datasets"]
        return str(next(dataset["uuid"] for dataset in datasets if dataset["kind"] == "native"))

    async def model(self, slug: str = "companies", extractor: str = "defineObject", **config: Any) -> str:
        """The uuid of a new model; without a config one of companies by domain."""
        response = await self.call(
            "storage.model.create",
            slug=slug,
            name=slug.title(),
            datasetUuid=await self.dataset(),
            extractorSlug=extractor,
            config=config or {"columns": COMPANIES, "idColumnSlug": "domain", "titleColumnSlug": "name"},
        )
        return str(response["model"]["uuid"])

    async def column(self, model: str, **column: Any) -> Body:
        """A new column of a model."""
        fields: Body = {"label": "", "type": "string", **column}
        created: Body = (await self.call("storage.column.create", modelUuid=model, column=fields))["column"]
        return created

    async def add(self, model: str, *records: Body) -> list[Body]:
        """New records."""
        created: list[Body] = (
            await self.call("storage.record.createBulk", modelUuid=model, records=[{"data": record} for record in records])
        )["records"]
        return created

    async def records(self, model: str, **page: Any) -> list[Body]:
        """The records of a model by id."""
        response = await self.call("storage.record.list", modelUuid=model, sort={"kind": "asc", "columnSlug": "_id"}, **page)
        records: list[Body] = response["records"]
        return records

    async def connector(self, slug: str = "crm", **fields: Any) -> Body:
        """A new connector of the `http` integration."""
        created: Body = (
            await self.call("connection.connector.create", **{"integrationSlug": "http", "slug": slug, "name": "CRM", **fields})
        )["connector"]
        return created

    async def tool(self, name: str = "Tier") -> Body:
        """A new tool."""
        created: Body = (await self.call("orchestration.tool.create", name=name))["tool"]
        return created

    async def deployed(self, nodes: list[Body], name: str = "Tier") -> tuple[Body, Body]:
        """A new tool and its first release, with these nodes."""
        tool = await self.tool(name)
        response = await self.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=nodes, formFields=None)
        return tool, response["release"]
