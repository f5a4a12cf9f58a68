"""MCP over HTTP: the platform, and the MCP servers of workspaces."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cargo_ai.domains.ai import public as ai
from cargo_ai.server.mcp import endpoint
from cargo_ai.server.mcp.platform import open_platform
from cargo_ai.server.mcp.published import open_server

METHODS = ["GET", "POST", "DELETE"]


async def platform(request: Request) -> Response:
    """Speak MCP with the platform itself."""
    return await endpoint.serve(request, open_platform)


async def one_server(request: Request) -> Response:
    """Speak MCP with an MCP server of the workspace."""
    return await endpoint.serve(request, open_server)


routes = [Route("/mcp", platform, methods=METHODS), Route(ai.MCP_PATH, one_server, methods=METHODS)]
