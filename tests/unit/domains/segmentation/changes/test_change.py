"""Changes of segments by real requests: what came, differs, left and stayed, and the records of each kind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cargo_ai.domains.segmentation.changes import comparison
from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.kernel import clock
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.segmentation.conftest import EVERYTHING, above, compared, counts, kinds, new_id, segment_of, where

LIST = "segmentation.change.list"
FETCH = "segmentation.change.fetch"


async def companies(api: ApiClient, *employees: int) -> str:
    """A model of companies c0, c1 … with this many employees each."""
    model = await api.model()
    await api.add(model, *({"domain": f"c{at}", "name": f"N{at}", "employees": count} for at, count in enumerate(employees)))
    return model


async def put(api: ApiClient, model: str, uid: str, **data: object) -> None:
    await api.call("storage.record.update", modelUuid=model, id=uid, data=data)


async def test_the_first_comparison_has_all_members_as_added_and_the_next_one_what_differs(
    api: ApiClient, published: list[SegmentChanged]
) -> None:
    model = await companies(api, 10, 20, 30, 40)
    segment = await segment_of(api, model, above(15))
    assert (await api.call("segmentation.segment.get", uuid=segment))["segment"]["syncedAt"] is None
    first = await compared(api, segment)
    assert counts(first) == (3, 0, 0, 0, 3)
    await put(api, model, "c0", employees=99)
    await put(api, model, "c1", employees=1)
    await put(api, model, "c2", name="Other")
    await api.call("storage.record.remove", modelUuid=model, id="c3")
    second = await compared(api, segment)
    assert counts(second) == (1, 1, 2, 0, 2)
    assert await kinds(api, second, "added", "updated", "removed") == {"c0": "added", "c1": "removed", "c2": "updated", "c3": "removed"}
    assert await kinds(api, first, "added") == {"c1": "added", "c2": "added", "c3": "added"}
    shown = (await api.call("segmentation.segment.get", uuid=segment))["segment"]
    assert shown["syncedAt"] is not None and shown["lastChange"]["uuid"] == second["uuid"] and shown["recordsCount"] == 2
    assert [str(event.change) for event in published] == [first["uuid"], second["uuid"]]
    assert published[1].counts == {"added": 1, "updated": 1, "removed": 2, "unchanged": 0}


async def test_records_of_a_change_are_as_they_are_now_with_their_kind_and_those_that_are_gone_have_their_id(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    segment = await segment_of(api, model)
    await compared(api, segment)
    await api.call("storage.record.remove", modelUuid=model, id="c0")
    await put(api, model, "c1", employees=21)
    change = await compared(api, segment)
    found = await api.call(FETCH, uuid=change["uuid"], kinds=["updated", "removed"])
    assert [(one["_kind"], one["_id"], one["_title"], one["employees"]) for one in found["records"]] == [
        ("removed", "c0", None, None),
        ("updated", "c1", "N1", 21),
    ]
    assert {"_kind", "_id", "_title", "_time", "employees"} <= {column["slug"] for column in found["columns"]}
    page = await api.call(FETCH, uuid=change["uuid"], kinds=["updated", "removed"], limit=1, offset=1)
    assert ([one["_id"] for one in page["records"]], page["count"]) == (["c1"], 2)


async def test_only_tracked_columns_make_a_record_updated(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    segment = await segment_of(api, model, trackingColumnSlugs=["name"])
    none = await segment_of(api, model, trackingColumnSlugs=[])
    for one in (segment, none):
        await compared(api, one)
    await put(api, model, "c0", employees=11)
    await put(api, model, "c1", name="Other")
    assert await kinds(api, await compared(api, segment), "updated", "unchanged") == {"c0": "unchanged", "c1": "updated"}
    assert counts(await compared(api, none)) == (0, 0, 0, 2, 2)


async def test_a_record_that_comes_into_a_limit_puts_another_one_out(api: ApiClient) -> None:
    model = await companies(api, 10, 20, 30)
    segment = await segment_of(api, model, sort=[{"columnSlug": "employees", "kind": "desc"}], limit=2)
    assert await kinds(api, await compared(api, segment), "added") == {"c1": "added", "c2": "added"}
    await put(api, model, "c0", employees=25)
    change = await compared(api, segment)
    assert await kinds(api, change, "added", "updated", "removed", "unchanged") == {"c0": "added", "c1": "removed", "c2": "unchanged"}


async def test_what_was_unchanged_then_is_known_later(api: ApiClient) -> None:
    model = await companies(api, 10, 20, 30, 40)
    segment = await segment_of(api, model, above(15))
    await compared(api, segment)
    await put(api, model, "c1", name="Other")
    change = await compared(api, segment)
    for uid, employees in (("c2", 1), ("c0", 50), ("c3", 1), ("c3", 60)):
        await put(api, model, uid, employees=employees)
        await compared(api, segment)
    assert await kinds(api, change, "unchanged") == {"c2": "unchanged", "c3": "unchanged"}


async def test_metrics_and_related_records_count(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    columns = [{"slug": "id", "type": "string", "label": ""}, {"slug": "company", "type": "string", "label": ""}]
    deals = await api.model("deals", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "company", "relation": "oneToMany"}
    made = await api.call("storage.relationship.set", **pair)
    link = (made.get("relationship") or made["relationships"][0])["uuid"]
    aggregation = {"function": "COUNT", "columnSlug": "_id"}
    await api.column(model, kind="metric", slug="deals", type="number", relationshipUuid=link, aggregation=aggregation)
    segment = await segment_of(api, model)
    some = where({"kind": "string", "relatedModelUuid": deals, "columnSlug": "id", "operator": "isNotNull"})
    having = await segment_of(api, model, some, trackingColumnSlugs=["name"])
    for one in (segment, having):
        await compared(api, one)
    await api.add(deals, {"id": "d1", "company": "c1"})
    assert await kinds(api, await compared(api, segment), "updated") == {"c1": "updated"}
    assert await kinds(api, await compared(api, having), "added") == {"c1": "added"}


async def test_where_a_record_alone_decides_only_touched_records_are_looked_at(api: ApiClient, state: State) -> None:
    model = await companies(api, 10, 20)
    alone = await segment_of(api, model, above(5), trackingColumnSlugs=["name"])
    limited = await segment_of(api, model, above(5), trackingColumnSlugs=["name"], limit=10)
    for one in (alone, limited):
        await compared(api, one)
    async with state.database.engine.begin() as connection:
        # A write behind the back of the log, which no one can do: it shows what is read.
        row = (await connection.exec_driver_sql("select schema_name, table_name from models")).one()
        table = f'"{row.schema_name}"."{row.table_name}"'
        await connection.exec_driver_sql(f"alter table {table} disable trigger user")
        await connection.exec_driver_sql(f"update {table} set name = 'Other' where _id = 'c0'")
        await connection.exec_driver_sql(f"alter table {table} enable trigger user")
    await put(api, model, "c1", name="New")
    assert await kinds(api, await compared(api, alone), "updated") == {"c1": "updated"}
    assert await kinds(api, await compared(api, limited), "updated") == {"c0": "updated", "c1": "updated"}


async def test_another_filter_lets_in_and_out(api: ApiClient) -> None:
    model = await companies(api, 10, 20, 30)
    segment = await segment_of(api, model, above(15))
    await compared(api, segment)
    below = where({"kind": "number", "columnSlug": "employees", "operator": "lowerThan", "value": 25})
    await api.call("segmentation.segment.update", uuid=segment, filter=below)
    assert await kinds(api, await compared(api, segment), "added", "removed", "unchanged") == {
        "c0": "added",
        "c1": "unchanged",
        "c2": "removed",
    }


async def test_a_new_column_changes_no_record_but_what_is_put_into_it_does(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    segment = await segment_of(api, model)
    await compared(api, segment)
    await api.column(model, kind="custom", slug="tier")
    expression = {"kind": "jsExpression", "expression": "record.employees * 2", "instructTo": "none"}
    await api.column(model, kind="computed", slug="double", type="number", expression=expression, columnsUsed=["employees"])
    await put(api, model, "c1", tier="gold")
    assert await kinds(api, await compared(api, segment), "updated", "unchanged") == {"c0": "unchanged", "c1": "updated"}
    await put(api, model, "c1", tier="silver")
    assert await kinds(api, await compared(api, segment), "updated") == {"c1": "updated"}


async def test_time_alone_moves_records_out_of_a_relative_filter(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    model = await companies(api, 10)
    lately = {"kind": "date", "columnSlug": "_created_at", "operator": "greaterThan", "value": "3 days"}
    segment = await segment_of(api, model, where(lately))
    assert counts(await compared(api, segment)) == (1, 0, 0, 0, 1)
    later = clock.now() + timedelta(days=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert counts(await compared(api, segment)) == (0, 0, 1, 0, 0)


async def test_changes_are_listed_newest_first_and_chosen(api: ApiClient, other_api: ApiClient) -> None:
    model = await companies(api, 10)
    segment, other = await segment_of(api, model), await segment_of(api, model)
    made = [await compared(api, one) for one in (segment, other, segment)]
    first, _, last = made
    assert [one["slug"] for one in made] == ["change_1", "change_1", "change_2"]
    assert (await api.call(LIST))["changes"] == made[::-1]
    assert (await api.call(LIST, segmentUuid=segment))["changes"] == [last, first]
    assert (await api.call(LIST, segmentUuid=segment, notEmpty="true"))["changes"] == [first]
    assert (await api.call(LIST, segmentUuid=segment, notEmpty="false"))["changes"] == [last]
    assert (await api.call(LIST, segmentUuid=segment, hasRecords="unchanged"))["changes"] == [last]
    assert (await api.call(LIST, segmentUuid=segment, hasRecords="created"))["changes"] == [first]
    assert (await api.call(LIST, segmentUuid=segment, limit=1, offset=1))["changes"] == [first]
    assert (await api.call("segmentation.change.get", uuid=last["uuid"]))["change"] == last
    assert (await other_api.call(LIST))["changes"] == []
    assert await other_api.refused("segmentation.change.get", uuid=last["uuid"]) == (404, "changeNotFound")
    assert await other_api.refused(FETCH, uuid=last["uuid"], kinds=["added"]) == (404, "changeNotFound")
    assert await other_api.refused("segmentation.change.create", segmentUuid=segment) == (404, "segmentNotFound")
    assert await other_api.refused(LIST, segmentUuid=segment) == (404, "segmentNotFound")


async def test_what_is_not_there_is_refused(api: ApiClient) -> None:
    model = await companies(api, 10)
    segment = await segment_of(api, model)
    change = await compared(api, segment)
    assert await api.refused("segmentation.change.get", uuid=new_id()) == (404, "changeNotFound")
    assert await api.refused(FETCH, uuid=new_id(), kinds=["added"]) == (404, "changeNotFound")
    assert await api.refused(FETCH, uuid=change["uuid"], kinds=[]) == (400, "invalidInput")
    assert await api.refused(FETCH, uuid=change["uuid"], kinds=["gone"]) == (400, "invalidInput")
    for operation in ("segmentation.change.create", LIST):
        assert await api.refused(operation, segmentUuid=new_id()) == (404, "segmentNotFound")
    await api.call("segmentation.segment.remove", uuid=segment)
    assert await api.refused(LIST, segmentUuid=segment) == (404, "segmentNotFound")
    assert await api.refused(FETCH, uuid=change["uuid"], kinds=["added"]) == (404, "segmentNotFound")


async def test_the_records_of_the_last_thirty_changes_are_kept(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "RETAINED_CHANGES", 3)
    monkeypatch.setattr(comparison, "RETENTION", timedelta(0))
    model = await companies(api, 10)
    segment = await segment_of(api, model)
    made: list[Body] = []
    for at in range(5):
        await put(api, model, "c0", employees=at)
        made.append(await compared(api, segment))
    assert [one["uuid"] for one in (await api.call(LIST))["changes"]] == [one["uuid"] for one in made[::-1]]
    for change in made[:2]:
        assert await api.refused(FETCH, uuid=change["uuid"], kinds=["updated"]) == (404, "changeNotFound")
    for change in made[2:]:
        assert await kinds(api, change, "updated") == {"c0": "updated"}


async def test_a_download_has_the_records_of_the_kinds(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    segment = await segment_of(api, model, EVERYTHING)
    change = await compared(api, segment)
    urls = (await api.call("segmentation.change.download", uuid=change["uuid"], kinds="added,updated", format="json"))["urls"]
    reply = await api.http.get(urls[0])
    assert [(one["_kind"], one["_id"], one["name"]) for one in reply.json()] == [("added", "c0", "N0"), ("added", "c1", "N1")]


async def test_nothing_is_kept_of_a_segment_that_was_removed_for_ever(api: ApiClient, state: State) -> None:
    model = await companies(api, 10, 20)
    segment, other = await segment_of(api, model), await segment_of(api, model)
    for one in (segment, other):
        await compared(api, one)
    await api.call("segmentation.segment.remove", uuid=segment)
    await api.call("workspaceManagement.bin.remove", uuid=segment)
    await comparison.prune_removed(state.database)
    async with state.database.engine.connect() as connection:
        for table in ("segment_members", "segment_change_records"):
            rows = await connection.exec_driver_sql(f"select segment_uuid::text, count(*) from {table} group by 1")
            assert [tuple(row) for row in rows] == [(other, 2)]
