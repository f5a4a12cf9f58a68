"""Pipedrive conforms, and keeps its peculiarities: no upsert, a search that lags, fields under hashes, a budget of tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cargo_ai.integrations.kit import CallShape, ConnectorAction, Done, Later, Service, attempt, integrations, items_of
from cargo_ai.integrations.pipedrive.client import POLICIES, budget, cost
from cargo_ai.integrations.pipedrive.extractors import fetch_records
from cargo_ai.integrations.pipedrive.objects import object_of
from cargo_ai.integrations.pipedrive.records import PAGE, listed
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.pipedrive import server
from tests.simulators.pipedrive.control import DEAL_SIZE, SIZE, SOURCE, TOKEN, Control, Numbers

Json = Any
EMAIL = "ada@acme.example"


def _persons(control: Control) -> Json:
    return control.values("persons")


def _ada(control: Control) -> None:
    emails = [{"value": EMAIL, "primary": True, "label": "work"}]
    control.add("persons", name="Ada", emails=emails, custom_fields={SIZE: "42"})


def _by_email(**values: Json) -> dict[str, Json]:
    return {"objectType": "persons", "matchingPropertyName": "email", "matchingValue": EMAIL, "mappings": values}


def _fill(control: Control, count: int) -> list[str]:
    return [str(control.add("persons", timedelta(days=2), name=f"P{number}")["id"]) for number in range(count)]


def _touch(control: Control, record_id: str) -> None:
    control.change("persons", control.records["persons"][int(record_id)], {"name": "Changed"})


async def _ids(service: Service) -> AsyncIterator[str]:
    async for record in items_of(listed(service, object_of("persons"))):
        yield str(record["id"])


SUBJECT = Subject(
    slug="pipedrive",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000_000)),
    account=lambda _simulator: {"method": "apiToken", "apiToken": TOKEN},
    wrong=lambda _simulator: {"method": "apiToken", "apiToken": "f" * 40},
    secret=TOKEN,
    error=lambda _status, sentence: {"success": False, "error": sentence},
    examples={
        "upsertRecords": Example(
            config=_by_email(name="Ada Lovelace", **{"Lead source": "webinar"}),
            given=_ada,
            effect=_persons,
            call=("PATCH", "persons/1$"),
            rejected=_by_email(shoe_color="red"),
            says="shoe_color",
            nulls=_by_email(name=None, **{"Shoe size": ""}),
        ),
        "updateRecords": Example(
            config=_by_email(name="Ada Lovelace"),
            given=_ada,
            effect=_persons,
            call=("PATCH", "persons/1$"),
            rejected=_by_email(shoe_color="red"),
            says="shoe_color",
            nulls=_by_email(name="Ada Lovelace", **{"Shoe size": None}),
        ),
        "insertRecord": Example(
            config={"objectType": "activities", "mappings": {"subject": "Call Ada", "type": "call", "due_date": "2026-12-01"}},
            effect=lambda control: control.values("activities"),
            rejected={"objectType": "activities", "mappings": {"subject": "Call Ada", "shoe_color": "red"}},
            says="shoe_color",
        ),
        "findRecord": Example(
            config={"objectType": "persons", "matchingPropertyName": "emails", "matchingValue": EMAIL},
            given=_ada,
            call=("GET", "persons/search$"),
        ),
        "findRecords": Example(
            config={"objectType": "persons", "propertyName": "Shoe size", "value": "42", "properties": ["name", "Shoe size"]},
            given=_ada,
            call=("GET", "itemSearch/field$"),
        ),
        "deleteRecord": Example(config={"objectType": "persons", "recordId": 1}, given=_ada, effect=_persons),
    },
    listings=(Listing(name="persons", size=PAGE, fill=_fill, read=_ids),),
    extractions={"fetchRecords": Extraction(config={"objectType": "persons"}, size=fetch_records.PAGE, fill=_fill, change=_touch)},
    params={
        "listObjectProperties": {"objectType": "persons"},
        "listUniqueProperties": {"objectType": "persons"},
        "recordProperties": {"objectType": "persons"},
    },
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["pipedrive"].action(slug)
    assert action is not None
    return action


async def _operation(harness: Harness, slug: str, config: dict[str, Json]) -> str:
    return str((await harness.done(_action(slug), config)).output["operation"])


class TestPipedrive(IntegrationConformance):
    """A company whose limits are out of the way."""

    subject = SUBJECT

    async def test_an_upsert_creates_leaves_alone_and_changes(self, harness: Harness) -> None:
        steps = [{"name": "Ada"}, {"name": "Ada", "phone": None}, {"name": "Ada Lovelace", "Lead source": "Fair"}]
        operations = [await _operation(harness, "upsertRecords", _by_email(**values)) for values in steps]
        assert operations == ["created", "unchanged", "updated"]
        (person,) = harness.control.values("persons")
        assert person["emails"] == [{"value": EMAIL, "primary": True, "label": "work"}] and person["custom_fields"] == {SOURCE: 12}

    async def test_a_new_address_goes_in_front_and_the_others_stay(self, harness: Harness) -> None:
        _ada(harness.control)
        assert await _operation(harness, "upsertRecords", _by_email(emails="ada@home.example")) == "updated"
        assert [email["value"] for email in harness.control.values("persons")[0]["emails"]] == ["ada@home.example", EMAIL]
        assert await _operation(harness, "upsertRecords", _by_email(emails=[EMAIL.upper()])) == "unchanged"

    async def test_what_a_lost_call_may_have_created_is_looked_for_twice(self, harness: Harness) -> None:
        _ada(harness.control)
        harness.control.lag = 1
        request = harness.request(_action("upsertRecords"), _by_email(name="Ada"))
        again = await attempt(_action("upsertRecords"), replace(request, call=replace(request.call, repeated=True)))
        assert isinstance(again, Later) and again.seconds == 15.0
        done = await attempt(_action("upsertRecords"), replace(request, call=replace(request.call, repeated=True, meta=again.meta)))
        assert isinstance(done, Done) and done.output["operation"] == "unchanged" and len(harness.control.values("persons")) == 1

    @pytest.mark.parametrize(("policy", "exists", "operation"), [("updateOnly", False, "skipped"), ("createOnly", True, "skipped")])
    async def test_policies_hold(self, harness: Harness, policy: str, exists: bool, operation: str) -> None:
        if exists:
            _ada(harness.control)
        assert await _operation(harness, "upsertRecords", {**_by_email(name="B"), "matchPolicy": policy}) == operation
        assert len(harness.control.values("persons")) == int(exists)

    async def test_several_that_match_are_not_guessed_among_but_all_updated_where_that_is_wanted(self, harness: Harness) -> None:
        for _ in range(7):
            _ada(harness.control)
        failure = await harness.failed(_action("upsertRecords"), _by_email(name="B"))
        assert failure.reason == "ambiguous"
        done = await harness.done(_action("updateRecords"), _by_email(name="B"))
        assert len(done.output["recordIds"]) == 7 and {person["name"] for person in harness.control.values("persons")} == {"B"}

    async def test_a_match_of_the_search_that_has_another_value_by_now_does_not_count(self, harness: Harness) -> None:
        _ada(harness.control)
        item = {"success": True, "data": {"items": [{"item": {"id": 1}}]}, "additional_data": {}}
        harness.control.fail(path="persons/search", status=200, body=item)
        config = {"objectType": "persons", "matchingPropertyName": "emails", "matchingValue": "other@acme.example"}
        assert (await harness.done(_action("findRecord"), config)).output["found"] is False

    async def test_choices_amounts_and_names_that_are_wrong_are_named_before_anything_is_written(self, harness: Harness) -> None:
        choice = await harness.failed(_action("insertRecord"), {"objectType": "persons", "mappings": {"name": "A", "Lead source": "Radio"}})
        assert "it has Webinar, Fair" in choice.message
        amount = await harness.failed(_action("insertRecord"), {"objectType": "deals", "mappings": {"title": "A", "Yearly value": 12}})
        assert "{value, currency}" in amount.message
        activity = {"objectType": "activities", "matchingPropertyName": "subject", "matchingValue": "Call", "mappings": {"done": True}}
        assert "match by one of id." in (await harness.failed(_action("updateRecords"), activity)).message
        leads = {"objectType": "leads", "matchingPropertyName": "id", "matchingValue": 1}
        assert "has to be one of persons" in (await harness.failed(_action("findRecord"), leads)).message
        assert [seen for seen in harness.control.sent() if seen.method != "GET"] == []

    async def test_a_deal_with_an_amount_is_written(self, harness: Harness) -> None:
        values = {"title": "Big", "value": 10, "currency": "EUR", "Yearly value": {"value": 120, "currency": "EUR"}}
        config = {"objectType": "deals", "matchingPropertyName": "title", "matchingValue": "Big", "mappings": values}
        assert [await _operation(harness, "upsertRecords", config) for _ in range(2)] == ["created", "unchanged"]
        assert harness.control.values("deals")[0]["custom_fields"] == {DEAL_SIZE: {"value": 120, "currency": "EUR"}}

    async def test_a_deleted_record_is_not_there(self, harness: Harness) -> None:
        _ada(harness.control)
        config = {"objectType": "persons", "recordId": 1}
        assert [await _operation(harness, "deleteRecord", config) for _ in range(2)] == ["deleted", "skipped"]
        found = {"objectType": "persons", "matchingPropertyName": "id", "matchingValue": 1}
        assert (await harness.done(_action("findRecord"), found)).output["found"] is False

    async def test_a_day_that_is_used_up_waits(self, harness: Harness) -> None:
        harness.control.left = 0
        failure = await harness.failed(_action("insertRecord"), {"objectType": "organizations", "mappings": {"name": "Acme"}})
        assert failure.transient and (failure.reason, failure.retry_after) == ("rateLimited", 2.0)


def test_calls_cost_what_the_reference_says() -> None:
    calls = [("GET", "/persons/7"), ("GET", "/persons"), ("GET", "/persons/search"), ("POST", "/deals"), ("DELETE", "/deals/7")]
    assert [cost(CallShape("", method, path)) for method, path in calls] == [1, 10, 20, 5, 3]
    assert len([policy for policy in POLICIES if policy.covers(CallShape("", "GET", "/persons/search"))]) == 3


def test_what_is_left_of_the_day_is_read_and_comes_back_at_midnight() -> None:
    read = budget({"x-daily-ratelimit-token-remaining": "75000", "x-daily-ratelimit-token-limit": "150000"})
    assert read is not None and (read.remaining, read.limit) == (75_000, 150_000) and 0 < (read.opens_in or 0) <= 86_400
    assert budget({}) is None


def test_the_simulator_takes_tokens_and_bursts() -> None:
    control = Control(Numbers(burst=3, searches=1, tokens=100))
    assert control.admit("GET", "/persons/search", 20)["x-daily-ratelimit-token-remaining"] == "80"
    with pytest.raises(Exception, match="over limit"):
        control.admit("GET", "/persons/search", 20)
    for _ in range(2):
        control.admit("GET", "/persons", 10)
    with pytest.raises(Exception, match="over limit"):
        control.admit("GET", "/persons", 10)
