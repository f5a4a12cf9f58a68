"""The queue of a workspace with very many parked runs: some of each workflow are looked at, and none is hidden behind others."""

from __future__ import annotations

import pytest

from cargo_ai.domains.orchestration.insight import parked_runs
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
