"""Write-backs to Attio: upserts by unique attributes, lists of values, nulls, policies, rate limits, and lists of records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.kit import CallShape, Done, attempt
from cargo_ai.outbound import http_client
from tests.integrations.crm.attio_subject import FIRST, NO_SUCH, SUBJECT, JsonObject, action, output, sent
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import SETTINGS, Harness, Slots
from tests.simulators.attio import server
from tests.simulators.attio.control import Control, Numbers
from tests.simulators.attio.workspace import Attribute

Json = Any
PEOPLE = "/v2/objects/people/records"


def person(email: Json, policy: str = "upsert", multi: str = "replace", **values: Json) -> JsonObject:
    matched = {"objectType": "people", "matchingPropertyName": "email_addresses", "matchingValue": email}
    return {**matched, "mappings": values, "matchPolicy": policy, "multiSelect": multi}


def company(name: str, policy: str = "upsert", **values: Json) -> JsonObject:
    return person(name, policy, **values) | {"objectType": "companies", "matchingPropertyName": "name"}


class NoWrites(Slots):
    """Rate limits that let reads through only."""

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        """Send writes away."""
        return 90.0 if call.method == "PUT" else await super().admit(call, patience)


class TestWrites(Fixtures):
    """Writes."""

    subject = SUBJECT

    async def test_an_upsert_by_a_unique_attribute_is_an_assert_with_values_as_attio_takes_them(self, harness: Harness) -> None:
        control: Control = harness.control
        acme = control.add("companies", name="Acme", domains=["acme.example"])
        values: JsonObject = {
            "name": "Augusta Ada Lovelace",
            "job_title": 1,
            "company": acme.id,
            "owner": control.workspace.members[0].id,
            "primary_location": {"locality": "London"},
            "tags": "Warm",
            "rating": "5",
            "phone_numbers": ["+49 30 1234567"],
        }
        done = await output(harness, "upsertRecords", person("Ada@Example.com", **values))
        assert done["operation"] == "created" and sent(harness) == [f"PUT {PEOPLE}"]
        assert harness.control.sent("PUT")[0].query == "matching_attribute=email_addresses"
        stored = control.workspace.objects["people"].items[done["recordId"]].values
        assert (stored["name"][0]["first_name"], stored["name"][0]["last_name"]) == ("Augusta Ada", "Lovelace")
        assert stored["primary_location"][0]["locality"] == "London" and stored["job_title"][0]["value"] == "1"
        shown = control.values("people")[0]
        assert (shown["company"], shown["owner"], shown["tags"]) == ([acme.id], [control.workspace.members[0].id], ["Warm"])

    async def test_a_record_that_is_as_wanted_is_left_alone(self, harness: Harness) -> None:
        control: Control = harness.control
        acme = control.add("companies", domains=["acme.example"], employees=12)
        config = person(
            "ada@example.com", name="Ada Lovelace", rating=5, tags=["Warm", "Cold"], company=acme.id, phone_numbers=["+49 30 123"]
        )
        assert (await output(harness, "upsertRecords", config))["operation"] == "created"
        same = person("ADA@example.com", name="Ada  Lovelace", rating="5", tags=["Cold", "Warm"], company=acme.id, phone_numbers="+4930123")
        assert (await output(harness, "upsertRecords", same))["operation"] == "unchanged"
        by_email = {"objectType": "people", "matchingPropertyName": "email_addresses", "matchingValue": "ada@example.com"}
        assert (await output(harness, "updateRecords", by_email | {"mappings": {"rating": 5.0}}))["operation"] == "unchanged"
        assert len(sent(harness)) == 1

    async def test_lists_are_replaced_or_added_to_and_the_matching_one_is_always_added_to(self, harness: Harness) -> None:
        control: Control = harness.control
        control.add("people", email_addresses=["ada@example.com"], tags=["Warm"])
        await output(harness, "upsertRecords", person("ada@example.com", multi="add", tags=["Cold"], email_addresses=["ada@work.example"]))
        (stored,) = control.values("people")
        assert sorted(stored["tags"]) == ["Cold", "Warm"] and len(stored["email_addresses"]) == 2
        await output(harness, "upsertRecords", person("ada@example.com", tags=["Partner"], email_addresses=["ada@home.example"]))
        (stored,) = control.values("people")
        assert stored["tags"] == ["Partner"] and len(stored["email_addresses"]) == 3
        await output(harness, "upsertRecords", person("ada@example.com", "updateOnly", tags=["Warm"], email_addresses=["ada@x.example"]))
        (stored,) = control.values("people")
        assert stored["tags"] == ["Warm"] and len(stored["email_addresses"]) == 4
        again = person("ada@example.com", multi="add", tags=["Warm"])
        assert (await output(harness, "upsertRecords", again))["operation"] == "unchanged"

    async def test_nulls_overwrite_nothing_until_they_are_asked_to_clear(self, harness: Harness) -> None:
        harness.control.add("people", email_addresses=["ada@example.com"], job_title="Countess", tags=["Warm"])
        nulls = person("ada@example.com", job_title=None, tags=None)
        assert (await output(harness, "upsertRecords", nulls))["operation"] == "unchanged"
        assert (await output(harness, "upsertRecords", nulls | {"writeNulls": True}))["operation"] == "updated"
        assert harness.control.values("people") == [{"email_addresses": ["ada@example.com"]}]

    async def test_policies_skip_what_they_do_not_allow(self, harness: Harness) -> None:
        missing = await output(harness, "upsertRecords", person("ada@example.com", "updateOnly", job_title="Countess"))
        assert missing["operation"] == "skipped" and "ada@example.com" in missing["reason"]
        assert (await output(harness, "upsertRecords", person("ada@example.com", "createOnly", job_title="Countess")))[
            "operation"
        ] == "created"
        there = await output(harness, "upsertRecords", person("ada@example.com", "createOnly", job_title="Admiral"))
        assert (there["operation"], there["reason"]) == ("skipped", "The record exists.")
        assert sent(harness) == [f"POST {PEOPLE}"] and harness.control.values("people")[0]["job_title"] == ["Countess"]
        by_id = {"objectType": "people", "matchingPropertyName": "record_id", "matchingValue": NO_SUCH, "mappings": {"job_title": "x"}}
        assert (await output(harness, "upsertRecords", by_id))["operation"] == "skipped"

    async def test_by_an_attribute_that_is_not_unique_one_is_created_or_changed_and_several_are_not_guessed(self, harness: Harness) -> None:
        assert (await output(harness, "upsertRecords", company("Acme", employees=1)))["operation"] == "created"
        assert (await output(harness, "upsertRecords", company("Acme", employees=2)))["operation"] == "updated"
        assert harness.control.values("companies") == [{"name": ["Acme"], "employees": [2.0]}]
        harness.control.add("companies", name="Acme")
        failure = await harness.failed(action("upsertRecords"), company("Acme", employees=3))
        assert failure.reason == "ambiguous" and "unique" in failure.message

    async def test_every_record_that_matches_is_updated_once(self, harness: Harness) -> None:
        for employees in (1, 2, 3):
            harness.control.add("companies", name="Acme", employees=employees)
        config = {"objectType": "companies", "matchingPropertyName": "name", "matchingValue": "Acme", "mappings": {"employees": 2}}
        done = await output(harness, "updateRecords", config)
        assert done["operation"] == "updated" and len(done["recordIds"]) == 3 and len(sent(harness)) == 2
        assert [stored["employees"] for stored in harness.control.values("companies")] == [[2.0]] * 3

    async def test_runs_at_the_same_moment_create_one_record(self, harness: Harness) -> None:
        configs = [person("ada@example.com", rating=number % 6) for number in range(12)]
        outcomes = await asyncio.gather(*(output(harness, "upsertRecords", config) for config in configs))
        assert len(harness.control.values("people")) == 1 and len({done["recordId"] for done in outcomes}) == 1

    async def test_a_write_that_waits_for_its_turn_reads_nothing_again(self, harness: Harness) -> None:
        upserting, config = action("upsertRecords"), person("ada@example.com", rating=1)
        harness.slots = NoWrites()
        later = await harness.later(upserting, config)
        assert later.seconds == 90.0 and harness.control.values("people") == []
        harness.slots = Slots()
        harness.control.seen.clear()
        request = harness.request(upserting, config)
        outcome = await attempt(upserting, replace(request, call=replace(request.call, meta=later.meta)))
        assert isinstance(outcome, Done) and outcome.output["operation"] == "created"
        assert [seen.method for seen in harness.control.sent()] == ["PUT"]

    async def test_a_conflict_of_unique_values_says_what_to_do(self, harness: Harness) -> None:
        harness.control.add("people", email_addresses=["ada@example.com"])
        failure = await harness.failed(action("insertRecord"), {"objectType": "people", "mappings": {"email_addresses": "ada@example.com"}})
        assert (failure.reason, failure.transient) == ("conflict", False) and "Upsert records" in failure.message

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"job_title": ["a", "b"]}, "holds one value"),
            ({"last_interaction": "2026-01-01"}, "set by Attio itself"),
            ({"linked": [NO_SUCH]}, "several objects"),
        ],
    )
    async def test_what_cannot_be_written_is_refused_before_anything_is(self, harness: Harness, values: JsonObject, words: str) -> None:
        harness.control.add("people", email_addresses=["ada@example.com"])
        for slug in ("upsertRecords", "insertRecord"):
            config = person("ada@example.com", **values) if slug == "upsertRecords" else {"objectType": "people", "mappings": values}
            assert words in (await harness.failed(action(slug), config)).message
        assert sent(harness) == []

    async def test_attio_says_which_option_or_address_it_does_not_take(self, harness: Harness) -> None:
        failure = await harness.failed(action("upsertRecords"), person("ada@example.com", tags=["Lukewarm"]))
        assert 'option title "Lukewarm"' in failure.message and failure.reason == "invalidRequest"
        failure = await harness.failed(action("upsertRecords"), person("ada", job_title="x"))
        assert "email address" in failure.message and harness.control.values("people") == []

    async def test_an_attribute_that_is_made_later_is_known_at_once(self, harness: Harness) -> None:
        await output(harness, "upsertRecords", person("ada@example.com", rating=1))
        harness.control.workspace.objects["people"].add(Attribute("skills", "select", multi=True, options=["Maths"]))
        await output(harness, "upsertRecords", person("ada@example.com", skills="Maths"))
        assert harness.control.values("people")[0]["skills"] == ["Maths"]

    async def test_attributes_are_asked_for_once(self, harness: Harness) -> None:
        harness.control.workspace.add_object("moons", "Moons", Attribute("name", unique=True))
        config = person("Io") | {"objectType": "moons", "matchingPropertyName": "name"}
        for _ in range(3):
            await output(harness, "upsertRecords", config)
        assert len(harness.control.sent("GET", "attributes")) == 1 and len(harness.control.sent("POST", "query")) == 3

    async def test_a_record_that_is_being_merged_is_waited_for(self, harness: Harness) -> None:
        harness.control.add("people", email_addresses=["ada@example.com"])
        merging = {"status_code": 404, "type": "invalid_request_error", "code": "merge_in_progress", "message": "Merging."}
        harness.fail(action("deleteRecord"), status=404, times=9, body=merging)
        failure = await harness.failed(action("deleteRecord"), {"objectType": "people", "recordId": FIRST})
        assert failure.transient and failure.reason == "locked"

    async def test_a_record_is_in_a_list_once_with_its_values(self, harness: Harness) -> None:
        control: Control = harness.control
        control.add("companies", name="Acme")
        member: JsonObject = {"listId": "pipeline", "recordId": FIRST}
        assert (await output(harness, "addToList", member))["operation"] == "added"
        assert (await output(harness, "addToList", member))["operation"] == "unchanged"
        won = {**member, "objectType": "companies", "mappings": {"stage": "Won", "amount": "12.50"}}
        assert (await output(harness, "addToList", won))["operation"] == "updated"
        assert (await output(harness, "addToList", won))["operation"] == "unchanged"
        assert control.entries("pipeline") == [(FIRST, {"stage": ["Won"], "amount": [12.5]})] and len(sent(harness)) == 2

    async def test_a_record_that_is_in_a_list_twice_is_not_guessed_but_taken_out_whole(self, harness: Harness) -> None:
        control: Control = harness.control
        control.add("companies", name="Acme")
        control.add_entry("pipeline", FIRST)
        control.add_entry("pipeline", FIRST)
        member: JsonObject = {"listId": control.workspace.lists["pipeline"].id, "recordId": FIRST}
        failure = await harness.failed(action("addToList"), {**member, "mappings": {"stage": "Won"}})
        assert failure.reason == "ambiguous" and "more than once" in failure.message
        assert (await output(harness, "removeFromList", member))["operation"] == "removed"
        assert (await output(harness, "removeFromList", member))["operation"] == "unchanged"
        assert control.entries("pipeline") == []


@pytest.fixture(scope="module")
def strict() -> Iterator[server.Running]:
    with server.running(Numbers(writes=1)) as running:
        yield running


@pytest.fixture
async def hurried(strict: server.Running) -> AsyncIterator[Harness]:
    strict.control.reset()
    async with http_client.client(SETTINGS) as client:
        yield Harness(SUBJECT, strict, client, SUBJECT.account(strict))


async def test_what_comes_too_fast_waits_until_the_date_that_attio_names(hurried: Harness) -> None:
    config: JsonObject = {"objectType": "plants", "mappings": {"name": "Fern"}}
    await output(hurried, "insertRecord", config)
    began = time.monotonic()
    await output(hurried, "insertRecord", config)
    statuses = [seen.status for seen in hurried.control.sent("POST", "plants/records$")]
    assert statuses in ([200, 429, 200], [200, 200]) and len(hurried.control.values("plants")) == 2
    assert statuses == [200, 200] or time.monotonic() - began >= 0.9
