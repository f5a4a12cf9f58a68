"""Fixtures of the connection tests: a worker's connector nodes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from cargo_ai.context.process import Services
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Outcome
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from tests.kit.api_client import Body


@dataclass(frozen=True)
class Worker:
    """A worker's connector nodes, in the first workspace by default."""

    services: Services
    workspace: uuid.UUID

    async def perform(
        self, config: Body, *, workspace: uuid.UUID | None = None, meta: Any = None, batch: uuid.UUID | None = None, **node: Any
    ) -> Outcome:
        """One attempt of a node of HTTP, in a run that was just made."""
        run = ids.new()
        named = {"kind": "connector", "integrationSlug": "http", "actionSlug": "request"} | node
        action = self.services.actions.executable(named)
        assert action is not None
        return await action.execute(Call(workspace or self.workspace, None, run, batch, run, named, config, {}, f"{run}:n:1", 1, meta))


@pytest.fixture
async def worker(state: State, first_workspace: public.Bootstrap) -> AsyncIterator[Worker]:
    """A worker that may reach loopback."""
    settings = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})
    async with http_client.client(settings) as http:
        yield Worker(services_of(settings, state.database, state.files, state.secrets, http), first_workspace.workspace_uuid)
