"""Refreshes of models as durable work: what they change, how they end, and what is refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, update

from cargo_ai.domains.segmentation.changes.comparison_job import ComparisonJob
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.storage.history.undo import UndoJob
from cargo_ai.domains.storage.models.index import IndexJob
from cargo_ai.domains.storage.models.refreshes import refresh_job
from cargo_ai.domains.storage.models.refreshes.refresh_job import RefreshJob
from cargo_ai.domains.storage.tables import StorageRun
from cargo_ai.domains.workspace import public
from cargo_ai.engine.dispatch.queue import is_broken_off
from cargo_ai.records.bulk import load
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

FIRST = "id,name,n\na,Alpha,1\nb,Beta,2\n"
SECOND = "id,name,n\na,Alpha,10\nc,Gamma,3\n"


@pytest.fixture
def worker(state: State) -> RefreshJob:
    """What a worker does with a run."""
    return RefreshJob(state.services)


async def ran(api: ApiClient, worker: RefreshJob, model: str, **how: object) -> Body:
    """A run of the model when it has ended."""
    run: Body = (await api.call("storage.run.create", modelUuid=model, **how))["run"]
    assert run["status"] == "pending"
    await worker.run(run["workspaceUuid"], run["uuid"])
    found: Body = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    return found


async def of_file(api: ApiClient, text: str = FIRST, **config: object) -> str:
    """A model of a file."""
    return await api.model("uploaded", "uploadFile", s3Filename=await upload(api, text), **config)


async def put(api: ApiClient, model: str, text: str) -> None:
    """Let the model have another file."""
    await api.call("storage.model.update", uuid=model, config={"s3Filename": await upload(api, text)})


async def test_a_run_merges_the_new_file_by_id_and_touches_only_columns_of_the_file(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    await api.column(uid, kind="custom", slug="tier")
    await api.call("storage.record.update", modelUuid=uid, id="a", data={"tier": "gold"})
    await put(api, uid, SECOND)
    run = await ran(api, worker, uid)
    assert (run["status"], run["errorMessage"]) == ("success", None)
    assert run["counts"] == {"added": 1, "updated": 1, "unchanged": 0, "removed": 0, "unified": 0}
    records = await api.records(uid)
    assert [(one["_id"], one["n"], one["tier"]) for one in records] == [("a", 10, "gold"), ("b", 2, None), ("c", 3, None)]
    model = (await api.call("storage.model.get", uuid=uid))["model"]
    assert (model["lastRun"]["uuid"], model["lastRun"]["status"]) == (run["uuid"], "success")
    assert (await api.call("storage.run.list", modelUuid=uid, statuses=["success"]))["runs"][0]["uuid"] == run["uuid"]


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_a_large_file_is_merged_part_by_part_and_the_run_says_how_far_it_is(
    api: ApiClient, worker: RefreshJob, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    # A page of the staged rows holds some of these long ones.
    numbers = range(1, 41) if order == "ascending" else range(40, 0, -1)
    rows = "".join(f"{number:03d},{'x' * 1_500},{number}\n" for number in numbers)
    uid = await of_file(api, "id,name,n\n" + "".join(f"{number:03d},old,{number}\n" for number in range(1, 31)))
    await put(api, uid, f"id,name,n\n040,replaced,0\n{rows}" if order == "descending" else f"id,name,n\n{rows}")
    monkeypatch.setattr(load, "PART_RECORDS", 10)
    seen = list[tuple[int, int]]()

    async def noted(_ctx: object, _run: object, done: int, total: int) -> None:
        seen.append((done, total))

    monkeypatch.setattr(refresh_job, "note_progress", noted)
    run = await ran(api, worker, uid)
    assert run["counts"] == {"added": 10, "updated": 30, "unchanged": 0, "removed": 0, "unified": 0}
    assert (run["recordsDone"], run["recordsTotal"]) == (40, 40)
    count = 41 if order == "descending" else 40
    assert len(seen) > 2 and seen == sorted(seen) and seen[-1] == (count, count)
    assert [(one["n"], len(one["name"])) for one in await api.records(uid)] == [(number, 1_500) for number in range(1, 41)]


async def test_a_run_that_is_merging_shows_how_far_it_is(api: ApiClient, state: State) -> None:
    uid = await of_file(api)
    run = (await api.call("storage.run.create", modelUuid=uid, isForce=True))["run"]
    async with state.database.session(uuid.UUID(run["workspaceUuid"])) as db:
        row = (await db.scalars(select(StorageRun).where(StorageRun.uuid == uuid.UUID(run["uuid"])))).one()
        ctx = RefreshJob(state.services)._context(db, row)  # pyright: ignore[reportPrivateUsage]
        await refresh_job.note_progress(ctx, row, 100_000, 1_000_000)
    found = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (found["recordsDone"], found["recordsTotal"]) == (100_000, 1_000_000)


async def test_a_reset_also_removes_what_the_file_no_longer_has(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    await put(api, uid, SECOND)
    run = await ran(api, worker, uid, isReset=True)
    assert run["counts"]["removed"] == 1
    assert [one["_id"] for one in await api.records(uid)] == ["a", "c"]


async def test_what_has_not_changed_is_not_read_again_unless_forced(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    assert await api.refused("storage.run.create", modelUuid=uid) == (400, "upToDate")
    assert (await ran(api, worker, uid, isForce=True))["counts"]["unchanged"] == 2


async def test_the_same_file_without_ids_twice_is_the_same_records(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api, "what,n\nx,1\nx,1\ny,2\n")
    before = await api.records(uid)
    assert len({one["_id"] for one in before}) == 3
    run = await ran(api, worker, uid, isForce=True)
    assert run["counts"] == {"added": 0, "updated": 0, "unchanged": 3, "removed": 0, "unified": 0}
    assert await api.records(uid) == before
    await put(api, uid, "what,n\nz,3\nx,1\nx,1\n")
    run = await ran(api, worker, uid, isReset=True)
    assert (run["counts"]["added"], run["counts"]["removed"]) == (1, 1)


async def test_a_file_that_does_not_fit_ends_the_run_with_its_sentence_and_changes_nothing(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    await put(api, uid, "id,name,n\na,Alpha,5\nb,Beta,many\n")
    run = await ran(api, worker, uid)
    assert run["status"] == "error"
    assert "row 3, column n" in run["errorMessage"].lower()
    assert [one["n"] for one in await api.records(uid)] == [1, 2]


async def test_only_one_run_at_a_time_and_reads_say_so(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    begun = await api.call("storage.model.refresh", uuid=uid)
    assert begun["isRefreshing"] is True
    assert await api.refused("storage.run.create", modelUuid=uid, isForce=True) == (409, "alreadyRunning")
    assert await api.refused("storage.model.refresh", uuid=uid) == (409, "alreadySyncing")
    assert (await api.call("storage.record.list", modelUuid=uid))["isRefreshing"] is True
    run = (await api.call("storage.run.list", modelUuid=uid, statuses=["pending"]))["runs"][0]
    await worker.run(run["workspaceUuid"], run["uuid"])
    assert (await api.call("storage.record.list", modelUuid=uid))["isRefreshing"] is False


async def test_a_run_that_no_one_began_is_cancelled_at_once_and_does_nothing_later(api: ApiClient, worker: RefreshJob) -> None:
    uid = await of_file(api)
    await put(api, uid, SECOND)
    run = (await api.call("storage.run.create", modelUuid=uid))["run"]
    await api.call("storage.run.cancel", uuid=run["uuid"])
    await worker.run(run["workspaceUuid"], run["uuid"])
    assert (await api.call("storage.run.get", uuid=run["uuid"]))["run"]["status"] == "cancelled"
    assert [one["_id"] for one in await api.records(uid)] == ["a", "b"]
    assert await api.refused("storage.run.cancel", uuid=run["uuid"]) == (409, "runAlreadyFinished")


@asynccontextmanager
async def under_way(api: ApiClient, worker: RefreshJob, state: State, run: Body) -> AsyncGenerator[asyncio.Task[None]]:
    """What a worker does with a run that has begun and cannot end in the block: someone else holds the records that it wants to change."""
    async with state.database.session(uuid.UUID(run["workspaceUuid"])) as other:
        relation = await storage.relation(other, uuid.UUID(run["modelUuid"]))
        assert relation is not None
        raw = await (await other.connection()).get_raw_connection()
        await raw.driver_connection.execute(f'select 1 from "{relation.schema}"."{relation.table}" for update')  # type: ignore[union-attr]
        working = asyncio.create_task(worker.run(run["workspaceUuid"], run["uuid"]))
        async with asyncio.timeout(60):
            while (await api.call("storage.run.get", uuid=run["uuid"]))["run"]["status"] != "running":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            yield working


async def test_a_run_under_way_is_cancelled_and_leaves_the_model_as_it_was(api: ApiClient, worker: RefreshJob, state: State) -> None:
    uid = await of_file(api)
    await put(api, uid, SECOND)
    run = (await api.call("storage.run.create", modelUuid=uid))["run"]
    async with under_way(api, worker, state, run) as working:
        await api.call("storage.run.cancel", uuid=run["uuid"])
        await working
        assert (await api.call("storage.run.get", uuid=run["uuid"]))["run"]["status"] == "cancelled"
    assert [one["n"] for one in await api.records(uid)] == [1, 2]


async def test_a_run_that_a_stop_breaks_off_is_done_by_the_next_worker_and_was_not_tried(
    api: ApiClient, worker: RefreshJob, state: State
) -> None:
    uid = await of_file(api)
    await put(api, uid, SECOND)
    run = (await api.call("storage.run.create", modelUuid=uid))["run"]
    async with under_way(api, worker, state, run) as working:
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    async with state.database.session(uuid.UUID(run["workspaceUuid"])) as db:
        kept = await db.execute(select(StorageRun.status, StorageRun.tries).where(StorageRun.uuid == uuid.UUID(run["uuid"])))
    assert kept.one() == ("running", 0)
    assert [one["n"] for one in await api.records(uid)] == [1, 2]
    await worker.run(run["workspaceUuid"], run["uuid"])
    assert (await api.call("storage.run.get", uuid=run["uuid"]))["run"]["status"] == "success"
    assert [one["n"] for one in await api.records(uid)] == [10, 2, 3]


@pytest.mark.parametrize("job", [RefreshJob, UndoJob, IndexJob, ComparisonJob])
def test_jobs_of_one_transaction_are_broken_off_by_a_stop(job: type[Any]) -> None:
    assert is_broken_off(job.run)


async def test_a_run_that_killed_its_workers_five_times_gives_up(
    api: ApiClient, worker: RefreshJob, state: State, first_workspace: public.Bootstrap
) -> None:
    uid = await of_file(api)
    run = (await api.call("storage.run.create", modelUuid=uid, isForce=True))["run"]
    async with state.database.session(first_workspace.workspace_uuid) as db:
        await db.execute(update(StorageRun).where(StorageRun.uuid == uuid.UUID(run["uuid"])).values(tries=5, status="running"))
        await db.commit()
    await worker.run(run["workspaceUuid"], run["uuid"])
    found = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (found["status"], "5 times" in found["errorMessage"]) == ("error", True)


async def test_models_without_a_source_and_strangers_are_refused(api: ApiClient, other_api: ApiClient) -> None:
    uid = await api.model()
    assert await api.refused("storage.run.create", modelUuid=uid) == (400, "modelNotCompatible")
    file = await of_file(api)
    assert await other_api.refused("storage.run.create", modelUuid=file) == (404, "modelNotFound")
    await api.call("storage.model.update", uuid=file, isPaused=True)
    assert await api.refused("storage.run.create", modelUuid=file) == (400, "modelIsPaused")
    run = (await api.call("storage.model.refresh", uuid=file))["model"]["lastRun"]
    assert await other_api.refused("storage.run.get", uuid=run["uuid"]) == (404, "runNotFound")
    assert await other_api.refused("storage.run.cancel", uuid=run["uuid"]) == (404, "runNotFound")
    assert (await other_api.call("storage.run.list"))["runs"] == []
