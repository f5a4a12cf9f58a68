"""The application that serves the garden only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.server.api import app as application
from cargo_ai.server.api.state import State
from tests.conftest import signed_in
from tests.unit.server import garden as planted


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    """Every test counts from zero."""
    planted.attempts.clear()


@pytest.fixture
async def garden(state: State) -> AsyncIterator[Starlette]:
    """The application that serves the garden only."""
    made = application.build(state, planted.SERVED)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def gardener(garden: Starlette, born: public.Bootstrap) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as admin."""
    async with signed_in(garden, born.token) as made:
        yield made
