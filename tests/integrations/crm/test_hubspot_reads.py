"""Reading from HubSpot: find, match and search; what forms offer; what errors say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import jsonschema_rs
import pytest

from cargo_ai.engine.graph.action import Done, Failed
from cargo_ai.integrations.hubspot.records import search
from cargo_ai.integrations.kit import ServiceError
from tests.integrations.crm.hubspot_account import HubSpot, account
from tests.kit.account import Config
from tests.simulators.hubspot import server
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.server import Running

Json = Any


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running(Numbers(search=1_000, ten_seconds=10_000)) as running:
        yield running


@pytest.fixture
async def hubspot(simulator: Running) -> AsyncIterator[HubSpot]:
    async with account(simulator) as opened:
        yield opened


def fill(hubspot: HubSpot, count: int, object_type: str = "contacts", **values: str) -> list[str]:
    """Records with numbered names, straight into the account."""
    kind = hubspot.records(object_type)
    name = "email" if object_type == "contacts" else "domain"
    return [kind.create({name: f"{at}@example.com"} | values).id for at in range(count)]


def by_email(email: str) -> Config:
    return {"objectType": "contacts", "matchingPropertyName": "email", "matchingValue": email, "properties": ["city"]}


async def test_a_batch_finds_a_hundred_in_one_call(hubspot: HubSpot) -> None:
    fill(hubspot, 99, city="Ulm")
    outcomes = await hubspot.act("findRecord", *(by_email(f"{at}@example.com") for at in range(100)))
    outputs = [outcome.output for outcome in outcomes if isinstance(outcome, Done)]
    assert [output["found"] for output in outputs] == [True] * 99 + [False]
    assert outputs[7]["record"]["properties"]["city"] == "Ulm"
    assert len(hubspot.control.sent()) == 1


async def test_find_records_and_match_record_search_by_any_property(hubspot: HubSpot) -> None:
    ids = fill(hubspot, 3, city="Ulm")
    output = await hubspot.done("findRecords", {"objectType": "contacts", "propertyName": "city", "value": "ULM", "limit": 2})
    assert (output["count"], [record["id"] for record in output["records"]]) == (3, ids[:2])
    config: Config = {"objectType": "contacts", "matchingPropertyName": "city", "matchingValue": "Bonn"}
    assert (await hubspot.done("matchRecord", config))["matched"] is False
    output = await hubspot.done("matchRecord", config | {"matchingValue": "ulm"})
    assert output == {"matched": True, "count": 3, "recordId": ids[0], "recordIds": ids}


async def test_find_record_does_not_choose_among_several(hubspot: HubSpot) -> None:
    fill(hubspot, 2, city="Ulm")
    config: Config = {"objectType": "contacts", "matchingPropertyName": "city", "matchingValue": "Ulm"}
    assert (await hubspot.failed("findRecord", config)).reason == "ambiguous"


async def test_long_values_are_searched_in_parts_that_fit(hubspot: HubSpot) -> None:
    names = [f"{'x' * 100}{at}" for at in range(50)]
    for name in names:
        hubspot.records("companies").create({"name": name})
    rows: list[Config] = [{"objectType": "companies", "matchingPropertyName": "name", "matchingValue": name} for name in names]
    outcomes = await hubspot.act("matchRecord", *rows)
    assert [outcome.output["count"] for outcome in outcomes if isinstance(outcome, Done)] == [1] * 50


async def test_search_filters_orders_and_limits(hubspot: HubSpot) -> None:
    ids = fill(hubspot, 5, city="Ulm")
    config: Config = {
        "objectType": "contacts",
        "filterGroups": [{"filters": [{"propertyName": "city", "operator": "IN", "values": ["Ulm", "Bonn"]}]}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "DESCENDING"}],
        "properties": ["email"],
        "limit": 3,
    }
    output = await hubspot.done("searchRecords", config)
    assert (output["total"], output["count"], [record["id"] for record in output["records"]]) == (5, 3, ids[:1:-1])
    action = hubspot.integration.action("searchRecords")
    assert action is not None
    assert action.output_schema is not None
    assert jsonschema_rs.validator_for(dict(action.output_schema)).is_valid(output)


@pytest.mark.parametrize(
    "condition", [{"operator": "EQ"}, {"operator": "IN"}, {"operator": "BETWEEN", "value": 1}, {"operator": "LIKE", "value": "x"}]
)
async def test_conditions_are_checked_before_the_call(hubspot: HubSpot, condition: Config) -> None:
    config: Config = {"objectType": "contacts", "filterGroups": [{"filters": [{"propertyName": "city"} | condition]}]}
    assert "filterGroups" in (await hubspot.failed("searchRecords", config)).message
    assert hubspot.control.sent() == []


@pytest.mark.slow
async def test_the_search_goes_on_beyond_ten_thousand_by_id(hubspot: HubSpot) -> None:
    ids = fill(hubspot, 10_450)
    seen: list[str] = []
    async for total, page in search(hubspot.service(), "contacts", limit=20_000):
        assert total == 10_450
        seen += [str(record["id"]) for record in page]
    assert seen == ids


@pytest.mark.slow
async def test_with_an_order_the_search_ends_at_ten_thousand(hubspot: HubSpot) -> None:
    fill(hubspot, 10_050)
    sorts = [{"propertyName": "email", "direction": "ASCENDING"}]
    assert sum([len(page) async for _, page in search(hubspot.service(), "contacts", sorts=sorts, limit=20_000)]) == 10_000


@pytest.mark.parametrize("count", [0, 1, 200, 201])
async def test_pages_of_the_search(hubspot: HubSpot, count: int) -> None:
    ids = fill(hubspot, count)
    found = [str(record["id"]) async for _, page in search(hubspot.service(), "contacts") for record in page]
    assert found == ids


async def choices(hubspot: HubSpot, slug: str, typed: str | None = None, **params: Json) -> list[str]:
    return [str(choice.value) for choice in await hubspot.integration.autocompletes[slug].perform(hubspot.form(), params, typed)]


async def test_forms_are_offered_what_the_account_has(hubspot: HubSpot) -> None:
    labels = {"singular": "Car", "plural": "Cars"}
    cars = hubspot.control.account.add_schema({"name": "car", "labels": labels, "properties": [{"name": "vin", "hasUniqueValue": True}]})
    hubspot.control.account.add_list("Warm", "0-1")
    hubspot.control.account.add_list("By filter", "0-1", "DYNAMIC")
    assert await choices(hubspot, "listObjects") == ["contacts", "companies", "deals", "tickets", cars.id]
    assert await choices(hubspot, "listObjects", "CAR") == [cars.id]
    assert await choices(hubspot, "listObjectProperties", "mail", objectType="contacts") == ["email", "hs_email_optout"]
    assert await choices(hubspot, "listUniqueProperties", objectType=cars.id) == ["hs_object_id", "vin"]
    assert await choices(hubspot, "listPipelines", objectType="deals") == ["default"]
    assert await choices(hubspot, "listPipelineStages", "won", objectType="deals", pipeline="default") == ["closedwon"]
    assert await choices(hubspot, "listOwners", "grace") == ["41629780"]
    assert await choices(hubspot, "listLists") == ["1"]


async def test_without_the_scope_for_custom_objects_the_others_are_offered(hubspot: HubSpot) -> None:
    hubspot.control.fail(path="schemas", status=403, body={"status": "error", "message": "no", "category": "MISSING_SCOPES"})
    assert await choices(hubspot, "listObjects") == ["contacts", "companies", "deals", "tickets"]


async def test_the_schema_of_a_type_has_its_choices_and_leaves_out_what_is_read_only(hubspot: HubSpot) -> None:
    schema, _ = await hubspot.integration.schemas["recordProperties"].perform(hubspot.form(), {"objectType": "contacts"})
    validator = jsonschema_rs.validator_for(dict(schema))
    assert validator.is_valid({"email": "a@example.com", "lifecyclestage": "lead", "hs_buying_role": ["CHAMPION"]})
    assert not validator.is_valid({"lifecyclestage": "friend"})
    assert not validator.is_valid({"createdate": "2026-01-01T00:00:00Z"})


async def test_a_key_is_proven_or_refused_in_hubspots_words(hubspot: HubSpot) -> None:
    verification = hubspot.integration.account.verification
    assert verification is not None
    await verification.verify(hubspot.service())
    for key, said in (("pat-na1-wrong-key", "is not accepted"), ("wrong", "does not look like")):
        with pytest.raises(ServiceError) as refused:
            await verification.verify(hubspot.service({**hubspot.config, "accessToken": key}))
        assert said in refused.value.message


async def test_a_missing_scope_is_named(hubspot: HubSpot) -> None:
    hubspot.control.sign_in.credentials[hubspot.simulator.key].scopes = frozenset({"crm.objects.contacts.read"})
    config: Config = {"objectType": "contacts", "mappings": {"email": "a@example.com"}}
    failed = await hubspot.failed("insertRecord", config)
    assert (failed.reason, "crm.objects.contacts.write" in failed.message) == ("forbidden", True)


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [
        (429, {"policyName": "DAILY", "message": "You have reached your daily limit."}, 900),
        (429, {"policyName": "TEN_SECONDLY_ROLLING", "message": "You have reached your ten_secondly_rolling limit."}, 10),
        (477, {"message": "This account is being migrated"}, 60),
    ],
)
async def test_what_has_to_wait_says_how_long(hubspot: HubSpot, status: int, body: Config, seconds: float) -> None:
    hubspot.control.fail(path="contacts", status=status, body={"status": "error"} | body)
    outcome = await hubspot.outcome("findRecord", by_email("a@example.com"))
    assert isinstance(outcome, Failed)
    assert (outcome.transient, outcome.retry_after) == (True, seconds)


@pytest.mark.parametrize(("status", "policy"), [(423, ""), (429, "SECONDLY")])
async def test_short_waits_are_sat_out(hubspot: HubSpot, status: int, policy: str) -> None:
    hubspot.control.fail(path="contacts", status=status, body={"status": "error", "message": "wait", "policyName": policy})
    assert await hubspot.done("findRecord", by_email("a@example.com")) == {"found": False, "record": None}
