"""What the tests of Attio have in common: its simulator, an account, and an example of each action."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.attio.records import PAGE, id_of, query
from cargo_ai.integrations.kit import ConnectorAction, Service, integrations
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Listing, Subject
from tests.simulators.attio import server
from tests.simulators.attio.control import TOKEN, Control, Numbers

Json = Any
JsonObject = dict[str, Json]
FIRST = "00000001-0000-4000-8000-00000000cafe"
"""The id of the first record of a new workspace."""
NO_SUCH = "00000099-0000-4000-8000-00000000cafe"


def _account(token: str) -> JsonObject:
    return {"method": "accessToken", "accessToken": token}


def _error(status: int, sentence: str) -> JsonObject:
    kind, code = {
        401: ("auth_error", "unauthorized"),
        403: ("auth_error", "unauthorized"),
        404: ("invalid_request_error", "not_found"),
        409: ("invalid_request_error", "uniqueness_conflict"),
        429: ("rate_limit_error", "rate_limit_exceeded"),
    }.get(status, ("invalid_request_error", "validation_type"))
    return {"status_code": status, "type": kind, "code": code, "message": sentence}


def _people(control: Control) -> Json:
    return control.values("people")


def _ada(control: Control) -> None:
    control.add("people", email_addresses=["ada@example.com"], job_title="Countess", tags=["Warm"])


def _ada_by_email(**values: Json) -> JsonObject:
    return {"objectType": "people", "matchingPropertyName": "email_addresses", "matchingValue": "ada@example.com", **values}


def _mapped(**values: Json) -> JsonObject:
    return _ada_by_email(mappings=values)


def _company(control: Control) -> None:
    control.add("companies", name="Acme", domains=["acme.example"])


def _listed(control: Control) -> None:
    _company(control)
    control.add_entry("pipeline", FIRST, stage="Lead")


def _entries(control: Control) -> Json:
    return control.entries("pipeline")


_QUERY = ("POST", "records/query$")
_MEMBER: JsonObject = {"listId": "pipeline", "recordId": FIRST}

EXAMPLES = {
    "upsertRecords": Example(
        config=_mapped(job_title="Programmer", tags=["Warm"]),
        given=_ada,
        effect=_people,
        call=("PUT", "people/records$"),
        rejected=_mapped(no_such="1"),
        says='"no_such"',
        nulls=_mapped(job_title=None, tags=""),
    ),
    "updateRecords": Example(
        config=_mapped(job_title="Programmer", tags=["Warm"]),
        given=_ada,
        effect=_people,
        call=("PUT", f"people/records/{FIRST}$"),
        rejected=_mapped(no_such="1"),
        says='"no_such"',
        nulls=_mapped(job_title="Programmer", tags=None),
    ),
    "insertRecord": Example(
        config={"objectType": "companies", "mappings": {"name": "Acme", "categories": None}},
        effect=lambda control: control.values("companies"),
        call=("POST", "companies/records$"),
        rejected={"objectType": "companies", "mappings": {"name": "Acme", "no_such": "1"}},
        says='"no_such"',
    ),
    "deleteRecord": Example(
        config={"objectType": "people", "recordId": FIRST}, given=_ada, effect=_people, call=("DELETE", f"people/records/{FIRST}$")
    ),
    "findRecord": Example(config=_ada_by_email(), given=_ada, effect=_people, call=_QUERY),
    "matchRecord": Example(config=_ada_by_email(), given=_ada, effect=_people, call=_QUERY),
    "findRecords": Example(
        config={"objectType": "people", "propertyName": "job_title", "value": "Countess"}, given=_ada, effect=_people, call=_QUERY
    ),
    "searchRecords": Example(
        config={
            "objectType": "people",
            "filterGroups": [{"filters": [{"propertyName": "job_title", "operator": "CONTAINS", "value": "count"}]}],
            "properties": ["job_title"],
        },
        given=_ada,
        effect=_people,
        call=_QUERY,
        rejected={
            "objectType": "people",
            "filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "EQ", "value": "1"}]}],
        },
        says="no_such",
    ),
    "addToList": Example(
        config={**_MEMBER, "mappings": {"stage": "Won", "amount": 12.5}},
        given=_listed,
        effect=_entries,
        call=("PUT", "pipeline/entries$"),
        rejected={**_MEMBER, "recordId": NO_SUCH},
        says=NO_SUCH,
        nulls={**_MEMBER, "mappings": {"stage": None, "amount": ""}},
    ),
    "removeFromList": Example(config=_MEMBER, given=_listed, effect=_entries, call=("DELETE", "pipeline/entries/")),
}


def _fill(control: Control, count: int) -> list[str]:
    return [control.add("people", job_title=f"Title {at}").id for at in range(count)]


async def _ids(service: Service) -> AsyncIterator[str]:
    async for record in query(service, "people"):
        yield id_of(record)


SUBJECT = Subject(
    slug="attio",
    running=lambda: server.running(Numbers(reads=100_000, writes=100_000)),
    account=lambda _simulator: _account(TOKEN),
    wrong=lambda _simulator: _account("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    secret=TOKEN,
    error=_error,
    examples=EXAMPLES,
    extractions={
        "fetchRecords": Extraction(
            config={"objectType": "people", "columnSelectionMode": "selected", "properties": ["job_title", "tags"]}, size=PAGE, fill=_fill
        )
    },
    listings=(Listing(name="query", size=PAGE, fill=_fill, read=_ids),),
    params={
        "listObjectProperties": {"objectType": "people"},
        "listUniqueProperties": {"objectType": "people"},
        "listOptions": {"objectType": "people", "propertyName": "tags"},
        "listListProperties": {"listId": "pipeline"},
        "recordProperties": {"objectType": "people"},
    },
)


def action(slug: str) -> ConnectorAction:
    """An action of the integration."""
    found = integrations()["attio"].action(slug)
    assert found is not None
    return found


async def output(harness: Harness, slug: str, config: JsonObject) -> Json:
    """What an action gives."""
    return (await harness.done(action(slug), config)).output


def sent(harness: Harness) -> list[str]:
    """The requests that change something, without their bodies."""
    return [f"{seen.method} {seen.path}" for seen in harness.control.sent() if seen.method != "GET" and not seen.path.endswith("/query")]
