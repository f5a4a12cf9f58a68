"""Columns of every kind: made, filled, kept fresh, protected by what stands on them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from cargo_ai.kernel import clock
from cargo_ai.records import ddl
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body


def js(expression: str) -> Body:
    """An expression as the wire has it."""
    return {"kind": "jsExpression", "expression": expression, "instructTo": "none", "fromRecipe": False}


async def pair(api: ApiClient) -> tuple[str, str, str]:
    """Companies, their deals, and the relationship between them."""
    companies = await api.model()
    deals = await api.model(
        "deals",
        columns=[
            {"slug": "id", "type": "string"},
            {"slug": "company", "type": "string"},
            {"slug": "amount", "type": "number"},
            {"slug": "stage", "type": "string"},
            {"slug": "closed", "type": "date"},
        ],
        idColumnSlug="id",
    )
    made = await api.call(
        "storage.relationship.set", fromModelUuid=companies, toModelUuid=deals, fromColumnSlug="domain", toColumnSlug="company"
    )
    await api.add(companies, {"domain": "a.com", "name": "A", "employees": 10}, {"domain": "b.com", "name": "B", "employees": 20})
    await api.add(
        deals,
        {"id": "1", "company": "a.com", "amount": 10, "stage": "won", "closed": "2024-01-01"},
        {"id": "2", "company": "a.com", "amount": 30, "stage": "lost", "closed": "2024-02-01"},
        {"id": "3", "company": "b.com", "amount": 5, "stage": "won", "closed": "2024-03-01"},
    )
    return companies, deals, made["relationships"][0]["uuid"]


async def test_a_custom_column_is_written_and_read_in_both_spellings(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"})
    made = await api.column(uid, kind="custom", slug="tier", type="string", label="Tier")
    assert (made["kind"], made["label"], made["position"]) == ("custom", "Tier", 7)
    assert (await api.records(uid))[0]["tier"] is None
    await api.call("storage.record.update", modelUuid=uid, id="a.com", data={"custom__tier": "gold"})
    assert (await api.records(uid))[0]["tier"] == "gold"
    model = (await api.call("storage.model.get", uuid=uid))["model"]
    assert [column["slug"] for column in model["additionalColumns"]] == ["tier"]


async def test_every_type_of_column_holds_its_values(api: ApiClient) -> None:
    uid = await api.model()
    values: Body = {
        "string": "x", "number": 1.5, "boolean": False, "date": "2024-01-02T03:04:05.678Z", "object": {"a": [1]}, "array": [{"b": None}],
        "vector": [0.5, -1, 2], "any": "text",
    }  # fmt: skip
    for kind in values:
        await api.column(uid, kind="custom", slug=f"c_{kind}", type=kind)
    made = (await api.add(uid, {"domain": "a.com"} | {f"c_{kind}": value for kind, value in values.items()}))[0]
    assert {kind: made[f"c_{kind}"] for kind in values} == values
    wrong: Body = {"number": "x", "boolean": "x", "date": "x", "object": [1], "array": {}, "vector": ["x"]}
    for kind, value in wrong.items():
        data = {f"c_{kind}": value}
        assert await api.refused("storage.record.update", modelUuid=uid, id="a.com", data=data) == (400, "invalidInput")


async def test_a_slug_is_taken_once_whatever_its_case(api: ApiClient) -> None:
    uid = await api.model()
    column = {"kind": "custom", "slug": "Name", "type": "string", "label": "x"}
    assert await api.refused("storage.column.create", modelUuid=uid, column=column) == (409, "duplicateSlug")
    for slug in ("_x", "a-b", "custom__x", "xmin"):
        assert await api.refused("storage.column.create", modelUuid=uid, column=column | {"slug": slug}) == (400, "invalidInput")


async def test_a_computed_column_is_filled_and_kept_fresh(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 10}, {"domain": "b.com", "employees": 2000})
    await api.column(uid, kind="computed", slug="is_big", type="boolean", expression=js("record.employees > 1000"))
    assert [record["is_big"] for record in await api.records(uid)] == [False, True]
    made = (await api.call("storage.record.update", modelUuid=uid, id="a.com", data={"employees": 5000}))["record"]
    assert made["is_big"] is True
    assert (await api.add(uid, {"domain": "c.com", "employees": "7"}))[0]["is_big"] is False


async def test_a_computed_column_may_read_another_one(api: ApiClient) -> None:
    uid = await api.model()
    await api.column(uid, kind="computed", slug="z_name", expression={"kind": "templateExpression", "expression": "<{{record.name}}>"})
    await api.column(uid, kind="computed", slug="a_name", expression=js("record.computed__z_name"))
    made = (await api.add(uid, {"domain": "a.com", "name": "A"}))[0]
    assert (made["z_name"], made["a_name"]) == ("<A>", "<A>")


async def test_a_changed_expression_fills_the_column_again(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "A", "employees": 3})
    await api.column(uid, kind="computed", slug="made", type="number", expression=js("record.employees"))
    column: Body = {"kind": "computed", "slug": "made", "type": "string", "label": "Made", "expression": js("record.name")}
    changed = (await api.call("storage.column.update", modelUuid=uid, column=column))["column"]
    assert (changed["type"], changed["label"]) == ("string", "Made")
    assert (await api.records(uid))[0]["made"] == "A"


async def test_a_computed_column_that_fails_is_null_and_says_so(api: ApiClient) -> None:
    uid = await api.model()
    column = {"kind": "computed", "slug": "made", "type": "number", "label": "", "expression": js("record.name")}
    await api.add(uid, {"domain": "a.com", "name": "A"})
    reply = await api.send("storage.column.create", modelUuid=uid, column=column)
    assert "is not a number" in reply.headers["x-cargo-warnings"]
    assert (await api.records(uid))[0]["made"] is None


async def test_expressions_that_cannot_be_are_refused(api: ApiClient) -> None:
    uid = await api.model()
    column: Body = {"kind": "computed", "slug": "made", "type": "string", "label": ""}
    bad = column | {"expression": js("record.")}
    assert await api.refused("storage.column.create", modelUuid=uid, column=bad) == (400, "invalidInput")
    ai = column | {"expression": js("x") | {"instructTo": "ai"}}
    assert await api.refused("storage.column.create", modelUuid=uid, column=ai) == (400, "aiExpressionNotAllowed")
    itself = column | {"expression": js("record.made")}
    assert await api.refused("storage.column.create", modelUuid=uid, column=itself) == (400, "invalidInput")


async def test_a_metric_aggregates_related_records(api: ApiClient) -> None:
    companies, deals, link = await pair(api)
    for function, slug in (("SUM", "amount"), ("avg", "amount"), ("MIN", "amount"), ("MAX", "closed"), ("count", "_id")):
        await api.column(
            companies, kind="metric", slug=f"m_{function.lower()}", type="number", relationshipUuid=link,
            aggregation={"function": function, "columnSlug": slug},
        )  # fmt: skip
    found = await api.records(companies)
    assert [record["m_sum"] for record in found] == [40, 5]
    assert [record["m_avg"] for record in found] == [20, 5]
    assert [record["m_min"] for record in found] == [10, 5]
    assert [record["m_max"] for record in found] == ["2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z"]
    assert [record["m_count"] for record in found] == [2, 1]
    await api.call("storage.record.remove", modelUuid=deals, id="2")
    assert [record["m_sum"] for record in await api.records(companies)] == [10, 5]


async def test_the_filter_of_a_metric_counts_only_what_it_matches(api: ApiClient) -> None:
    companies, _, link = await pair(api)
    condition = {"kind": "string", "columnSlug": "stage", "operator": "is", "values": ["won", "it's"]}
    await api.column(
        companies, kind="metric", slug="won", relationshipUuid=link, aggregation={"function": "SUM", "columnSlug": "amount"},
        filter={"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]},
    )  # fmt: skip
    assert [record["won"] for record in await api.records(companies)] == [10, 5]
    recent = {"kind": "date", "columnSlug": "closed", "operator": "greaterThan", "value": "30 days"}
    await api.column(
        companies, kind="metric", slug="recent", relationshipUuid=link, aggregation={"function": "COUNT", "columnSlug": "id"},
        filter={"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [recent]}]},
    )  # fmt: skip
    assert [record["recent"] for record in await api.records(companies)] == [0, 0]


SPANS: list[tuple[Body, bool]] = [
    ({"operator": "greaterThan", "value": "2 months"}, True),
    ({"operator": "greaterThan", "value": "1 month"}, False),
    ({"operator": "lowerThan", "value": "1 month"}, True),
    ({"operator": "lowerThan", "value": "1 year"}, False),
    ({"operator": "between", "firstValue": "1 month", "lastValue": "3 months"}, True),
    ({"operator": "between", "firstValue": "2020-01-01", "lastValue": "2 months"}, False),
    ({"operator": "is", "value": "45 days"}, True),
    ({"operator": "isNot", "value": "45 days"}, False),
]
"""Conditions, and whether what is 45 days ago matches them."""


async def test_spans_before_now_are_any_of_days_months_and_years(api: ApiClient) -> None:
    companies, deals, link = await pair(api)
    closed = (clock.now() - timedelta(days=45)).isoformat()
    ids = [one["_id"] for one in await api.records(deals)]
    await api.call("storage.record.updateBulk", modelUuid=deals, records=[{"id": uid, "data": {"closed": closed}} for uid in ids])
    for number, (condition, _) in enumerate(SPANS):
        wanted = {"kind": "date", "columnSlug": "closed", **condition}
        await api.column(
            companies, kind="metric", slug=f"recent_{number}", relationshipUuid=link, aggregation={"function": "COUNT", "columnSlug": "id"},
            filter={"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [wanted]}]},
        )  # fmt: skip
    records = await api.records(companies)
    found = [sum(record[f"recent_{number}"] for record in records) for number in range(len(SPANS))]
    assert found == [len(ids) if matches else 0 for _, matches in SPANS]


async def test_a_lookup_brings_one_field_of_a_related_record(api: ApiClient) -> None:
    companies, deals, _ = await pair(api)
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    made = await api.column(deals, kind="lookup", slug="headcount", type="string", join=join, extractColumnSlug="employees")
    assert made["type"] == "number"
    assert [record["headcount"] for record in await api.records(deals)] == [10, 10, 20]


async def test_a_metric_may_stand_on_a_lookup_of_the_other_side(api: ApiClient) -> None:
    companies, deals, link = await pair(api)
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    await api.column(deals, kind="lookup", slug="headcount", join=join, extractColumnSlug="employees")
    await api.column(
        companies, kind="metric", slug="heads", relationshipUuid=link, aggregation={"function": "SUM", "columnSlug": "headcount"}
    )
    assert [record["heads"] for record in await api.records(companies)] == [20, 20]
    column = {"kind": "lookup", "slug": "headcount", "type": "number", "label": "", "join": join, "extractColumnSlug": "heads"}
    said = await api.refusal_message("storage.column.update", modelUuid=deals, column=column)
    assert "would need itself" in said


async def test_metrics_and_lookups_that_cannot_be_are_refused(api: ApiClient) -> None:
    companies, deals, link = await pair(api)
    for join in ({"fromColumnSlug": "nope", "toColumnSlug": "domain"}, {"fromColumnSlug": "company", "toColumnSlug": "nope"}):
        column = {"kind": "lookup", "slug": "l", "join": {"toModelUuid": companies} | join, "extractColumnSlug": "employees"}
        assert await api.refused("storage.column.create", modelUuid=deals, column=column) == (400, "invalidRelationship")
    metric: Body = {"kind": "metric", "slug": "m", "type": "number", "label": "", "relationshipUuid": link}
    for rule in ({"function": "SUM", "columnSlug": "stage"}, {"function": "SUM", "columnSlug": "nope"}):
        column = metric | {"aggregation": rule}
        assert await api.refused("storage.column.create", modelUuid=companies, column=column) == (400, "invalidRelationship")
    column = metric | {"relationshipUuid": companies, "aggregation": {"function": "COUNT", "columnSlug": "id"}}
    assert await api.refused("storage.column.create", modelUuid=companies, column=column) == (400, "invalidRelationship")


async def test_a_metric_cannot_be_written(api: ApiClient) -> None:
    _, deals, link = await pair(api)
    await api.column(deals, kind="metric", slug="m", relationshipUuid=link, aggregation={"function": "COUNT", "columnSlug": "domain"})
    assert "cannot be written" in await api.refusal_message("storage.record.update", modelUuid=deals, id="1", data={"m": 2})
    assert [record["m"] for record in await api.records(deals)] == [1, 1, 1]


async def test_what_is_used_cannot_be_removed(api: ApiClient) -> None:
    companies, deals, link = await pair(api)
    await api.column(deals, kind="custom", slug="margin", type="number")
    await api.column(
        companies, kind="metric", slug="margins", relationshipUuid=link, aggregation={"function": "SUM", "columnSlug": "margin"}
    )
    assert "companies.margins" in await api.refusal_message("storage.column.remove", modelUuid=deals, columnSlug="margin")
    assert await api.refused("storage.model.remove", uuid=deals) == (409, "modelIsUsed")
    assert await api.refused("storage.column.remove", modelUuid=deals, columnSlug="amount") == (400, "columnIsOriginal")
    await api.call("storage.column.remove", modelUuid=companies, columnSlug="margins")
    await api.call("storage.column.remove", modelUuid=deals, columnSlug="margin")
    assert await api.refused("storage.column.remove", modelUuid=deals, columnSlug="margin") == (404, "columnNotFound")
    dataset = await api.dataset()
    assert (await api.call("storage.relationship.set", datasetUuid=dataset, relationships=[]))["relationships"] == []
    await api.call("storage.model.remove", uuid=deals)


async def test_columns_move_to_their_place(api: ApiClient) -> None:
    uid = await api.model()
    await api.column(uid, kind="custom", slug="tier")
    moved = await api.call("storage.column.reorder", modelUuid=uid, columnSlug="tier", toIndex=2)
    assert [column["slug"] for column in moved["columns"]][:4] == ["domain", "name", "tier", "employees"]
    assert (await api.call("storage.column.list", modelUuid=uid)) == moved
    assert [column["position"] for column in moved["columns"]] == list(range(8))
    assert await api.refused("storage.column.reorder", modelUuid=uid, columnSlug="tier", toIndex=8) == (400, "invalidIndex")


async def test_a_label_changes_alone_and_a_type_only_without_values(api: ApiClient) -> None:
    uid = await api.model()
    await api.column(uid, kind="custom", slug="tier")
    column: Body = {"kind": "custom", "slug": "tier", "type": "number", "label": "Tier"}
    assert (await api.call("storage.column.update", modelUuid=uid, column=column))["column"]["type"] == "number"
    await api.add(uid, {"domain": "a.com", "tier": 3})
    said = await api.refusal_message("storage.column.update", modelUuid=uid, column=column | {"type": "string"})
    assert "has values of type number" in said
    original = {"kind": "original", "slug": "name", "label": "Company", "type": "string", "originalSlug": "name"}
    assert (await api.call("storage.column.update", modelUuid=uid, column=original))["column"]["label"] == "Company"


async def test_autocomplete_gives_the_values_that_occur(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{number}.com", "name": "Acme" if number % 3 else "Be_ta"} for number in range(9)))
    found = await api.call("storage.column.autocomplete", modelUuid=uid, column={"slug": "name"})
    assert [one["value"] for one in found["results"]] == ["Acme", "Be_ta"]
    found = await api.call("storage.column.autocomplete", modelUuid=uid, column="name", query="e_T")
    assert found["results"] == [{"value": "Be_ta", "label": "Be_ta"}]


async def hashes(state: State) -> dict[str, int]:
    """The hash of each record as the view has it."""
    async with state.database.engine.connect() as connection:
        where = (await connection.execute(text("select schema_name, view_name from models"))).one()
        found = await connection.execute(text(f'select _id, _hash from "{where[0]}"."{where[1]}"'))
        return {row[0]: row[1] for row in found}


@pytest.mark.parametrize("small", [True, False])
async def test_the_hash_changes_with_any_value_and_only_then(
    api: ApiClient, state: State, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddl, "REHASH_ROWS", 10_000 if small else -1)
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 1, "founded": "2020-01-01", "tags": [1]}, {"domain": "b.com"})
    before = await hashes(state)
    for kind in ("string", "number", "boolean", "date", "object", "vector"):
        await api.column(uid, kind="custom", slug=f"c_{kind}", type=kind)
    assert await hashes(state) == before
    values: dict[str, Any] = {"string": "", "number": 0, "boolean": False, "date": "1970-01-01", "object": {}, "vector": [1]}
    for kind, value in values.items():
        await api.call("storage.record.update", modelUuid=uid, id="a.com", data={f"c_{kind}": value})
        now = await hashes(state)
        assert now["a.com"] != before["a.com"], kind
        assert now["b.com"] == before["b.com"]
        await api.call("storage.record.update", modelUuid=uid, id="a.com", data={f"c_{kind}": None})
        assert await hashes(state) == before


async def test_an_expression_of_any_javascript_fills_a_column(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "tags": ["x", "y"]}, {"domain": "b.com", "tags": None})
    await api.column(uid, kind="computed", slug="joined", expression=js("(record.tags ?? []).map(t => t.toUpperCase()).join('+')"))
    assert [record["joined"] for record in await api.records(uid)] == ["X+Y", ""]
    made = (await api.call("storage.record.update", modelUuid=uid, id="b.com", data={"tags": ["z"]}))["record"]
    assert made["joined"] == "Z"
    column = {"kind": "computed", "slug": "bad", "type": "string", "label": "", "expression": js("(record.tags ?? [].map(")}
    assert await api.refused("storage.column.create", modelUuid=uid, column=column) == (400, "invalidInput")
