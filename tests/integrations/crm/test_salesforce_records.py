"""Salesforce: SOQL that takes no values but as parameters, rows with results of their own, locks, limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest

from cargo_ai.engine.graph.action import Done, Failed, InvalidConfig
from cargo_ai.integrations.kit import Reading, ServiceError
from cargo_ai.integrations.salesforce.client import usage
from cargo_ai.integrations.salesforce.records import MAX_QUERY
from cargo_ai.integrations.salesforce.soql import condition_of, select
from tests.integrations.crm.salesforce_account import Salesforce, org
from tests.simulators.salesforce import server
from tests.simulators.salesforce.control import Numbers
from tests.simulators.salesforce.server import Running

Json = Any
Config = dict[str, Json]
NASTY = ("' OR Name != '", "\\' OR Name LIKE '%", "back\\slash", "quote'", 'double"', "line\nbreak\ttab", "100%_", "ünï – ✓", "\\\\'")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running(Numbers(page=50)) as running:
        yield running


@pytest.fixture
async def salesforce(simulator: Running) -> AsyncIterator[Salesforce]:
    async with org(simulator) as made:
        yield made


def _upsert(key: Json, by: str = "Domain__c", **values: Json) -> Config:
    return {"objectType": "Account", "matchingPropertyName": by, "matchingValue": key, "mappings": values}


async def test_no_value_ends_its_text_in_a_query(salesforce: Salesforce) -> None:
    for text in NASTY:
        salesforce.control.add("Account", Name=text)
    salesforce.control.add("Account", Name="Other")
    found = await salesforce.act("findRecords", *({"objectType": "Account", "propertyName": "Name", "value": text} for text in NASTY))
    for text, outcome in zip(NASTY, found, strict=True):
        assert isinstance(outcome, Done)
        output = cast("Config", outcome.output)
        assert [record["properties"]["Name"] for record in output["records"]] == [text], text
        config: Config = {"objectType": "Account", "where": "Name = :name", "parameters": {"name": text}}
        assert (await salesforce.done("searchRecords", config))["count"] == 1, text
        starts: Config = {"name": {"type": "startsWith", "value": text}}
        searched = await salesforce.done("searchRecords", {**config, "where": "Name LIKE :name", "parameters": starts})
        assert [record["properties"]["Name"] for record in searched["records"]] == [text]


def test_a_condition_takes_texts_as_parameters_only() -> None:
    for where in ("Name = 'x'", "Name = \\x", 'Name = "x"', "Name = :n) OR (Id != null", "(Name = :n"):
        with pytest.raises(InvalidConfig):
            condition_of(where, {"n": "x"})
    with pytest.raises(InvalidConfig, match="has no other"):
        condition_of("Name = :other", {"n": "x"})
    given: Config = {"n": "O'Hara", "l": ["a", 1], "d": {"type": "date", "value": "2026-11-27"}, "b": True, "z": None, "f": 0.000001}
    assert condition_of("a = :n OR b IN :l AND c = :d AND e = :b AND f = :z AND g > :f", given) == (
        "(a = 'O\\'Hara' OR b IN ('a',1) AND c = 2026-11-27 AND e = true AND f = null AND g > 0.000001)"
    )
    date = {"type": "date", "value": "2026-11-27 OR Id != null"}
    unusable: Config = {"a": date, "b": {"type": "datetime", "value": "x"}, "c": {"type": "raw", "value": "x"}, "d": [], "e": [["x"]]}
    for name in unusable:
        with pytest.raises(InvalidConfig):
            condition_of(f"c = :{name}", unusable)


def test_names_that_are_none_do_not_get_into_a_query() -> None:
    for name in ("Name FROM User", "Na'me", "(SELECT Id FROM Contacts)", "a.b.c.d.e.f.g", "", "Name--"):
        with pytest.raises(InvalidConfig):
            select([name], "Account")
        with pytest.raises(InvalidConfig):
            select(["Name"], name)


async def test_numbers_dates_and_ids_are_compared_as_what_they_are(salesforce: Salesforce) -> None:
    record = salesforce.control.add("Account", Name="Acme", AnnualRevenue=12.0, Renewal__c="2026-12-01", Active__c=True)
    for by, value in (("AnnualRevenue", 12), ("AnnualRevenue", "12.0"), ("Renewal__c", "2026-12-01"), ("Id", record), ("Id", record[:15])):
        config = {"objectType": "Account", "matchingPropertyName": by, "matchingValue": value}
        assert (await salesforce.done("matchRecord", config))["recordIds"] == [record], by
    for by, value in (("AnnualRevenue", "12 OR Id != null"), ("Renewal__c", "soon"), ("Id", "x' OR Id != '"), ("Description", "x")):
        failure = await salesforce.failed("matchRecord", {"objectType": "Account", "matchingPropertyName": by, "matchingValue": value})
        assert failure.reason == "invalidConfig" and by in failure.message
    assert "no field Nmae" in (await salesforce.failed("matchRecord", {**config, "matchingPropertyName": "Nmae"})).message
    assert "no object Acount" in (await salesforce.failed("matchRecord", {**config, "objectType": "Acount"})).message


async def test_many_values_go_in_queries_that_fit_into_an_address(salesforce: Salesforce) -> None:
    names = [f"{'ü' * 60} {number}" for number in range(200)]
    for name in names:
        salesforce.control.add("Account", Name=name)
    matching: Config = {"objectType": "Account", "matchingPropertyName": "Name", "properties": ["Name"]}
    outcomes = await salesforce.act("findRecord", *({**matching, "matchingValue": name} for name in names))
    got = [cast("Config", outcome.output)["record"]["properties"]["Name"] for outcome in outcomes if isinstance(outcome, Done)]
    assert got == names
    queries = salesforce.control.sent("GET", "/query$")
    assert 1 < len(queries) < 20 and max(len(seen.query) for seen in queries) <= MAX_QUERY + len("q=")


async def test_two_hundred_rows_are_upserted_by_one_call_with_results_in_their_order(salesforce: Salesforce) -> None:
    salesforce.control.add("Account", Name="Old", Domain__c="7.example.com")
    configs = [_upsert(f"{number}.example.com", Name=f"Account {number}") for number in range(200)]
    configs[3]["mappings"] = {"Industry": "Unknown"}
    configs[4]["mappings"] = {"Industry": "Technology"}
    outcomes = await salesforce.act("upsertRecords", *configs)
    assert len(salesforce.control.sent("PATCH")) == 1
    refused, missing, changed = outcomes[3], outcomes[4], outcomes[7]
    assert isinstance(refused, Failed) and "bad value for restricted picklist" in refused.message and not refused.transient
    assert isinstance(missing, Failed) and "REQUIRED_FIELD_MISSING" in missing.message
    assert isinstance(changed, Done) and cast("Config", changed.output)["operation"] == "updated"
    kept = {record["Id"]: record["Domain__c"] for record in salesforce.control.org.objects["Account"].records.values()}
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Done):
            assert kept[cast("Config", outcome.output)["recordId"]] == f"{number}.example.com"
    assert len(kept) == 198


async def test_two_rows_of_one_key_are_written_one_after_the_other(salesforce: Salesforce) -> None:
    outcomes = await salesforce.act("upsertRecords", _upsert("ACME.com", Name="First"), _upsert("acme.com", Name="Second"))
    assert [cast("Config", outcome.output)["operation"] for outcome in outcomes if isinstance(outcome, Done)] == ["created", "updated"]
    assert [record["Name"] for record in salesforce.control.values("Account")] == ["Second"]


async def test_without_an_external_id_records_are_read_and_what_differs_is_written(salesforce: Salesforce) -> None:
    same = salesforce.control.add("Account", Name="Acme", BillingCity="Bonn", AnnualRevenue=5.0)
    salesforce.control.add("Account", Name="Beta", BillingCity="Bonn")
    salesforce.control.add("Account", Name="Twice")
    salesforce.control.add("Account", Name="Twice")
    outcomes = await salesforce.act(
        "upsertRecords",
        _upsert("acme", "Name", BillingCity="Bonn", AnnualRevenue="5"),
        _upsert("Beta", "Name", BillingCity="Ulm"),
        _upsert("Gamma", "Name", BillingCity="Kiel"),
        _upsert("Twice", "Name", BillingCity="Kiel"),
    )
    assert [cast("Config", one.output)["operation"] for one in outcomes if isinstance(one, Done)] == ["unchanged", "updated", "created"]
    assert isinstance(outcomes[0], Done) and cast("Config", outcomes[0].output)["recordId"] == same
    assert isinstance(outcomes[3], Failed) and outcomes[3].reason == "ambiguous"


async def test_match_policies_never_create_or_never_change(salesforce: Salesforce) -> None:
    salesforce.control.add("Account", Name="Acme", Domain__c="acme.com", BillingCity="Bonn")
    before = salesforce.control.values("Account")
    only = await salesforce.done("upsertRecords", _upsert("beta.com", Name="Beta") | {"matchPolicy": "updateOnly"})
    never = await salesforce.done("upsertRecords", _upsert("acme.com", BillingCity="Ulm") | {"matchPolicy": "createOnly"})
    assert (only["operation"], never["operation"], never["reason"]) == ("skipped", "skipped", "The record exists.")
    assert salesforce.control.values("Account") == before
    cleared = await salesforce.done("upsertRecords", _upsert("acme.com", BillingCity="") | {"writeNulls": True})
    assert cleared["operation"] == "updated" and "BillingCity" not in salesforce.control.values("Account")[0]


async def test_every_record_with_a_value_is_updated(salesforce: Salesforce) -> None:
    for number in range(3):
        salesforce.control.add("Account", Name=f"Account {number}", BillingCity="Bonn", Legacy__c="l" if number else None)
    output = await salesforce.done("updateRecords", _upsert("Bonn", "BillingCity", AnnualRevenue=7, Regions__c=["EMEA", "APAC"]))
    assert output["operation"] == "updated" and len(output["recordIds"]) == 3
    assert {(one["AnnualRevenue"], one["Regions__c"]) for one in salesforce.control.values("Account")} == {(7.0, "EMEA;APAC")}


async def test_a_parent_is_named_by_an_external_id_of_its_own(salesforce: Salesforce) -> None:
    account = salesforce.control.add("Account", Name="Acme", Domain__c="acme.com")
    mappings: Config = {"LastName": "Lovelace", "Email": "ada@acme.com", "Account": {"Domain__c": "acme.com"}}
    config: Config = {"objectType": "Contact", "matchingPropertyName": "Number__c", "matchingValue": 4711, "mappings": mappings}
    assert (await salesforce.done("upsertRecords", config))["operation"] == "created"
    assert salesforce.control.values("Contact")[0]["AccountId"] == account
    search: Config = {"objectType": "Contact", "where": "Account.Domain__c = :d", "parameters": {"d": "acme.com"}}
    found = await salesforce.done("searchRecords", {**search, "properties": ["Email", "Account.Name"]})
    assert found["records"][0]["properties"]["Account"]["Name"] == "Acme"
    lost = await salesforce.failed("upsertRecords", {**config, "mappings": {**mappings, "Account": {"Domain__c": "no.com"}}})
    assert "Foreign key external ID" in lost.message


async def test_a_locked_record_may_be_tried_again_alone(salesforce: Salesforce) -> None:
    locked = salesforce.control.add("Account", Name="Acme", Domain__c="acme.com")
    salesforce.control.locked.add(locked)
    first, second = await salesforce.act("upsertRecords", _upsert("acme.com", Name="A"), _upsert("beta.com", Name="B"))
    assert isinstance(first, Failed) and first.transient and first.reason == "locked"
    assert isinstance(second, Done)
    assert (await salesforce.done("upsertRecords", _upsert("acme.com", Name="A")))["operation"] == "updated"


async def test_a_column_that_fails_the_whole_request_is_an_error_of_all(salesforce: Salesforce) -> None:
    salesforce.control.strict_columns = True
    with pytest.raises(ServiceError) as refused:
        await salesforce.act("insertRecord", {"objectType": "Account", "mappings": {"Name": "A", "Nope__c": 1}})
    assert refused.value.rejects and "INVALID_FIELD" in refused.value.message


async def test_a_record_that_is_gone_is_deleted_without_an_error(salesforce: Salesforce) -> None:
    record = salesforce.control.add("Account", Name="Acme")
    both = await salesforce.act("deleteRecord", *({"objectType": "Account", "recordId": key} for key in (record, record[:15])))
    assert [cast("Config", one.output)["operation"] for one in both if isinstance(one, Done)] == ["deleted", "deleted"]
    assert (await salesforce.done("deleteRecord", {"objectType": "Account", "recordId": record}))["operation"] == "skipped"
    assert (await salesforce.failed("deleteRecord", {"objectType": "Account", "recordId": "../x"})).reason == "invalidConfig"


async def test_pages_are_read_until_there_are_enough(salesforce: Salesforce) -> None:
    for number in range(120):
        salesforce.control.add("Account", Name=f"Account {number:03d}")
    sorts = [{"propertyName": "Name", "direction": "DESC"}]
    found = await salesforce.done("searchRecords", {"objectType": "Account", "sorts": sorts, "limit": 110})
    assert found["count"] == found["total"] == 110 and found["records"][0]["properties"]["Name"] == "Account 119"
    assert len(salesforce.control.sent("GET", "/query")) == 3


@pytest.mark.parametrize(
    ("said", "reason", "least"),
    [
        ("TotalRequests Limit exceeded.", "The org's calls of the last 24 hours are used up", 900.0),
        ("ConcurrentPerOrgLongTxn Limit exceeded", "Too many long calls go on at once", 10.0),
    ],
)
async def test_403_request_limit_exceeded_waits_and_is_no_lack_of_permission(
    salesforce: Salesforce, said: str, reason: str, least: float
) -> None:
    salesforce.control.fail(status=403, times=9, path="/query$", body=[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": said}])
    failure = await salesforce.failed("searchRecords", {"objectType": "Account", "properties": ["Name"]})
    assert failure.transient and failure.reason == "rateLimited" and reason in failure.message and failure.retry_after == least


async def test_what_answers_say_of_the_days_calls_is_read(salesforce: Salesforce) -> None:
    answer = await salesforce.service().get("/services/data/v67.0")
    assert usage(answer.headers) == Reading(14_999, 15_000)
    assert usage({"sforce-limit-info": "per-app-api-usage=17/250(appName=a); api-usage=18/5000"}) == Reading(4_982, 5_000)
    assert usage({"sforce-limit-info": "per-app-api-usage=17/250(appName=a)"}) is None and usage({}) is None


async def test_forms_offer_external_ids_and_choices_and_know_the_types(salesforce: Salesforce) -> None:
    parts, form = salesforce.integration.autocompletes, salesforce.form()
    unique = await parts["listUniqueProperties"].perform(form, {"objectType": "Account"}, None)
    assert {choice.value for choice in unique} == {"Id", "Domain__c", "Legacy__c"}
    choices = await parts["listPicklistValues"].perform(form, {"objectType": "Account", "propertyName": "Industry"}, "tech")
    assert [choice.value for choice in choices] == ["Technology"]
    schema, _ = await salesforce.integration.schemas["recordProperties"].perform(form, {"objectType": "Account"})
    assert "Id" not in schema["properties"] and schema["properties"]["Renewal__c"]["format"] == "date"
