"""MCP servers: what they offer at their addresses, to whom, as the official client and plain requests see it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from mcp.client.client import ConnectMode

from cargo_ai.domains.ai.chats.calling import approval
from cargo_ai.domains.ai.mcp import published
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.rate_limits.limits import Limits
from cargo_ai.server.mcp import endpoint, protocol
from cargo_ai.server.mcp.gate import MAX_AT_ONCE, McpGate
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.mcp_client import connected, text_of, tools_of
from tests.unit.domains.ai.conftest import new_agent
from tests.unit.domains.ai.mcp.conftest import READER, tier_server, tier_tool, token_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


def path_of(server: Body) -> str:
    return f"/v1/mcp/{server['uuid']}"


async def sent(api: ApiClient, path: str, method: str, headers: dict[str, str] | None = None, **params: object) -> Body:
    """The answer to one message, sent as a program without any library would."""
    response = await api.http.post(path, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers)
    body: Body = response.json()
    return body


async def reviewed_tool(api: ApiClient) -> Body:
    """A tool that ends when a person has approved."""
    tool = await api.tool()
    review = node("review", "humanReview", ("end", "end"), config={"title": "Go on?"})
    graph = [node("start", children=("review",)), review, node("end")]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    return tool


async def pending_review(api: ApiClient, tool: Body) -> Body:
    """What the run of a tool waits for, as soon as it waits."""
    async with asyncio.timeout(30):
        while True:
            for review in (await api.call("orchestration.review.list", statuses=["pending"], workflowUuid=tool["workflowUuid"]))["reviews"]:
                return dict(review)


@pytest.mark.parametrize("mode", ["legacy", "auto", "2026-07-28"])
async def test_the_official_client_lists_and_calls_with_and_without_a_handshake(
    backend: Backend, api: ApiClient, mode: ConnectMode
) -> None:
    server = await tier_server(api)
    async with connected(backend.app, token_of(api), path_of(server), mode) as client:
        assert (client.server_info is None) or client.server_info.name == "cargo-ai"
        tools = await tools_of(client)
        assert set(tools) == {"tier", "get_result"}
        assert tools["tier"]["description"] == "The tier of a company."
        assert tools["tier"]["inputSchema"]["required"] == ["domain"]
        assert tools["tier"]["annotations"] == {
            "title": "tier",
            "readOnlyHint": True,
            "destructiveHint": False,
            "openWorldHint": False,
        }
        assert tools["get_result"]["annotations"]["readOnlyHint"] is True
        result = await client.call_tool("tier", {"domain": "acme.com"})
        assert (result.is_error, result.structured_content) == (False, {"tier": "A"})
    runs = (await api.call("orchestration.run.list", limit=1))["runs"]
    assert runs[0]["status"] == "success"


async def test_a_native_action_that_removes_records_says_that_it_destroys(backend: Backend, api: ApiClient) -> None:
    config = {"modelUuid": await api.model("doomed", columns=[{"slug": "domain", "type": "string"}], idColumnSlug="domain")}
    actions = [{"kind": "native", "slug": slug, "actionSlug": slug, "config": config} for slug in ("modelRemove", "modelInsert")]
    server = (await api.call("ai.mcpServer.create", name="Records", actions=actions, resources=[]))["mcpServer"]
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        hints = {name: tool["annotations"] for name, tool in (await tools_of(client)).items()}
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {"modelRemove"}


async def test_a_workflow_says_what_its_nodes_do(backend: Backend, api: ApiClient) -> None:
    model = await api.model("of_workflows", columns=[{"slug": "domain", "type": "string"}], idColumnSlug="domain")
    removing = node("remove", "modelRemove", (None,), config={"modelUuid": model, "matchingColumnSlug": "domain", "matchingValue": "a"})
    looking = node("look", "modelSearch", (None,), config={"modelUuid": model})
    deletes, inserts = (
        node("ask", "request", (None,), kind="connector", integrationSlug="http", config={"method": method, "url": "https://example.com"})
        for method in ("DELETE", "POST")
    )
    removal, _ = await api.deployed([node("start", children=("remove",)), removing])
    nested = node("nested", "", (None,), kind="tool", toolUuid=removal["uuid"], config={})
    agent = await new_agent(api, resources=[{"slug": "rows", "kind": "model", "modelUuid": model, "isReadOnly": False}], **MODEL)
    asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "Hello"})
    actions: list[Body] = []
    for name, last in (("look", looking), ("nest", nested), ("delete", deletes), ("insert", inserts), ("asks", asking)):
        tool, _ = await api.deployed([node("start", children=(last["slug"],)), last])
        actions.append({"kind": "tool", "slug": name, "toolUuid": tool["uuid"]})
    server = (await api.call("ai.mcpServer.create", name="Workflows", actions=actions, resources=[]))["mcpServer"]
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        tools = await tools_of(client)
    hints = {name: [tools[name]["annotations"][f"{hint}Hint"] for hint in ("readOnly", "destructive", "openWorld")] for name in tools}
    assert hints == {
        "look": [True, False, False],
        "nest": [False, True, False],
        "delete": [False, True, True],
        "insert": [False, False, True],
        "asks": [False, True, False],
        "get_result": [True, False, False],
    }


async def test_arguments_that_break_the_schema_are_an_error_that_says_where(backend: Backend, api: ApiClient) -> None:
    server = await tier_server(api)
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        result = await client.call_tool("tier", {"domain": 7})
        assert result.is_error
        assert "domain: 7 is not of type" in text_of(result)
        assert "required property" in text_of(await client.call_tool("tier", {}))


async def test_a_token_that_is_wrong_is_401_and_one_of_another_workspace_404(backend: Backend, api: ApiClient) -> None:
    server = await tier_server(api)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    wrong = await api.http.post(path_of(server), json=message, headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
    none = await api.http.post(path_of(server), json=message, headers={"Authorization": ""})
    assert none.status_code == 401
    stranger = await backend.other_api.http.post(path_of(server), json=message)
    assert (stranger.status_code, stranger.json()["reason"]) == (404, "mcpServerNotFound")
    for path in ("/v1/mcp/nonsense", "/v1/mcp/0198b2e4-0000-7000-8000-000000000000"):
        assert (await api.http.post(path, json=message)).status_code == 404


async def test_changes_and_removal_take_effect_with_the_next_request(api: ApiClient) -> None:
    server = await tier_server(api)
    second = {"kind": "tool", "slug": "second", "toolUuid": await tier_tool(api)}
    await api.call("ai.mcpServer.update", uuid=server["uuid"], actions=[second])
    listed = await sent(api, path_of(server), "tools/list")
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["second", "get_result"]
    await api.call("orchestration.tool.remove", uuid=second["toolUuid"])
    assert (await sent(api, path_of(server), "tools/list"))["result"]["tools"] == []
    await api.call("ai.mcpServer.remove", uuid=server["uuid"])
    assert (await sent(api, path_of(server), "tools/list"))["reason"] == "mcpServerNotFound"


async def test_a_reader_sees_what_reads_and_starts_nothing(backend: Backend, api: ApiClient) -> None:
    server = await tier_server(api)
    token = await api.call("workspaceManagement.token.create", name="MCP", permissions=READER)
    headers = {"Authorization": f"Bearer {token['token']['token']}"}
    listed = await sent(api, path_of(server), "tools/list", headers)
    assert [tool["name"] for tool in listed["result"]["tools"]] == ["get_result"]
    called = (await sent(api, path_of(server), "tools/call", headers, name="tier", arguments={"domain": "a"}))["result"]
    assert called["isError"] and "ai:mcpServer:write" in called["content"][0]["text"]
    nothing = await api.call(
        "workspaceManagement.token.create", name="None", permissions=[{"effect": "allow", "actions": ["storage:read"]}]
    )
    refused = await sent(api, path_of(server), "tools/list", {"Authorization": f"Bearer {nothing['token']['token']}"})
    assert refused["reason"] == "forbidden"


async def test_an_action_that_requires_approval_waits_for_a_person(
    backend: Backend, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "IN_PLACE_SECONDS", 0.2)
    monkeypatch.setattr(published, "WAIT_SECONDS", 0.2)
    action = {"kind": "tool", "slug": "tier", "toolUuid": await tier_tool(api), "requiresApproval": True}
    server = (await api.call("ai.mcpServer.create", name="Leads", actions=[action], resources=[]))["mcpServer"]
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        asked: list[Body] = []
        for domain in ("acme.com", "{{ 1 + 1 }}"):
            waiting: Body = (await client.call_tool("tier", {"domain": domain})).structured_content or {}
            while waiting.get("status") == "running":  # its review is still being made
                waiting = (await client.call_tool("get_result", {"handle": waiting["handle"]})).structured_content or {}
            assert waiting.get("status") == "waitingForApproval", waiting
            asked.append(waiting)
        first, second = asked
        review = (await api.call("orchestration.review.get", uuid=second["reviewUuid"]))["review"]
        assert review["title"] == "A program wants to call tier of Leads"
        assert review["fields"][0]["value"] == {"domain": "{{ 1 + 1 }}"}
        await api.call("orchestration.review.approve", uuid=first["reviewUuid"], values={"arguments": {"domain": "io"}})
        await api.call("orchestration.review.reject", uuid=second["reviewUuid"], comment="Not this one")
        monkeypatch.setattr(published, "WAIT_SECONDS", 30)
        result = await client.call_tool("get_result", {"handle": first["handle"]})
        assert (result.is_error, result.structured_content) == (False, {"tier": "B"})
        denied = await client.call_tool("get_result", {"handle": second["handle"]})
        assert denied.is_error and "Not this one" in text_of(denied)


async def test_native_actions_are_tools_too(backend: Backend, api: ApiClient) -> None:
    model = await api.model()
    action = {"kind": "native", "slug": "add", "actionSlug": "modelInsert", "config": {"modelUuid": model}}
    server = (await api.call("ai.mcpServer.create", name="Leads", actions=[action], resources=[]))["mcpServer"]
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        assert "modelUuid" not in (await tools_of(client))["add"]["inputSchema"]["properties"]
        result = await client.call_tool("add", {"mappings": {"domain": "acme.com", "name": "Acme"}})
        assert not result.is_error, text_of(result)
    assert [record["name"] for record in (await api.call("storage.record.list", modelUuid=model))["records"]] == ["Acme"]


async def test_what_takes_longer_than_a_call_may_is_fetched_with_its_handle(
    backend: Backend, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "WAIT_SECONDS", 0.3)
    tool = await reviewed_tool(api)
    action = {"kind": "tool", "slug": "slow", "toolUuid": tool["uuid"]}
    server = (await api.call("ai.mcpServer.create", name="Slow", actions=[action], resources=[]))["mcpServer"]
    async with connected(backend.app, token_of(api), path_of(server)) as client:
        first = (await client.call_tool("slow", {})).structured_content
        assert first is not None and first["status"] in ("running", "waitingForApproval")
        assert (await client.call_tool("get_result", {"handle": "forged"})).is_error
        again = (await client.call_tool("get_result", {"handle": first["handle"]})).structured_content
        assert again is not None and again["handle"] == first["handle"]
        await backend.parked(first["runUuid"])
        await api.call("orchestration.run.cancel", workflowUuid=tool["workflowUuid"], uuids=[first["runUuid"]])
        monkeypatch.setattr(published, "WAIT_SECONDS", 30)
        ended = await client.call_tool("get_result", {"handle": first["handle"]})
        assert ended.is_error and "cancelled" in text_of(ended)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_long_call_is_answered_with_events_and_progress(
    backend: Backend, api: ApiClient, monkeypatch: pytest.MonkeyPatch, mode: ConnectMode
) -> None:
    monkeypatch.setattr(endpoint, "JSON_SECONDS", 0.0)
    monkeypatch.setattr(endpoint, "PROGRESS_SECONDS", 0.01)
    tool = await reviewed_tool(api)
    action = {"kind": "tool", "slug": "slow", "toolUuid": tool["uuid"]}
    server = (await api.call("ai.mcpServer.create", name="Slow", actions=[action], resources=[]))["mcpServer"]
    seen: list[float] = []
    sent_progress = asyncio.Event()

    def progress_of(token: str | int, seconds: float) -> Body:
        # This transport hands the events to the client at the end: that one was sent is seen here.
        sent_progress.set()
        return made_progress(token, seconds)

    made_progress = protocol.progress_of
    monkeypatch.setattr(protocol, "progress_of", progress_of)

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with connected(backend.app, token_of(api), path_of(server), mode) as client:
        call = asyncio.create_task(client.call_tool("slow", {}, progress_callback=note))
        await asyncio.wait_for(sent_progress.wait(), 30)
        review = await pending_review(api, tool)
        await api.call("orchestration.review.approve", uuid=review["uuid"])
        result = await asyncio.wait_for(call, 30)
    assert not result.is_error
    assert seen == sorted(seen) and seen


async def test_messages_that_are_none_are_answered_with_what_is_wrong(api: ApiClient) -> None:
    path = path_of(await tier_server(api))
    post = api.http.post
    for body, code in (
        ("{", -32700),
        ("[]", -32600),
        ('{"id":1,"method":"ping"}', -32600),
        ('{"jsonrpc":"2.0","id":null,"method":"x"}', -32600),
    ):
        response = await post(path, content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (400, code), body
    assert (await sent(api, path, "resources/list"))["error"]["code"] == -32601
    assert (await sent(api, path, "tools/call", name="none"))["error"]["message"] == "There is no tool none."
    assert (await sent(api, path, "tools/list", cursor="2"))["error"]["code"] == -32602
    assert (await sent(api, path, "ping"))["result"] == {}
    assert (await post(path, json={"jsonrpc": "2.0", "method": "notifications/initialized"})).status_code == 202
    newer = await sent(api, path, "tools/list", {"MCP-Protocol-Version": "2031-01-01"})
    assert (newer["error"]["code"], newer["error"]["data"]["supported"][0]) == (-32022, "2026-07-28")
    assert (await sent(api, path, "tools/list", {"MCP-Protocol-Version": "2026-07-28"}))["error"]["code"] == -32602
    assert (await api.http.get(path)).status_code == 405


async def test_pages_of_other_hosts_and_bodies_beyond_the_limit_are_refused(api: ApiClient) -> None:
    path = path_of(await tier_server(api))
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for origin, host, status in (
        ("http://evil.example", "evil.example", 403),
        ("null", "127.0.0.1", 403),
        ("http://localhost:6274", "127.0.0.1:8420", 200),
        ("http://localhost:6274", "evil.example", 403),
    ):
        response = await api.http.post(path, json=message, headers={"Origin": origin, "Host": host})
        assert response.status_code == status, (origin, host)
    large = await api.http.post(path, json=message | {"params": {"name": "x" * endpoint.MAX_BODY}})
    assert large.status_code == 413


async def test_one_token_may_not_call_without_end() -> None:
    settings, token, other = Settings({"CARGO_AI_MCP_REQUESTS_PER_MINUTE": "3"}), ids.new(), ids.new()
    gate = McpGate(settings, Limits(settings).mcp)
    for _ in range(3):
        gate.count(token)
    with pytest.raises(Refusal, match="3 requests over MCP within a minute"):
        gate.count(token)
    gate.count(other)
    with ExitStack() as present:
        for _ in range(MAX_AT_ONCE):
            present.enter_context(gate.enter(token))
        with pytest.raises(Refusal, match="under way"):
            present.enter_context(gate.enter(token))
        present.enter_context(gate.enter(other))
    with gate.enter(token):
        pass


async def test_what_is_not_there_cannot_be_offered(backend: Backend, api: ApiClient) -> None:
    stranger = await tier_tool(backend.other_api)
    model = {"kind": "model", "slug": "companies", "modelUuid": "0198b2e4-0000-7000-8000-000000000000"}
    tool = {"kind": "tool", "slug": "tier", "toolUuid": stranger}
    approved = {"kind": "model", "slug": "mine", "modelUuid": await api.model(slug="mine"), "isReadOnly": False, "requiresApproval": True}
    for actions, resources in (([tool], []), ([], [model]), ([], [approved])):
        refused = await api.refused("ai.mcpServer.create", name="Leads", actions=actions, resources=resources)
        assert refused == (400, "failedToReconciliateAgentAiTools")
    assert await api.refused("ai.mcpServer.create", name="Leads", folderUuid="nonsense") == (404, "folderNotFound")
    server = await tier_server(api)
    for name in ("get", "update", "remove"):
        assert await backend.other_api.refused(f"ai.mcpServer.{name}", uuid=server["uuid"]) == (404, "mcpServerNotFound")
    assert server["url"].endswith(path_of(server))
    assert server["uuid"] in [each["uuid"] for each in (await api.call("ai.mcpServer.all"))["mcpServers"]]
    assert "address of its own" in (await api.warnings("ai.mcpServer.create", name="Old", url="https://example.com"))[0]
