"""Forgetting: former values are gone from history, change sets and merges, and what would bring them back says so."""

from __future__ import annotations

import asyncio
import uuid

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public
from cargo_ai.records.ddl import log_table_name, table_name
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection, execute, fetch
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.history.test_change_set import ingest, newest


async def kept_text(state: State, workspace: uuid.UUID, model: str) -> str:
    """All that the log of a model and merges hold, as one text."""
    async with state.database.session(workspace) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        assert relation is not None
        connection = await driver_connection(db)
        queries = (f"select l::text from {log_table_name(relation)} as l", "select m::text from merged_records as m")
        return "\n".join([row[0] for query in queries for row in await fetch(connection, query)])


async def history(api: ApiClient, model: str, record: str) -> list[Body]:
    events: list[Body] = (await api.call("storage.record.history", modelUuid=model, id=record))["changes"]
    return events


async def test_a_removed_record_leaves_who_and_when_but_no_value(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "Secretive"}, {"domain": "b.com", "name": "Public"})
    changed = await ingest(api, model, "domain,name\na.com,Clandestine\nb.com,Open\n")
    await api.call("storage.record.remove", modelUuid=model, id="a.com")
    reply = await api.call("storage.record.forget", modelUuid=model, ids=["a.com", "nothing.com", "a.com"])
    assert (reply["count"], reply["idsWithoutHistory"], reply["changeSet"]["kind"]) == (1, ["nothing.com"], "forget")
    kept = await kept_text(state, first_workspace.workspace_uuid, model)
    assert ("Secretive" in kept, "Clandestine" in kept, "Public" in kept) == (False, False, True)
    events = await history(api, model, "a.com")
    assert [(event["change"], event["record"], event["changes"]) for event in events] == [
        ("forgotten", None, []),
        ("removed", None, []),
        ("updated", None, []),
        ("added", None, []),
    ]
    assert events[0]["changeSet"]["userUuid"] == reply["changeSet"]["userUuid"] and events[0]["changedAt"]
    listed = (await api.call("storage.changeSet.listRecords", uuid=changed["uuid"]))["records"]
    assert [(record["id"], [change["before"] for change in record["changes"]]) for record in listed] == [
        ("a.com", []),
        ("b.com", ["Public"]),
    ]
    again = await api.call("storage.record.forget", modelUuid=model, ids=["a.com"])
    assert (again["count"], again["changeSet"]) == (0, None)


async def test_an_undo_stops_at_what_was_forgotten(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "1"}, {"domain": "b.com", "name": "1"}, {"domain": "c.com", "name": "1"})
    added = await newest(api, model)
    changed = await ingest(api, model, "domain,name\na.com,2\nb.com,2\n")
    await api.call("storage.record.removeBulk", modelUuid=model, ids=["a.com", "c.com"])
    removed = await newest(api, model)
    await api.call("storage.record.forget", modelUuid=model, ids=["a.com", "b.com"])
    forgotten: Body = {"problem": "was forgotten since", "columnSlugs": []}
    for change_set, conflicts in ((changed, ["a.com", "b.com"]), (removed, ["a.com"]), (added, ["b.com"])):
        plan = await api.call("storage.changeSet.undo", uuid=change_set["uuid"], dryRun=True)
        assert plan["conflicts"] == [{"id": record, **forgotten} for record in conflicts]
        assert await api.refused("storage.changeSet.undo", uuid=change_set["uuid"]) == (409, "hasConflicts")
    await api.call("storage.changeSet.undo", uuid=removed["uuid"], skipConflicts=True)
    assert [(record["_id"], record["name"]) for record in await api.records(model)] == [("b.com", "2"), ("c.com", "1")]
    assert await api.refused("storage.changeSet.undo", uuid=(await newest(api, model, "forget"))["uuid"]) == (409, "forgotten")


async def test_a_record_that_is_still_there_keeps_its_values_and_a_later_history(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "1"})
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"name": "2"})
    (sentence,) = await api.warnings("storage.record.forget", modelUuid=model, ids=["a.com"])
    assert sentence.startswith("1 of these records are still in the model")
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"name": "3"})
    later = await newest(api, model)
    assert [event["change"] for event in await history(api, model, "a.com")] == ["updated", "forgotten", "updated", "added"]
    await api.call("storage.changeSet.undo", uuid=later["uuid"])
    assert [record["name"] for record in await api.records(model)] == ["2"]


async def test_a_merge_of_which_a_record_was_forgotten_holds_nothing_any_more(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "Twin", "employees": 1})
    await api.add(model, {"domain": "b.com", "name": "Twin", "employees": 77_777})
    merge = (await api.call("storage.merge.create", modelUuid=model, by=["name"]))["merge"]
    assert "77777" in await kept_text(state, first_workspace.workspace_uuid, model)
    assert (await api.call("storage.record.forget", modelUuid=model, ids=["b.com"]))["count"] == 1
    assert "77777" not in await kept_text(state, first_workspace.workspace_uuid, model)
    assert await api.refused("storage.merge.undo", uuid=merge["uuid"]) == (400, "mergeTooOld")


async def test_forgetting_waits_for_a_write_of_the_record(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "Secretive"})
    async with state.database.session(first_workspace.workspace_uuid) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        assert relation is not None
        connection = await driver_connection(db)
        await execute(connection, f"delete from {table_name(relation)}")
        forgetting = asyncio.create_task(api.call("storage.record.forget", modelUuid=model, ids=["a.com"]))
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        async with state.database.session(first_workspace.workspace_uuid) as watch, asyncio.timeout(20):
            while not await fetch(await driver_connection(watch), waiting):
                # Within one transaction, it is shown the same activity again.
                await watch.rollback()
                await asyncio.sleep(0.02)
        await db.commit()
    assert (await forgetting)["count"] == 1
    assert "Secretive" not in await kept_text(state, first_workspace.workspace_uuid, model)


async def test_only_records_of_the_own_workspace_are_forgotten(api: ApiClient, other_api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com", "name": "1"})
    await api.call("storage.record.remove", modelUuid=model, id="a.com")
    for uid in (model, "nonsense"):
        assert await other_api.refused("storage.record.forget", modelUuid=uid, ids=["a.com"]) == (404, "modelNotFound")
    assert (await history(api, model, "a.com"))[0]["record"]["name"] == "1"
    assert (await api.refused("storage.record.forget", modelUuid=model, ids=[]))[0] in {400, 422}
