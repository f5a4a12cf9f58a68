"""Change sets: what an import, a request or a run wrote, and taking it back as far as nothing newer stands in the way."""

from __future__ import annotations

import uuid

from cargo_ai.domains.storage.actions.model_nodes.group_commit import Grouped
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Call, Done
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.kit.published import collect
from tests.unit.domains.storage.models.refreshes.test_file_source import upload


async def newest(api: ApiClient, model: str, *kinds: str) -> Body:
    """The newest change set of a model."""
    change_sets: list[Body] = (await api.call("storage.changeSet.list", modelUuid=model, kinds=list(kinds) or None))["changeSets"]
    return change_sets[0]


def counts(change_set: Body) -> tuple[int, int, int]:
    """How many records a change set added, updated and removed."""
    return change_set["addedCount"], change_set["updatedCount"], change_set["removedCount"]


async def ingest(api: ApiClient, model: str, text: str) -> Body:
    """The change set of a file that was read into a model."""
    key = await upload(api, text)
    await api.call("storage.record.ingest", modelUuid=model, s3Filename=key)
    return await newest(api, model, "ingest")


def plain(records: list[Body]) -> list[Body]:
    """Records without the times of their last change."""
    return [{slug: value for slug, value in record.items() if slug not in {"_updated_at"}} for record in records]


FIRST: tuple[Body, ...] = (
    {"domain": "a.com", "name": "A", "employees": 1, "founded": "2020-01-02", "is_public": True, "facts": {"x": [1, None]}, "tags": ["t"]},
    {"domain": "b.com", "name": None, "employees": None},
    {"domain": "c.com", "name": "C", "employees": 3},
)


async def test_the_undo_of_a_file_restores_what_it_overwrote_and_removes_what_it_added(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    before = await api.records(model)
    made = await ingest(api, model, "domain,name,employees\na.com,,7\nb.com,Wrong,\nc.com,C,3\nd.com,D,4\n")
    assert (made["kind"], made["source"], counts(made)) == ("ingest", made["source"], (1, 2, 0))
    assert made["source"].endswith(".csv") and made["userUuid"] and made["tokenUuid"]
    planned = await api.call("storage.changeSet.undo", uuid=made["uuid"], dryRun=True)
    assert (planned["removedCount"], planned["revertedCount"], planned["isDryRun"], planned["changeSet"]) == (1, 2, True, None)
    assert len(await api.records(model)) == 4
    with collect(RecordsChanged) as published:
        undone = await api.call("storage.changeSet.undo", uuid=made["uuid"])
    assert len(published) == 1
    assert (counts(undone["changeSet"]), undone["changeSet"]["undoesUuid"], undone["conflicts"]) == ((0, 2, 1), made["uuid"], [])
    assert plain(await api.records(model)) == plain(before)
    assert await api.refused("storage.changeSet.undo", uuid=made["uuid"]) == (409, "alreadyUndone")


async def test_the_undo_of_an_undo_brings_everything_back(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await ingest(api, model, "domain,name\na.com,New\nd.com,D\n")
    after = await api.records(model)
    undone = (await api.call("storage.changeSet.undo", uuid=made["uuid"]))["changeSet"]
    again = (await api.call("storage.changeSet.undo", uuid=undone["uuid"]))["changeSet"]
    assert counts(again) == (1, 1, 0)
    assert plain(await api.records(model)) == plain(after)


async def test_change_sets_are_undone_one_after_the_other(api: ApiClient) -> None:
    model = await api.model()
    first = await ingest(api, model, "domain,name\na.com,1\nb.com,1\n")
    second = await ingest(api, model, "domain,name\na.com,2\nc.com,2\n")
    assert await api.refused("storage.changeSet.undo", uuid=first["uuid"]) == (409, "hasConflicts")
    await api.call("storage.changeSet.undo", uuid=second["uuid"])
    await api.call("storage.changeSet.undo", uuid=first["uuid"])
    assert await api.records(model) == []


async def test_what_was_changed_since_is_a_conflict_and_stays(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await ingest(api, model, "domain,name\na.com,File\nb.com,File\nc.com,File\nd.com,File\n")
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"name": "Mine"})
    await api.call("storage.record.update", modelUuid=model, id="c.com", data={"employees": 9})  # another column
    await api.call("storage.record.remove", modelUuid=model, id="b.com")
    status, body = await api.refusal("storage.changeSet.undo", uuid=made["uuid"])
    assert (status, body["reason"], body["fix"].endswith("--dry-run")) == (409, "hasConflicts", True)
    assert body["conflicts"] == [
        {"id": "a.com", "problem": "was changed since", "columnSlugs": ["name"]},
        {"id": "b.com", "problem": "was removed since", "columnSlugs": []},
    ]
    undone = await api.call("storage.changeSet.undo", uuid=made["uuid"], skipConflicts=True)
    assert (undone["removedCount"], undone["revertedCount"], undone["conflictsCount"]) == (1, 1, 2)
    assert [(record["_id"], record["name"], record["employees"]) for record in await api.records(model)] == [
        ("a.com", "Mine", 1),
        ("c.com", "C", 9),
    ]


async def test_a_change_set_lists_each_record_with_what_became_of_it(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await ingest(api, model, "domain,founded,tags\na.com,2021-05-06,\nb.com,,\nd.com,,\n")
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"founded": None})
    listed = (await api.call("storage.changeSet.listRecords", uuid=made["uuid"]))["records"]
    assert [(one["id"], one["change"]) for one in listed] == [("a.com", "updated"), ("d.com", "added")]
    assert sorted(listed[0]["changes"], key=lambda one: str(one["columnSlug"])) == [
        {"columnSlug": "founded", "before": "2020-01-02T00:00:00.000Z", "after": "2021-05-06T00:00:00.000Z"},
        {"columnSlug": "tags", "before": ["t"], "after": None},
    ]
    page = (await api.call("storage.changeSet.listRecords", uuid=made["uuid"], limit=1, offset=1))["records"]
    assert [one["id"] for one in page] == ["d.com"]
    await api.call("storage.record.removeBulk", modelUuid=model, ids=["b.com", "a.com"])
    removed = await newest(api, model)
    listed = (await api.call("storage.changeSet.listRecords", uuid=removed["uuid"]))["records"]
    assert [(one["id"], one["change"], one["record"]["employees"]) for one in listed] == [
        ("a.com", "removed", 1),
        ("b.com", "removed", None),
    ]


async def test_an_import_is_undone_by_its_time_as_its_rows_are_not_listed(api: ApiClient) -> None:
    key = await upload(api, "id,name\n" + "".join(f"{number},N{number}\n" for number in range(50)))
    model = await api.model("imported", "uploadFile", s3Filename=key)
    made = await newest(api, model)
    assert (made["kind"], counts(made)) == ("import", (50, 0, 0))
    listed = (await api.call("storage.changeSet.listRecords", uuid=made["uuid"], limit=2))["records"]
    assert [(one["id"], one["change"]) for one in listed] == [("0", "added"), ("1", "added")]
    await api.call("storage.record.update", modelUuid=model, id="7", data={"name": "Mine"})
    await api.call("storage.record.remove", modelUuid=model, id="8")
    undone = await api.call("storage.changeSet.undo", uuid=made["uuid"], skipConflicts=True)
    assert (undone["removedCount"], undone["conflictsCount"]) == (48, 1)
    assert [record["name"] for record in await api.records(model)] == ["Mine"]


async def test_removed_records_are_back_as_they_were(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    await api.column(model, kind="custom", slug="tier")
    expression = {"kind": "jsExpression", "expression": "record.name + '!'", "instructTo": "none"}
    await api.column(model, kind="computed", slug="loud", expression=expression)
    await api.call("storage.record.update", modelUuid=model, id="a.com", data={"tier": "gold"})
    before = await api.records(model)
    await api.call("storage.record.removeBulk", modelUuid=model, ids=["a.com", "c.com"])
    made = await newest(api, model)
    assert (made["kind"], counts(made)) == ("bulk", (0, 0, 2))
    await api.add(model, {"domain": "c.com", "name": "Other"})
    assert (await api.call("storage.changeSet.undo", uuid=made["uuid"], skipConflicts=True))["conflicts"] == [
        {"id": "c.com", "problem": "is there again", "columnSlugs": []}
    ]
    assert (await api.records(model))[0] == before[0]


async def test_writes_of_runs_are_one_change_set_per_batch_and_name_their_runs(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    before = await api.records(model)
    grouped, batch, runs = Grouped(state.database, state.services.settings), ids.new(), [ids.new() for _ in range(5)]

    async def upsert(domain: str, run: uuid.UUID, batch: uuid.UUID | None) -> None:
        config: Body = {"modelUuid": model, "matchingColumnSlug": "domain", "matchingValue": domain, "mappings": {"name": f"by {domain}"}}
        call = Call(first_workspace.workspace_uuid, None, run, batch, run, {}, config, {}, f"{run}:n:1", 1)
        assert isinstance(await grouped.writing("upsert")(call), Done)

    for domain, run in zip(("a.com", "b.com", "x.com", "a.com"), runs, strict=False):
        await upsert(domain, run, batch)
    await upsert("c.com", runs[4], None)
    alone, together = (await api.call("storage.changeSet.list", modelUuid=model, kinds=["batch", "run"]))["changeSets"]
    assert (together["batchUuid"], counts(together)) == (str(batch), (1, 2, 0))
    assert (alone["kind"], alone["runUuid"], counts(alone)) == ("run", str(runs[4]), (0, 1, 0))
    listed = (await api.call("storage.changeSet.listRecords", uuid=together["uuid"]))["records"]
    assert [(one["id"], one["runUuid"]) for one in listed] == [("a.com", str(runs[0])), ("b.com", str(runs[1])), ("x.com", str(runs[2]))]
    for change_set in (together, alone):
        await api.call("storage.changeSet.undo", uuid=change_set["uuid"])
    assert plain(await api.records(model)) == plain(before)


async def test_what_a_workspace_does_not_have_is_not_found(api: ApiClient, other_api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, *FIRST)
    made = await newest(api, model)
    for name in ("storage.changeSet.get", "storage.changeSet.listRecords", "storage.changeSet.undo"):
        assert await other_api.refused(name, uuid=made["uuid"]) == (404, "changeSetNotFound")
        assert await api.refused(name, uuid="nonsense") == (404, "changeSetNotFound")
    assert (await other_api.call("storage.changeSet.list"))["changeSets"] == []
    assert await other_api.refused("storage.changeSet.list", modelUuid=model) == (404, "modelNotFound")


async def test_the_history_of_a_record_names_who_changed_what(api: ApiClient, other_api: ApiClient) -> None:
    model = await api.model()
    await api.call("storage.record.create", modelUuid=model, data={"domain": "a.com", "name": "A"})
    made = await ingest(api, model, "domain,name,employees\na.com,B,2\n")
    await api.call("storage.record.remove", modelUuid=model, id="a.com")
    events = (await api.call("storage.record.history", modelUuid=model, id="a.com"))["changes"]
    assert [(one["change"], one["changeSet"]["kind"]) for one in events] == [
        ("removed", "write"),
        ("updated", "ingest"),
        ("added", "write"),
    ]
    assert (events[0]["record"]["name"], events[1]["changeSet"]["uuid"]) == ("B", made["uuid"])
    assert {(one["columnSlug"], one["before"], one["after"]) for one in events[1]["changes"]} == {
        ("name", "A", "B"),
        ("employees", None, 2),
    }
    assert await api.refused("storage.record.history", modelUuid=model, id="b.com") == (404, "recordNotFound")
    assert await other_api.refused("storage.record.history", modelUuid=model, id="a.com") == (404, "modelNotFound")


async def test_the_history_of_a_wide_record_has_the_values_that_changed_alone_also_former_empty_ones(api: ApiClient) -> None:
    columns: list[Body] = [{"slug": "id", "type": "string", "label": "Id"}]
    columns += [{"slug": f"c{at}", "type": ("number", "string", "date", "object")[at % 4], "label": f"C{at}"} for at in range(130)]
    model = await api.model("wide", columns=columns, idColumnSlug="id")
    values: Body = {"c0": 1, "c1": "", "c2": "2020-01-02", "c3": {"a": None, "b": [1.5]}, "c127": {"x": 1}}
    await api.add(model, {"id": "r", **values})
    await api.call(
        "storage.record.update", modelUuid=model, id="r", data={"c3": {"a": 1}, "c1": None, "c129": "new", "c0": 1, "c127": None}
    )
    change_set = await newest(api, model)
    (record,) = (await api.call("storage.changeSet.listRecords", uuid=change_set["uuid"]))["records"]
    before = {change["columnSlug"]: change["before"] for change in record["changes"]}
    assert before == {"c3": {"a": None, "b": [1.5]}, "c1": "", "c129": None, "c127": {"x": 1}}
