"""A service on loopback, and the guarded client that may reach it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cargo_ai.engine.graph.action import Call, Outcome
from cargo_ai.integrations.kit import ActionRequest, integrations
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from tests.kit.echo_service import EchoService, echo_service

LOOPBACK = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})


@pytest.fixture
async def service() -> AsyncIterator[EchoService]:
    """A service that echoes."""
    async with echo_service() as running:
        yield running


@pytest.fixture
async def open_client() -> AsyncIterator[httpx.AsyncClient]:
    """A guarded client with loopback open."""
    async with http_client.client(LOOPBACK) as made:
        yield made


@pytest.fixture
async def closed_client() -> AsyncIterator[httpx.AsyncClient]:
    """A guarded client as it comes."""
    async with http_client.client(Settings()) as made:
        yield made


def call(config: dict[str, Any], key: str = "run:node:1") -> Call:
    """One attempt of a node with this config."""
    some: uuid.UUID = ids.new()
    return Call(some, None, some, None, some, {}, config, {}, key, 1)


async def request(client: httpx.AsyncClient, config: dict[str, Any], account: dict[str, Any] | None = None) -> Outcome:
    """What the HTTP action says."""
    http = integrations()["http"]
    opened = account or {}
    sent = ActionRequest(config, opened, call(config), client, LOOPBACK, http.connector.sensitive_texts(opened))
    return await http.actions["request"].perform(sent)
