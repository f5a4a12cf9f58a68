"""Write-backs to HubSpot: batches with results per row, keys that come twice, nulls, policies, and what must not happen twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cargo_ai.engine.graph.action import Done, Failed, Later
from cargo_ai.integrations.kit import ServiceError
from tests.integrations.crm.hubspot_account import HubSpot, account
from tests.kit.account import Config
from tests.simulators.hubspot import server
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.properties import Property
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


def contact(email: Json, policy: str = "upsert", **values: Json) -> Config:
    return {
        "objectType": "contacts",
        "matchingPropertyName": "email",
        "matchingValue": email,
        "mappings": values,
        "matchPolicy": policy,
    }


def company(domain: str, policy: str = "upsert", **values: Json) -> Config:
    return contact(domain, policy, **values) | {"objectType": "companies", "matchingPropertyName": "domain"}


def operations(outcomes: Any) -> list[str]:
    return [outcome.output["operation"] if isinstance(outcome, Done) else type(outcome).__name__ for outcome in outcomes]


async def test_a_hundred_rows_are_one_call(hubspot: HubSpot) -> None:
    outcomes = await hubspot.act("upsertRecords", *(contact(f"{at}@example.com", firstname=f"F{at}") for at in range(100)))
    assert operations(outcomes) == ["created"] * 100
    assert len(hubspot.control.sent()) == 1
    created = outcomes[42]
    assert isinstance(created, Done)
    assert hubspot.records("contacts").records[created.output["recordId"]].values["email"] == "42@example.com"


@pytest.mark.parametrize("echo_traces", [True, False])
async def test_hubspot_names_the_rows_that_fail_and_the_others_are_written(hubspot: HubSpot, echo_traces: bool) -> None:
    hubspot.control.echo_traces = echo_traces
    rows = (contact("a@example.com", city="Ulm"), contact("b@example.com", no_such="1"), contact("c@example.com", lifecyclestage="friend"))
    first, second, third = await hubspot.act("upsertRecords", *rows)
    assert operations([first]) == ["created"]
    assert isinstance(second, Failed)
    assert second.message == 'Property "no_such" does not exist'
    assert isinstance(third, Failed)
    assert third.message.startswith("friend was not one of the allowed options")
    assert [values["email"] for values in hubspot.values("contacts")] == ["a@example.com"]


async def test_a_batch_that_is_refused_as_a_whole_raises_so_that_it_is_halved(hubspot: HubSpot) -> None:
    hubspot.control.multi_status = False
    with pytest.raises(ServiceError) as refused:
        await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"), contact("b@example.com", no_such="1"))
    assert refused.value.rejects
    assert hubspot.values("contacts") == []


async def test_one_key_twice_is_written_in_order(hubspot: HubSpot) -> None:
    rows = (contact("a@example.com", city="Ulm", phone="1"), contact("A@example.com", city="Bonn"), contact("b@example.com", city="Köln"))
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["created", "updated", "created"]
    assert [(values["city"], values.get("phone")) for values in hubspot.values("contacts")] == [("Bonn", "1"), ("Köln", None)]


async def test_a_bad_row_in_a_later_round_fails_alone(hubspot: HubSpot) -> None:
    hubspot.control.multi_status = False
    rows = [contact("a@example.com", city="Ulm"), contact("b@example.com", city="Ulm")]
    rows += [contact("a@example.com", no_such="1"), contact("b@example.com", city="Bonn")]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["created", "created", "Failed", "updated"]
    assert [values["city"] for values in hubspot.values("contacts")] == ["Ulm", "Bonn"]


async def test_after_a_first_change_a_refusal_concerns_only_the_rows_at_fault(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", company("acme.com", city="Bonn"))
    hubspot.control.multi_status = False
    rows = [company("acme.com", city="Ulm"), company("b.com", city="Ulm"), company("c.com", no_such="1"), company("d.com", city="Ulm")]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["updated", "created", "Failed", "created"]
    assert [values["domain"] for values in hubspot.values("companies")] == ["acme.com", "b.com", "d.com"]


async def test_null_and_empty_overwrite_nothing_unless_asked(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm", phone="1"))
    await hubspot.act("upsertRecords", contact("a@example.com", city=None, phone="", firstname="A"))
    assert hubspot.values("contacts") == [{"email": "a@example.com", "city": "Ulm", "phone": "1", "firstname": "A"}]
    await hubspot.act("upsertRecords", contact("a@example.com", city=None, phone="") | {"writeNulls": True})
    assert hubspot.values("contacts") == [{"email": "a@example.com", "firstname": "A"}]


async def test_values_are_written_as_hubspot_takes_them(hubspot: HubSpot) -> None:
    roles = contact("a@example.com", hs_buying_role=["CHAMPION", "DECISION_MAKER"], phone=4711, jobtitle=2.5)
    assert operations(await hubspot.act("upsertRecords", roles)) == ["created"]
    values = {"hs_buying_role": "CHAMPION;DECISION_MAKER", "phone": "4711", "jobtitle": "2.5"}
    assert hubspot.values("contacts") == [{"email": "a@example.com"} | values]
    failed = await hubspot.failed("upsertRecords", contact("a@example.com", city={"name": "Ulm"}))
    assert "city" in failed.message


async def test_mappings_may_be_a_list(hubspot: HubSpot) -> None:
    row = contact("a@example.com") | {"mappings": [{"propertyName": "city", "value": "Ulm"}, {"propertyName": "phone", "value": None}]}
    await hubspot.done("upsertRecords", row)
    assert hubspot.values("contacts") == [{"email": "a@example.com", "city": "Ulm"}]
    twice = [{"propertyName": "city", "value": "Ulm"}, {"propertyName": "city", "value": "Bonn"}]
    assert "twice" in (await hubspot.failed("upsertRecords", row | {"mappings": twice})).message


@pytest.mark.parametrize("key", ["", "  ", None, True, {"a": 1}])
async def test_a_row_without_a_key_fails_alone(hubspot: HubSpot, key: Json) -> None:
    outcomes = await hubspot.act("upsertRecords", contact(key, city="Ulm"), contact("a@example.com", city="Ulm"))
    assert operations(outcomes) == ["Failed", "created"]


async def test_the_policies_update_only_and_create_only(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"), contact("b@example.com", city="Ulm"))
    rows = [contact(f"{name}@example.com", "updateOnly", city="Bonn" if name == "a" else "Ulm") for name in "abc"]
    outcomes = await hubspot.act("upsertRecords", *rows)
    assert operations(outcomes) == ["updated", "unchanged", "skipped"]
    rows = [contact(f"{name}@example.com", "createOnly", city="Köln") for name in "acd"]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["skipped", "created", "created"]
    assert [values["city"] for values in hubspot.values("contacts")] == ["Bonn", "Ulm", "Köln", "Köln"]


async def test_records_that_have_the_values_are_left_alone(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"))
    former = [record.updated for record in hubspot.records("contacts").records.values()]
    assert operations(await hubspot.act("upsertRecords", contact("a@example.com", "updateOnly", city="Ulm"))) == ["unchanged"]
    assert [record.updated for record in hubspot.records("contacts").records.values()] == former


async def test_an_upsert_that_compares_first_writes_only_what_differs(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"), contact("b@example.com", city="Ulm"))
    rows = (
        contact(f"{name}@example.com", city=city) | {"compareFirst": True} for name, city in (("A", "Ulm"), ("b", "Bonn"), ("c", "Ulm"))
    )
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["unchanged", "updated", "created"]
    last = hubspot.control.sent("POST", "batch/upsert$")[-1]
    assert [given["id"] for given in last.body["inputs"]] == ["b@example.com", "c@example.com"]
    again = (
        contact(f"{name}@example.com", city=city) | {"compareFirst": True} for name, city in (("a", "Ulm"), ("b", "Bonn"), ("c", None))
    )
    assert operations(await hubspot.act("upsertRecords", *again)) == ["unchanged"] * 3
    assert len(hubspot.control.sent("POST", "batch/upsert$")) == 2


async def test_an_upsert_says_unchanged_where_hubspots_answer_shows_it(hubspot: HubSpot) -> None:
    await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"))
    contacts = hubspot.records("contacts")
    contacts.touches = False
    for record in contacts.records.values():
        record.updated -= 60
    rows = (contact("a@example.com", city="Ulm"), contact("a@example.com", city="Bonn"), contact("a@example.com", city="Bonn"))
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["unchanged", "updated", "unchanged"]


async def test_without_a_unique_property_records_are_searched_first(hubspot: HubSpot) -> None:
    rows = [company("acme.com", name="Acme"), company("beta.com", name="Beta"), company("ACME.com", city="Ulm")]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["created", "created", "updated"]
    rows = [company("acme.com", name="Acme"), company("beta.com", name="Beta Ltd"), company("gamma.com", name="Gamma")]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["unchanged", "updated", "created"]
    assert [values["name"] for values in hubspot.values("companies")] == ["Acme", "Beta Ltd", "Gamma"]


async def test_many_properties_are_compared_although_a_search_may_not_name_them(hubspot: HubSpot) -> None:
    names = [f"a_rather_long_name_of_a_property_{number}" for number in range(90)]
    for name in names:
        hubspot.records("companies").add_property(Property(name, name))
    rows = [company(f"{'x' * 20}{at}.example.com", **dict.fromkeys(names, "1")) for at in range(100)]
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["created"] * 100
    assert operations(await hubspot.act("upsertRecords", *rows)) == ["unchanged"] * 100


async def test_where_several_match_an_upsert_does_not_guess(hubspot: HubSpot) -> None:
    for name in ("Acme", "Acme GmbH"):
        await hubspot.done("insertRecord", {"objectType": "companies", "mappings": {"name": name, "domain": "acme.com"}})
    failed = await hubspot.failed("upsertRecords", company("acme.com", city="Ulm"))
    assert (failed.reason, "2 records" in failed.message) == ("ambiguous", True)
    config = {"objectType": "companies", "matchingPropertyName": "domain", "matchingValue": "acme.com", "mappings": {"city": "Ulm"}}
    output = await hubspot.done("updateRecords", config)
    assert (output["operation"], len(output["recordIds"])) == ("updated", 2)
    assert [values["city"] for values in hubspot.values("companies")] == ["Ulm", "Ulm"]


async def test_a_repetition_waits_until_the_search_knows_what_may_have_been_created(hubspot: HubSpot) -> None:
    hubspot.control.search_lag = 3600
    hubspot.control.fail(method="POST", path="companies/batch/create", drop="after")
    with pytest.raises(ServiceError) as lost:
        await hubspot.act("upsertRecords", company("acme.com", name="Acme"))
    assert lost.value.sent
    (again,) = await hubspot.act("upsertRecords", company("acme.com", name="Acme"), attempt=2)
    assert isinstance(again, Later)
    hubspot.control.search_lag = 0
    (found,) = await hubspot.act("upsertRecords", company("acme.com", name="Acme"), attempt=2, meta=again.meta)
    assert operations([found]) == ["unchanged"]
    assert len(hubspot.values("companies")) == 1


async def test_an_upsert_by_a_unique_property_may_be_repeated(hubspot: HubSpot) -> None:
    hubspot.control.fail(method="POST", path="batch/upsert", drop="after")
    with pytest.raises(ServiceError):
        await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"))
    assert operations(await hubspot.act("upsertRecords", contact("a@example.com", city="Ulm"), attempt=2)) == ["updated"]
    assert len(hubspot.values("contacts")) == 1


@pytest.mark.parametrize("echo_traces", [True, False])
async def test_insert_creates_and_says_what_is_taken(hubspot: HubSpot, echo_traces: bool) -> None:
    hubspot.control.echo_traces = echo_traces
    rows = [{"objectType": "contacts", "mappings": {"email": f"{name}@example.com", "city": None}} for name in "aba"]
    first, second, third = await hubspot.act("insertRecord", *rows)
    assert operations([first, second]) == ["created", "created"]
    assert isinstance(third, Failed)
    assert (third.reason, third.message.startswith("Contact already exists")) == ("conflict", True)
    assert isinstance(second, Done)
    assert hubspot.records("contacts").records[second.output["recordId"]].values == {"email": "b@example.com"}


async def test_custom_objects_are_written_by_their_own_unique_property(hubspot: HubSpot) -> None:
    properties = [{"name": "vin", "label": "VIN", "hasUniqueValue": True}, {"name": "color", "label": "Colour"}]
    cars = hubspot.control.account.add_schema({"name": "car", "properties": properties, "requiredProperties": ["vin"]})
    row: Config = {"objectType": cars.id, "matchingPropertyName": "vin", "matchingValue": "W1", "mappings": {"color": "red"}}
    assert [(await hubspot.done("upsertRecords", row))["operation"] for _ in range(2)] == ["created", "updated"]
    failed = await hubspot.failed("upsertRecords", row | {"matchingPropertyName": "wheels"})
    assert failed.message == f"{cars.id} have no property wheels in this HubSpot account."


async def test_update_by_record_id_says_what_is_missing(hubspot: HubSpot) -> None:
    created = await hubspot.done("upsertRecords", contact("a@example.com"))
    rows: list[Config] = [
        {"objectType": "contacts", "matchingValue": key, "mappings": {"city": "Ulm"}} for key in (created["recordId"], "1")
    ]
    updated, skipped = await hubspot.act("updateRecords", *rows)
    assert operations([updated, skipped]) == ["updated", "skipped"]
    assert isinstance(skipped, Done)
    assert "hs_object_id is 1" in skipped.output["reason"]


async def test_delete_moves_to_the_recycling_bin_and_may_be_repeated(hubspot: HubSpot) -> None:
    created = await hubspot.done("upsertRecords", contact("a@example.com"))
    config = {"objectType": "contacts", "recordId": created["recordId"]}
    assert [(await hubspot.done("deleteRecord", config))["operation"] for _ in range(2)] == ["deleted", "deleted"]
    assert hubspot.values("contacts") == []


async def test_associations_of_a_batch_fail_one_by_one(hubspot: HubSpot) -> None:
    person = await hubspot.done("upsertRecords", contact("a@example.com"))
    firm = await hubspot.done("upsertRecords", company("acme.com"))
    rows: list[Config] = [
        {"fromObjectType": "contacts", "fromRecordId": person["recordId"], "toObjectType": "companies", "toRecordId": key}
        for key in (firm["recordId"], "1")
    ]
    good, bad = await hubspot.act("associateRecords", *rows)
    assert isinstance(good, Done)
    assert isinstance(bad, Failed)
    assert bad.reason == "notFound"
    assert hubspot.control.account.associated["0-2", "0-1"][firm["recordId"]] == {person["recordId"]: 280}


async def test_members_of_lists_are_set_in_one_call(hubspot: HubSpot) -> None:
    listed = hubspot.control.account.add_list("Warm", "0-1")
    people = [(await hubspot.done("upsertRecords", contact(f"{name}@example.com")))["recordId"] for name in "ab"]
    before = len(hubspot.control.sent())
    rows: list[Config] = [{"listId": listed.id, "recordId": key} for key in (*people, "1")]
    added = await hubspot.act("addToList", *rows)
    assert operations(added) == ["added", "added", "Failed"]
    assert len(hubspot.control.sent()) == before + 1
    assert operations(await hubspot.act("addToList", rows[0])) == ["unchanged"]
    assert operations(await hubspot.act("removeFromList", rows[0])) == ["removed"]
    assert [*listed.members] == [people[1]]
