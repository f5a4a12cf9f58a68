"""Segments by real requests on real records: saved, fetched, paged, downloaded, used by each other, kept apart from strangers."""

from __future__ import annotations

import csv
import io
import json
import uuid
from typing import Any

import pytest

from cargo_ai.domains.segmentation import batch_chunks, export
from cargo_ai.domains.segmentation import segment as segments
from tests.kit.api_client import ApiClient

Body = dict[str, Any]
EVERYTHING: Body = {"conjonction": "and", "groups": []}
RECORDS: list[Body] = [
    {"domain": "acme.example", "name": "Acme", "employees": 500, "founded": "2001-05-01", "is_public": True, "facts": {"country": "US"}},
    {"domain": "beta.example", "name": "Beta", "employees": 20, "founded": "2015-01-01", "is_public": False, "facts": {"country": "FR"}},
    {"domain": "core.example", "name": "Core", "employees": None, "tags": [{"label": "vip"}]},
    {"domain": "delta.example", "name": None, "employees": 1000, "founded": "1999-12-31"},
]


def where(*conditions: Body, join: str | None = "and") -> Body:
    return {"conjonction": "and", "groups": [{"conjonction": join, "conditions": list(conditions)}]}


@pytest.fixture
async def companies(api: ApiClient) -> str:
    model = await api.model()
    await api.add(model, *RECORDS)
    return model


async def fetched(api: ApiClient, model: str, filter: Body, **page: Any) -> list[str]:
    found = await api.call("segmentation.segment.fetch", modelUuid=model, filter=filter, **page)
    return [record["_id"] for record in found["records"]]


async def test_the_empty_filter_is_every_record_with_its_columns_and_count(api: ApiClient, companies: str) -> None:
    found = await api.call("segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING)
    assert found["count"] == 4
    assert found["isRefreshing"] is False
    assert {"_id", "_title", "name", "employees"} <= {column["slug"] for column in found["columns"]}
    assert all(column["modelUuid"] == companies for column in found["columns"])
    first = next(record for record in found["records"] if record["_id"] == "acme.example")
    assert first["employees"] == 500
    assert first["facts"] == {"country": "US"}
    assert first["founded"] == "2001-05-01T00:00:00.000Z"


async def test_conditions_choose_and_nulls_are_kept_by_negations(api: ApiClient, companies: str) -> None:
    big = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 100}
    assert set(await fetched(api, companies, where(big))) == {"acme.example", "delta.example"}
    other = {"kind": "string", "columnSlug": "name", "operator": "isNot", "values": "Acme"}
    assert set(await fetched(api, companies, where(other))) == {"beta.example", "core.example", "delta.example"}
    french = {"kind": "objectProperty", "columnSlug": "facts", "propertyName": "country", "operator": "is", "value": "FR"}
    assert await fetched(api, companies, where(french)) == ["beta.example"]


async def test_pages_are_sorted_with_nulls_last_and_never_overlap(api: ApiClient, companies: str) -> None:
    sort = [{"columnSlug": "employees", "kind": "desc"}]
    pages = [await fetched(api, companies, EVERYTHING, sort=sort, fetchingLimit=2, fetchingOffset=offset) for offset in (0, 2, 4)]
    assert pages == [["delta.example", "acme.example"], ["beta.example", "core.example"], []]


async def test_a_limit_caps_the_membership_and_the_count(api: ApiClient, companies: str) -> None:
    sort = [{"columnSlug": "employees", "kind": "desc"}]
    found = await api.call(
        "segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING, sort=sort, limit=3, fetchingLimit=2, fetchingOffset=2
    )
    assert [record["_id"] for record in found["records"]] == ["beta.example"]
    assert found["count"] == 3


async def test_a_misspelt_conjonction_matches_nothing_and_says_so(api: ApiClient, companies: str) -> None:
    reply = await api.send("segmentation.segment.fetch", modelUuid=companies, filter={"conjunction": "and", "groups": []})
    assert reply.status_code == 200
    assert reply.json()["records"] == []
    assert any("conjonction" in sentence for sentence in json.loads(reply.headers["x-cargo-warnings"]))


async def test_a_kind_that_does_not_fit_matches_nothing_and_warns(api: ApiClient, companies: str) -> None:
    reply = await api.send(
        "segmentation.segment.fetch",
        modelUuid=companies,
        filter=where({"kind": "string", "columnSlug": "employees", "operator": "is", "value": "500"}),
    )
    assert reply.json()["records"] == []
    assert "x-cargo-warnings" in reply.headers


async def test_many_texts_are_looked_for_as_one_value(api: ApiClient, companies: str) -> None:
    texts = ["ACM", "10%", *(f"none {number}" for number in range(3_000))]
    plain: Body = {"kind": "string", "columnSlug": "name"}
    assert await fetched(api, companies, where({**plain, "operator": "contains", "values": texts})) == ["acme.example"]
    others = await fetched(api, companies, where({**plain, "operator": "doesNotContain", "values": texts}))
    assert others == ["beta.example", "core.example", "delta.example"]


async def test_more_conditions_than_can_be_compiled_in_a_moment_are_refused(api: ApiClient, companies: str) -> None:
    group = where(*[{"kind": "number", "columnSlug": "employees", "operator": "is", "value": 1}] * 150)["groups"][0]
    said = await api.refusal_message("segmentation.segment.fetch", modelUuid=companies, filter={"conjonction": "or", "groups": [group] * 4})
    assert "more than 500 conditions" in said


async def test_no_number_and_no_day_is_too_large_to_be_compared_with(api: ApiClient, companies: str) -> None:
    await api.add(companies, *({"domain": str(at), "facts": {"n": n}} for at, n in enumerate(["1e999", "1e99999", "9" * 500, 7, "7.5"])))
    above = {"kind": "objectProperty", "columnSlug": "facts", "propertyName": "n", "operator": "greaterThan", "value": "7.2"}
    assert await fetched(api, companies, where(above)) == ["0", "4"]
    before = {"kind": "date", "columnSlug": "founded", "operator": "lowerThan", "value": "9999-12-31"}
    assert await fetched(api, companies, where(before)) == ["acme.example", "beta.example", "delta.example"]


async def test_an_unknown_column_is_refused_with_the_nearest_one(api: ApiClient, companies: str) -> None:
    wrong = where({"kind": "number", "columnSlug": "employes", "operator": "isNull"})
    assert await api.refused("segmentation.segment.fetch", modelUuid=companies, filter=wrong) == (400, "invalidFilter")
    assert "employees" in await api.refusal_message("segmentation.segment.fetch", modelUuid=companies, filter=wrong)


async def test_an_unknown_column_to_sort_by_or_to_show_is_not_called_the_filters(api: ApiClient, companies: str) -> None:
    asked: Body = {"modelUuid": companies, "filter": where()}
    message = await api.refusal_message("segmentation.segment.fetch", **asked, sort=[{"kind": "asc", "columnSlug": "employes"}])
    assert message == "The sort cannot be used: Model companies has no column 'employes'; did you mean 'employees'?"
    message = await api.refusal_message("segmentation.segment.create", **asked, name="All", columnSlugs=["employes"])
    assert message == "The list of columns cannot be used: model companies has no column 'employes'."


async def test_values_can_never_become_sql(api: ApiClient, companies: str) -> None:
    for attack in ("' or 1=1 --", "%' or '1'='1", '"; drop table runs; --', "\\", "%(p0)s", "{x}"):
        condition = {"kind": "string", "columnSlug": "name", "operator": "contains", "value": attack}
        assert await fetched(api, companies, where(condition)) == []
    for slug in ('name" or true --', "_hash", "xmin", "name)"):
        status, reason = await api.refused(
            "segmentation.segment.fetch", modelUuid=companies, filter=where({"kind": "string", "columnSlug": slug, "operator": "isNull"})
        )
        assert (status, reason) == (400, "invalidFilter")


async def segment(api: ApiClient, model: str, name: str, filter: Body, **more: Any) -> Body:
    made: Body = (await api.call("segmentation.segment.create", name=name, modelUuid=model, filter=filter, **more))["segment"]
    return made


async def test_a_saved_segment_counts_live(api: ApiClient, companies: str) -> None:
    big = where({"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 100})
    made = await segment(api, companies, "Big ones", big)
    assert (made["recordsCount"], made["slug"], made["fromPlay"], made["lastChange"]) == (2, "big_ones", False, None)
    await api.add(companies, {"domain": "echo.example", "employees": 5000})
    assert (await api.call("segmentation.segment.get", uuid=made["uuid"]))["segment"]["recordsCount"] == 3
    listed = await api.call("segmentation.segment.all")
    assert [one["uuid"] for one in listed["segments"]] == [made["uuid"]]


async def test_a_list_counts_so_far_and_one_segment_exactly(api: ApiClient, companies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await segment(api, companies, "All", EVERYTHING)
    (listed,) = (await api.call("segmentation.segment.all"))["segments"]
    assert (listed["recordsCount"], listed["isRecordsCountExact"]) == (made["recordsCount"], True) == (4, True)
    monkeypatch.setattr("cargo_ai.domains.segmentation.segment.MAX_COUNTED", 3)
    (listed,) = (await api.call("segmentation.segment.all"))["segments"]
    assert (listed["recordsCount"], listed["isRecordsCountExact"]) == (3, False)
    monkeypatch.setattr("cargo_ai.domains.segmentation.segment.MAX_COUNTED_LATE", 2)
    monkeypatch.setattr("cargo_ai.domains.segmentation.segment.COUNTING_SECONDS", -1)
    (listed,) = (await api.call("segmentation.segment.all"))["segments"]
    assert (listed["recordsCount"], listed["isRecordsCountExact"]) == (2, False)
    shown = (await api.call("segmentation.segment.get", uuid=made["uuid"]))["segment"]
    assert (shown["recordsCount"], shown["isRecordsCountExact"]) == (4, True)


async def test_segments_nest_and_never_contain_themselves(api: ApiClient, companies: str) -> None:
    big = await segment(
        api, companies, "Big", where({"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 100})
    )
    inside = where({"kind": "segment", "operator": "notIn", "segmentUuid": big["uuid"]})
    assert set(await fetched(api, companies, inside)) == {"beta.example", "core.example"}
    small = await segment(api, companies, "Small", inside)
    circle = where({"kind": "segment", "operator": "in", "segmentUuid": small["uuid"]})
    assert await api.refused("segmentation.segment.update", uuid=big["uuid"], filter=circle) == (400, "invalidFilter")
    assert await api.refused("segmentation.segment.remove", uuid=big["uuid"]) == (409, "segmentLinkedToWorkflow")
    await api.call("segmentation.segment.remove", uuid=small["uuid"])
    await api.call("segmentation.segment.remove", uuid=big["uuid"])
    assert await api.refused("segmentation.segment.remove", uuid=big["uuid"]) == (409, "segmentAlreadyRemoved")


async def test_an_update_changes_what_is_given_and_null_clears(api: ApiClient, companies: str) -> None:
    made = await segment(api, companies, "All", EVERYTHING, limit=1, sort=[{"columnSlug": "name"}])
    assert made["recordsCount"] == 1
    changed = (await api.call("segmentation.segment.update", uuid=made["uuid"], name="Everyone", limit=None))["segment"]
    assert (changed["name"], changed["limit"], changed["recordsCount"]) == ("Everyone", None, 4)
    assert changed["sort"] == [{"columnSlug": "name", "kind": "asc"}]


async def test_a_filter_comes_back_as_it_was_given(api: ApiClient, companies: str) -> None:
    never = {"kind": "enrollment", "workflowUuid": str(uuid.uuid4()), "activityKind": "workflowEntered", "frequency": {"operator": "not"},
             "period": {"operator": "moreThan", "value": 0, "unit": "day"}}  # fmt: skip
    given = where({"kind": "string", "columnSlug": "name", "operator": "isNotNull"}, never)
    segment = (await api.call("segmentation.segment.create", name="Some", modelUuid=companies, filter=given))["segment"]
    assert segment["filter"]["groups"][0]["conditions"] == given["groups"][0]["conditions"]


async def test_a_download_has_every_record_once(api: ApiClient, companies: str) -> None:
    reply = await api.call("segmentation.segment.download", modelUuid=companies, filter=EVERYTHING, format="json")
    rows = (await api.http.get(reply["urls"][0])).json()
    assert sorted(row["_id"] for row in rows) == sorted(record["domain"] for record in RECORDS)


async def test_a_sorted_download_comes_in_its_order(api: ApiClient, companies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_chunks, "PAGE", 2)
    sort = [{"columnSlug": "employees", "kind": "desc"}]
    reply = await api.call("segmentation.segment.download", modelUuid=companies, filter=EVERYTHING, sort=sort, limit=3, format="ndjson")
    rows = [json.loads(line) for line in (await api.http.get(reply["urls"][0])).text.splitlines()]
    assert [row["_id"] for row in rows] == ["delta.example", "acme.example", "beta.example"]


async def test_a_sorted_download_takes_the_values_of_its_filter_and_is_the_same_where_ids_are_sorted_alone(
    api: ApiClient, companies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = [
        where({"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 19.5}),
        where({"kind": "string", "columnSlug": "name", "operator": "is", "values": ["Acme", "it's 100 %", "Beta"]}),
        where({"kind": "objectProperty", "columnSlug": "facts", "propertyName": "country", "operator": "is", "value": "FR"}),
        where({"kind": "boolean", "columnSlug": "is_public", "operator": "isTrue"}),
        where({"kind": "sql", "clause": "employees % 3 = 2"}),
    ]
    sort = [{"columnSlug": "founded", "kind": "asc"}, {"columnSlug": "name", "kind": "desc"}]
    found: list[list[Body]] = []
    for most in (export.MAX_SORTED_BYTES, 0):
        monkeypatch.setattr(export, "MAX_SORTED_BYTES", most)
        for filter in filters:
            reply = await api.call("segmentation.segment.download", modelUuid=companies, filter=filter, sort=sort, format="ndjson")
            found.append([json.loads(line) for line in (await api.http.get(reply["urls"][0])).text.splitlines()])
    assert [[row["_id"].partition(".")[0] for row in rows] for rows in found[:5]] == [
        ["delta", "acme", "beta"], ["acme", "beta"], ["beta"], ["acme"], ["acme", "beta"],
    ]  # fmt: skip
    assert found[5:] == found[:5]


async def test_a_download_has_the_same_records_in_each_form_and_they_are_by_id_without_an_order(api: ApiClient, companies: str) -> None:
    found: dict[str, list[Body]] = {}
    for form in ("json", "ndjson", "csv"):
        reply = await api.call("segmentation.segment.download", modelUuid=companies, filter=EVERYTHING, format=form)
        text = (await api.http.get(reply["urls"][0])).text
        found[form] = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()] if form == "ndjson" else []
        if form == "csv":
            assert [row["_id"] for row in csv.DictReader(io.StringIO(text))] == [row["_id"] for row in found["json"]]
    assert found["json"] == found["ndjson"]
    assert [row["_id"] for row in found["json"]] == sorted(record["domain"] for record in RECORDS)
    fetched_rows = await api.call("segmentation.record.fetch", modelUuid=companies, ids=[row["_id"] for row in found["json"]])
    assert fetched_rows["records"] == found["json"]


async def test_records_by_id_come_in_the_order_asked_for(api: ApiClient, companies: str) -> None:
    found = await api.call("segmentation.record.fetch", modelUuid=companies, ids=["delta.example", "nobody", "acme.example"])
    assert [record["_id"] for record in found["records"]] == ["delta.example", "acme.example"]


async def test_a_stranger_finds_neither_model_nor_segment(api: ApiClient, companies: str, other_api: ApiClient) -> None:
    made = await segment(api, companies, "Mine", EVERYTHING)
    assert await other_api.refused("segmentation.segment.get", uuid=made["uuid"]) == (404, "segmentNotFound")
    assert await other_api.refused("segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING) == (404, "modelNotFound")
    assert (await other_api.call("segmentation.segment.all"))["segments"] == []


async def test_records_that_never_went_through_a_workflow_are_found(api: ApiClient, companies: str) -> None:
    condition = {
        "kind": "enrollment",
        "workflowUuid": "01a00000-0000-7000-8000-000000000000",
        "activityKind": "workflowEntered",
        "frequency": {"operator": "not"},
        "period": {"operator": "moreThan", "value": 0, "unit": "day"},
    }
    assert len(await fetched(api, companies, where(condition))) == 4
    unknown = f"There is no workflow {condition['workflowUuid']}, so no record has entered it"
    assert unknown in (await api.warnings("segmentation.segment.fetch", modelUuid=companies, filter=where(condition)))[0]
    assert unknown in (await api.warnings("segmentation.segment.create", name="New", modelUuid=companies, filter=where(condition)))[0]
    known = condition | {"workflowUuid": (await api.tool())["workflowUuid"]}
    assert await api.warnings("segmentation.segment.fetch", modelUuid=companies, filter=where(known)) == []
    entered = condition | {"frequency": {"operator": "moreThan", "value": 0}}
    assert await fetched(api, companies, where(entered)) == []


async def test_a_count_stops_where_it_is_reported_and_says_so(api: ApiClient, companies: str) -> None:
    exact = await api.call("segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING)
    capped = await api.call("segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING, countUpTo=2)
    assert (capped["count"], capped["isCountExact"], capped["records"]) == (2, False, exact["records"])
    enough = await api.call("segmentation.segment.fetch", modelUuid=companies, filter=EVERYTHING, countUpTo=exact["count"])
    assert (enough["count"], enough["isCountExact"]) == (exact["count"], True)


async def test_a_segment_that_counts_slowly_is_saved_with_the_command_that_makes_it_fast(
    api: ApiClient, companies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SLOW_SECONDS", 0.0)
    filter = where({"kind": "number", "columnSlug": "employees", "operator": "is", "value": 7})
    fields: Body = {"modelUuid": companies, "name": "Large", "filter": filter}
    reply = await api.send("segmentation.segment.create", **fields)
    assert f"cargo-ai storage model create-index {companies} --column-slugs employees" in reply.headers["x-cargo-warnings"]
    await api.call("storage.model.createIndex", uuid=companies, columnSlugs=["employees"])
    again = await api.send("segmentation.segment.create", **(fields | {"name": "Larger"}))
    assert "x-cargo-warnings" not in again.headers


async def test_a_filter_that_is_to_be_null_stays_and_a_warning_says_how_to_have_all_records(api: ApiClient, companies: str) -> None:
    filter = where({"kind": "string", "columnSlug": "name", "operator": "isNotNull"})
    made = await segment(api, companies, "Named", filter)
    warnings = await api.warnings("segmentation.segment.update", uuid=made["uuid"], filter=None)
    assert warnings == ['A segment always has a filter: it stays as it was. \'{"conjonction":"and","groups":[]}\' has all records.']
    assert (await api.call("segmentation.segment.get", uuid=made["uuid"]))["segment"]["filter"] == made["filter"]
    assert await api.warnings("segmentation.segment.update", uuid=made["uuid"], name="Other") == []
