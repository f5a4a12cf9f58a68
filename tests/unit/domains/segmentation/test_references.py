"""What segments use: conditions in SQL, and the columns and models that cannot be removed under them."""

from __future__ import annotations

import pytest

from tests.unit.domains.segmentation.conftest import Asker, Body, above, segment_of, where
from tests.unit.domains.segmentation.test_changes import companies

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
async def test_a_condition_in_sql_chooses_in_either_spelling(asker: Asker, clause: str, expected: list[str]) -> None:
    model = await companies(asker, 10, 20, 30)
    found = await asker.ask(FETCH, modelUuid=model, filter=sql(clause))
    assert ([record["_id"] for record in found["records"]], found["count"]) == (expected, len(expected))


async def test_a_condition_in_sql_goes_with_others_and_into_segments(asker: Asker) -> None:
    model = await companies(asker, 10, 20, 30)
    both = where({"kind": "sql", "name": "", "clause": "employees < 25"}, above(15)["groups"][0]["conditions"][0])
    segment = await segment_of(asker, model, both)
    assert (await asker.ask("segmentation.segment.get", uuid=segment))["segment"]["recordsCount"] == 1
    nested = where({"kind": "segment", "operator": "notIn", "segmentUuid": segment})
    assert [one["_id"] for one in (await asker.ask(FETCH, modelUuid=model, filter=nested))["records"]] == ["c0", "c2"]


@pytest.mark.parametrize(
    "clause", ["1=1); drop table segments; --", "pg_sleep(1) is null", "exists (select 1 from segments)", "nothing > 1", "count(*) > 1"]
)
async def test_what_the_guard_does_not_let_pass_is_an_invalid_filter(asker: Asker, clause: str) -> None:
    model = await companies(asker, 10)
    assert await asker.refused(FETCH, modelUuid=model, filter=sql(clause)) == (400, "invalidFilter")


async def test_a_condition_that_cannot_be_evaluated_is_an_invalid_filter_and_not_our_failure(asker: Asker) -> None:
    model = await companies(asker, 10)
    clauses = {
        "employees": "is a value of number",
        "'x'": "is a value of string",
        "name > 5": "cast them first",
        "1 / (employees - 10) > 1": "divides by zero",
        "CAST(name AS FLOAT64) > 1": "SAFE_CAST",
        "REGEXP_CONTAINS(name, '(')": "pattern cannot be read",
    }
    for clause, word in clauses.items():
        assert word in await asker.sentence(FETCH, modelUuid=model, filter=sql(clause)), clause
        assert await asker.refused("segmentation.segment.create", name="S", modelUuid=model, filter=sql(clause)) == (400, "invalidFilter")
    url = (await asker.ask("segmentation.segment.download", modelUuid=model, filter=sql("name > 5")))["urls"][0]
    assert (await asker.http.get(url)).json()["reason"] == "invalidFilter"


async def test_a_condition_that_a_record_breaks_later_leaves_the_list_of_segments_readable(asker: Asker) -> None:
    model = await companies(asker, 10, 20)
    broken, whole = await segment_of(asker, model, sql("1 / (employees - 30) < 1")), await segment_of(asker, model)
    await asker.ask("storage.record.update", modelUuid=model, id="c0", data={"employees": 30})
    listed = (await asker.ask("segmentation.segment.all"))["segments"]
    assert {one["uuid"]: one["recordsCount"] for one in listed} == {broken: 0, whole: 2}
    assert await asker.refused("segmentation.change.create", segmentUuid=broken) == (400, "invalidFilter")


async def test_a_column_that_a_segment_uses_cannot_be_removed_and_the_refusal_names_the_segment(asker: Asker) -> None:
    model = await companies(asker, 10)
    for slug in ("tier", "region", "rank", "note", "free"):
        await asker.column(model, kind="custom", slug=slug)
    condition = {"kind": "string", "columnSlug": "custom__tier", "operator": "is", "values": ["gold"]}
    sort = [{"columnSlug": "rank", "kind": "asc"}]
    segment = await segment_of(asker, model, where(condition), sort=sort, trackingColumnSlugs=["note"])
    second = await segment_of(asker, model, sql("region = 'north'"))
    for slug, user in (("tier", segment), ("rank", segment), ("note", segment), ("region", second)):
        reply = await asker.send(REMOVE, {"modelUuid": model, "columnSlug": slug})
        assert (reply.status_code, reply.json()["reason"]) == (409, "columnIsUsed")
        assert reply.json()["users"] == [{"kind": "segment", "uuid": user}]
    await asker.ask(REMOVE, modelUuid=model, columnSlug="free")
    await asker.ask("segmentation.segment.update", uuid=segment, filter=above(1), sort=None, trackingColumnSlugs=None)
    await asker.ask(REMOVE, modelUuid=model, columnSlug="tier")
    assert await asker.refused("storage.model.remove", uuid=model) == (409, "hasSegments")
    for one in (segment, second):
        await asker.ask("segmentation.segment.remove", uuid=one)
    await asker.ask(REMOVE, modelUuid=model, columnSlug="region")
    await asker.ask("storage.model.remove", uuid=model)


async def test_columns_of_related_models_are_held_too(asker: Asker) -> None:
    model = await companies(asker, 10)
    deals = await asker.model("deals")
    await asker.column(deals, kind="custom", slug="stage")
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "domain", "relation": "oneToMany"}
    await asker.ask("storage.relationship.set", **pair)
    condition = {"kind": "string", "relatedModelUuid": deals, "columnSlug": "stage", "operator": "is", "values": ["won"]}
    segment = await segment_of(asker, model, where(condition))
    assert await asker.refused(REMOVE, modelUuid=deals, columnSlug="stage") == (409, "columnIsUsed")
    await asker.ask("segmentation.segment.remove", uuid=segment)
    await asker.ask(REMOVE, modelUuid=deals, columnSlug="stage")


async def test_enrich_and_sync_are_taken_and_say_whether_a_refresh_is_under_way(asker: Asker) -> None:
    model = await companies(asker, 10)
    found = await asker.ask(FETCH, modelUuid=model, filter=above(1), enrich=True, sync=True)
    assert (found["count"], found["isRefreshing"]) == (1, False)
