"""Watched segments: every committed write of their records leads to one comparison, anyone who dies or comes late meanwhile."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from cargo_ai.context import events
from cargo_ai.domains.segmentation import public
from cargo_ai.domains.segmentation.changes import comparison
from cargo_ai.domains.segmentation.changes.watched_segments import ChangeDetector
from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.kernel import clock, tasks
from cargo_ai.server.api.state import State
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.kit.application import make_state
from tests.unit.domains.segmentation.conftest import above, kinds, segment_of, where
from tests.unit.domains.storage.models.refreshes.test_file_source import upload


async def workspace_of(state: State, segment: str | None = None) -> uuid.UUID:
    """The first workspace, or that of a segment."""
    query = (
        "select uuid from workspaces order by uuid limit 1" if segment is None else "select workspace_uuid from segments where uuid = :uuid"
    )
    async with state.database.engine.connect() as connection:
        return (await connection.execute(text(query), {"uuid": segment} if segment else {})).scalar_one()


async def wait_for(look: Callable[[], Awaitable[object]]) -> None:
    """Until there is something to see."""
    deadline = clock.seconds() + 60
    while not await look():
        assert clock.seconds() < deadline
        await asyncio.sleep(0.02)


async def watch(state: State, segment: str, watched: bool = True) -> None:
    async with state.database.session(await workspace_of(state)) as db:
        if watched:
            await public.watch(db, uuid.UUID(segment))
        else:
            await public.unwatch(db, uuid.UUID(segment), forget=True)
        await db.commit()


async def work_left(state: State) -> int:
    async with state.database.engine.connect() as connection:
        return int((await connection.exec_driver_sql("select count(*) from segment_work")).scalar_one())


async def settled(state: State, watcher: ChangeDetector) -> None:
    """Let all work that there is be done."""
    deadline = clock.seconds() + 60
    while await work_left(state):
        assert clock.seconds() < deadline, "work is left"
        await watcher.next()


async def changes_of(api: ApiClient, segment: str) -> list[Body]:
    """The changes of a segment, oldest first."""
    found: list[Body] = (await api.call("segmentation.change.list", segmentUuid=segment))["changes"][::-1]
    return found


async def put(api: ApiClient, model: str, uid: str, **data: object) -> None:
    await api.call("storage.record.update", modelUuid=model, id=uid, data=data)


@pytest.fixture
async def model(api: ApiClient) -> str:
    """Three companies with 10, 20 and 30 employees."""
    made = await api.model()
    await api.add(made, *({"domain": f"c{at}", "name": f"N{at}", "employees": 10 * at + 10} for at in range(3)))
    return made


@pytest.fixture
def watcher(state: State) -> ChangeDetector:
    return ChangeDetector(state.database)


async def test_who_is_there_when_watching_begins_is_no_change_and_who_comes_then_is(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector, published: list[SegmentChanged]
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    await settled(state, watcher)
    assert await changes_of(api, segment) == []
    await put(api, model, "c0", employees=40)
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, "added", "updated", "removed") == {"c0": "added"}
    (event,) = published
    assert (str(event.segment), str(event.change), event.is_watched) == (segment, change["uuid"], True)


async def test_a_file_whose_records_the_log_packs_is_one_change_of_them(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector, published: list[SegmentChanged]
) -> None:
    segment = await segment_of(api, model, above(15))
    await watch(state, segment)
    await settled(state, watcher)
    for employees in (50, 60):
        file = "domain,employees\n" + "".join(f"f{number:04d},{employees}\n" for number in range(1_000)) + "c0,10\nc1,10\n"
        await api.call("storage.record.ingest", modelUuid=model, s3Filename=await upload(api, file))
        await settled(state, watcher)
    counts = [(one.counts["added"], one.counts["updated"], one.counts["removed"]) for one in published]
    assert counts == [(1_000, 0, 1), (0, 1_000, 0)]


async def test_writes_that_change_nothing_of_the_segment_are_silent_and_those_of_other_models_are_not_looked_at(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector, published: list[SegmentChanged]
) -> None:
    segment = await segment_of(api, model, above(15), trackingColumnSlugs=["name"])
    other = await api.model("others")
    await watch(state, segment)
    await settled(state, watcher)
    await api.add(other, {"domain": "x"})
    assert await work_left(state) == 0
    await put(api, model, "c1", employees=25)
    await settled(state, watcher)
    assert await changes_of(api, segment) == [] and published == []


async def test_many_writes_are_one_comparison_and_a_segment_that_is_not_watched_any_more_is_left_alone(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model)
    await watch(state, segment)
    await settled(state, watcher)
    for at in range(5):
        await put(api, model, "c0", employees=at)
    await settled(state, watcher)
    assert len(await changes_of(api, segment)) == 1
    await watch(state, segment, False)
    await put(api, model, "c0", employees=77)
    assert await work_left(state) == 0
    await watch(state, segment)
    await settled(state, watcher)
    assert len(await changes_of(api, segment)) == 1


async def test_a_write_that_was_under_way_when_watching_began_is_not_lost(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model, above(15))
    workspace = await workspace_of(state)
    async with state.database.session(workspace) as db:
        names = await db.execute(text("select schema_name, table_name from models where uuid = :uid"), {"uid": model})
        schema, table = [str(name) for name in names.one()]
        # As a writer does it: the record, and its event, which reaches no segment that watches.
        await db.execute(text(f'update "{schema}"."{table}" set employees = 99 where _id = :uid'), {"uid": "c0"})
        await events.publish(db, RecordsChanged(workspace, uuid.UUID(model)))
        await watch(state, segment)
        for _ in range(3):
            await watcher.next()
        assert await changes_of(api, segment) == [] and await work_left(state) == 1
        await db.commit()
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, "added") == {"c0": "added"}


async def test_writes_to_related_models_that_the_filter_or_a_metric_reads_are_followed(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    columns = [{"slug": "id", "type": "string", "label": ""}, {"slug": "company", "type": "string", "label": ""}]
    deals = await api.model("deals", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "company", "relation": "oneToMany"}
    made = await api.call("storage.relationship.set", **pair)
    link = (made.get("relationship") or made["relationships"][0])["uuid"]
    aggregation = {"function": "COUNT", "columnSlug": "_id"}
    await api.column(model, kind="metric", slug="deals", type="number", relationshipUuid=link, aggregation=aggregation)
    some = where({"kind": "string", "relatedModelUuid": deals, "columnSlug": "id", "operator": "isNotNull"})
    inner = await segment_of(api, model, some, trackingColumnSlugs=["name"])
    nested = where({"kind": "segment", "operator": "in", "segmentUuid": inner})
    watched = {
        "related": await segment_of(api, model, some, trackingColumnSlugs=["name"]),
        "metric": await segment_of(api, model, above(0, "deals"), trackingColumnSlugs=["name"]),
        "nested": await segment_of(api, model, nested, trackingColumnSlugs=["name"]),
        "not": await segment_of(api, model, above(15), trackingColumnSlugs=["name"]),
    }
    for segment in watched.values():
        await watch(state, segment)
    await settled(state, watcher)
    await api.add(deals, {"id": "d1", "company": "c1"})
    assert await work_left(state) == 3
    await settled(state, watcher)
    for name in ("related", "metric", "nested"):
        (change,) = await changes_of(api, watched[name])
        assert await kinds(api, change, "added") == {"c1": "added"}, name
    # A segment that is inside a watched one is edited: that, too, is followed.
    await api.call("segmentation.segment.update", uuid=inner, filter=above(1_000))
    await settled(state, watcher)
    assert await kinds(api, (await changes_of(api, watched["nested"]))[-1], "removed") == {"c1": "removed"}


async def test_a_metric_that_is_added_to_a_watched_model_brings_its_source_with_it(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model)
    await watch(state, segment)
    columns = [{"slug": "id", "type": "string", "label": ""}, {"slug": "company", "type": "string", "label": ""}]
    deals = await api.model("deals", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "company", "relation": "oneToMany"}
    made = await api.call("storage.relationship.set", **pair)
    link = (made.get("relationship") or made["relationships"][0])["uuid"]
    aggregation = {"function": "COUNT", "columnSlug": "_id"}
    await api.column(model, kind="metric", slug="deals", type="number", relationshipUuid=link, aggregation=aggregation)
    await settled(state, watcher)
    assert await changes_of(api, segment) == []
    await api.add(deals, {"id": "d1", "company": "c1"})
    await settled(state, watcher)
    (change,) = await changes_of(api, segment)
    assert await kinds(api, change, "updated") == {"c1": "updated"}


async def test_work_whose_worker_dies_before_its_commit_is_done_by_another_and_once(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = await segment_of(api, model)
    await watch(state, segment)
    await settled(state, watcher)
    await put(api, model, "c0", employees=99)

    class Dead(BaseException):
        """The process is gone."""

    def die(name: str) -> None:
        if name == "before change commit":
            raise Dead

    with monkeypatch.context() as patch, pytest.raises(Dead):
        patch.setattr("cargo_ai.engine.journal.crash_points.point", die)
        while True:
            await watcher.next()
    assert await changes_of(api, segment) == [] and await work_left(state) == 1
    await settled(state, watcher)
    await settled(state, watcher)
    assert len(await changes_of(api, segment)) == 1


async def test_two_workers_compare_a_segment_one_after_the_other(api: ApiClient, state: State, model: str, database_url: str) -> None:
    segment = await segment_of(api, model)
    await watch(state, segment)
    other = make_state(database_url, state.settings)
    first, second = ChangeDetector(state.database), ChangeDetector(other.database)
    await settled(state, first)
    async with state.database.session(await workspace_of(state)) as db:
        await comparison.lock(db, uuid.UUID(segment))
        await put(api, model, "c0", employees=99)
        deadline = clock.seconds() + 1
        while clock.seconds() < deadline:
            assert not await second.next()
        await db.rollback()
    await settled(state, second)
    assert len(await changes_of(api, segment)) == 1
    await other.database.close()


async def test_a_heavy_segment_of_one_workspace_does_not_delay_those_of_another(
    api: ApiClient, other_api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    theirs = await other_api.model()
    await other_api.add(theirs, {"domain": "a", "employees": 20})
    heavy, light = await segment_of(api, model, above(15)), await segment_of(other_api, theirs, above(15))
    for segment in (heavy, light):
        async with state.database.session(await workspace_of(state, segment)) as db:
            await public.watch(db, uuid.UUID(segment))
            await db.commit()
    await settled(state, watcher)
    await put(api, model, "c0", employees=99)
    await put(other_api, theirs, "a", employees=21)
    running = asyncio.create_task(watcher.run())
    async with state.database.engine.connect() as connection:
        table = (
            await connection.execute(text("select schema_name || '.' || table_name from models where uuid = :uuid"), {"uuid": model})
        ).scalar_one()
        # What reads the records waits for as long as this lock is held.
        await connection.exec_driver_sql(f"lock table {table} in access exclusive mode")
        await wait_for(lambda: changes_of(other_api, light))
        assert await changes_of(api, heavy) == []
        await connection.rollback()
    await wait_for(lambda: changes_of(api, heavy))
    await tasks.cancel(running)  # a wake-up at the same moment may swallow one cancellation


async def test_a_watched_segment_that_cannot_be_compared_waits_and_keeps_no_other_from_it(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    broken, fine = await segment_of(api, model), await segment_of(api, model)
    for one in (broken, fine):
        await watch(state, one)
    await settled(state, watcher)
    nonsense = json.dumps(where({"kind": "any", "columnSlug": "gone", "operator": "isNull"}))
    async with state.database.session(await workspace_of(state)) as db:
        await driver.execute(await driver_connection(db), "update segments set filter = %s where uuid = %s", [nonsense, broken])
        await db.commit()
    await put(api, model, "c0", employees=99)
    deadline = clock.seconds() + 60
    while not await changes_of(api, fine):
        assert clock.seconds() < deadline
        await watcher.next()
    async with state.database.engine.connect() as connection:
        rows = await connection.exec_driver_sql("select segment_uuid::text, tries from segment_work")
        assert [tuple(row) for row in rows] == [(broken, 1)]


async def test_by_hand_a_watched_segment_is_compared_once_with_all(
    api: ApiClient, state: State, model: str, watcher: ChangeDetector
) -> None:
    segment = await segment_of(api, model)
    await watch(state, segment)
    await settled(state, watcher)
    await put(api, model, "c0", employees=99)
    async with state.database.session(await workspace_of(state)) as db:
        made = await public.compute_change(db, uuid.UUID(segment))
        again = await public.compute_change(db, uuid.UUID(segment))
        await db.commit()
    assert made is not None and (made.added, made.updated, made.removed, made.unchanged, made.total) == (0, 1, 0, 2, 3)
    assert again is None
    await settled(state, watcher)
    assert len(await changes_of(api, segment)) == 1
