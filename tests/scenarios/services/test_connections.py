"""Journeys with connected services: a connector's life, its secrets, and who still needs it."""

from __future__ import annotations

import json

from tests.kit.processes.real_server import RealServer
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Person

CREATE = ("connection", "connector", "create", "--integration-slug", "http", "--slug")


def slugs(person: Person, *filters: str) -> list[str]:
    return [one["slug"] for one in person("connection", "integration", "list", *filters)["integrations"]]


def test_find_an_integration(person: Person) -> None:
    for filters in (("--search", "http"), ("--category", "freeform"), ("--has-actions", "true"), ("--slug", "http")):
        assert "http" in slugs(person, *filters)
    assert slugs(person, "--search", "hubspot") == ["hubspot"] and slugs(person, "--slug", "clearbit") == ["clearbit"]
    assert "clearbit" in slugs(person, "--category", "enrichment") and "hubspot" in slugs(person, "--has-extractors", "true")
    assert slugs(person, "--search", "no such service") == []
    assert "http" not in slugs(person, "--category", "enrichment")
    found = person("connection", "integration", "get", "http")["integration"]
    assert "request" in found["actions"]
    assert person.refused("connection", "integration", "get", "nowhere")["reason"] == "integrationNotFound"
    native = person("connection", "native-integration", "get")["nativeIntegration"]["actions"]
    assert {"start", "end", "branch", "filter", "variables", "switch", "split", "delay"} <= set(native)
    assert {"agent", "python", "script"} <= set(native)
    assert not {"request", "upsertRecords"} & set(native)


def test_the_life_of_a_connector(person: Person, companies: Companies, server: RealServer) -> None:
    assert person("connection", "connector", "exists-by-slug", "--slug", "crm") == {"exists": False}
    config = json.dumps({"baseUrl": companies.url, "auth": {"kind": "bearer", "token": "s3cret-value"}})
    made = person(*CREATE, "crm", "--name", "CRM", "--config", config)["connector"]
    assert made["config"]["auth"]["token"] == "***"
    assert person("connection", "connector", "exists-by-slug", "--slug", "crm") == {"exists": True}
    again = person.refused(*CREATE, "crm", "--name", "Again")
    assert again["reason"] == "duplicateSlug" and "crm" in again["errorMessage"]
    unknown = person.refused("connection", "connector", "create", "--integration-slug", "nowhere", "--slug", "c", "--name", "C")
    assert unknown["reason"] == "integrationNotFound"
    person("connection", "connector", "update", "--uuid", made["uuid"], "--name", "CRM 2", "--rate-limit", '{"unit":"minute","max":600}')
    got = person("connection", "connector", "get", made["uuid"])["connector"]
    assert got["name"] == "CRM 2" and {"unit": "minute", "max": 600}.items() <= got["rateLimit"].items()
    assert made["uuid"] in [one["uuid"] for one in person("connection", "connector", "list", "--integration-slug", "http")["connectors"]]
    assert person("connection", "connector", "list", "--integration-slug", "slack") == {"connectors": []}

    asked = graphs.call("ask", "/companies/{{nodes.start.domain}}", ("end",), connectorUuid=made["uuid"])
    workflow = person.deployed("Uses the CRM", [graphs.start("ask"), asked, graphs.end(name="{{nodes.ask.body.name}}")])
    words = ("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", '{"domain":"acme.com"}', "--wait-until-finished")
    run = person.run(*words)
    assert json.loads(run.stdout)["runContext"]["end"] == {"name": "Acme"}
    assert "s3cret-value" not in run.stdout and "s3cret-value" not in server.tail(10_000_000)

    used = person.refused("connection", "connector", "remove", made["uuid"])
    tool = next(tool for tool in person("orchestration", "tool", "list")["tools"] if tool["workflowUuid"] == workflow)
    assert f'tool "{tool["name"]}"' in used["errorMessage"] and used["fix"] == f"cargo-ai orchestration tool get {tool['uuid']}"
    person("orchestration", "tool", "remove", tool["uuid"])
    person("connection", "connector", "remove", made["uuid"])
    assert person.refused("connection", "connector", "get", made["uuid"])["reason"] == "connectorNotFound"
    assert person("connection", "connector", "exists-by-slug", "--slug", "crm") == {"exists": False}


def test_a_private_address_that_no_one_opened_is_not_called(person: Person) -> None:
    graph = [graphs.start("ask"), graphs.call("ask", "http://10.0.0.1/secret", ("end",)), graphs.end()]
    done = person("orchestration", "run", "create", "--nodes", json.dumps(graph), "--data", "{}", "--wait-until-finished")
    assert done["run"]["status"] == "error"
    assert "CARGO_AI_OUTBOUND_ALLOW" in done["run"]["errorMessage"]
