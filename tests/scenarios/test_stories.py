"""Whole stories: looking around in a workspace, a list enriched and pushed to a CRM, and a play from a template that scores what lands."""

from __future__ import annotations

import json

from tests.kit.peers.fake_api import Answer, fake_api
from tests.kit.processes.real_server import RealServer, wait_until
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Json, Person

EVERYTHING = '{"conjonction":"and","groups":[]}'
BATCH = ("orchestration", "batch", "create", "--wait-until-finished")


def leads(person: Person, slug: str, **columns: str) -> str:
    """The uuid of a fresh model of leads, distinguished by their e-mail address."""
    dataset = person("storage", "dataset", "list")["datasets"][0]["uuid"]
    named = [{"slug": name, "type": kind, "label": name} for name, kind in columns.items()]
    config = json.dumps({"columns": named, "idColumnSlug": "email"})
    made = ("storage", "model", "create", "--slug", slug, "--name", slug, "--dataset-uuid", dataset)
    return str(person(*made, "--extractor-slug", "defineObject", "--config", config)["model"]["uuid"])


def test_a_first_look_around(person: Person, server: RealServer) -> None:
    person.environment["CARGO_API_TOKEN"] = new_workspace(server, "Looking")
    assert person("whoami")["workspace"]["name"] == "Looking"
    model = leads(person, "leads", email="string")
    play = person("orchestration", "play", "create", "--name", "Welcome", "--model-uuid", model)["play"]
    tool = person("orchestration", "tool", "create", "--name", "Enrich")["tool"]
    person("segmentation", "segment", "create", "--name", "All", "--model-uuid", model, "--filter", EVERYTHING)

    (listed,) = person("orchestration", "play", "list")["plays"]
    assert listed["name"] == "Welcome" and {"workflowUuid", "modelUuid", "segmentUuid"} <= set(listed)
    assert [(one["name"], one["workflowUuid"]) for one in person("orchestration", "tool", "list")["tools"]] == [
        ("Enrich", tool["workflowUuid"])
    ]
    assert [one["uuid"] for one in person("storage", "model", "list")["models"]] == [model]
    assert {"ddl", "language"} <= set(person("storage", "model", "get-ddl", model))
    assert person("connection", "connector", "list")["connectors"] == [] and person("ai", "agent", "list")["agents"] == []
    assert {one["modelUuid"] for one in person("segmentation", "segment", "list")["segments"]} == {model}
    workflows = person("orchestration", "workflow", "list")["workflows"]
    owners = {one["uuid"]: (one["playUuid"], one["toolUuid"]) for one in workflows}
    assert owners == {play["workflowUuid"]: (play["uuid"], None), tool["workflowUuid"]: (None, tool["uuid"])}
    assert all("name" not in one for one in workflows)


def test_a_list_is_enriched_and_pushed_to_a_crm(person: Person, companies: Companies) -> None:
    with fake_api() as crm:
        crm.on("POST", "/accounts", Answer(201, {"id": "crm-1"}))
        config = json.dumps({"baseUrl": crm.url, "auth": {"kind": "bearer", "token": "s3cret"}})
        words = (
            "connection",
            "connector",
            "create",
            "--integration-slug",
            "http",
            "--slug",
            "story_crm",
            "--name",
            "CRM",
            "--config",
            config,
        )
        connector = person(*words)["connector"]["uuid"]
        assert connector in [one["uuid"] for one in person("connection", "connector", "list", "--integration-slug", "http")["connectors"]]
        assert "request" in person("connection", "integration", "get", "http")["integration"]["actions"]
        ask = graphs.call("company", companies.url + "/companies/{{nodes.start.domain}}", ("push",))
        body = {"name": graphs.template("{{nodes.company.body.name}}"), "domain": graphs.template("{{nodes.start.domain}}")}
        more: Json = {"kind": "connector", "integrationSlug": "http", "connectorUuid": connector}
        push = graphs.node("push", "request", {"method": "POST", "url": "/accounts", "body": body}, ("end",), **more)
        workflow = person.deployed("Enrich and push", [graphs.start("company"), ask, push, graphs.end(id="{{nodes.push.body.id}}")])

        domains = ["acme.com", "broken.crm", "globex.com", "initech.com"]
        data = json.dumps({"kind": "records", "records": [{"domain": domain} for domain in domains]})
        batch = person(*BATCH, "--workflow-uuid", workflow, "--data", data)["batch"]
        assert (batch["status"], batch["runsCount"], batch["failedRunsCount"]) == ("success", 4, 1)
        assert person("orchestration", "batch", "get", batch["uuid"])["batch"] == batch
        rows = person("orchestration", "run", "download", "--workflow-uuid", workflow, "--batch-uuid", batch["uuid"])
        assert sorted(row["status"] for row in rows) == ["error", "success", "success", "success"]
        written = crm.sent("POST", "/accounts")
        assert sorted(request.json["domain"] for request in written) == ["acme.com", "globex.com", "initech.com"]
        assert {request.headers["authorization"] for request in written} == {"Bearer s3cret"}
        assert len({request.headers["idempotency-key"] for request in written}) == 3


def test_a_play_from_a_template_scores_what_is_there_and_then_what_lands(person: Person) -> None:
    columns = {"email": "string", "title": "string", "employee_count": "number", "country": "string", "score": "number", "tier": "string"}
    model = leads(person, "scored", **columns)
    there = [
        {"data": {"email": "ann@acme.com", "title": "CTO", "employee_count": 2000, "country": "FR"}},
        {"data": {"email": "b@gmail.com"}},
    ]
    person("storage", "record", "create-bulk", "--model-uuid", model, "--records", json.dumps(there))
    nodes = json.dumps(person("orchestration", "template", "get", "lead-scoring")["template"]["nodes"])
    nodes = nodes.replace("__REPLACE_WITH_MODEL_UUID__", model)
    assert person("orchestration", "node", "validate", "--nodes", nodes) == {"outcome": "valid"}
    words = ("--name", "Score", "--model-uuid", model, "--change-kinds", "created", "--schedule", '{"type":"realtime"}')
    play = person("orchestration", "play", "create", *words)["play"]
    workflow = ("--workflow-uuid", play["workflowUuid"])
    assert person.refused("orchestration", "play", "update", play["uuid"], "--enabled", "true")["reason"] == "playNotDeployed"
    segment = json.dumps({"kind": "segment", "segmentUuid": play["segmentUuid"]})
    tried = person(*BATCH, *workflow, "--data", segment, "--nodes", nodes)["batch"]
    assert (tried["status"], tried["runsCount"], tried["failedRunsCount"], tried["releaseUuid"]) == ("success", 2, 0, None)

    def scores() -> dict[str, tuple[int | None, str | None]]:
        found = person("storage", "record", "list", "--model-uuid", model)["records"]
        return {one["_id"]: (one["score"], one["tier"]) for one in found}

    assert scores() == {"ann@acme.com": (100, "A"), "b@gmail.com": (5, "C")}
    person("orchestration", "draft-release", "deploy", *workflow, "--nodes", nodes, "--form-fields", "null")
    enabled = person.run("orchestration", "play", "update", play["uuid"], "--is-enabled", "true")
    assert enabled.returncode == 0 and "segment already" in enabled.stderr
    lands = {"email": "cleo@bolt.io", "title": "Head of sales", "employee_count": 50, "country": "DE"}
    person("storage", "record", "create", "--model-uuid", model, "--data", json.dumps(lands))
    wait_until(lambda: scores()["cleo@bolt.io"][1] is not None, 20, "the score of what landed")
    assert scores()["cleo@bolt.io"] == (75, "A")
    (run,) = person("orchestration", "run", "list", *workflow, "--record-id", "cleo@bolt.io")["runs"]
    assert run["releaseUuid"]
    person("orchestration", "play", "update", play["uuid"], "--is-enabled", "false")
    assert person.refused("storage", "model", "remove", model)["reason"] == "hasWorkflows"
    person("orchestration", "play", "remove", play["uuid"])
    person("storage", "model", "remove", model)
