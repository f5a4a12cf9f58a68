"""Journeys with Clearbit, as documents have them: another service answers, and says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person
from tests.simulators.people_data_labs.server import Running

Json = dict[str, Any]
ACTION: Json = {"kind": "connector", "integrationSlug": "clearbit", "actionSlug": "company_enrich", "config": {}}
EXECUTE = ("orchestration", "action", "execute", "--data", '{"domain":"acme.com"}', "--wait-until-finished", "--action")


@pytest.fixture(autouse=True)
def acme(enrichment_service: Running) -> None:
    """The company of the documents is known."""
    enrichment_service.control.reset()
    enrichment_service.control.add_company("acme corporation", "acme.com", industry="machinery", employee_count=120)


def answering(person: Person, service: Running) -> str:
    """A connector of the service that answers; its uuid."""
    config = json.dumps({"apiKey": service.key})
    words = ("connection", "connector", "create", "--integration-slug", "peopleDataLabs", "--slug", "pdl", "--name", "Our data")
    return str(person(*words, "--config", config)["connector"]["uuid"])


def output_of(done: Json) -> Json:
    """What the one node that acts gave."""
    outputs: list[Json] = [value for value in done["runContext"].values() if "answeredBy" in value]
    assert len(outputs) == 1
    return outputs[0]


def test_enrich_one_company_with_clearbit(person: Person, enrichment_service: Running) -> None:
    shown = person("connection", "integration", "get", "clearbit")["integration"]
    assert {"company_enrich", "enrichCompany", "enrichCompanyFromDomain"} <= set(shown["actions"])
    assert "takes no new customers" in person.run("connection", "integration", "get-documentation", "clearbit").stdout

    without = person(*EXECUTE, json.dumps(ACTION))
    assert without["run"]["status"] == "error" and "connector create --integration-slug peopleDataLabs" in without["run"]["errorMessage"]

    uuid = answering(person, enrichment_service)
    try:
        for action in (ACTION, {name: value for name, value in ACTION.items() if name != "config"}):
            done = person(*EXECUTE, json.dumps(action))
            assert done["run"]["status"] == "success" and done["run"]["finishedAt"]
            output = output_of(done)
            assert (output["name"], output["category"]["industry"]) == ("acme corporation", "machinery")
            assert output["metrics"]["employeesRange"] == "51-250" and output["answeredBy"]["connectorUuid"] == uuid

        enrich = graphs.node("enrich_company", "company_enrich", {"domain": graphs.template("{{nodes.start.domain}}")}, ("end",))
        enrich |= {"kind": "connector", "integrationSlug": "clearbit"}
        graph = [graphs.start("enrich_company"), enrich, graphs.end(company_name="{{nodes.enrich_company.name}}")]
        words = ("orchestration", "run", "create", "--data", '{"domain":"acme.com"}', "--wait-until-finished", "--nodes")
        run = person(*words, json.dumps(graph))
        assert run["runContext"]["end"] == {"company_name": "acme corporation"}
        assert run["runComputedConfigs"]["enrich_company"]["domain"] == "acme.com"
        assert enrichment_service.control.charged == {"enrich_company": 3}
    finally:
        person("connection", "connector", "remove", uuid)


@pytest.mark.slow
def test_the_life_of_a_connector_of_clearbit(person: Person, enrichment_service: Running) -> None:
    made = person("connection", "connector", "create", "--integration-slug", "clearbit", "--slug", "c1", "--name", "Clearbit")["connector"]
    assert person("connection", "connector", "exists-by-slug", "--slug", "c1") == {"exists": True}
    person("connection", "connector", "update", "--uuid", made["uuid"], "--config", '{"apiKey":"k"}')
    listed = person("connection", "connector", "list", "--integration-slug", "clearbit")["connectors"]
    assert [(one["uuid"], one["config"]["apiKey"]) for one in listed] == [(made["uuid"], "***")]

    uuid = answering(person, enrichment_service)
    try:
        person("connection", "connector", "update", "--uuid", made["uuid"], "--config", json.dumps({"connectorUuid": uuid}))
        assert output_of(person(*EXECUTE, json.dumps(ACTION)))["answeredBy"]["connectorUuid"] == uuid
    finally:
        person("connection", "connector", "remove", uuid)
        person("connection", "connector", "remove", made["uuid"])
