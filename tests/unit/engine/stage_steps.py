"""Batches with stages in a test: enumerates and drives in turns, as workers do, until nothing is left to do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.pace import Pace
from cargo_ai.kernel import ids
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, listed
from tests.unit.engine.engine_worker import Effects, EngineWorker
from tests.unit.engine.graphs import Body, effect

GRAPH = [node("start", children=["act"]), effect("act", ["end"], config={"number": "{{nodes.start.number}}"}), node("end")]
LOST = """
select uuid from batches b where b.workspace_uuid = %s and finished_ms is null and not enumerated
    and not exists (select 1 from procrastinate_jobs j where j.args ->> 'batch' = b.uuid::text)
"""


async def staged(harness: EngineHarness, count: int, pace: Pace, graph: Sequence[Body] = GRAPH, shard_size: int = 200) -> uuid.UUID:
    """A batch of this many records, `number` 0 and so on, that is enrolled in stages."""
    uid = ids.new()
    harness.sources.kinds[str(uid)] = listed([{"_id": str(at), "number": at} for at in range(count)], 7)
    origin = submit.RunSpec(harness.workspace, harness.workflow, None, harness.release, graph)
    async with harness.pool.connection() as connection:
        request = submit.BatchRequest(spec=origin, data={"kind": str(uid)}, uid=uid, pace=pace, shard_size=shard_size)
        await submit.submit_batch(connection, harness.queue, request)
    return uid


async def enumerations(harness: EngineHarness) -> list[str]:
    """The batches that a job of enumeration waits for, taken from the queue."""
    found = await harness.rows(
        "delete from procrastinate_jobs where task_name = 'enumerate' and args ->> 'batch' in "
        "(select uuid::text from batches where workspace_uuid = %s) returning args ->> 'batch' as batch",
        harness.workspace,
    )
    return [row["batch"] for row in found]


async def work(harness: EngineHarness, worker: EngineWorker) -> None:
    """One worker, until nothing of the workspace is left to do."""
    while True:
        for batch in await enumerations(harness):
            await harness.enumerator().enumerate(batch)
        await worker.work()
        if not await harness.rows(
            "select 1 from procrastinate_jobs where task_name = 'enumerate' and args ->> 'batch' in "
            "(select uuid::text from batches where workspace_uuid = %s)",
            harness.workspace,
        ):
            return


async def whole(harness: EngineHarness, url: str, effects: Effects) -> None:
    """The same with a worker that is born here and ends in order."""
    worker = EngineWorker(harness, url, effects)
    await work(harness, worker)
    await worker.close()


async def recover(harness: EngineHarness) -> None:
    """What the keeper does for batches whose enumeration died with its worker."""
    for row in await harness.rows(LOST, harness.workspace):
        async with harness.pool.connection() as connection:
            await harness.queue.defer(connection, "enumerate", "batch", batch=str(row["uuid"]))


async def numbers(harness: EngineHarness, batch: uuid.UUID) -> list[Any]:
    """The numbers of the records that were enrolled, in order."""
    rows = await harness.rows("select record from runs where batch_uuid = %s order by uuid", batch)
    return [row["record"]["number"] for row in rows]
