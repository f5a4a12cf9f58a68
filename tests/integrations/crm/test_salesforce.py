"""Salesforce conforms. What is special about it is in test_salesforce_records.py."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.kit import Service
from cargo_ai.integrations.salesforce.records import query
from tests.kit.conformance.subject import Example, Extraction, Listing, Simulator, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.salesforce import server
from tests.simulators.salesforce.control import TOKEN, Control, Numbers
from tests.simulators.salesforce.org import id_of

Json = Any
JsonObject = dict[str, Json]
FIRST = id_of("001", 1)
PAGE = 50


def _account(simulator: Simulator, token: str) -> JsonObject:
    return {"method": "accessToken", "domain": simulator.url, "sessionToken": token}


def _error(status: int, sentence: str) -> JsonObject:
    codes = {401: "INVALID_SESSION_ID", 403: "INSUFFICIENT_ACCESS", 404: "NOT_FOUND", 429: "REQUEST_LIMIT_EXCEEDED"}
    body: Json = [{"message": sentence, "errorCode": codes.get(status, "UNKNOWN_EXCEPTION"), "fields": []}]
    return body


def _accounts(control: Control) -> Json:
    return control.values("Account")


def _one(control: Control) -> None:
    control.add("Account", Name="Acme", Domain__c="acme.com", BillingCity="Bonn", AnnualRevenue=1.0)


def _upsert(**values: Json) -> JsonObject:
    return {"objectType": "Account", "matchingPropertyName": "Domain__c", "matchingValue": "acme.com", "mappings": values}


def _insert(**values: Json) -> JsonObject:
    return {"objectType": "Account", "mappings": values}


_BY_DOMAIN: JsonObject = {"objectType": "Account", "matchingPropertyName": "Domain__c", "matchingValue": "acme.com"}
_QUERY = ("GET", "/query$")

EXAMPLES = {
    "upsertRecords": Example(
        config=_upsert(Name="Acme", BillingCity="Ulm"),
        given=_one,
        effect=_accounts,
        call=("PATCH", "/composite/sobjects/Account/Domain__c$"),
        rejected=_upsert(No_Such__c="1") | {"matchingValue": "other.com"},
        says="'No_Such__c'",
        nulls=_upsert(Name="Acme", BillingCity=None),
        row=lambda number: _upsert(Name="Row") | {"matchingValue": f"row-{number}.example.com"},
    ),
    "updateRecords": Example(
        config=_upsert(BillingCity="Ulm", AnnualRevenue=2),
        given=_one,
        effect=_accounts,
        call=("PATCH", "/composite/sobjects$"),
        rejected=_upsert(No_Such__c="1"),
        says="'No_Such__c'",
        nulls=_upsert(BillingCity="Ulm", AnnualRevenue=None),
    ),
    "insertRecord": Example(
        config=_insert(Name="Beta", BillingCity=None),
        effect=_accounts,
        call=("POST", "/composite/sobjects$"),
        rejected=_insert(Name="Beta", No_Such__c="1"),
        says="'No_Such__c'",
        row=lambda number: _insert(Name=f"row-{number}."),
    ),
    "deleteRecord": Example(
        config={"objectType": "Account", "recordId": FIRST},
        given=_one,
        effect=_accounts,
        call=("DELETE", "/composite/sobjects$"),
    ),
    "findRecord": Example(config=_BY_DOMAIN, given=_one, effect=_accounts, call=_QUERY),
    "matchRecord": Example(config=_BY_DOMAIN, given=_one, effect=_accounts, call=_QUERY),
    "findRecords": Example(
        config={"objectType": "Account", "propertyName": "BillingCity", "value": "Bonn"}, given=_one, effect=_accounts, call=_QUERY
    ),
    "searchRecords": Example(
        config={
            "objectType": "Account",
            "where": "BillingCity = :city",
            "parameters": {"city": "Bonn"},
            "properties": ["Name", "BillingCity"],
        },
        given=_one,
        effect=_accounts,
        call=_QUERY,
        rejected={"objectType": "Account", "where": "No_Such__c = 1"},
        says="'No_Such__c'",
    ),
}


def _fill(control: Control, count: int) -> list[str]:
    return [control.add("Account", Name=f"Account {number}") for number in range(count)]


def _fill_long_ago(control: Control, count: int) -> list[str]:
    filled = _fill(control, count)
    for record in control.org.objects["Account"].records.values():
        record["SystemModstamp"] = "2026-01-01T00:00:00.000+0000"
    return filled


async def _ids(service: Service) -> AsyncIterator[str]:
    async for page in query(service, "SELECT Id FROM Account ORDER BY Id"):
        for record in page.items:
            yield str(record["Id"])


class TestSalesforce(IntegrationConformance):
    """Accounts in a simulator whose limits are out of the way."""

    subject = Subject(
        slug="salesforce",
        running=lambda: server.running(Numbers(page=PAGE, calls=1_000_000)),
        account=lambda simulator: _account(simulator, TOKEN),
        wrong=lambda simulator: _account(simulator, "00D5g000000Simu!a-session-that-is-over"),
        secret=TOKEN,
        error=_error,
        examples=EXAMPLES,
        extractions={
            "fetchRecords": Extraction(
                config={"objectType": "Account", "columnSelectionMode": "selected", "properties": ["Name", "BillingCity", "AnnualRevenue"]},
                size=PAGE,
                fill=_fill_long_ago,
                change=lambda control, uid: control.org.objects["Account"].change(uid, {"BillingCity": "Ulm"}),
                remove=lambda control, uid: control.org.objects["Account"].delete(uid),
            )
        },
        listings=(Listing(name="query", size=PAGE, fill=_fill, read=_ids),),
        params={
            "listObjectProperties": {"objectType": "Account"},
            "listUniqueProperties": {"objectType": "Account"},
            "listPicklistValues": {"objectType": "Account", "propertyName": "Industry"},
            "recordProperties": {"objectType": "Account"},
        },
    )
