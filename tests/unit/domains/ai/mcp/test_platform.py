"""The platform as an MCP server: over HTTP, and by `cargo-ai mcp` on standard input and output."""

from __future__ import annotations

import sys

import pytest
from mcp.client.client import Client, ConnectMode
from mcp.client.stdio import StdioServerParameters

from tests.kit.api_client import ApiClient
from tests.kit.application import on_a_port
from tests.kit.backend import Backend
from tests.kit.peers.mcp_client import connected, text_of, tools_of
from tests.unit.domains.ai.mcp.conftest import READER, tier_server, token_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_operations_are_tools_with_hints_schemas_and_the_callers_permissions(backend: Backend, api: ApiClient) -> None:
    async with connected(backend.app, token_of(api), "/mcp") as client:
        tools = await tools_of(client)
        assert 20 < len(tools) < 40
        assert tools["storage_model_all"]["annotations"]["readOnlyHint"] is True
        assert tools["orchestration_action_execute"]["annotations"] == {
            "title": tools["orchestration_action_execute"]["description"].rstrip("."),
            "readOnlyHint": False,
            "destructiveHint": True,
        }
        assert "uuid" in tools["orchestration_run_get"]["inputSchema"]["properties"]
        workspace = await client.call_tool("workspaceManagement_workspace_getCurrent", {})
        assert workspace.structured_content is not None
        assert workspace.structured_content["workspace"]["uuid"] == backend.workspace
    reader = (await api.call("workspaceManagement.token.create", name="Reader", permissions=READER))["token"]["token"]
    async with connected(backend.app, reader, "/mcp?domains=all") as client:
        assert {name.split("_")[1] for name in await tools_of(client) if name.startswith("ai_")} == {"mcpServer"}


async def test_a_choice_of_domains_narrows_the_list_and_no_secret_is_ever_in_it(backend: Backend, api: ApiClient) -> None:
    async with connected(backend.app, token_of(api), "/mcp?domains=storage.record,segmentation&readOnly=true") as client:
        tools = await tools_of(client)
        assert {"storage_record_list", "segmentation_segment_all"} <= set(tools)
        assert all(tool["annotations"]["readOnlyHint"] for tool in tools.values())
    async with connected(backend.app, token_of(api), "/mcp?domains=all") as client:
        tools = await tools_of(client)
        assert tools["storage_record_removeBulk"]["annotations"]["destructiveHint"] is True
        assert not [name for name in tools if "token" in name.lower() or "connector_create" in name or "Uploaded" in name]
        assert not [name for name in tools if name.startswith(("workspaceManagement_user_r", "workspaceManagement_workspace_u"))]
    refused = await api.http.post("/mcp?domains=nonsense", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "invalidInput")


async def test_a_refusal_is_an_error_with_its_reason_and_its_sentence(backend: Backend, api: ApiClient) -> None:
    async with connected(backend.app, token_of(api), "/mcp") as client:
        unknown = await client.call_tool("orchestration_run_get", {"uuid": "0198b2e4-0000-7000-8000-000000000000"})
        assert unknown.is_error and '"reason": "runNotFound"' in text_of(unknown)
        wrong = await client.call_tool("storage_record_list", {})
        assert wrong.is_error and "modelUuid: is required" in text_of(wrong)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_command_line_serves_the_same_over_standard_input_and_output(backend: Backend, api: ApiClient, mode: ConnectMode) -> None:
    server = await tier_server(api)
    async with on_a_port(backend.app) as url:
        environment = {"CARGO_API_URL": url, "CARGO_API_TOKEN": token_of(api), "PATH": "/usr/bin:/bin"}
        for more, called, arguments in (
            ([], "workspaceManagement_workspace_getCurrent", {}),
            (["--server", str(server["uuid"])], "tier", {"domain": "acme.com"}),
        ):
            program = StdioServerParameters(command=sys.executable, args=["-m", "cargo_ai", "mcp", *more], env=environment)
            async with Client(program, mode=mode, cache=None) as client:
                assert called in await tools_of(client)
                result = await client.call_tool(called, arguments)
                assert not result.is_error, text_of(result)
