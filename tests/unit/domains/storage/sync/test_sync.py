"""Models from connectors: filled once, kept up by what changes, and never left half-read."""

from __future__ import annotations

import uuid

import pytest

from cargo_ai.domains.storage.sync.sync_state import SyncState
from cargo_ai.domains.storage.sync.sync_steps import PageSaver
from cargo_ai.integrations.kit import ExtractedPage
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient
from tests.simulators.hubspot.properties import Property
from tests.unit.domains.storage.sync.conftest import CONFIG, Synced


async def test_a_model_has_the_columns_of_its_source_and_fills_itself(synced: Synced) -> None:
    synced.add(230)
    made = await synced.api.call(
        "storage.model.create", slug="contacts", name="Contacts", datasetUuid=synced.dataset, extractorSlug="fetchRecords", config=CONFIG
    )
    model = made["model"]
    assert (model["kind"], model["connectorUuid"], model["isRefreshing"]) == ("connector", synced.connector, True)
    assert (model["idColumnSlug"], model["titleColumnSlug"], model["timeColumnSlug"]) == ("hs_object_id", "email", "createdate")
    types = {column["slug"]: column["type"] for column in model["columns"]}
    assert types["date_of_birth"] == "date"
    run = await synced.work(model["uuid"])
    assert (run["status"], run["errorMessage"], run["waitingFor"]) == ("success", None, None)
    assert (run["counts"]["added"], run["recordsDone"], run["recordsTotal"]) == (230, 230, 230)
    records = await synced.api.records(model["uuid"], limit=1000)
    assert len(records) == 230
    assert {(record["_title"], record["city"]) for record in records} >= {("c0@example.com", "Bonn"), ("c229@example.com", "Bonn")}


async def test_later_syncs_bring_what_changed_and_take_what_is_gone(synced: Synced) -> None:
    model = await synced.filled(150)
    changed, gone = list(synced.contacts.records.values())[3:5]
    synced.contacts.update(changed, {"city": "Ulm"})
    synced.contacts.archive(gone)
    synced.contacts.create({"email": "new@example.com"})
    run = await synced.sync(model)
    assert run["counts"] == {"added": 1, "updated": 1, "unchanged": 0, "removed": 1, "unified": 0}
    records = {record["_id"]: record for record in await synced.api.records(model, limit=1000)}
    assert len(records) == 150 and gone.id not in records
    assert records[changed.id]["city"] == "Ulm"


async def test_what_only_touches_a_record_changes_nothing(synced: Synced) -> None:
    model = await synced.filled(3)
    before = await synced.api.records(model)
    record = next(iter(synced.contacts.records.values()))
    synced.contacts.update(record, {"city": "Bonn"})
    run = await synced.sync(model)
    assert (run["counts"]["unchanged"], run["counts"]["updated"]) == (1, 0)
    assert await synced.api.records(model) == before
    listed = (await synced.api.call("storage.changeSet.list", modelUuid=model))["changeSets"]
    assert [one["addedCount"] for one in listed] == [3]


async def test_a_reset_reads_everything_and_removes_the_others(synced: Synced) -> None:
    model = await synced.filled(130, config=CONFIG | {"keepArchived": True})
    first = next(iter(synced.contacts.records.values()))
    synced.contacts.archive(first)
    assert (await synced.sync(model))["counts"]["removed"] == 0
    run = await synced.sync(model, isReset=True)
    assert (run["counts"]["unchanged"], run["counts"]["removed"], run["recordsDone"]) == (129, 1, 129)
    assert first.id not in {record["_id"] for record in await synced.api.records(model, limit=1000)}


async def test_a_property_that_the_service_gets_is_a_column_at_the_next_sync(synced: Synced) -> None:
    model = await synced.filled(2, config={"objectType": "contacts"})
    await synced.api.column(model, kind="custom", slug="tier")
    synced.contacts.add_property(Property("tier", "Tier"))
    record = next(iter(synced.contacts.records.values()))
    synced.contacts.update(record, {"tier": "gold"})
    run = await synced.sync(model)
    assert run["warnings"] == ["The source has new columns: tier_2."]
    records = {one["_id"]: one for one in await synced.api.records(model)}
    # The custom column has the name already, and stays what it is.
    assert (records[record.id]["tier_2"], records[record.id]["tier"]) == ("gold", None)


async def test_a_preview_shows_columns_records_and_their_number(synced: Synced) -> None:
    synced.add(25)
    preview = await synced.api.call("storage.model.preview", datasetUuid=synced.dataset, slug="fetchRecords", config=CONFIG)
    assert preview["count"] == 25
    assert [column["slug"] for column in preview["columns"]][:3] == ["hs_object_id", "email", "city"]
    assert preview["records"][0]["email"] == "c0@example.com" and len(preview["records"]) == 20
    count = await synced.api.call("storage.model.previewCount", datasetUuid=synced.dataset, slug="fetchRecords", config=CONFIG)
    assert count == {"count": 25}


@pytest.mark.parametrize("operation", ["storage.model.preview", "storage.model.create"])
async def test_what_cannot_be_a_model_is_refused_in_a_sentence(synced: Synced, other_api: ApiClient, operation: str) -> None:
    named = {"slug": "fetchRecords"} if operation.endswith("preview") else {"slug": "m", "name": "M", "extractorSlug": "fetchRecords"}
    key = "slug" if operation.endswith("preview") else "extractorSlug"
    good = named | {"datasetUuid": synced.dataset, "config": CONFIG}
    status, body = await synced.api.refusal(operation, **good | {key: "fetchAll"})
    assert (status, body["reason"]) == (400, "integrationNotCompatible")
    assert "HubSpot has no extractor fetchAll; it has: fetchRecords" in body["errorMessage"]
    status, body = await synced.api.refusal(operation, **good | {"config": {"objectType": "contacts", "nope": 1}})
    assert (status, body["reason"]) == (400, "invalidInput") and "nope" in body["errorMessage"]
    selected = {"config": CONFIG | {"properties": ["no_such"]}}
    status, body = await synced.api.refusal(operation, **good | selected)
    assert (status, body["reason"]) == (400, "invalidInput") and "no_such" in body["errorMessage"]
    assert await other_api.refused(operation, **good) == (404, "datasetNotFound")
    assert await synced.api.refused(operation, **good | {"datasetUuid": "nope"}) == (404, "datasetNotFound")
    synced.control.fail(status=403, times=9, body={"status": "error", "category": "MISSING_SCOPES", "message": "No."})
    status, body = await synced.api.refusal(operation, **good)
    assert (status, body["reason"]) == (400, "modelNotCompatible") and "lacks a permission" in body["errorMessage"]
    assert (await synced.api.call("storage.model.all"))["models"] == []


async def test_other_columns_are_read_after_a_change_of_the_config(synced: Synced) -> None:
    model = await synced.filled(3)
    warnings = await synced.api.warnings("storage.model.update", uuid=model, config=CONFIG | {"properties": ["city", "phone"]})
    assert "reads everything again, for 1 new columns" in warnings[0]
    for record in synced.contacts.records.values():
        record.values["phone"] = "1"
    run = await synced.sync(model)
    assert (run["recordsDone"], run["counts"]["updated"]) == (3, 3)
    assert {record["phone"] for record in await synced.api.records(model)} == {"1"}


async def test_a_change_of_the_config_in_the_middle_of_a_sync_begins_it_again(synced: Synced, state: State) -> None:
    synced.add(250)
    model = await synced.model()
    synced.control.fail(status=500, times=1, path=r"/objects/.*/contacts$", skip=1)
    assert (await synced.work(model))["recordsDone"] == 100
    run = (await synced.runs(model))[0]
    late = SyncState(state.services, uuid.UUID(run["workspaceUuid"]), uuid.UUID(run["uuid"]))
    part = await late.claim()
    assert part is not None
    await synced.api.call("storage.model.update", uuid=model, config=CONFIG | {"properties": ["city", "phone"]})
    # The page that was under way then is not written: the place behind it would be lost.
    saver = PageSaver(state.services, late, part)
    assert await saver.save(ExtractedPage([{"hs_object_id": "9"}], {"after": "9"}), defers=False) == "stop"
    ended = await synced.work(model)
    assert (ended["status"], ended["recordsDone"]) == ("success", 350)
    assert len(await synced.api.records(model, limit=1000)) == 250


async def test_a_record_on_two_pages_is_one_and_odd_values_are_left_empty(synced: Synced, state: State) -> None:
    model = await synced.model()
    run = (await synced.runs(model))[0]
    sync = SyncState(state.services, uuid.UUID(run["workspaceUuid"]), uuid.UUID(run["uuid"]))
    part = await sync.claim()
    assert part is not None
    saver = PageSaver(state.services, sync, part)
    first = [{"hs_object_id": "1", "city": "Bonn"}, {"hs_object_id": "2", "city": "Bonn", "date_of_birth": "long ago"}]
    assert await saver.save(ExtractedPage(first, {"after": "2"}), defers=False) == "go on"
    again = [{"hs_object_id": "2", "city": "Ulm"}, {"hs_object_id": "2", "city": "Kiel"}, {"city": "Nowhere"}]
    assert await saver.save(ExtractedPage(again, {"since": "now"}, more=False), defers=False) == "go on"
    records = {record["_id"]: record["city"] for record in await synced.api.records(model)}
    assert records == {"1": "Bonn", "2": "Kiel"}
    found = (await synced.runs(model))[0]
    assert (found["counts"]["added"], found["counts"]["updated"]) == (2, 1)
    odd, nameless = found["warnings"]
    assert odd.startswith('date_of_birth: values that do not fit were left empty, such as "long ago", which is not a date')
    assert nameless == "1 records were left out: they have no id."


async def test_a_connector_that_fills_a_model_cannot_be_removed(synced: Synced) -> None:
    await synced.filled(1)
    status, body = await synced.api.refusal("connection.connector.remove", uuid=synced.connector)
    assert status == 409 and "model" in body["errorMessage"]
