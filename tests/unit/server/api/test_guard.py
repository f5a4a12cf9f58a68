"""What every request passes: limits by token and address, waits for who tries tokens, limits of size and time, headers, CORS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from cargo_ai.domains.workspace import public
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.api.state import State
from tests.kit.application import signed_in

USER = "/v1/workspaceManagement/users/current"


@asynccontextmanager
async def served(state: State, token: str, **variables: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an application with more settings."""
    settings = Settings(state.settings.environment | {f"CARGO_AI_{name}": value for name, value in variables.items()})
    async with signed_in(application.build(replace(state, settings=settings)), token) as http:
        yield http


async def statuses(http: httpx.AsyncClient, count: int, path: str = USER, **more: Any) -> list[int]:
    return [(await http.get(path, **more)).status_code for _ in range(count)]


async def test_one_token_is_limited_and_others_are_not(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, TOKEN_REQUESTS_PER_MINUTE="3") as http:
        assert await statuses(http, 4) == [200, 200, 200, 429]
        refused = await http.get(USER)
        assert refused.json()["reason"] == "tooManyRequests" and 1 <= int(refused.headers["retry-after"]) <= 21
        assert await statuses(http, 1, headers={"Authorization": "Bearer other"}) == [401]


async def test_one_address_is_limited_and_health_checks_are_not(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, ADDRESS_REQUESTS_PER_MINUTE="2") as http:
        assert await statuses(http, 3, "/v1/nowhere") == [404, 404, 429]
        assert await statuses(http, 3, "/healthz") == [200, 200, 200]


async def test_who_tries_tokens_waits_and_is_stopped_while_a_right_token_works(
    state: State, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    task, really_sleep = asyncio.current_task(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        # Servers of other tests sleep in this process too: theirs are not waits of this sender.
        if asyncio.current_task() is task:
            waits.append(seconds)
        else:
            await really_sleep(seconds)

    async with served(state, first_workspace.token, WRONG_TOKENS_PER_MINUTE="14") as http:
        monkeypatch.setattr("cargo_ai.server.api.dispatch.asyncio.sleep", sleep)
        wrong = {"Authorization": "Bearer cai_live_guess"}
        assert await statuses(http, 15, headers=wrong) == [401] * 14 + [429]
        assert waits == [0.04, 0.08, 0.16, 0.32]
        assert await statuses(http, 2) == [200, 200]


async def test_a_body_above_the_setting_is_refused(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, MAX_BODY_BYTES="2048") as http:
        body = {"title": "Long", "description": "x" * 3000}
        assert (await http.post("/v1/workspaceManagement/reports", json=body)).json()["reason"] == "bodyTooLarge"


async def test_a_request_that_takes_too_long_is_given_up(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, MAX_REQUEST_SECONDS="0.000001") as http:
        refused = await http.post("/v1/workspaceManagement/reports", json={"title": "Late", "description": ""})
        assert (refused.status_code, refused.json()["reason"]) == (503, "requestTooSlow")
    async with served(state, first_workspace.token) as http:
        assert (await http.get("/v1/workspaceManagement/reports/list")).json()["reports"] == []


async def test_every_response_has_the_headers_of_security(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, PUBLIC_URL="https://cargo.example.com") as http:
        for path in (USER, "/v1/nowhere", "/docs", "/openapi.json"):
            headers = (await http.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"] and headers["referrer-policy"] == "no-referrer", path
            assert headers["strict-transport-security"] == "max-age=31536000", path
            assert "access-control-allow-origin" not in headers, path


async def test_only_the_sites_of_the_setting_may_call_from_browsers(state: State, first_workspace: public.Bootstrap) -> None:
    async with served(state, first_workspace.token, CORS_ORIGINS="https://app.example.com") as http:
        asks = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        preflight = await http.options(USER, headers=asks)
        assert preflight.status_code == 204 and "authorization" in preflight.headers["access-control-allow-headers"]
        allowed = await http.get(USER, headers={"Origin": "https://app.example.com"})
        assert allowed.headers["access-control-allow-origin"] == "https://app.example.com" and "Origin" in allowed.headers["vary"]
        assert "access-control-allow-credentials" not in allowed.headers
        for origin in ("https://evil.example", "https://app.example.com.evil.example", "null"):
            foreign = await http.get(USER, headers={"Origin": origin})
            assert "access-control-allow-origin" not in foreign.headers
        assert (await http.options(USER, headers=asks | {"Origin": "https://evil.example"})).status_code == 405
