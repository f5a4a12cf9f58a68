"""The queue of a workspace with very many parked runs: some of each workflow are looked at, and none is hidden behind others."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from cargo_ai.domains.orchestration.insight import parked_runs
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


def waiting(slug: str) -> list[Body]:
    """start → a delay of an hour → end."""
    return [node("start", children=(slug,)), node(slug, "delay", config={"minutes": 60}, children=("end",)), node("end")]


async def parked(backend: Backend, workflow: str, count: int) -> str:
    """A batch of runs that wait."""
    batch = await backend.start_batch([{"_id": f"r{number}"} for number in range(count)], workflowUuid=workflow)
    await backend.idle(batch["uuid"], count)
    return str(batch["uuid"])


@pytest.mark.slow
async def test_of_very_many_parked_runs_some_are_looked_at(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    big, _ = await backend.admin.deployed(waiting("long"))
    small, _ = await backend.admin.deployed(waiting("short"))
    batches = [await parked(backend, big["workflowUuid"], count) for count in (30, 7, 30)]
    other = await parked(backend, small["workflowUuid"], 2)

    async def shown() -> dict[str, tuple[str, int, bool]]:
        items: list[Body] = (await backend.admin.call("orchestration.queue.get"))["items"]
        return {item["batchUuid"]: (item["nodeSlug"], item["runsCount"], item["isCountExact"]) for item in items}

    exact = dict(zip(batches, [("long", 30, True), ("long", 7, True), ("long", 30, True)], strict=True)) | {other: ("short", 2, True)}
    assert await shown() == exact
    monkeypatch.setattr(parked_runs, "FEW", 10)
    monkeypatch.setattr(parked_runs, "EACH", 3)
    assert await shown() == {batch: (slug, count, batch == other) for batch, (slug, count, _) in exact.items()}


async def test_runs_of_a_batch_that_is_being_cancelled_are_shown_once(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(waiting("cut"))
    batch = await parked(backend, tool["workflowUuid"], 3)

    async def reasons() -> list[tuple[str, int]]:
        items: list[Body] = (await backend.admin.call("orchestration.queue.get"))["items"]
        return [(item["reason"], item["runsCount"]) for item in items if item["batchUuid"] == batch]

    assert await reasons() == [("time", 3)]
    # As a cancellation leaves it until a worker has ended its runs.
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        await db.execute(text("update batches set status = 'cancelling' where uuid = :batch"), {"batch": batch})
        await db.commit()
    assert await reasons() == [("cancelling", 3)]
