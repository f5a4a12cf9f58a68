"""MCP clients: the external MCP servers that agents use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.orchestration.fields import Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Wire


class ConnectMcpClient(Wire):
    """A server to look at: as an agent's release names it, or by its name and address."""

    mcp_client: fields.McpClient | None = Field(
        default=None, description='As in a release: {"kind":"custom","name":"docs","url":"https://...","authentication":null}.'
    )
    name: Word | None = Field(default=None, description="A name; the names of its tools begin with it.")
    url: Annotated[str, Field(max_length=2_000)] | None = Field(default=None, description="The address of the server.")
    token: Annotated[str, Field(max_length=20_000)] | None = Field(default=None, description="The token that it requires, if any.")


class McpToolConfig(Wire):
    """What a tool takes."""

    json_schema: JsonObject


class McpTool(Wire):
    """A tool of a server. `slug` and `description` are in the server's own words."""

    slug: str
    description: str
    config: McpToolConfig


class McpToolsReply(Wire):
    """The tools of a server."""

    tools: list[McpTool]


ConnectReason = Literal["failedToConnectMcpClient"]

connect: Operation[ConnectMcpClient, McpToolsReply, ConnectReason] = operations.add(
    Operation(
        "ai.mcpClient.connect",
        "POST",
        "/ai/mcpClients/connect",
        request=ConnectMcpClient,
        response=McpToolsReply,
        summary="Show the tools of an external MCP server, as agents would see them. Nothing is stored.",
        permission="ai:agent:write",
        refusals={"failedToConnectMcpClient": refusal(502, "The MCP server cannot be used: {cause}")},
        cli=Cli(
            flags={"token": ("--mcp-token",)},
            examples=('cargo-ai ai mcp-client connect --name docs --url https://mcp.example.com/mcp --mcp-token "$DOCS_TOKEN"',),
        ),
        reads=True,
        agent_safe=False,
    )
)
