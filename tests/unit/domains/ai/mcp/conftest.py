"""A server and a worker, and programs that speak MCP with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.graphs import node

READER = [{"effect": "allow", "actions": ["ai:mcpServer:read"]}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """The whole application and a worker in this process."""
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend")) as running:
            yield running


@pytest.fixture
def api(backend: Backend) -> ApiClient:
    """The admin of the first workspace."""
    return backend.admin


def token_of(api: ApiClient) -> str:
    """The token of a client."""
    return api.http.headers["authorization"].removeprefix("Bearer ")


async def tier_tool(api: ApiClient, value: str = "{{ nodes.start.domain.length > 3 ? 'A' : 'B' }}") -> str:
    """A tool that wants a domain and gives its tier."""
    tool = await api.tool()
    end = node("end", config={"variables": [{"name": "tier", "type": "string", "value": value}]})
    fields = [{"kind": "string", "slug": "domain", "name": "Domain", "isRequired": True}]
    await api.call(
        "orchestration.draftRelease.deploy",
        workflowUuid=tool["workflowUuid"],
        nodes=[node("start", children=("end",)), end],
        formFields=fields,
    )
    return str(tool["uuid"])


async def tier_server(api: ApiClient) -> Body:
    """An MCP server with that tool."""
    actions = [{"kind": "tool", "slug": "tier", "toolUuid": await tier_tool(api), "description": "The tier of a company."}]
    server: Body = (await api.call("ai.mcpServer.create", name="Leads", description="About leads.", actions=actions, resources=[]))[
        "mcpServer"
    ]
    return server
