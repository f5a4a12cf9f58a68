"""MCP servers of others: their tools in answers, marked as data, and what becomes of servers that hang, flood or send without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cargo_ai.domains.ai.chats.untrusted import OPEN
from cargo_ai.domains.ai.mcp import foreign as foreign_servers
from tests.kit.api_client import ApiClient, Body
from tests.kit.application import on_a_port
from tests.kit.backend import Backend
from tests.kit.peers import foreign_mcp
from tests.kit.peers.foreign_mcp import TOKEN, ForeignServer
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def foreign() -> AsyncIterator[ForeignServer]:
    """The servers."""
    async with foreign_mcp.running() as running:
        yield running


def client_of(foreign: ForeignServer, path: str = "/mcp", token: str = TOKEN, **more: object) -> Body:
    authentication = {"issuedAt": "2026-01-01T00:00:00Z", "accessToken": token}
    return {"kind": "custom", "name": "calc", "url": foreign.url + path, "authentication": authentication, "disabledToolSlugs": [], **more}


async def test_an_agent_calls_tools_of_a_foreign_server_and_sees_its_texts_as_data(
    api: ApiClient, model: Running, foreign: ForeignServer
) -> None:
    foreign.calls.clear()
    agent = await new_agent(api, mcpClients=[client_of(foreign, disabledToolSlugs=["drop"])], **MODEL)
    calls = [("calc_double", {"n": 4}), ("calc_double", {"n": "x"}), ("calc_drop", {"n": 1})]
    model.control.rules.append(lambda heard: Reply("done") if heard.results else Reply(calls=calls))
    answer = await answer_to(api, "Twice 4?", agentUuid=agent)
    assert answer["status"] == "success", answer["errorMessage"]
    assert foreign.calls == [("double", {"n": 4})], "what breaks the schema or is disabled never leaves this server"
    first, last = model.control.said
    assert set(first.tools) == {"calc_double"}
    assert last.results[0][1].startswith(OPEN)
    shown = [part for part in answer["parts"] if part["type"] == "tool-calc_double"]
    assert shown[0]["output"] == '{"doubled": 8}' and "not of type" in shown[1]["errorText"]


async def test_a_call_of_a_foreign_server_that_requires_approval_is_made_when_a_person_has_approved_it(
    api: ApiClient, model: Running, foreign: ForeignServer
) -> None:
    """Until then nothing leaves this server, also where the tool says that it only reads; what is denied never does."""
    foreign.calls.clear()
    agent = await new_agent(api, mcpClients=[client_of(foreign, requiresApproval=True)], **MODEL)
    model.control.rules.append(
        lambda heard: Reply("done") if heard.results else Reply(calls=[("calc_double", {"n": 4}), ("calc_drop", {"n": 1})])
    )
    sent = await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}])
    reviews: list[Body] = []
    while len(reviews) < 2:
        listed = (await api.call("orchestration.review.list", statuses=["pending"]))["reviews"]
        reviews = sorted((review for review in listed if "wants to call calc_" in review["title"]), key=lambda review: review["title"])
        await asyncio.sleep(0.05)
    assert foreign.calls == []
    await api.call("orchestration.review.approve", uuid=reviews[0]["uuid"], values={"arguments": {"n": 5}})
    await api.call("orchestration.review.reject", uuid=reviews[1]["uuid"])
    answer = await ended(api, sent["assistantMessage"]["uuid"])
    assert answer["status"] == "success", answer["errorMessage"]
    assert foreign.calls == [("double", {"n": 5})]
    states = {part["type"]: part["state"] for part in answer["parts"] if part["type"].startswith("tool-")}
    assert states == {"tool-calc_double": "output-available", "tool-calc_drop": "output-denied"}
    shown = (await api.call("ai.release.getDeployed", agentUuid=agent))["release"]["mcpClients"][0]
    assert shown["requiresApproval"] is True


async def test_connect_shows_the_tools_of_custom_servers_and_of_connectors(api: ApiClient, foreign: ForeignServer) -> None:
    listed = (await api.call("ai.mcpClient.connect", mcpClient=client_of(foreign)))["tools"]
    assert [tool["slug"] for tool in listed] == ["double", "drop"]
    assert listed[0]["config"]["jsonSchema"]["required"] == ["n"]
    short = (await api.call("ai.mcpClient.connect", name="calc", url=f"{foreign.url}/mcp", token=TOKEN))["tools"]
    assert short == listed
    account = {"baseUrl": f"{foreign.url}/mcp", "auth": {"kind": "bearer", "token": TOKEN}}
    connector = await api.connector("calc", config=account)
    named = {
        "kind": "connector",
        "name": "calc",
        "connectorUuid": connector["uuid"],
        "integrationSlug": "http",
        "disabledToolSlugs": ["drop"],
    }
    assert [tool["slug"] for tool in (await api.call("ai.mcpClient.connect", mcpClient=named))["tools"]] == ["double"]
    unknown = named | {"connectorUuid": "0198b2e4-0000-7000-8000-000000000000"}
    assert "There is no connector" in await api.refusal_message("ai.mcpClient.connect", mcpClient=unknown)
    agent = (await api.call("ai.agent.create", name="Calc", icon={"color": "grey", "face": "x"}, triggers=[]))["agent"]["uuid"]
    assert await api.refused("ai.release.updateDraft", agentUuid=agent, mcpClients=[unknown]) == (400, "invalidConnector")
    await api.call("ai.release.updateDraft", agentUuid=agent, mcpClients=[named])


async def test_our_own_endpoint_is_a_foreign_server_like_any_other(backend: Backend, api: ApiClient) -> None:
    token = api.http.headers["authorization"].removeprefix("Bearer ")
    async with on_a_port(backend.app) as url:
        tools = (await api.call("ai.mcpClient.connect", name="own", url=f"{url}/mcp", token=token))["tools"]
    assert "storage_model_all" in {tool["slug"] for tool in tools}


async def test_hostile_servers_are_bounded_and_said_to_be_what_they_are(
    api: ApiClient, foreign: ForeignServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign_servers, "OPEN_SECONDS", 1.0)
    for kind, sentence in (
        ("hangs", "did not answer within 1 seconds"),
        ("endless", "larger than 2 MB"),
        ("nonsense", "not as an MCP server does"),
    ):
        said_of_it = await api.refusal_message("ai.mcpClient.connect", mcpClient=client_of(foreign, f"/hostile/{kind}"))
        assert sentence in said_of_it, said_of_it
    flood = (await api.call("ai.mcpClient.connect", mcpClient=client_of(foreign, "/hostile/flood")))["tools"]
    assert len(flood) == foreign_servers.MAX_TOOLS
    broken = (await api.call("ai.mcpClient.connect", mcpClient=client_of(foreign, "/hostile/broken")))["tools"]
    assert [tool["slug"] for tool in broken] == ["fine"]
    warnings = await api.warnings("ai.mcpClient.connect", mcpClient=client_of(foreign, "/hostile/broken"))
    assert len(warnings) == 4 and all("A tool of calc is left out" in sentence for sentence in warnings)
    wrong = await api.refusal_message("ai.mcpClient.connect", mcpClient=client_of(foreign, token="wrong-token-value"))
    assert "does not accept the token" in wrong and "wrong-token-value" not in wrong
    none = {**client_of(foreign), "authentication": None}
    assert "wants a token, and none is given" in await api.refusal_message("ai.mcpClient.connect", mcpClient=none)
    for url in ("http://10.0.0.1/mcp", "file:///etc/passwd", "http://169.254.169.254/latest"):
        assert (await api.refused("ai.mcpClient.connect", name="inside", url=url))[1] == "failedToConnectMcpClient"


async def test_a_result_that_is_no_json_is_given_as_far_as_it_is(api: ApiClient, model: Running, foreign: ForeignServer) -> None:
    agent = await new_agent(api, mcpClients=[client_of(foreign, "/hostile/broken")], **MODEL)
    model.control.rules.append(lambda heard: Reply("done") if heard.results else Reply(calls=[("calc_fine", {})]))
    answer = await answer_to(api, "Look", agentUuid=agent)
    (shown,) = [part for part in answer["parts"] if part["type"] == "tool-calc_fine"]
    assert (said(answer), shown["output"]) == ("done", {"n": None, "text": "a\ufffdb\ufffd"})


async def test_a_server_that_is_away_is_noted_and_the_agent_goes_on(api: ApiClient, model: Running) -> None:
    away: Body = {"kind": "custom", "name": "away", "url": "http://127.0.0.1:9/mcp", "authentication": None, "disabledToolSlugs": []}
    agent = await new_agent(api, mcpClients=[away], **MODEL)
    answer = await answer_to(api, "Hello", agentUuid=agent)
    assert said(answer) == "You said: Hello"
    (warning,) = [part["data"] for part in answer["parts"] if part["type"] == "data-warning"]
    assert warning["reason"] == "toolUnusable" and warning["message"].startswith("The MCP server away cannot be used now: away: 127.0.0.1")
    assert "The MCP server away cannot be used now" in model.control.said[0].system
