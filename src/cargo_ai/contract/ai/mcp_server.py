"""MCP servers: addresses at which programs of others find chosen actions and resources of the workspace as tools."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.orchestration.fields import Name, Text
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Removed, Timestamp, Uuid, Wire


class McpServer(Wire):
    """An MCP server. `url`: where programs find it, with a token of the workspace."""

    uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid
    name: str
    description: str | None
    url: str
    actions: list[fields.Action]
    resources: list[fields.Resource]
    capabilities: list[fields.Capability]
    folder_uuid: Uuid | None
    template_slug: str | None
    is_read_only: bool
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class McpServerReply(Wire):
    """One MCP server."""

    mcp_server: McpServer


class McpServersReply(Wire):
    """The MCP servers of the workspace, the newest first."""

    mcp_servers: list[McpServer]


class CreateMcpServer(Wire):
    """A new MCP server. `url` is accepted and means nothing: the server has an address of its own."""

    name: Name = Field(description="The name of the MCP server.")
    description: Text | None = Field(default=None, description="What it is for: programs that use it read this.")
    actions: fields.Actions = Field(
        default_factory=list[fields.Action],
        description='What its tools do: [{"kind":"tool","slug":"score_lead","toolUuid":"..."}].',
    )
    resources: fields.Resources = Field(
        default_factory=list[fields.Resource],
        description='The data that it reads: [{"kind":"model","slug":"companies","modelUuid":"..."}].',
    )
    capabilities: fields.Capabilities = Field(
        default_factory=list[fields.Capability], description='What the platform does for it: [{"slug":"documentationSearch"}].'
    )
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind mcpServer.")
    url: Annotated[str, Field(max_length=2_000)] | None = Field(default=None, description="Accepted for compatibility, without effect.")


class UpdateMcpServer(Wire):
    """Changes to an MCP server; absent fields stay as they are."""

    uuid: Uuid = Field(description="The MCP server.")
    name: Name | None = Field(default=None, description="The new name.")
    description: Text | None = Field(default=None, description="What it is for; null removes it.")
    actions: fields.Actions | None = Field(default=None, description="All actions, in place of the present ones.")
    resources: fields.Resources | None = Field(default=None, description="All resources, in place of the present ones.")
    capabilities: fields.Capabilities | None = Field(default=None, description="All capabilities, in place of the present ones.")
    folder_uuid: Uuid | None = Field(default=None, description="The folder, of kind mcpServer; null: none.")


_NOT_FOUND = refusal(404, "There is no MCP server {uuid} in this workspace.")
_READ_ONLY = refusal(403, "MCP server {uuid} belongs to the platform and cannot be changed.")
_FOLDER = refusal(404, "There is no folder {folder} for MCP servers in this workspace.")
_NOT_RECONCILED = refusal(400, "The MCP server cannot offer this: {cause}")

get_all: Operation[Nothing, McpServersReply, Never] = operations.add(
    Operation(
        "ai.mcpServer.all",
        "GET",
        "/ai/mcpServers/list",
        request=Nothing,
        response=McpServersReply,
        summary="List the MCP servers of the workspace.",
        permission="ai:mcpServer:read",
        cli=Cli(examples=("cargo-ai ai mcp-server list",)),
    )
)

get: Operation[ByUuid, McpServerReply, Literal["mcpServerNotFound"]] = operations.add(
    Operation(
        "ai.mcpServer.get",
        "GET",
        "/ai/mcpServers/{uuid}",
        request=ByUuid,
        response=McpServerReply,
        summary="Show an MCP server and its address.",
        permission="ai:mcpServer:read",
        refusals={"mcpServerNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai mcp-server get UUID",)),
    )
)

CreateReason = Literal["folderNotFound", "failedToReconciliateAgentAiTools"]

create: Operation[CreateMcpServer, McpServerReply, CreateReason] = operations.add(
    Operation(
        "ai.mcpServer.create",
        "POST",
        "/ai/mcpServers",
        request=CreateMcpServer,
        response=McpServerReply,
        summary="Create an MCP server: its actions and resources become tools at an address of its own.",
        permission="ai:mcpServer:write",
        refusals={"folderNotFound": _FOLDER, "failedToReconciliateAgentAiTools": _NOT_RECONCILED},
        cli=Cli(
            examples=(
                'cargo-ai ai mcp-server create --name "Leads" --actions \'[{"kind":"tool","slug":"score_lead","toolUuid":"UUID"}]\' '
                '--resources \'[{"kind":"model","slug":"companies","modelUuid":"UUID"}]\'',
            ),
        ),
    )
)

UpdateReason = Literal["mcpServerNotFound", "mcpServerIsReadOnly", "folderNotFound", "failedToReconciliateAgentAiTools"]

update: Operation[UpdateMcpServer, McpServerReply, UpdateReason] = operations.add(
    Operation(
        "ai.mcpServer.update",
        "PUT",
        "/ai/mcpServers/{uuid}",
        request=UpdateMcpServer,
        response=McpServerReply,
        summary="Rename an MCP server, move it, or change what it offers. Programs see the change with their next request.",
        permission="ai:mcpServer:write",
        refusals={
            "mcpServerNotFound": _NOT_FOUND,
            "mcpServerIsReadOnly": _READ_ONLY,
            "folderNotFound": _FOLDER,
            "failedToReconciliateAgentAiTools": _NOT_RECONCILED,
        },
        cli=Cli(examples=('cargo-ai ai mcp-server update --uuid UUID --name "Leads and accounts"',)),
    )
)

RemoveReason = Literal["mcpServerNotFound", "mcpServerIsReadOnly"]

remove: Operation[ByUuid, Removed, RemoveReason] = operations.add(
    Operation(
        "ai.mcpServer.remove",
        "DELETE",
        "/ai/mcpServers/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove an MCP server; its address stops answering.",
        permission="ai:mcpServer:write",
        refusals={"mcpServerNotFound": _NOT_FOUND, "mcpServerIsReadOnly": _READ_ONLY},
        cli=Cli(examples=("cargo-ai ai mcp-server remove UUID",)),
    )
)
