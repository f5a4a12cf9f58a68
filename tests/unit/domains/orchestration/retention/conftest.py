"""Fixtures of retention: a past that is the test's alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.unit.domains.orchestration.retention.past import GRAPH, PARKING, Past


@pytest.fixture
def backend_url(databases: Databases) -> Iterator[str]:
    """A database whose past is this test's alone."""
    with databases.lent() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def backend(backend_url: str, tmp_path: Path) -> AsyncIterator[Backend]:
    """The whole application and a worker on it."""
    async with running_backend(backend_url, tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def past(backend: Backend) -> Past:
    """What has run."""
    tool, _ = await backend.admin.deployed(GRAPH)
    batch = await backend.batch([{"_id": f"r{n}", "n": n} for n in range(60)], workflowUuid=tool["workflowUuid"])
    single = await backend.run({"_id": "alone", "n": 60}, workflowUuid=tool["workflowUuid"])
    waiting, _ = await backend.admin.deployed(PARKING)
    parked = await backend.admin.call("orchestration.run.create", workflowUuid=waiting["workflowUuid"], data={"_id": "p"})
    await backend.parked(parked["run"]["uuid"])
    other, _ = await backend.other_api.deployed(GRAPH)
    records = {"kind": "records", "records": [{"_id": f"secret{n}", "n": n} for n in range(30)]}
    made = await backend.other_api.call("orchestration.batch.create", workflowUuid=other["workflowUuid"], data=records)
    await backend.ended("batches", made["batch"]["uuid"], backend.other_api)
    theirs = (await backend.other_api.call("orchestration.run.list", workflowUuid=other["workflowUuid"]))["runs"][0]["uuid"]
    return Past(backend, tool["workflowUuid"], batch["uuid"], single["run"]["uuid"], parked["run"]["uuid"], theirs)
