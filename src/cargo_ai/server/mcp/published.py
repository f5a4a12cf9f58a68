"""The tools of an MCP server of a workspace, for one caller."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from cargo_ai.context.context import Caller
from cargo_ai.domains.ai import public as ai
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.server.api import dispatch
from cargo_ai.server.api.state import State
from cargo_ai.server.mcp.source import ToolResult, UnknownTool, hints_of

READ, RUN = "ai:mcpServer:read", "ai:mcpServer:write"
"""Permissions: to see the server and read with it; to start what it offers besides."""


class PublishedTools:
    """Of one MCP server. A caller who may not start runs sees the tools that read."""

    def __init__(self, caller: Caller, server: ai.McpServer, published: ai.Published) -> None:
        self._caller, self._published, self._things = caller, published, (str(server.uuid),)
        self.name = server.name
        self.instructions = server.description or ""

    async def tools(self) -> Sequence[JsonObject]:
        """Those that the caller may call."""
        return [
            {
                "name": tool.name,
                "description": tool.description,
                "inputSchema": tool.schema,
                "annotations": hints_of(tool.name, tool.effect.hint, is_open=tool.effect.is_open),
            }
            for tool in self._published.tools
            if tool.for_readers or self._caller.may(RUN, self._things)
        ]

    async def call(self, name: str, arguments: JsonObject) -> ToolResult:
        """Carry out a call. Raises UnknownTool, and Refusal without the permission."""
        for_readers = self._published.for_readers(name)
        if for_readers is None:
            raise UnknownTool
        if not for_readers:
            dispatch.require_permission(self._caller, RUN, self._things)
        return ToolResult(*await self._published.call(name, arguments))


async def open_server(state: State, caller: Caller, request: Request) -> PublishedTools:
    """The tools of the MCP server that the path names. Refusal: 404 for one of another workspace, too."""
    text = str(request.path_params["uuid"])
    dispatch.require_permission(caller, READ, (text,))
    async with state.database.session(caller.workspace_uuid) as db:
        server = await ai.find_server(db, text)
        if server is None:
            raise Refusal(404, "mcpServerNotFound", f"There is no MCP server {text[:64]} in this workspace.", {"fix": ai.LIST_SERVERS})
        published = await ai.open_published(state.services, db, server, caller.user_uuid)
        return PublishedTools(caller, server, published)
