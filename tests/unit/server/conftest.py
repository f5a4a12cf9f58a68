"""The application that serves the garden only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.server.api import app as application
from cargo_ai.server.api.state import State
from tests.kit.application import signed_in
from tests.unit.server import example_operations


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    """Every test counts from zero."""
    example_operations.attempts.clear()


@pytest.fixture
async def example_app(state: State) -> AsyncIterator[Starlette]:
    """The application that serves the garden only."""
    made = application.build(state, example_operations.SERVED)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def example_client(example_app: Starlette, first_workspace: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as admin."""
    async with signed_in(example_app, first_workspace.token) as made:
        yield made
