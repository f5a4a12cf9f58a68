"""Changes of segments with a worker that works: a write is followed by its change at once; batches take what a change has found."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cargo_ai.domains.segmentation import public
from cargo_ai.kernel import clock, ids
from cargo_ai.server.compose import compose
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.unit.domains.orchestration.batches.test_batch_records import above, companies

pytestmark = pytest.mark.asyncio(loop_scope="module")

# How often it was looked for what is to be compared.
LOOKS = "select seq_scan + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'segment_work'"


async def watched(backend: Backend, slug: str, score: int) -> tuple[str, str]:
    """A model of companies, and a watched segment of those with more than this score."""
    model = await companies(backend, slug)
    made = await backend.admin.call("segmentation.segment.create", name="High", modelUuid=model, filter=above(score))
    segment = str(made["segment"]["uuid"])
    async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
        await public.watch(db, uuid.UUID(segment))
        await db.commit()
    return model, segment


async def first_change(backend: Backend, segment: str) -> Body:
    """The change of a segment as soon as there is one."""
    deadline = clock.seconds() + 60
    while clock.seconds() < deadline:
        found = (await backend.admin.call("segmentation.change.list", segmentUuid=segment))["changes"]
        if found:
            return found[-1]
        await asyncio.sleep(0.02)
    raise AssertionError("no change came of the write")


async def test_a_write_is_followed_by_the_change_of_the_watched_segment(backend: Backend) -> None:
    model, segment = await watched(backend, "watched", 3)
    await backend.admin.call("storage.record.update", modelUuid=model, id="c0", data={"score": 10})
    change = await first_change(backend, segment)
    assert (change["addedRecordsCount"], change["unchangedRecordsCount"], change["totalRecordsCount"]) == (1, 1, 2)


async def test_nothing_is_asked_about_segments_while_nothing_happens(backend: Backend) -> None:
    model, segment = await watched(backend, "quiet", 3)
    await backend.admin.call("storage.record.update", modelUuid=model, id="c0", data={"score": 10})
    await first_change(backend, segment)

    async def looks() -> object:
        async with backend.state.database.engine.connect() as connection:
            return (await connection.exec_driver_sql(LOOKS)).scalar_one()

    deadline, quiet_since, seen = clock.seconds() + 60, clock.seconds(), await looks()
    while clock.seconds() - quiet_since < 1.5:
        assert clock.seconds() < deadline, "the worker keeps asking"
        await asyncio.sleep(0.1)
        if (now := await looks()) != seen:
            quiet_since, seen = clock.seconds(), now


async def test_a_source_reads_the_records_of_a_change_as_they_are_now(backend: Backend) -> None:
    model = await companies(backend, "changing")
    made = await backend.admin.call("segmentation.segment.create", name="High", modelUuid=model, filter=above(2))
    segment = uuid.UUID(made["segment"]["uuid"])

    async def compare() -> public.Change | None:
        async with backend.state.database.session(uuid.UUID(backend.workspace)) as db:
            found = await public.compute_change(db, segment)
            await db.commit()
            return found

    await compare()
    await backend.admin.call("storage.record.update", modelUuid=model, id="c0", data={"score": 10})
    await backend.admin.call("storage.record.remove", modelUuid=model, id="c3")
    await backend.admin.call("storage.record.update", modelUuid=model, id="c4", data={"name": "Other"})
    compared = await compare()
    assert compared is not None
    change = str(compared.uuid)
    state = backend.state
    sources = compose(state.services).sources

    async def read(*kinds: str) -> dict[str, Body]:
        data = {"kind": "change", "changeUuid": change, "changeKinds": list(kinds)}
        chunks = sources.kinds["change"](uuid.UUID(backend.workspace), data, 0, ids.new())
        return {row["_id"]: row async for chunk in chunks for row in chunk}

    assert await read("removed") == {"c3": {"_id": "c3", "_kind": "removed"}}
    found = await read("added", "updated", "removed", "unchanged")
    assert {uid: row["_kind"] for uid, row in found.items()} == {"c0": "added", "c3": "removed", "c4": "updated"}
    assert found["c4"]["name"] == "Other" and found["c4"]["_title"] == "Other"
