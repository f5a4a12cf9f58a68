"""Public interface of AI: answers that are followed live, and MCP servers, for the server's routes."""

from __future__ import annotations

from cargo_ai.domains.ai.chats.calling.offer import Hint
from cargo_ai.domains.ai.live.events import END, Cursor, following, read_cursor
from cargo_ai.domains.ai.live.feeds import Feed, Feeds, UnknownAnswer
from cargo_ai.domains.ai.mcp.published import Published, open_published
from cargo_ai.domains.ai.mcp.servers import LIST as LIST_SERVERS
from cargo_ai.domains.ai.mcp.servers import PATH as MCP_PATH
from cargo_ai.domains.ai.mcp.servers import find_server
from cargo_ai.domains.ai.tables import McpServer

__all__ = [
    "END",
    "LIST_SERVERS",
    "MCP_PATH",
    "Cursor",
    "Feed",
    "Feeds",
    "Hint",
    "McpServer",
    "Published",
    "UnknownAnswer",
    "find_server",
    "following",
    "open_published",
    "read_cursor",
]
