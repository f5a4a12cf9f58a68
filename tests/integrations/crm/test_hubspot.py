"""HubSpot conforms. What is special about it is in test_hubspot_writes.py and test_hubspot_reads.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.hubspot.records import search
from cargo_ai.integrations.kit import Service
from tests.kit.conformance.subject import Example, Extraction, Listing, Simulator, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.hubspot import server
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.sign_in import SERVICE_KEY

Json = Any
JsonObject = dict[str, Json]
FIRST, SECOND = "401000001", "401000002"
"""The ids of the first two records of a new account."""


def _account(token: str) -> JsonObject:
    return {"method": "privateApp", "accessToken": token}


def _error(status: int, sentence: str) -> JsonObject:
    categories = {409: "CONFLICT", 404: "OBJECT_NOT_FOUND", 429: "RATE_LIMITS", 422: "VALIDATION_ERROR"}
    body = {"status": "error", "message": sentence, "correlationId": "c-1", "category": categories.get(status, "")}
    return body | ({"policyName": "TEN_SECONDLY_ROLLING", "errorType": "RATE_LIMIT"} if status == 429 else {})


def _contacts(control: Control) -> Json:
    return [record.values for record in control.account.type_named("contacts").records.values() if not record.archived]


def _companies(control: Control) -> Json:
    return [record.values for record in control.account.type_named("companies").records.values()]


def _one_contact(control: Control) -> None:
    control.account.type_named("contacts").create({"email": "ada@example.com", "city": "Bonn", "phone": "1"})


def _contact_and_company(control: Control) -> None:
    _one_contact(control)
    control.account.type_named("companies").create({"name": "Acme"})


def _list_with(*members: str) -> Any:
    def given(control: Control) -> None:
        _one_contact(control)
        control.account.add_list("Warm", "0-1").members.update(dict.fromkeys(members))

    return given


def _members(control: Control) -> Json:
    return [[*listed.members] for listed in control.account.lists.values()]


def _upsert(**values: Json) -> JsonObject:
    return {"objectType": "contacts", "matchingPropertyName": "email", "matchingValue": "ada@example.com", "mappings": values}


def _insert(**values: Json) -> JsonObject:
    return {"objectType": "companies", "mappings": values}


def _associate(other: str) -> JsonObject:
    return {"fromObjectType": "contacts", "fromRecordId": FIRST, "toObjectType": "companies", "toRecordId": other}


_BY_EMAIL: JsonObject = {"objectType": "contacts", "matchingPropertyName": "email", "matchingValue": "ada@example.com"}
_BATCH_READ = ("POST", "contacts/batch/read$")
_MEMBER: JsonObject = {"listId": "1", "recordId": FIRST}

EXAMPLES = {
    "upsertRecords": Example(
        config=_upsert(city="Ulm", phone="1"),
        given=_one_contact,
        effect=_contacts,
        call=("POST", "contacts/batch/upsert$"),
        rejected=_upsert(no_such="1"),
        says='"no_such"',
        nulls=_upsert(city=None, phone=""),
        row=lambda number: _upsert(city="Ulm") | {"matchingValue": f"row-{number}.x@example.com"},
    ),
    "updateRecords": Example(
        config=_upsert(city="Ulm", phone="1"),
        given=_one_contact,
        effect=_contacts,
        call=("POST", "contacts/batch/update$"),
        rejected=_upsert(no_such="1"),
        says='"no_such"',
        nulls=_upsert(city="Ulm", phone=None),
    ),
    "insertRecord": Example(
        config=_insert(name="Acme", city=None),
        effect=_companies,
        call=("POST", "companies/batch/create$"),
        rejected=_insert(name="Acme", no_such="1"),
        says='"no_such"',
        row=lambda number: _insert(name=f"row-{number}."),
    ),
    "deleteRecord": Example(
        config={"objectType": "contacts", "recordId": FIRST},
        given=_one_contact,
        effect=_contacts,
        call=("POST", "contacts/batch/archive$"),
    ),
    "findRecord": Example(config=_BY_EMAIL, given=_one_contact, effect=_contacts, call=_BATCH_READ),
    "matchRecord": Example(config=_BY_EMAIL, given=_one_contact, effect=_contacts, call=_BATCH_READ),
    "findRecords": Example(
        config={"objectType": "contacts", "propertyName": "email", "value": "ada@example.com"},
        given=_one_contact,
        effect=_contacts,
        call=_BATCH_READ,
    ),
    "searchRecords": Example(
        config={
            "objectType": "contacts",
            "filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "Bonn"}]}],
            "properties": ["email", "city"],
        },
        given=_one_contact,
        effect=_contacts,
        call=("POST", "contacts/search$"),
        rejected={
            "objectType": "contacts",
            "filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "EQ", "value": "1"}]}],
        },
        says="no_such",
    ),
    "associateRecords": Example(
        config=_associate(SECOND),
        given=_contact_and_company,
        effect=lambda control: control.account.associated,
        call=("POST", "batch/associate/default$"),
        rejected=_associate("1"),
        says="ID 1",
    ),
    "addToList": Example(
        config=_MEMBER,
        given=_list_with(),
        effect=_members,
        call=("PUT", "memberships/add$"),
        rejected=_MEMBER | {"recordId": "1"},
        says="record 1",
    ),
    "removeFromList": Example(
        config=_MEMBER,
        given=_list_with(FIRST),
        effect=_members,
        call=("PUT", "memberships/remove$"),
        rejected=_MEMBER | {"recordId": "1"},
        says="record 1",
    ),
}


def _fill(control: Control, count: int) -> list[str]:
    contacts = control.account.type_named("contacts")
    return [contacts.create({"email": f"{at}@example.com"}).id for at in range(count)]


def _fill_long_ago(control: Control, count: int) -> list[str]:
    filled = _fill(control, count)
    for record in control.account.type_named("contacts").records.values():
        record.created = record.updated = record.created - 3_600
    return filled


def _change(control: Control, uid: str) -> None:
    control.search_lag = 0.0
    contacts = control.account.type_named("contacts")
    contacts.update(contacts.records[uid], {"city": "Ulm"})


def _archive(control: Control, uid: str) -> None:
    contacts = control.account.type_named("contacts")
    contacts.archive(contacts.records[uid])


async def _ids(service: Service) -> AsyncIterator[str]:
    async for _total, page in search(service, "contacts"):
        for record in page:
            yield str(record["id"])


def _wrong(_simulator: Simulator) -> JsonObject:
    return _account("pat-na1-11111111-2222-4333-8444-555555555555")


class TestHubspot(IntegrationConformance):
    """Contacts, companies and lists in a simulator whose limits are out of the way."""

    subject = Subject(
        slug="hubspot",
        running=lambda: server.running(Numbers(ten_seconds=100_000, search=10_000)),
        account=lambda _simulator: _account(SERVICE_KEY),
        wrong=_wrong,
        secret=SERVICE_KEY,
        error=_error,
        examples=EXAMPLES,
        extractions={
            "fetchRecords": Extraction(
                config={"objectType": "contacts", "columnSelectionMode": "selected", "properties": ["email", "city"]},
                size=100,
                fill=_fill_long_ago,
                change=_change,
                remove=_archive,
            )
        },
        listings=(Listing(name="search", size=200, fill=_fill, read=_ids),),
        params={
            "listObjectProperties": {"objectType": "contacts"},
            "listUniqueProperties": {"objectType": "contacts"},
            "listPipelines": {"objectType": "deals"},
            "listPipelineStages": {"objectType": "deals", "pipeline": "default"},
            "recordProperties": {"objectType": "contacts"},
        },
        choices_given=lambda control: control.account.add_list("Warm", "0-1"),
    )
