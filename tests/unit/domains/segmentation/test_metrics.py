"""Metrics in filters and orders: computed record by record or for all of them at once, whichever the database finds cheaper."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from cargo_ai.contract.segmentation.filter import Filter, Order
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public
from cargo_ai.server.api.state import State
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.segmentation.conftest import above, where


@pytest.fixture
async def companies(api: ApiClient) -> str:
    """Forty companies with 0 to 6 deals each, one of them of a name that SQL's patterns would read; metrics over the deals."""
    model = await api.model()
    await api.add(model, *({"domain": f"c{number:02d}", "name": f"Company {number}", "employees": number} for number in range(40)))
    columns = [{"slug": slug, "type": kind, "label": ""} for slug, kind in (("id", "string"), ("company", "string"), ("amount", "number"))]
    deals = await api.model("deals", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    await api.add(
        deals,
        *({"id": f"{'50% off' if each else 'd'} {number} {each}", "company": f"c{number:02d}", "amount": number * each}
          for number in range(40) for each in range(number % 7)),
        {"id": "lost", "company": None, "amount": 1},
    )  # fmt: skip
    pair = {"fromModelUuid": model, "fromColumnSlug": "domain", "toModelUuid": deals, "toColumnSlug": "company", "relation": "oneToMany"}
    made = await api.call("storage.relationship.set", **pair)
    link = (made.get("relationship") or made["relationships"][0])["uuid"]
    off = where({"kind": "string", "columnSlug": "id", "operator": "contains", "values": ["50%"]})
    for slug, function, column, filter in (("deals", "COUNT", "_id", None), ("mean", "AVG", "amount", None), ("off", "SUM", "amount", off)):
        aggregation = {"function": function, "columnSlug": column}
        more = {"filter": filter} if filter else {}
        await api.column(model, kind="metric", slug=slug, type="number", relationshipUuid=link, aggregation=aggregation, **more)
    return model


@pytest.mark.parametrize(
    "filter", [above(2, "deals"), above(10, "mean"), above(30), where({"kind": "number", "columnSlug": "off", "operator": "isNull"})]
)
async def test_both_ways_choose_the_same_records_in_the_same_order(
    companies: str, filter: Body, state: State, first_workspace: public.Bootstrap
) -> None:
    workspace = uuid.UUID(str(first_workspace.workspace_uuid))
    async with state.database.session(workspace) as db:
        order = [Order.model_validate({"columnSlug": slug, "kind": "desc"}) for slug in ("off", "deals")]
        found = await select_records.select(db, workspace, uuid.UUID(companies), Filter.model_validate(filter), order, None)
        assert found is not None
        at_once = replace(found, source=storage.select_with_grouped_metrics(found.catalog, found.relation))
        connection = await driver_connection(db)
        statements: list[Callable[[select_records.Selection], str]] = [lambda one: one.page(7, 3), lambda one: one.count()]
        for make in statements:
            one_by_one = await driver.fetch(connection, make(found), found.scope.bound)
            assert one_by_one == await driver.fetch(connection, make(at_once), found.scope.bound)
            assert one_by_one


async def test_records_are_found_and_ordered_by_metrics(api: ApiClient, companies: str) -> None:
    asked = {"modelUuid": companies, "filter": above(5, "deals"), "sort": [{"columnSlug": "off", "kind": "desc"}], "fetchingLimit": 2}
    page = await api.call("segmentation.segment.fetch", **asked)
    assert page["count"] == len([number for number in range(40) if number % 7 > 5])
    assert [record["domain"] for record in page["records"]] == ["c34", "c27"]
    assert [record["deals"] for record in page["records"]] == [6, 6]


async def test_the_index_for_a_filter_has_what_its_metrics_are_joined_by(api: ApiClient, companies: str) -> None:
    many = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 5}
    filter = where(many, {"kind": "number", "columnSlug": "deals", "operator": "greaterThan", "value": 1})
    (coming,) = (await api.call("storage.model.createIndex", uuid=companies, filter=filter))["indexes"]
    assert coming["columnSlugs"] == ["employees", "domain"]
