"""A served integration: only those who know its token are answered, requests are bounded, and the command says where it is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cargo_ai.domains.connection.custom import public as protocol
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel import clock
from cargo_ai.outbound import http_client
from cargo_ai.server.served_integration import application
from tests.kit.conformance.harness import SETTINGS
from tests.kit.peers.echo_service import EchoService, echo_service

TOKEN = "token-of-16-or-more"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The integration `http`, served in this process."""
    async with http_client.client(SETTINGS) as client:
        app = application(protocol.Served(integrations()["http"], SETTINGS, client), TOKEN)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://served") as caller:
            yield caller


@pytest.fixture
async def service() -> AsyncIterator[EchoService]:
    async with echo_service() as running:
        yield running


def signed(body: bytes, timestamp: float, secret: str = TOKEN) -> dict[str, str]:
    text = str(int(timestamp))
    return {protocol.TIMESTAMP: text, protocol.SIGNATURE: protocol.signature(secret, text, body)}


async def test_only_the_token_or_a_fresh_signature_of_it_is_answered(http: httpx.AsyncClient) -> None:
    assert (await http.get("/manifest", headers=BEARER)).json()["name"] == "HTTP"
    body = json.dumps({"connector": {"config": {}}}).encode()
    now = clock.unix_seconds()
    assert (await http.post("/authenticate", content=body, headers=signed(body, now))).json() == {"outcome": "success"}
    wrong: list[dict[str, str]] = [
        {},
        {"authorization": "Bearer nothing"},
        signed(body, now - 400),
        signed(body, now, "another-secret-of-16"),
        signed(b"{}", now),
        {protocol.TIMESTAMP: "²", protocol.SIGNATURE: protocol.signature(TOKEN, "²", body)},
    ]
    for headers in wrong:
        sent = {name.encode(): value.encode() for name, value in headers.items()}
        answer = await http.post("/authenticate", content=body, headers=sent)
        assert answer.status_code == 401 and "token" in answer.json()["message"], headers


async def test_an_action_is_executed_with_the_account_of_the_request(http: httpx.AsyncClient, service: EchoService) -> None:
    account = {"baseUrl": service.url, "auth": {"kind": "bearer", "token": "secret-4711"}}
    body: dict[str, Any] = {"connector": {"config": account}, "config": {"url": "things"}}
    answer = (await http.post("/actions/request/execute", json=body, headers=BEARER)).json()
    assert (answer["outcome"], answer["data"]["body"]["headers"]["authorization"]) == ("executed", "Bearer ***")
    body["config"] = {"method": "DANCE"}
    assert (await http.post("/actions/request/execute", json=body, headers=BEARER)).json()["outcome"] == "error"
    body["connector"]["config"] = {"auth": {"kind": "bearer", "token": 4711}}
    refused = (await http.post("/actions/request/execute", json=body, headers=BEARER)).json()
    assert "`connector.config` does not fit" in refused["errorMessage"] and "4711" not in refused["errorMessage"]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/actions/dance/execute", b"{}", 404),
        ("/actions/request/execute", b"[]", 400),
        ("/actions/request/execute", b"{", 400),
        ("/actions/request/execute", b'{"connector": []}', 400),
        ("/actions/request/execute", b"[" * 100_000, 400),
        ("/actions/request/execute", b" " * (10 * 1024 * 1024 + 1), 413),
        ("/autocomplete", b'{"slug": "x"}', 404),
        ("/getDynamicSchema", b"{}", 404),
        ("/model/fetch", b'{"slug": []}', 404),
        ("/model/count", b"{}", 404),
    ],
)
async def test_what_cannot_be_answered_says_why(http: httpx.AsyncClient, path: str, content: bytes, status: int) -> None:
    answer = await http.post(path, content=content, headers=BEARER)
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)


async def test_the_command_serves_on_the_loopback_and_says_where(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cargo_ai", "server", "integration", "serve", "http"]
    environment = {**os.environ, "CARGO_AI_DATA_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    try:
        about = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        assert about["integration"] == "http" and about["baseUrl"].startswith("http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=about["baseUrl"]) as caller:
            assert (await caller.get("/manifest")).status_code == 401
            answer = await caller.get("/manifest", headers={"authorization": f"Bearer {about['token']}"})
            assert "request" in answer.json()["actions"]
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("serve",), "missingArgument"),
        (("serve", "nowhere"), "cannotServe"),
        (("serve", "http", "--token-file", "/nowhere"), "unreadable"),
    ],
)
def test_a_command_that_cannot_serve_says_why(words: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    environment = {**os.environ, "CARGO_AI_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "cargo_ai", "server", "integration", *words]
    ended = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert ended.returncode != 0 and json.loads(ended.stdout)["reason"] == reason
