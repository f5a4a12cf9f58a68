"""Large segments begin to be watched in the background: the caller hears at once, and what is written before a worker comes counts."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from cargo_ai.domains.segmentation import public
from cargo_ai.domains.segmentation.changes import comparison
from cargo_ai.domains.segmentation.changes.watched_segments import ChangeDetector
from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient
from tests.unit.domains.segmentation.changes.test_change_detection import changes_of, put, settled, watch, work_left, workspace_of
from tests.unit.domains.segmentation.conftest import EVERYTHING, above, kinds, segment_of, where
from tests.unit.domains.storage.models.refreshes.test_file_source import upload


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "QUICK_ROWS", 2)


@pytest.fixture
async def model(api: ApiClient) -> str:
    """Companies c0 to c5 with 10 to 60 employees."""
    made = await api.model()
    await api.add(made, *({"domain": f"c{at}", "name": f"N{at}", "employees": 10 * at + 10} for at in range(6)))
    return made


@pytest.fixture
def watcher(state: State) -> ChangeDetector:
    return ChangeDetector(state.database)


async def write_much(api: ApiClient, model: str) -> None:
    """Let c0 enter, c1 leave, c2 go, c3 change, c6 come, c4 leave and enter, c5 go and come, and c7 come and go."""
    await put(api, model, "c0", employees=99)
    await put(api, model, "c1", employees=5)
    await api.call("storage.record.remove", modelUuid=model, id="c2")
    await put(api, model, "c3", name="M3")
    await put(api, model, "c4", employees=1)
    await put(api, model, "c4", employees=50)
    await api.call("storage.record.remove", modelUuid=model, id="c5")
    await api.add(
        model, {"domain": "c5", "name": "M5", "employees": 60}, {"domain": "c6", "employees": 70}, {"domain": "c7", "employees": 80}
    )
    await api.call("storage.record.remove", modelUuid=model, id="c7")


WRITTEN = {"c0": "added", "c1": "removed", "c2": "removed", "c3": "updated", "c5": "updated", "c6": "added"}
ALL_KINDS = ("added", "updated", "removed")


async def test_what_is_written_before_a_worker_has_looked_at_a_large_segment_counts(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector, published: list[SegmentChanged]
) -> None:
    segment = await segment_of(api, model, above(15))
    await put(api, model, "c0", employees=11)
    await watch(state, segment)
    await write_much(api, model)
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, *ALL_KINDS) == WRITTEN
    assert [event.is_watched for event in published] == [True]
    await put(api, model, "c6", employees=1)
    await settled(state, watcher)
    assert await kinds(api, (await changes_of(api, segment))[-1], *ALL_KINDS) == {"c6": "removed"}


async def test_who_is_there_when_watching_a_large_segment_begins_is_no_change(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    assert await watcher.next()
    await settled(state, watcher)
    assert await changes_of(api, segment) == []


async def test_of_a_segment_with_a_limit_what_is_written_meanwhile_counts_too(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    order = [{"columnSlug": "employees", "kind": "desc"}]
    segment = await segment_of(api, model, EVERYTHING, sort=order, limit=2)
    await watch(state, segment)
    await put(api, model, "c0", employees=99)
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, *ALL_KINDS) == {"c0": "added", "c4": "removed"}


async def test_a_file_that_comes_meanwhile_counts(api: ApiClient, state: State, model: str, watcher: ChangeDetector) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    rows = "".join(f"f{number:04d},99\n" for number in range(1_500))
    await api.call("storage.record.ingest", modelUuid=model, s3Filename=await upload(api, f"domain,employees\n{rows}c0,99\n"))
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert (change["addedRecordsCount"], change["updatedRecordsCount"], change["totalRecordsCount"]) == (1_501, 0, 1_506)


async def test_more_records_than_the_log_names_that_come_meanwhile_count(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    rows = "".join(f"f{number:05d},99\n" for number in range(50_001))
    await api.call("storage.record.ingest", modelUuid=model, s3Filename=await upload(api, f"domain,employees\n{rows}"))
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert (change["addedRecordsCount"], change["updatedRecordsCount"]) == (50_001, 0)


async def test_a_large_segment_that_was_watched_before_begins_afresh(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    await settled(state, watcher)
    await watch(state, segment, watched=False)
    await write_much(api, model)
    await watch(state, segment)
    await put(api, model, "c6", employees=1)
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, *ALL_KINDS) == {"c6": "removed"}


async def test_watching_ends_and_begins_while_the_segment_is_being_compared(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    await settled(state, watcher)
    await put(api, model, "c0", employees=99)
    async with state.database.session(await workspace_of(state)) as db, asyncio.timeout(10):
        # As a comparison that takes long: it has the lock, and the rows of its work.
        await comparison.lock(db, uuid.UUID(segment))
        await (await db.connection()).exec_driver_sql("delete from segment_work")
        await watch(state, segment, watched=False)
        await watch(state, segment)
        await put(api, model, "c1", employees=5)
        await db.rollback()
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, *ALL_KINDS) == {"c1": "removed"}


async def test_a_large_segment_that_is_no_longer_watched_is_left_alone(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    await watch(state, segment, watched=False)
    assert await work_left(state) == 0 and not await watcher.next()
    async with state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("select is_watched, baseline, snapshot from segments")
        assert [tuple(row) for row in rows] == [(False, None, None)]


async def test_a_segment_that_is_only_asked_about_counts_from_when_its_play_was_enabled(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    async with state.database.session(await workspace_of(state)) as db:
        assert await public.count_from_now(db, uuid.UUID(segment))
        await db.commit()
    await write_much(api, model)
    async with state.database.session(await workspace_of(state)) as db:
        # The clock may be faster than the worker.
        change = await public.compute_change(db, uuid.UUID(segment))
        await db.commit()
    assert change is not None and (change.added, change.updated, change.removed) == (2, 2, 2)
    await settled(state, watcher)
    assert len(await changes_of(api, segment)) == 1


async def test_a_value_that_no_longer_fits_its_column_keeps_no_segment_from_being_watched(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, where({"kind": "string", "columnSlug": "name", "operator": "isNotEmpty"}))
    await watch(state, segment)
    await put(api, model, "c0", name="M0")
    async with state.database.engine.begin() as connection:
        query = "select quote_ident(schema_name) || '.' || quote_ident(log_name) from models where log_name is not null"
        log = (await connection.exec_driver_sql(query)).scalar_one()
        await connection.exec_driver_sql(f"update {log} set before = '{{\"employees\": \"many\"}}' where op = 'u'")
    await settled(state, watcher)
    await put(api, model, "c1", name="M1")
    await settled(state, watcher)
    assert await kinds(api, (await changes_of(api, segment))[-1], *ALL_KINDS) == {"c1": "updated"}


async def test_another_workspace_begins_no_comparison_and_no_play(
    api: ApiClient, other_api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    play = (await api.call("orchestration.play.create", name="P", modelUuid=model, filter=above(15), schedule={"type": "realtime"}))["play"]
    assert await other_api.refused("segmentation.change.create", segmentUuid=segment) == (404, "segmentNotFound")
    assert await other_api.refused("orchestration.play.update", uuid=play["uuid"], isEnabled=True) == (404, "playNotFound")
    assert await other_api.refused("orchestration.play.remove", uuid=play["uuid"]) == (404, "playNotFound")
    async with state.database.session(uuid.uuid4()) as db:
        # Nor does code that has a wrong workspace.
        assert not await public.watch(db, uuid.UUID(segment)) and not await public.count_from_now(db, uuid.UUID(segment))
        await public.unwatch(db, uuid.UUID(segment), forget=True)
        await db.commit()
    assert await work_left(state) == 0 and not await watcher.next()
    async with state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("select is_watched, baseline, snapshot from segments")
        assert {tuple(row) for row in rows} == {(False, None, None)}
        assert (await connection.exec_driver_sql("select count(*) from segment_changes")).scalar_one() == 0
