"""Journeys with a CRM: connect HubSpot, look around in the account, write a batch of records into it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.processes.real_server import RealServer
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person
from tests.simulators.hubspot.properties import Property
from tests.simulators.hubspot.server import Running

KEY = "HUBSPOT_KEY"


@pytest.fixture
def connector(person: Person, hubspot_service: Running, request: pytest.FixtureRequest) -> str:
    """A connector to a new account, made with its key from a variable."""
    hubspot_service.control.reset()
    person.environment[KEY] = hubspot_service.key
    slug = f"crm-{abs(hash(request.node.name)) % 10_000_000}"
    words = ("connection", "connector", "create", "--integration-slug", "hubspot", "--slug", slug, "--name", "CRM")
    made = person(*words, "--config", '{"method":"privateApp"}', "--secret", f"accessToken=env:{KEY}")
    return str(made["connector"]["uuid"])


@pytest.mark.slow
def test_look_around_in_an_account(person: Person, connector: str) -> None:
    integration = person("connection", "integration", "get", "hubspot")["integration"]
    ui_schema = json.dumps(integration["actions"]["upsertRecords"]["config"]["uiSchema"])
    assert "listObjects" in ui_schema and "listObjectProperties" in ui_schema
    ask = ("connection", "connector", "autocomplete", "--connector-uuid", connector, "--slug")
    objects = person(*ask, "listObjects", "--params", "{}")["results"]
    assert {"label": "Contacts", "value": "contacts"} in objects
    found = person(*ask, "listObjectProperties", "--params", '{"objectType":"contacts"}', "--value", "email", "--refresh")["results"]
    assert "email" in [choice["value"] for choice in found]
    assert "Invalid autocomplete params" in person.refused(*ask, "listObjectProperties", "--params", "{}")["errorMessage"]
    assert person.refused(*ask, "listNothing", "--params", "{}")["reason"] == "failedToGetIntegration"
    unknown = ("connection", "connector", "autocomplete", "--connector-uuid", "0198c5f0-0000-7000-8000-00000000ffff", "--slug")
    assert person.refused(*unknown, "listObjects", "--params", "{}")["reason"] == "connectorNotFound"
    words = ("connection", "connector", "get-dynamic-schema", "--connector-uuid", connector, "--slug", "recordProperties", "--params")
    assert "dealname" in person(*words, '{"objectType":"deals"}')["schema"]["properties"]


def test_a_wrong_key_is_refused_before_anything_is_stored(person: Person, hubspot_service: Running) -> None:
    hubspot_service.control.reset()
    words = ("connection", "connector", "create", "--integration-slug", "hubspot", "--slug", "wrong", "--name", "CRM", "--config")
    refused = person.refused(*words, '{"method":"privateApp","accessToken":"pat-na1-no-such-key"}')
    assert refused["reason"] == "verificationFailed" and "Authentication credentials not found" in refused["errorMessage"]
    assert person("connection", "connector", "exists-by-slug", "--slug", "wrong") == {"exists": False}


def upsert(connector: str, **mappings: str) -> list[dict[str, Any]]:
    config = {"objectType": "contacts", "matchingPropertyName": "email", "matchingValue": "{{nodes.start.email}}", "mappings": mappings}
    connected = {"kind": "connector", "integrationSlug": "hubspot", "connectorUuid": connector}
    write = graphs.node("write", "upsertRecords", config, ("end",), **connected)
    return [graphs.start("write"), write, graphs.end(id="{{nodes.write.recordId}}")]


@pytest.mark.slow
def test_a_batch_is_written_in_few_calls_and_bad_rows_fail_alone(
    person: Person, connector: str, hubspot_service: Running, server: RealServer
) -> None:
    records: list[dict[str, Any]] = [{"email": f"p{number}@example.com", "city": None if number % 2 else "Ulm"} for number in range(500)]
    records += [{"email": ""}, {"email": "no address", "city": "Ulm"}, {"email": "P1@example.com", "city": "Bonn"}]
    workflow = person.deployed("Write contacts", upsert(connector, city="{{nodes.start.city}}"))
    data = json.dumps({"kind": "records", "records": records})
    words = ("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", "-", "--wait-until-finished")
    batch = json.loads(person.run(*words, stdin=data).stdout)["batch"]
    assert (batch["status"], batch["executedRunsCount"], batch["failedRunsCount"]) == ("success", 503, 2)
    contacts = hubspot_service.control.account.type_named("contacts").records.values()
    assert len(contacts) == 500
    assert {record.values.get("city") for record in contacts} == {"Ulm", "Bonn", None}
    calls = hubspot_service.control.sent("POST", "contacts/batch/upsert$")
    assert len(calls) <= 15 and all(call.status in (200, 207) for call in calls)
    said = [error["errorMessage"] for error in person("orchestration", "run", "get-errors", "--workflow-uuid", workflow)["runErrors"]]
    assert any("no address is invalid" in text for text in said) and any("`matchingValue` is empty" in text for text in said)
    rows = person(
        "orchestration", "query", "execute", "SELECT operation, count() AS n FROM row_results GROUP BY operation ORDER BY operation"
    )
    assert {row["operation"]: row["n"] for row in rows["rows"]} == {"created": 500, "failed": 2, "updated": 1}
    assert hubspot_service.key not in server.tail(10_000_000)


@pytest.mark.slow
def test_a_property_that_the_account_lacks_is_named(person: Person, connector: str, hubspot_service: Running) -> None:
    graph = json.dumps(upsert(connector, no_such_field="x"))
    words = ("orchestration", "run", "create", "--nodes", graph, "--data", '{"email":"a@example.com"}', "--wait-until-finished")
    run = person(*words)["run"]
    assert (run["status"], 'Property "no_such_field" does not exist' in run["errorMessage"]) == ("error", True)
    assert not hubspot_service.control.account.type_named("contacts").records


@pytest.mark.slow
def test_only_the_failed_rows_of_a_batch_are_written_again(person: Person, connector: str, hubspot_service: Running) -> None:
    workflow = person.deployed("Write tiers", upsert(connector, city="Ulm", tier="{{nodes.start.tier}}"))
    records = [{"email": f"r{number}@example.com", "tier": "A" if number % 5 == 0 else None} for number in range(50)]
    data = json.dumps({"kind": "records", "records": records})
    words = ("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", data, "--wait-until-finished")
    batch = person(*words)["batch"]
    assert (batch["executedRunsCount"], batch["failedRunsCount"]) == (50, 10)
    select = "SELECT record_id, operation, status, reason, message, external_id, written_at FROM row_results WHERE batch_uuid = "
    results = person("orchestration", "query", "execute", f"{select}'{batch['uuid']}' ORDER BY record_id")["rows"]
    assert len(results) == 50 and all(row["written_at"] for row in results)
    failed = [row for row in results if row["status"] == "error"]
    assert {(row["operation"], row["reason"], row["external_id"]) for row in failed} == {("failed", "invalidRequest", None)}
    assert len(failed) == 10 and all('"tier" does not exist' in row["message"] for row in failed)
    assert all(row["external_id"] for row in results if row["operation"] == "created")

    contacts = hubspot_service.control.account.type_named("contacts")
    contacts.add_property(Property("tier", "Tier"))
    before = len(hubspot_service.control.sent("POST", "contacts/batch/upsert$"))
    again = person(
        "orchestration", "batch", "replay", batch["uuid"], "--from-node", "write", "--statuses", "error", "--wait-until-finished"
    )
    assert (again["batch"]["runsCount"], again["batch"]["failedRunsCount"]) == (10, 0)
    sent = hubspot_service.control.sent("POST", "contacts/batch/upsert$")[before:]
    assert sorted(row["id"] for call in sent for row in call.body["inputs"]) == sorted(f"r{at}@example.com" for at in range(0, 50, 5))
    assert sum(record.values.get("tier") == "A" for record in contacts.records.values()) == 10
    results = person("orchestration", "query", "execute", f"{select}'{again['batch']['uuid']}'")["rows"]
    assert {(row["operation"], row["status"]) for row in results} == {("created", "success")} and len(results) == 10
