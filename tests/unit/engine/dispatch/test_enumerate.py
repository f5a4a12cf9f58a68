"""Enumeration on a real PostgreSQL: the records of a batch become runs once each, whatever breaks off in between."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.dispatch import cancel, claim, submit
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.dispatch.enumerate import Chunks, Enumerator, SourceFailed
from cargo_ai.engine.worker.graph_cache import GraphCache
from cargo_ai.kernel import ids
from tests.kit.graphs import node
from tests.unit.engine.conftest import EngineHarness, batch_of, end
from tests.unit.engine.graphs import Body, actions, effect, variables

Link = psycopg.AsyncConnection[Any]


async def test_a_batch_has_one_run_per_record_in_order(harness: EngineHarness) -> None:
    batch = await harness.batch([{"_id": f"r{at}", "name": f"N{at}"} for at in range(450)], shard_size=200)
    runs = await harness.runs(batch)
    assert [row["record_id"] for row in runs] == [f"r{at}" for at in range(450)]
    shards = await harness.shards(batch)
    assert [(row["first_run"], row["last_run"]) for row in shards] == [
        (runs[0]["uuid"], runs[199]["uuid"]),
        (runs[200]["uuid"], runs[399]["uuid"]),
        (runs[400]["uuid"], runs[449]["uuid"]),
    ]
    found = await batch_of(harness, batch)
    assert (found["status"], found["cursor"], found["enumerated"]) == ("running", 450, True)


LIGHT, HEAVY = variables("a", {"x": "{{nodes.start._id}}"}, ["end"]), effect("a", ["end"])
USUAL = [200] * 17


@pytest.mark.parametrize(
    ("middle", "others_wait", "sizes"), [(LIGHT, False, [*USUAL[:14], 500, 100]), (LIGHT, True, USUAL), (HEAVY, False, USUAL)]
)
async def test_shards_grow_where_runs_take_next_to_nothing_and_no_other_workspace_waits(
    harness: EngineHarness, middle: Body, others_wait: bool, sizes: list[int]
) -> None:
    await harness.do("update shards set state = 'done' where state = 'queued'")
    if others_wait:
        await replace(harness, workspace=ids.new()).batch(1)
    harness.nodes = [node("start", children=["a"]), middle, node("end")]
    batch = await harness.batch(3_400, enumerated=False)
    enumerator = Enumerator(harness.pool, harness.queue, harness.sources, is_light=GraphCache(actions()).is_light)
    await enumerator.enumerate(str(batch))
    statement = "select count(*) from runs where batch_uuid = %s group by shard_uuid order by min(uuid::text)"
    assert [row["count"] for row in await harness.rows(statement, batch)] == sizes


async def test_an_empty_batch_is_over_at_once(harness: EngineHarness) -> None:
    found = await batch_of(harness, await harness.batch(0))
    assert (found["status"], found["cursor"], found["finished_ms"] is not None) == ("success", 0, True)


async def test_an_enumeration_goes_on_behind_what_was_committed(harness: EngineHarness) -> None:
    records = [{"_id": str(at)} for at in range(9_000)]
    skipped: list[int] = []

    async def breaks(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        skipped.append(skip)
        for begin in range(skip, len(records), 1_000):
            if len(skipped) < 3 and begin >= (5_000, 8_000)[len(skipped) - 1]:
                raise ConnectionError("the source broke off")
            yield records[begin : begin + 1_000]

    batch = await harness.batch(0, enumerated=False)
    harness.sources.kinds[str(batch)] = breaks
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await harness.enumerator().enumerate(str(batch))
        assert not (await batch_of(harness, batch))["enumerated"]
    await harness.enumerator().enumerate(str(batch))
    assert skipped[0] == 0 and 0 < skipped[1] < skipped[2] < 9_000
    assert [row["record_id"] for row in await harness.runs(batch)] == [record["_id"] for record in records]
    assert (await batch_of(harness, batch))["cursor"] == 9_000


@pytest.mark.parametrize("fault", [ValueError("no date"), KeyError("ids"), psycopg.errors.NumericValueOutOfRange("too large")])
async def test_a_batch_whose_records_can_never_be_read_ends_with_a_sentence(harness: EngineHarness, fault: Exception) -> None:
    async def breaks(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        yield [{"_id": "0"}]
        raise fault

    batch = await harness.batch(0, enumerated=False)
    harness.sources.kinds[str(batch)] = breaks
    await harness.enumerator().enumerate(str(batch))
    found = await batch_of(harness, batch)
    assert found["enumerated"] and found["error_message"].startswith(f"The records cannot be read ({type(fault).__name__})")


async def test_an_enumeration_that_was_taken_over_writes_no_more(harness: EngineHarness) -> None:
    async def slow(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        for begin in range(skip, 2_000, 500):
            if begin == 500 and skip == 0:
                await harness.enumerator().enumerate(str(batch))
            yield [{"_id": str(at)} for at in range(begin, min(begin + 500, 2_000))]

    batch = await harness.batch(0, enumerated=False)
    harness.sources.kinds[str(batch)] = slow
    await harness.enumerator().enumerate(str(batch))
    assert [row["record_id"] for row in await harness.runs(batch)] == [str(at) for at in range(2_000)]
    assert (await batch_of(harness, batch))["cursor"] == 2_000


@pytest.mark.parametrize(("read", "enrolled"), [(2, 0), (400, 400)])
async def test_a_source_that_fails_ends_the_batch_in_error_when_what_was_enrolled_has_ended(
    harness: EngineHarness, connection: Link, read: int, enrolled: int
) -> None:
    async def bad(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        yield [{"_id": str(at)} for at in range(read)]
        raise SourceFailed("Row 4 has more cells than the header.")

    batch = await harness.batch(0, enumerated=False)
    harness.sources.kinds[str(batch)] = bad
    await harness.enumerator().enumerate(str(batch))
    assert (await batch_of(harness, batch))["status"] == ("running" if enrolled else "error")
    for row in await harness.shards(batch):
        claimed, shard = await harness.claimed(row["uuid"])
        runs = await harness.rows("select uuid from runs where shard_uuid = %s", shard.uuid)
        await end(connection, shard, *[run["uuid"] for run in runs])
        await claim.finish_shard(harness.pool, harness.queue, claimed, requeue=False)
    found = await batch_of(harness, batch)
    assert (found["cursor"], found["executed_count"], found["status"]) == (enrolled, enrolled, "error")
    assert found["error_message"] == "Row 4 has more cells than the header."


async def test_an_unknown_kind_of_data_ends_the_batch_in_error(harness: EngineHarness) -> None:
    async with harness.pool.connection() as connection:
        request = submit.BatchRequest(spec=harness.origin, data={"kind": "tea"})
        await submit.submit_batch(connection, harness.queue, request)
    await harness.enumerator().enumerate(str(request.uid))
    found = await batch_of(harness, request.uid)
    assert (found["status"], found["error_message"]) == ("error", "This server cannot read records of kind 'tea'.")


async def test_an_enumeration_stops_when_its_batch_is_cancelled(harness: EngineHarness) -> None:
    async def source(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        for begin in range(0, 20_000, 1_000):
            if begin == 6_000:
                async with harness.pool.connection() as link:
                    assert await cancel.cancel_batch(link, harness.workspace, batch)
            yield [{"_id": str(at)} for at in range(begin, begin + 1_000)]

    batch = await harness.batch(0, enumerated=False)
    harness.sources.kinds[str(batch)] = source
    await harness.enumerator().enumerate(str(batch))
    found = await batch_of(harness, batch)
    assert found["cursor"] == len(await harness.runs(batch)) < 7_000
    async with harness.pool.connection() as link:
        while (await cancel.cancel_undriven(link, batch))[0]:
            pass  # part by part, as the job does
        assert await close_batch(link, batch)
    found = await batch_of(harness, batch)
    assert (found["status"], found["cancelled_count"]) == ("cancelled", found["cursor"])
