"""Large change sets are undone in the background: the caller hears at once, and all of it is undone or nothing."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import select

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.storage.history import undo
from cargo_ai.domains.storage.history.undo import UndoJob
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.domains.storage.tables import ChangeSet
from cargo_ai.kernel import clock
from cargo_ai.records.history import undo as statements
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.kit.published import collect
from tests.unit.domains.storage.history.test_change_set import FIRST, counts, ingest, newest, plain

UNDO, GET = "storage.changeSet.undo", "storage.run.get"
FILE = "domain,name\na.com,File\nb.com,File\nd.com,File\n"


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "AT_ONCE", 2)


async def carried_out(api: ApiClient, state: State, run: Body) -> Body:
    """A run after its job, which a worker that was thought dead has, too."""
    await asyncio.gather(*(UndoJob(state.services).run(run["workspaceUuid"], run["uuid"]) for _ in range(2)))
    found: Body = (await api.call(GET, uuid=run["uuid"]))["run"]
    return found


async def test_a_large_change_set_is_undone_by_a_job(api: ApiClient, state: State) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    before = await api.records(model)
    made = await ingest(api, model, FILE)
    begun = await api.call(UNDO, uuid=made["uuid"])
    run = begun["run"]
    assert (run["kind"], run["status"], run["recordsTotal"], run["changeSetUuid"]) == ("undo", "pending", 3, made["uuid"])
    assert (begun["changeSet"], begun["removedCount"], begun["revertedCount"]) == (None, 0, 0)
    assert await api.refused(UNDO, uuid=made["uuid"]) == (409, "alreadyRunning")
    with collect(RecordsChanged) as published:
        ended = await carried_out(api, state, run)
    assert (ended["status"], ended["counts"]["updated"], ended["counts"]["removed"], ended["recordsDone"]) == ("success", 2, 1, 3)
    assert len(published) == 1
    undone = await newest(api, model, "undo")
    assert (counts(undone), undone["undoesUuid"]) == ((0, 2, 1), made["uuid"])
    assert plain(await api.records(model)) == plain(before)
    assert await api.refused(UNDO, uuid=made["uuid"]) == (409, "alreadyUndone")


async def test_an_undo_part_by_part_says_how_far_it_is(api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "PART_RECORDS", 100)
    model, numbers = await api.model(), range(600)
    await api.add(model, *({"domain": f"{number:03d}.com", "name": "Old"} for number in numbers if number % 2))
    before = await api.records(model)
    rows = "".join(f"{number:03d}.com,New\n" for number in numbers)
    made = await ingest(api, model, f"domain,name\n{rows}")
    shares = list[float]()

    async def progress(share: float) -> None:
        shares.append(share)

    workspace = (await api.call("storage.model.get", uuid=model))["model"]["workspaceUuid"]
    async with state.database.session(uuid.UUID(workspace)) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        (row,) = await db.scalars(select(ChangeSet).where(ChangeSet.uuid == uuid.UUID(made["uuid"])))
        assert relation is not None
        connection = await driver_connection(db)
        plan = await statements.plan(connection, relation, row.uuid, row.records_at, locks=True, most_conflicts=1)
        await statements.apply(connection, relation, clock.now(), progress)
        await db.commit()
    assert (plan.removed, plan.reverted) == (300, 300)
    assert len(shares) > 3 and shares == sorted(shares) and shares[-1] == 1
    assert plain(await api.records(model)) == plain(before)


async def test_what_stands_in_the_way_of_an_undo_in_the_background_ends_it_unless_it_is_skipped(api: ApiClient, state: State) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await ingest(api, model, FILE)
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"name": "Later"})
    present = await api.records(model)
    ended = await carried_out(api, state, (await api.call(UNDO, uuid=made["uuid"]))["run"])
    assert ended["status"] == "error" and "changed since: 1, a.com among them. Nothing was undone" in ended["errorMessage"]
    assert await api.records(model) == present
    ended = await carried_out(api, state, (await api.call(UNDO, uuid=made["uuid"], skipConflicts=True))["run"])
    assert (ended["status"], ended["warnings"]) == ("success", ["Records that were changed since and stay as they are: 1."])
    assert {record["_id"]: record["name"] for record in await api.records(model)} == {"a.com": "Later", "b.com": None, "c.com": "C"}


async def test_an_undo_that_is_cancelled_before_it_begins_leaves_everything(api: ApiClient, state: State) -> None:
    model = await api.model()
    made = await ingest(api, model, FILE)
    run = (await api.call(UNDO, uuid=made["uuid"]))["run"]
    await api.call("storage.run.cancel", uuid=run["uuid"])
    assert (await carried_out(api, state, run))["status"] == "cancelled"
    assert len(await api.records(model)) == 3
    assert (await api.call(UNDO, uuid=made["uuid"]))["run"]["status"] == "pending"


async def test_a_dry_run_of_a_large_change_set_looks_at_what_was_written_since(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await ingest(api, model, FILE)
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"name": "Later"})
    await api.call("storage.record.update", modelUuid=model, id="c.com", data={"name": "Of no concern"})
    reply = await api.call(UNDO, uuid=made["uuid"], dryRun=True)
    assert (reply["removedCount"], reply["revertedCount"], reply["restoredCount"], reply["isCountExact"]) == (1, 2, 0, False)
    assert (reply["conflictsCount"], [conflict["id"] for conflict in reply["conflicts"]]) == (1, ["a.com"])
    assert reply["run"] is None and reply["changeSet"] is None


async def test_a_dry_run_finds_what_stands_in_the_way_of_many_records_that_the_log_packs(api: ApiClient) -> None:
    model = await api.model()
    for name in ("First", "Second"):
        rows = "".join(f"p{number:04d}.com,{name}\n" for number in range(1_200))
        made = await ingest(api, model, f"domain,name\n{rows}")
    await api.call("storage.record.remove", modelUuid=model, id="p0007.com")
    await ingest(api, model, "domain,name\np0003.com,Third\nq.com,Third\n")
    reply = await api.call(UNDO, uuid=made["uuid"], dryRun=True)
    assert (reply["removedCount"], reply["revertedCount"], reply["conflictsCount"]) == (0, 1_200, 2)
    assert [(conflict["id"], conflict["problem"]) for conflict in reply["conflicts"]] == [
        ("p0003.com", "was changed since"), ("p0007.com", "was removed since")
    ]  # fmt: skip


async def test_another_workspace_begins_no_undo_and_sees_none(api: ApiClient, other_api: ApiClient, state: State) -> None:
    made = await ingest(api, await api.model(), FILE)
    for more in ({}, {"dryRun": True}, {"skipConflicts": True}):
        assert await other_api.refused(UNDO, uuid=made["uuid"], **more) == (404, "changeSetNotFound")
    run = (await api.call(UNDO, uuid=made["uuid"]))["run"]
    assert await other_api.refused(GET, uuid=run["uuid"]) == (404, "runNotFound")
    assert await other_api.refused("storage.run.cancel", uuid=run["uuid"]) == (404, "runNotFound")
    assert (await other_api.call("orchestration.queue.get"))["items"] == []
    assert (await carried_out(api, state, run))["status"] == "success"
