"""Fixtures of the observability tests: a backend per module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.backend import Backend, running_backend
from tests.kit.databases import Databases


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """The whole application and a worker in this process, on a database of the module's."""
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend")) as running:
            yield running
