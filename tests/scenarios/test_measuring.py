"""Measuring and paying, finding an action by words, and what a session leaves behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.kit.processes.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Person

USAGE = ("billing", "usage", "get-metrics")


def today() -> tuple[str, ...]:
    date = datetime.now(UTC).date().isoformat()
    return ("--from", date, "--to", date)


def test_a_monthly_report(person: Person) -> None:
    january = (*USAGE, "--from", "2025-01-01", "--to", "2025-01-31")
    assert person(*january)["metrics"] is not None
    for group in ("workflow_uuid", "connector_uuid", "model_uuid", "integration_slug", "agent_uuid"):
        assert "metrics" in person(*january, "--group-by", group)
    uuid = "0198c0de-0000-7000-8000-000000000001"
    by = ("--workflow-uuid", uuid, "--agent-uuid", uuid, "--connector-uuid", uuid, "--integration-slug", "http", "--unit", "credits")
    assert person(*january, *by, "--group-by", "agent_uuid")["totalUsage"] == 0
    subscription = person("billing", "subscription", "get")["subscription"]
    assert {"subscriptionAvailableCreditsCount", "subscriptionCreditsUsedCount"} <= set(subscription)
    assert person("billing", "subscription", "get-invoices")["invoices"] == []
    assert person("billing", "subscription", "get-credit-card")["creditCard"] is None
    assert person.refused("billing", "subscription", "create-portal-session")["errorMessage"]
    rules = json.dumps([{"effect": "allow", "actions": ["orchestration:read"]}])
    token = person("workspace", "token", "create", "--name", "no admin", "--permissions", rules)["token"]["token"]
    reader = Person(person.home, person.environment["CARGO_API_URL"], token)
    assert reader.refused(*january, code=4)["reason"] == "forbidden"


@pytest.mark.slow
def test_what_a_batch_will_use_is_measured_by_one_run(person: Person, server: RealServer) -> None:
    person.environment["CARGO_API_TOKEN"] = new_workspace(server, "Estimates")
    workflow = person.deployed("Priced", [graphs.start("end"), graphs.end(x="1")])
    of_workflow = (*USAGE, *today(), "--workflow-uuid", workflow, "--unit", "orchestration.executions")

    def used() -> float:
        return sum(item["count"] for day in person(*of_workflow)["metrics"] for item in day["items"])

    person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", "{}", "--wait-until-finished")
    per_run = used()
    assert per_run > 0
    data = json.dumps({"kind": "records", "records": [{}, {}, {}]})
    person("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", data, "--wait-until-finished")
    assert used() == 4 * per_run


@pytest.mark.slow
def test_executions_are_counted_by_the_connector_that_was_used_with_its_name(
    person: Person, server: RealServer, companies: Companies
) -> None:
    person.environment["CARGO_API_TOKEN"] = new_workspace(server, "By connector")
    made = person("connection", "connector", "create", "--integration-slug", "http", "--slug", "web", "--name", "The default")["connector"]
    workflow = person.deployed("Enriches", graphs.enrich(companies.url))
    person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", '{"domain":"acme.com"}', "--wait-until-finished")
    report = (*USAGE, *today(), "--unit", "orchestration.executions", "--group-by")
    for group, uuid, name in (("connector_uuid", made["uuid"], "The default"), ("workflow_uuid", workflow, "Enriches")):
        items = [item for day in person(*report, group)["metrics"] for item in day["items"]]
        assert (uuid, name) in {(item["groupBy"], item["groupName"]) for item in items}


@pytest.mark.slow
def test_an_action_is_found_by_words_and_executed_as_it_was_found(person: Person, companies: Companies) -> None:
    listed = person("orchestration", "action", "list", "http request", "--kind", "connector", "--limit", "5")["results"]
    found = next(one for one in listed if one["action"]["integrationSlug"] == "http")
    assert "credits" in found
    action = json.dumps(found["action"] | {"connectorUuid": None})
    assert person("orchestration", "action", "get-output-schema", "--action", action)["schema"]["type"] == "object"
    data = json.dumps({"url": f"{companies.url}/companies/acme.com"})
    run = person("orchestration", "action", "execute", "--action", action, "--data", data, "--wait-until-finished")["run"]
    assert run["status"] == "success"
    searched = person("connection", "action", "search", "http request", "--integration", "http")["results"]
    assert searched[0]["action"]["actionSlug"] == "request"


@pytest.mark.slow
def test_a_session_is_one_row_and_a_report_is_kept(person: Person) -> None:
    row = ("workspaceManagement", "session", "upsert", "--session-id", "s1", "--title", "t", "--summary", "x")
    first, second = person(*row)["session"], person(*row)["session"]
    assert first["uuid"] == second["uuid"] and second["finishedAt"] is None
    assert person(*row, "--finished")["session"]["finishedAt"]
    person("workspaceManagement", "report", "create", "--title", "Slow", "--description", "The list is slow.")
    assert "Slow" in [report["title"] for report in person("workspace", "report", "list")["reports"]]
