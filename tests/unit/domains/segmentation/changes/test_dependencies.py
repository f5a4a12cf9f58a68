"""What segments use: conditions in SQL, and the columns and models that cannot be removed under them."""

from __future__ import annotations

import pytest

from cargo_ai.user_sql.run import conditions
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.segmentation.changes.test_change import companies
from tests.unit.domains.segmentation.conftest import above, segment_of, where

FETCH = "segmentation.segment.fetch"
REMOVE = "storage.column.remove"


def sql(clause: str) -> Body:
    return where({"kind": "sql", "name": "mine", "clause": clause})


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("employees > 15", ["c1", "c2"]),
        ("employees % 20 = 0", ["c1"]),
        ("name LIKE 'N%' AND NOT employees = 20", ["c0", "c2"]),
        ("SAFE_CAST(employees AS INT64) BETWEEN 10 AND 20 OR `name` = 'N2'", ["c0", "c1", "c2"]),
        ("DATE_DIFF(CURRENT_DATE(), DATE(_created_at), DAY) < 2", ["c0", "c1", "c2"]),
    ],
)
async def test_a_condition_in_sql_chooses_in_either_spelling(api: ApiClient, clause: str, expected: list[str]) -> None:
    model = await companies(api, 10, 20, 30)
    found = await api.call(FETCH, modelUuid=model, filter=sql(clause))
    assert ([record["_id"] for record in found["records"]], found["count"]) == (expected, len(expected))


async def test_a_condition_in_sql_goes_with_others_and_into_segments(api: ApiClient) -> None:
    model = await companies(api, 10, 20, 30)
    both = where({"kind": "sql", "name": "", "clause": "employees < 25"}, above(15)["groups"][0]["conditions"][0])
    segment = await segment_of(api, model, both)
    assert (await api.call("segmentation.segment.get", uuid=segment))["segment"]["recordsCount"] == 1
    nested = where({"kind": "segment", "operator": "notIn", "segmentUuid": segment})
    assert [one["_id"] for one in (await api.call(FETCH, modelUuid=model, filter=nested))["records"]] == ["c0", "c2"]


@pytest.mark.parametrize(
    "clause",
    [
        "1=1); drop table segments; --",
        "pg_sleep(1) is null",
        "exists (select 1 from segments)",
        "employees in (select 1)",
        "(select count(*) from unnest(generate_array(1, 1000)) a) > 0",
        "exists (select 1 from unnest([1]))",
        "nothing > 1",
        "count(*) > 1",
    ],
)
async def test_what_the_guard_does_not_let_pass_is_an_invalid_filter(api: ApiClient, clause: str) -> None:
    model = await companies(api, 10)
    assert await api.refused(FETCH, modelUuid=model, filter=sql(clause)) == (400, "invalidFilter")


async def test_a_condition_that_takes_too_long_ends_in_changes_as_well(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    model = await companies(api, *[10] * 10)
    # Cheap while no record has the name, so that the segment can be saved.
    slow = f"case when name = 'go' then {' or '.join(['1 in unnest(generate_array(2, 1000000 - employees))'] * 50)} else true end"
    segment = await segment_of(api, model, sql(slow))
    for number in range(10):  # each costs seconds
        await api.call("storage.record.update", modelUuid=model, id=f"c{number}", data={"name": "go"})
    monkeypatch.setattr(conditions, "STATEMENT_SECONDS", 1)
    assert "took longer than" in await api.refusal_message("segmentation.change.create", segmentUuid=segment)


async def test_a_condition_that_cannot_be_evaluated_is_an_invalid_filter_and_not_our_failure(api: ApiClient) -> None:
    model = await companies(api, 10)
    clauses = {
        "employees": "is a value of number",
        "'x'": "is a value of string",
        "name > 5": "cast them first",
        "1 / (employees - 10) > 1": "divides by zero",
        "CAST(name AS FLOAT64) > 1": "SAFE_CAST",
        "REGEXP_CONTAINS(name, '(')": "pattern cannot be read",
    }
    for clause, word in clauses.items():
        assert word in await api.refusal_message(FETCH, modelUuid=model, filter=sql(clause)), clause
        assert await api.refused("segmentation.segment.create", name="S", modelUuid=model, filter=sql(clause)) == (400, "invalidFilter")
    url = (await api.call("segmentation.segment.download", modelUuid=model, filter=sql("name > 5")))["urls"][0]
    assert (await api.http.get(url)).json()["reason"] == "invalidFilter"


async def test_a_condition_that_a_record_breaks_later_leaves_the_list_of_segments_readable(api: ApiClient) -> None:
    model = await companies(api, 10, 20)
    broken, whole = await segment_of(api, model, sql("1 / (employees - 30) < 1")), await segment_of(api, model)
    await api.call("storage.record.update", modelUuid=model, id="c0", data={"employees": 30})
    listed = (await api.call("segmentation.segment.all"))["segments"]
    assert {one["uuid"]: one["recordsCount"] for one in listed} == {broken: 0, whole: 2}
    assert await api.refused("segmentation.change.create", segmentUuid=broken) == (400, "invalidFilter")


async def test_a_column_that_a_segment_uses_cannot_be_removed_and_the_refusal_names_the_segment(api: ApiClient) -> None:
    model = await companies(api, 10)
    for slug in ("tier", "region", "rank", "note", "free"):
        await api.column(model, kind="custom", slug=slug)
    condition = {"kind": "string", "columnSlug": "custom__tier", "operator": "is", "values": ["gold"]}
    sort = [{"columnSlug": "rank", "kind": "asc"}]
    segment = await segment_of(api, model, where(condition), sort=sort, trackingColumnSlugs=["note"])
    second = await segment_of(api, model, sql("region = 'north'"))
    for slug, user in (("tier", segment), ("rank", segment), ("note", segment), ("region", second)):
        reply = await api.send(REMOVE, modelUuid=model, columnSlug=slug)
        assert (reply.status_code, reply.json()["reason"]) == (409, "columnIsUsed")
        assert [(one["kind"], one["uuid"]) for one in reply.json()["users"]] == [("segment", user)]
    await api.call(REMOVE, modelUuid=model, columnSlug="free")
    await api.call("segmentation.segment.update", uuid=segment, filter=above(1), sort=None, trackingColumnSlugs=None)
    await api.call(REMOVE, modelUuid=model, columnSlug="tier")
    assert await api.refused("storage.model.remove", uuid=model) == (409, "hasSegments")
    for one in (segment, second):
        await api.call("segmentation.segment.remove", uuid=one)
    await api.call(REMOVE, modelUuid=model, columnSlug="region")
    await api.call("storage.model.remove", uuid=model)


async def test_columns_of_related_models_are_held_too(api: ApiClient) -> None:
    model = await companies(api, 10)
    deals = await api.model("deals")
    await api.column(deals, kind="custom", slug="stage")
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "domain", "relation": "oneToMany"}
    await api.call("storage.relationship.set", **pair)
    condition = {"kind": "string", "relatedModelUuid": deals, "columnSlug": "stage", "operator": "is", "values": ["won"]}
    segment = await segment_of(api, model, where(condition))
    assert await api.refused(REMOVE, modelUuid=deals, columnSlug="stage") == (409, "columnIsUsed")
    await api.call("segmentation.segment.remove", uuid=segment)
    await api.call(REMOVE, modelUuid=deals, columnSlug="stage")


async def test_enrich_and_sync_are_taken_and_say_whether_a_refresh_is_under_way(api: ApiClient) -> None:
    model = await companies(api, 10)
    found = await api.call(FETCH, modelUuid=model, filter=above(1), enrich=True, sync=True)
    assert (found["count"], found["isRefreshing"]) == (1, False)
