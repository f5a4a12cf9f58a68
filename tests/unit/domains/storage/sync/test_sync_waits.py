"""Syncs that wait, go on and end: for people, for a service, for a clock."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from cargo_ai.domains.connection.accounts.accounts import Accounts
from cargo_ai.domains.storage.package import PACKAGE
from cargo_ai.domains.storage.sync.sync_state import SyncState
from cargo_ai.domains.storage.sync.sync_steps import PageSaver
from cargo_ai.engine.dispatch.timers.schedule import Scheduler
from cargo_ai.integrations.kit import ExtractedPage
from cargo_ai.kernel import clock
from cargo_ai.server.api.state import State
from tests.unit.domains.storage.sync.conftest import CONFIG, Synced

LIST = r"/crm/objects/.*/contacts$"
BROKEN = {"status": "error", "message": "Internal error.", "category": "INTERNAL_ERROR"}


async def test_a_service_that_fails_is_asked_again_for_the_page_it_failed_at(synced: Synced) -> None:
    synced.add(350)
    model = await synced.model()
    synced.control.fail(status=500, times=1, path=LIST, skip=2, body=BROKEN)
    run = await synced.work(model)
    assert (run["status"], run["recordsDone"]) == ("pending", 200)
    assert run["waitingFor"] == "HubSpot answered 500: Internal error."
    asked = len(synced.control.sent(path=LIST))
    run = await synced.work(model)
    assert (run["status"], run["counts"]["added"], run["waitingFor"]) == ("success", 350, None)
    # Pages three and four: none is read twice.
    assert len(synced.control.sent(path=LIST)) == asked + 2


async def test_a_service_that_goes_on_failing_ends_the_sync_and_the_next_one_goes_on_where_it_was(synced: Synced) -> None:
    synced.add(250)
    model = await synced.model()
    synced.control.fail(status=500, times=99, path=LIST, skip=1, body=BROKEN)
    run = await synced.work(model)
    for _ in range(8):
        assert run["status"] == "pending"
        run = await synced.work(model)
    assert run["status"] == "error" and "9 times in a row" in run["errorMessage"]
    assert len(await synced.api.records(model, limit=1000)) == 100
    synced.control.faults.clear()
    run = await synced.sync(model)
    assert (run["status"], run["counts"]["added"], run["recordsDone"]) == ("success", 150, 150)


async def test_an_account_that_is_refused_ends_the_sync_in_the_services_words(synced: Synced) -> None:
    model = await synced.filled(1)
    synced.control.sign_in.credentials.clear()
    run = await synced.sync(model)
    assert run["status"] == "error" and "The key is not accepted" in run["errorMessage"]


async def test_a_sync_waits_for_a_connector_that_is_stopped_and_goes_on_when_it_is_started(synced: Synced, state: State) -> None:
    model = await synced.filled(1)
    await synced.api.call("connection.connector.stop", uuid=synced.connector)
    state.services.once(Accounts, lambda: Accounts(state.services))._opened.clear()  # pyright: ignore[reportPrivateUsage]
    run = await synced.sync(model)
    assert run["status"] == "pending"
    assert run["waitingFor"].startswith("The connector of HubSpot is stopped. Let it go on: cargo-ai connection connector start")
    before = await _jobs(state)
    await synced.api.call("connection.connector.start", uuid=synced.connector)
    assert await _jobs(state) == before + 1
    state.services.once(Accounts, lambda: Accounts(state.services))._opened.clear()  # pyright: ignore[reportPrivateUsage]
    assert (await synced.work(model))["status"] == "success"


async def _jobs(state: State) -> int:
    async with state.database.engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "select count(*) from procrastinate_jobs where task_name = 'storage.sync' and status = 'todo'"
        )
        return int(found.scalar_one())


async def test_a_waiting_sync_is_cancelled_at_once_and_keeps_what_it_has_read(synced: Synced) -> None:
    synced.add(250)
    model = await synced.model()
    synced.control.fail(status=500, times=1, path=LIST, skip=1, body=BROKEN)
    run = await synced.work(model)
    await synced.api.call("storage.run.cancel", uuid=run["uuid"])
    assert (await synced.work(model))["status"] == "cancelled"
    assert len(await synced.api.records(model, limit=1000)) == 100
    run = await synced.sync(model)
    assert (run["status"], run["recordsDone"]) == ("success", 150)


async def test_a_paused_model_is_left_alone_until_it_is_not(synced: Synced, state: State) -> None:
    model = await synced.filled(1)
    await synced.api.call("storage.run.create", modelUuid=model)
    await synced.api.call("storage.model.update", uuid=model, isPaused=True)
    run = await synced.work(model)
    assert run["status"] == "pending" and "The model is paused" in run["waitingFor"]
    before = await _jobs(state)
    await synced.api.call("storage.model.update", uuid=model, isPaused=False)
    assert await _jobs(state) == before + 1
    assert (await synced.work(model))["status"] == "success"
    await synced.api.call("storage.model.update", uuid=model, isPaused=True)
    assert await synced.api.refused("storage.run.create", modelUuid=model) == (400, "modelIsPaused")
    assert (await synced.sync(model, isForce=True))["status"] == "success"


async def test_one_sync_at_a_time(synced: Synced) -> None:
    synced.add(1)
    model = await synced.model()
    assert await synced.api.refused("storage.run.create", modelUuid=model) == (409, "alreadyRunning")


async def test_a_worker_that_comes_back_after_another_took_its_sync_writes_nothing(synced: Synced, state: State) -> None:
    synced.add(3)
    model = await synced.model()
    run = (await synced.runs(model))[0]
    sync = SyncState(state.services, uuid.UUID(run["workspaceUuid"]), uuid.UUID(run["uuid"]))
    late = await sync.claim()
    assert late is not None
    assert (await synced.work(model))["counts"]["added"] == 3
    saver = PageSaver(state.services, sync, late)
    assert await saver.save(ExtractedPage([{"hs_object_id": "9"}], {"after": "9"}), defers=False) == "stop"
    assert len(await synced.api.records(model)) == 3


async def test_a_page_that_kills_every_worker_ends_the_sync(synced: Synced, state: State) -> None:
    synced.add(3)
    model = await synced.model()
    run = (await synced.runs(model))[0]
    sync = SyncState(state.services, uuid.UUID(run["workspaceUuid"]), uuid.UUID(run["uuid"]))
    for _ in range(5):
        assert await sync.claim() is not None
    assert await sync.claim() is None
    ended = (await synced.runs(model))[0]
    assert ended["status"] == "error" and "5 times in a row" in ended["errorMessage"]


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ({"type": "cron", "cron": "@every 30s"}, "scheduleIntervalTooShort"),
        ({"type": "cron", "cron": "nope"}, "failedToSchedule"),
        ({"type": "dbt", "jobId": "1"}, "scheduleNotCompatible"),
    ],
)
async def test_schedules_that_cannot_be_are_refused(synced: Synced, schedule: dict[str, str], reason: str) -> None:
    fields = {"slug": "m", "name": "M", "datasetUuid": synced.dataset, "extractorSlug": "fetchRecords", "config": CONFIG}
    assert await synced.api.refused("storage.model.create", **fields, schedule=schedule) == (400, reason)
    model = await synced.model()
    assert await synced.api.refused("storage.model.update", uuid=model, schedule=schedule) == (400, reason)


async def test_a_schedule_starts_syncs_and_says_why_it_did_not(synced: Synced, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    model = await synced.filled(1, schedule={"type": "cron", "cron": "0 6 * * *", "timeZone": "Europe/Paris"})
    shown = (await synced.api.call("storage.model.get", uuid=model))["model"]["schedule"]
    assert (shown["type"], shown["cron"], shown["timeZone"]) == ("cron", "0 6 * * *", "Europe/Paris")
    later = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    scheduler = Scheduler(state.database, {kind: make(state.services) for kind, make in PACKAGE.schedules.items()})
    assert await scheduler.fire_next()
    runs = await synced.runs(model)
    assert (len(runs), runs[0]["status"]) == (2, "pending")
    later += timedelta(days=1)
    assert await scheduler.fire_next()
    assert len(await synced.runs(model)) == 2
    await synced.api.call("storage.model.update", uuid=model, schedule=None)
    later += timedelta(days=1)
    assert not await scheduler.fire_next()


async def test_a_model_that_is_removed_ends_its_sync_and_its_schedule(synced: Synced, state: State) -> None:
    synced.add(1)
    model = await synced.model(schedule={"type": "cron", "cron": "0 6 * * *"})
    run = (await synced.runs(model))[0]
    await synced.api.call("storage.model.remove", uuid=model)
    await synced.job.run(run["workspaceUuid"], run["uuid"])
    ended = (await synced.api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (ended["status"], ended["errorMessage"]) == ("error", "The model was removed.")
    async with state.database.engine.connect() as connection:
        assert (await connection.exec_driver_sql("select count(*) from schedules")).scalar_one() == 0
    await synced.api.call("workspaceManagement.bin.restore", uuid=model)
    async with state.database.engine.connect() as connection:
        assert (await connection.exec_driver_sql("select count(*) from schedules")).scalar_one() == 1
    assert (await synced.sync(model))["status"] == "success"
