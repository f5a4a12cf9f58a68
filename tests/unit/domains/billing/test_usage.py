"""Usage by day: units, groups and filters, spellings, wrong dates, other workspaces, and new records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cargo_ai.domains.billing import new_records
from cargo_ai.kernel import clock, ids
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.billing.conftest import HUNTER, Spender

JANUARY: Body = {"from": "2025-01-01", "to": "2025-01-31"}


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2025, 1, day, hour, tzinfo=UTC)


async def items(api: ApiClient, **question: Any) -> list[tuple[str, str, float, str | None]]:
    """The day of January, slug, count and group of each item."""
    metrics = (await api.call("billing.usage.getMetrics", **{**JANUARY, **question}))["metrics"]
    return [(metric["date"][8:10], item["slug"], item["count"], item["groupBy"]) for metric in metrics for item in metric["items"]]


async def test_credits_are_summed_by_day_and_grouped_and_filtered_by_each_label(api: ApiClient, spender: Spender) -> None:
    parts: Body = {name: ids.new() for name in ("workflow", "batch", "user", "connector", "model", "agent")}
    whole = spender.label(**parts, integration="hunter")
    await spender.use(1.5, whole, at=at(2))
    await spender.use(2, whole, at=at(2, 23))
    await spender.use(4, spender.label("native.script"), at=at(3))
    assert await items(api) == [("02", HUNTER, 3.5, None), ("03", "native.script", 4, None)]
    for name, value in parts.items():
        grouped = await items(api, groupBy=f"{name}_uuid")
        assert grouped == [("02", HUNTER, 3.5, str(value)), ("03", "native.script", 4, None)], name
        assert await items(api, **{f"{name}Uuid": str(value)}) == [("02", HUNTER, 3.5, None)], name
        assert await items(api, **{f"{name}Uuid": str(ids.new())}) == [], name
        assert await items(api, **{f"{name}Uuid": "no uuid"}) == [], name
        assert await api.warnings("billing.usage.getMetrics", **JANUARY, **{f"{name}Uuid": "x"}) == [
            f"x is not a uuid: no usage matches it ({name}Uuid)."
        ]
    assert await items(api, groupBy="integration_slug", integrationSlug="hunter") == [("02", HUNTER, 3.5, "hunter")]
    assert await items(api, groupBy="action_slug") == [("02", HUNTER, 3.5, "findEmail"), ("03", "native.script", 4, "script")]
    assert await items(api, groupBy="day", slug=HUNTER) == [("02", HUNTER, 3.5, "2025-01-02")]


async def test_each_unit_counts_its_own_and_the_total_is_of_one_unit(api: ApiClient, spender: Spender) -> None:
    await spender.use(2.25, at=at(2))
    await spender.count(7, spender.label("success", unit="orchestration.executions"), at(2))
    await spender.count(1, spender.label("error", unit="orchestration.executions"), at(2))
    assert await items(api) == [("02", HUNTER, 2.25, None), ("02", "error", 1, None), ("02", "success", 7, None)]
    for unit, total in (
        (None, 2.25),
        ("credits", 2.25),
        ("billing.credits", 2.25),
        ("orchestration.executions", 8),
        ("storage.records", 0),
    ):
        fields = JANUARY if unit is None else {**JANUARY, "unit": unit}
        assert (await api.call("billing.usage.getMetrics", **fields))["totalUsage"] == total, unit


async def test_a_date_is_a_whole_day_and_a_time_ends_before_it(api: ApiClient, spender: Spender) -> None:
    for day in (1, 30, 31):
        await spender.use(1, at=at(day))
    assert [day for day, *_ in await items(api)] == ["01", "30", "31"]
    assert [day for day, *_ in await items(api, to="2025-01-31T00:00:00Z")] == ["01", "30"]
    assert [day for day, *_ in await items(api, **{"from": "2025-01-30T08:00:00Z", "to": "2025-01-31T00:00:01Z"})] == ["30", "31"]


@pytest.mark.parametrize("spelling", ["workflow", "workflowUuid", "workflow-uuid", "workflow_uuid"])
async def test_a_group_has_several_spellings(api: ApiClient, spender: Spender, spelling: str) -> None:
    workflow = ids.new()
    await spender.use(1, spender.label(workflow=workflow), at=at(2))
    assert await items(api, groupBy=spelling) == [("02", HUNTER, 1, str(workflow))]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"from": "yesterday"}, "from: must be a date or a time"),
        ({"to": "2025-02-30"}, "to: must be a date or a time"),
        ({"to": "0001-01-01T00:00:00Z"}, "to: must be a date or a time"),
        ({"to": "2024-12-31"}, "is before `from`"),
        ({"to": "2035-01-01"}, "1,100 days at most"),
        ({"groupBy": "colour"}, "groupBy: must be one of integration_slug, connector_uuid"),
        ({"unit": "euros"}, "unit: must be one of billing.credits, storage.records, orchestration.executions"),
    ],
)
async def test_what_is_wrong_is_refused_with_what_would_be_right(api: ApiClient, wrong: Body, sentence: str) -> None:
    status, body = await api.refusal("billing.usage.getMetrics", **{**JANUARY, **wrong})
    assert (status, body["reason"]) == (400, "invalidInput")
    assert sentence in body["errorMessage"]


async def test_another_workspace_sees_nothing_even_by_uuid(api: ApiClient, other_api: ApiClient, spender: Spender) -> None:
    workflow = ids.new()
    await spender.use(5, spender.label(workflow=workflow), at=at(2))
    assert await items(other_api) == []
    assert await items(other_api, workflowUuid=str(workflow)) == []
    assert len(await items(api, workflowUuid=str(workflow))) == 1


async def test_new_records_count_at_once_and_the_same_when_they_are_added_up(api: ApiClient, spender: Spender) -> None:
    today: Body = {"from": clock.now().date().isoformat(), "to": clock.now().date().isoformat(), "unit": "storage.records"}
    model, other = await api.model(), await api.model("contacts")
    await api.add(model, *({"domain": f"{number}.com"} for number in range(3)))
    await api.add(other, {"domain": "x.com"})
    for fold in (False, True, True):
        if fold:
            await new_records.fold(spender.state.database)
        reply = await api.call("billing.usage.getMetrics", **today, groupBy="model")
        counted = {(item["slug"], item["groupBy"]): item["count"] for metric in reply["metrics"] for item in metric["items"]}
        assert counted == {("insert", model): 3, ("insert", other): 1}
        assert reply["totalUsage"] == 4
        assert (await api.call("billing.usage.getMetrics", **today, modelUuid=model))["totalUsage"] == 3
        assert (await api.call("billing.usage.getMetrics", **today, workflowUuid=str(ids.new())))["totalUsage"] == 0
