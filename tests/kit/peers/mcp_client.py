"""The official client of MCP, connected to an application in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.client import Client, ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from starlette.types import ASGIApp

HOST = "http://127.0.0.1"


@asynccontextmanager
async def connected(app: ASGIApp, token: str, path: str, mode: ConnectMode = "auto") -> AsyncGenerator[Client]:
    """A client that has agreed on a revision. mode: "legacy" for the handshake, "auto" to try without it."""
    transport = httpx2.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers, timeout=60) as http,
        Client(streamable_http_client(HOST + path, http_client=http), mode=mode, cache=None) as client,
    ):
        yield client


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


async def tools_of(client: Client) -> dict[str, Any]:
    """The tools by name, as they came."""
    return {tool.name: tool.model_dump(by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools}
