"""Segments of large models are compared in the background: the caller hears at once, and the change is there when the job has ended."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import select, text

from cargo_ai.context import background_work
from cargo_ai.domains.segmentation.changes import comparison, comparison_sql
from cargo_ai.domains.segmentation.changes.comparison_job import TASK, ComparisonJob
from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.domains.segmentation.tables import SegmentChange
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.unit.domains.segmentation.changes.test_change import FETCH, LIST, companies, put
from tests.unit.domains.segmentation.conftest import above, compared, counts, kinds, segment_of, where

CREATE, GET = "segmentation.change.create", "segmentation.change.get"


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "QUICK_ROWS", 2)


async def jobs(state: State) -> list[dict[str, str]]:
    async with state.database.session(ALL_WORKSPACES) as db:
        return list(await db.scalars(text("select args from procrastinate_jobs where task_name = :task"), {"task": TASK}))


async def test_a_large_segment_is_compared_by_a_job(api: ApiClient, state: State, published: list[SegmentChanged]) -> None:
    model = await companies(api, 10, 20, 30, 40)
    segment = await segment_of(api, model, above(15))
    announced = await compared(api, segment)
    assert (announced["status"], announced["errorMessage"], counts(announced)) == ("pending", None, (0, 0, 0, 0, 0))
    status, refused = await api.refusal(CREATE, segmentUuid=segment)
    assert (status, refused["reason"], refused["fix"]) == (
        409, "changeAlreadyRunning", f"cargo-ai segmentation change get {announced['uuid']}"
    )  # fmt: skip
    assert "not ended yet" in await api.refusal_message(FETCH, uuid=announced["uuid"], kinds=["added"])
    assert (await api.call("segmentation.segment.get", uuid=segment))["segment"]["lastChange"] is None and not published
    (args,) = await jobs(state)
    # A worker that is thought dead and another may both have it.
    await asyncio.gather(*(ComparisonJob(state.database).run(**args) for _ in range(2)))
    found = (await api.call(GET, uuid=announced["uuid"]))["change"]
    assert (found["status"], counts(found)) == ("success", (3, 0, 0, 0, 3))
    assert await kinds(api, found, "added") == {"c1": "added", "c2": "added", "c3": "added"}
    assert [str(event.change) for event in published] == [announced["uuid"]]
    # What differs is little now, whatever the model's size.
    await put(api, model, "c0", employees=99)
    again = await compared(api, segment)
    assert (again["status"], counts(again)) == ("success", (1, 0, 0, 3, 4))
    assert [change["uuid"] for change in (await api.call(LIST, segmentUuid=segment))["changes"]] == [again["uuid"], found["uuid"]]


async def test_a_comparison_shows_how_many_records_it_has_read(api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_sql, "COUNT_EACH", 2)
    model = await companies(api, 10, 20, 30, 40, 50)
    announced = await compared(api, await segment_of(api, model, above(15)))
    (args,) = await jobs(state)
    here, uid = uuid.UUID(args["workspace"]), uuid.UUID(args["change"])
    assert await background_work.begin(state.database, here, SegmentChange, uid, noun="comparison", most=10)
    job = ComparisonJob(state.database)
    async with state.database.session(here) as db:
        locked = await comparison.lock_segment(db, uuid.UUID(announced["segmentUuid"]))
        assert locked is not None
        process = (await driver_connection(db)).info.backend_pid
        await job.note_progress(here, uid, locked.row.model_uuid, process)
        begun = (await api.call(GET, uuid=announced["uuid"]))["change"]
        assert (begun["recordsDone"], begun["recordsTotal"]) == (0, 5)
        await comparison.compare(db, locked, empty=True, into=SegmentChange(workspace_uuid=here, segment_uuid=locked.row.uuid))
        # The session is as it is while its statement runs: it has read the second and the fourth of four.
        await job.note_progress(here, uid, locked.row.model_uuid, process)
        found = (await api.call(GET, uuid=announced["uuid"]))["change"]
        assert (found["recordsDone"], found["recordsTotal"]) == (4, 5)
        (item,) = (await api.call("orchestration.queue.get"))["items"]
        assert (item["reason"], item["recordsDone"], item["recordsTotal"]) == ("comparing", 4, 5)
    await job.run(**args)
    found = (await api.call(GET, uuid=announced["uuid"]))["change"]
    assert (found["status"], found["recordsDone"], counts(found)) == ("success", None, (4, 0, 0, 0, 4))


async def test_a_comparison_that_a_stop_breaks_off_is_made_by_the_next_worker_and_was_not_tried(api: ApiClient, state: State) -> None:
    model = await companies(api, 10, 20, 30, 40)
    announced = await compared(api, await segment_of(api, model, above(15)))
    (args,) = await jobs(state)
    async with state.database.session(ALL_WORKSPACES) as other:
        await comparison.lock(other, uuid.UUID(announced["segmentUuid"]))
        working = asyncio.create_task(ComparisonJob(state.database).run(**args))
        async with asyncio.timeout(60):
            while (await api.call(GET, uuid=announced["uuid"]))["change"]["status"] != "running":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    async with state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(select(SegmentChange.tries).where(SegmentChange.uuid == uuid.UUID(announced["uuid"]))) == 0
    await ComparisonJob(state.database).run(**args)
    found = (await api.call(GET, uuid=announced["uuid"]))["change"]
    assert (found["status"], counts(found)) == ("success", (3, 0, 0, 0, 3))


async def test_a_comparison_that_cannot_be_made_says_why_and_the_next_one_may_be(api: ApiClient, state: State) -> None:
    model = await companies(api, 10, 20, 30, 40)
    segment = await segment_of(api, model, where({"kind": "sql", "clause": "100 / (employees - 99) < 0"}))
    announced = await compared(api, segment)
    await put(api, model, "c0", employees=99)
    await ComparisonJob(state.database).run(**(await jobs(state))[0])
    found = (await api.call(GET, uuid=announced["uuid"]))["change"]
    assert found["status"] == "error" and "divides by zero" in found["errorMessage"]
    assert (await compared(api, segment))["status"] == "pending"
