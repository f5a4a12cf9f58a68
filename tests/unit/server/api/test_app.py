"""The whole application as it is served: real rooms, in process and on a port."""

from __future__ import annotations

import asyncio

import httpx

from cargo_ai.contract.workspace.members import token as tokens
from cargo_ai.domains.workspace import public
from cargo_ai.sdk import AsyncCargo, Settings
from cargo_ai.server.api import rest
from cargo_ai.server.api.state import State
from tests.kit.application import LiveServer


async def test_those_who_is_signed_in_sees_itself_and_its_workspace(client: httpx.AsyncClient, first_workspace: public.Bootstrap) -> None:
    user = (await client.get("/v1/workspaceManagement/users/current")).json()["user"]
    assert user["uuid"] == str(first_workspace.user_uuid)
    workspace = (await client.get("/v1/workspaceManagement/workspaces/current")).json()["workspace"]
    assert workspace["uuid"] == str(first_workspace.workspace_uuid)


async def test_no_operation_answers_without_a_token(client: httpx.AsyncClient, state: State) -> None:
    answered: list[str] = []
    for operation in rest.public_operations():
        state.limits.wrong_tokens.clear()  # each is asked first: who goes on with wrong tokens waits, and hears 429 in the end
        path = operation.path.replace("{", "").replace("}", "")
        reply = await client.request(operation.verb, f"/v1{path}", headers={"Authorization": "Bearer wrong"})
        if (reply.status_code, reply.json()["reason"]) != (401, "unauthorized"):
            answered.append(f"{operation.name}: {reply.status_code} {reply.text}")
    assert answered == []


async def test_a_real_server_answers_many_at_once_and_the_clients_calls(live_server: LiveServer) -> None:
    async with AsyncCargo.of(Settings(live_server.first_workspace.token, live_server.base_url)) as client:
        made = await client.call(tokens.create, tokens.CreateToken(name="second"))
        replies = await asyncio.gather(*(client.call(tokens.get_all, tokens.ListTokens()) for _ in range(40)))
    assert made.token.name == "second"
    assert {len(reply.tokens) for reply in replies} == {2}


async def test_a_body_that_is_too_large_gets_its_reply_over_a_real_connection(live_server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {live_server.first_workspace.token}"}
    async with httpx.AsyncClient(base_url=live_server.base_url, headers=headers) as client:
        reply = await client.post("/v1/workspaceManagement/tokens", content=b" " * (10 * 1024 * 1024 + 1))
        assert reply.status_code == 413
        assert (await client.get("/healthz")).status_code == 200
