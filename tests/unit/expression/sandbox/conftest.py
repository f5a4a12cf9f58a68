"""An evaluator per test module, since a sandbox takes a moment to start, with less patience than a server has."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.sandbox.pool import Limits


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evaluator() -> AsyncIterator[Evaluator]:
    """The sandbox of this module, ended behind its last test."""
    made = Evaluator(
        javascript=Limits(megabytes=384, cpu_seconds=3600, retire_seconds=1800, wall_seconds=6),
        python=Limits(megabytes=128, cpu_seconds=2, retire_seconds=1, wall_seconds=6),
    )
    yield made
    await made.close()
