"""Fixtures that several packages use: a service on loopback, and HTTP clients that may or may not reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

# The tests of the command line run without the server's libraries.
if TYPE_CHECKING:
    from cargo_ai.outbound.http_client import HttpClient
    from tests.kit.peers.echo_service import EchoService


@pytest.fixture
async def service() -> AsyncIterator[EchoService]:
    """A service that echoes."""
    from tests.kit.peers.echo_service import echo_service

    async with echo_service() as running:
        yield running


@pytest.fixture
async def open_client() -> AsyncIterator[HttpClient]:
    """An outbound client that may reach loopback."""
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.outbound import http_client

    async with http_client.client(Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})) as http:
        yield http


@pytest.fixture
async def closed_client() -> AsyncIterator[HttpClient]:
    """An outbound client with the default settings: private addresses are closed."""
    from cargo_ai.kernel.settings import Settings
    from cargo_ai.outbound import http_client

    async with http_client.client(Settings()) as http:
        yield http
