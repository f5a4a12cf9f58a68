"""Journeys of someone who finds out what happened: failures counted and run again, a wrong branch found, a workflow's records, why."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.story.graphs import end, node, start, template
from tests.scenarios.story.person import Json, Person

BATCH = ("orchestration", "batch", "create", "--wait-until-finished")
COMPANIES = [("a.com", 500, None), ("b.com", 5, "soon"), ("c.com", 7, None), ("d.com", 900, "soon")]


def graph(size: str) -> list[Json]:
    """start → wait (fails where the record's minutes are not a number) → is it big? → big, or else small."""
    return [
        start("wait"),
        node("wait", "delay", {"minutes": template("{{nodes.start.minutes || 0}}")}, ("is_big",)),
        node("is_big", "branch", {"condition": template("{{" + size + " > 100}}")}, ("big", "small")),
        end("big", tier="big"),
        end("small", tier="small"),
    ]


def deploy(person: Person, workflow: str, nodes: list[Json]) -> None:
    """Saves a graph as the draft and deploys it."""
    (person.home / "graph.json").write_text(json.dumps(nodes), "utf-8")
    person("orchestration", "draft-release", "update", "--workflow-uuid", workflow, "--nodes", "@graph.json")
    person("orchestration", "draft-release", "deploy", "--workflow-uuid", workflow, "--nodes", "@graph.json", "--form-fields", "null")


def play(person: Person, slug: str, nodes: list[Json]) -> tuple[str, str]:
    """The workflow of a deployed play, and its fresh model of four companies: two of them fail."""
    dataset = next(one for one in person("storage", "dataset", "list")["datasets"] if one["slug"] == "default")["uuid"]
    types = {"domain": "string", "size": "number", "minutes": "string"}
    columns = [{"slug": name, "type": kind, "label": name} for name, kind in types.items()]
    config = json.dumps({"columns": columns, "idColumnSlug": "domain", "titleColumnSlug": "domain"})
    made = ("storage", "model", "create", "--slug", slug, "--name", slug, "--dataset-uuid", dataset)
    model = person(*made, "--extractor-slug", "defineObject", "--config", config)["model"]["uuid"]
    rows = [{"data": {"domain": domain, "size": size, "minutes": minutes}} for domain, size, minutes in COMPANIES]
    person("storage", "record", "create-bulk", "--model-uuid", model, "--records", json.dumps(rows))
    workflow = person("orchestration", "play", "create", "--name", slug, "--model-uuid", model)["play"]["workflowUuid"]
    deploy(person, workflow, nodes)
    return workflow, model


def batch(person: Person, workflow: str, data: Json) -> Json:
    """A batch that has ended."""
    found: Json = person(*BATCH, "--workflow-uuid", workflow, "--data", json.dumps(data))["batch"]
    return found


@pytest.mark.slow
def test_partial_failure_and_retry_of_the_failures_only(person: Person) -> None:
    workflow, model = play(person, "retried", graph("nodes.start.size"))
    ids = [domain for domain, _, _ in COMPANIES]
    first = batch(person, workflow, {"kind": "recordIds", "modelUuid": model, "ids": ids})
    assert (first["status"], first["runsCount"], first["failedRunsCount"]) == ("success", 4, 2)
    of_batch = ("--workflow-uuid", workflow, "--batch-uuid", first["uuid"], "--statuses", "error")
    assert person("orchestration", "run", "count", *of_batch)["count"] == first["failedRunsCount"]
    rows = person("orchestration", "run", "download", *of_batch)
    failed = sorted(row["recordId"] for row in rows)
    assert failed == ["b.com", "d.com"]
    (error,) = person("orchestration", "run", "get-errors", "--workflow-uuid", workflow, "--batch-uuid", first["uuid"])["runErrors"]
    assert (error["nodeSlug"], error["runsCount"]) == ("wait", 2)
    again = batch(person, workflow, {"kind": "recordIds", "recordIds": failed})
    assert again["runsCount"] == len(failed)


@pytest.mark.slow
def test_debug_a_run_that_succeeded_wrongly(person: Person) -> None:
    workflow, model = play(person, "wrong", graph("nodes.start.record.size"))
    wrong = batch(person, workflow, {"kind": "recordIds", "modelUuid": model, "ids": ["a.com"]})
    (listed,) = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--batch-uuid", wrong["uuid"])["runs"]
    run = person("orchestration", "run", "get", listed["uuid"])
    branch = next(one for one in run["run"]["executions"] if one["nodeSlug"] == "is_big")
    assert (branch["nodeChildIndex"], branch["status"]) == (1, "success") and branch["title"] and branch["nextNodeUuid"]
    assert run["runContext"]["start"]["size"] == 500 and run["runContext"]["small"] == {"tier": "small"}
    deploy(person, workflow, graph("nodes.start.size"))
    right = batch(person, workflow, {"kind": "recordIds", "modelUuid": model, "ids": ["a.com"]})
    (fixed,) = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--batch-uuid", right["uuid"])["runs"]
    assert person("orchestration", "run", "get", fixed["uuid"])["runContext"]["big"] == {"tier": "big"}
    divergence = person("orchestration", "run", "diff", listed["uuid"], fixed["uuid"])["divergence"]
    assert (divergence["kind"], divergence["nodeSlugs"]) == ("config", ["is_big", "is_big"])


@pytest.mark.slow
def test_the_records_of_a_workflow(person: Person) -> None:
    workflow, model = play(person, "records", graph("nodes.start.size"))
    ids = [domain for domain, _, _ in COMPANIES]
    first = batch(person, workflow, {"kind": "recordIds", "modelUuid": model, "ids": ids})
    of_workflow = ("--workflow-uuid", workflow)
    found = person("orchestration", "record", "list", *of_workflow, "--limit", "50")
    assert found["count"] == 4 and sorted(one["id"] for one in found["records"]) == ids
    assert {"id", "title", "runUuid", "releaseUuid", "batchUuid", "status", "errorMessage"} <= set(found["records"][0])
    narrow = (*of_workflow, "--batch-uuid", first["uuid"], "--statuses", "error")
    assert [one["id"] for one in person("orchestration", "record", "list", *narrow)["records"]][::-1] == ["b.com", "d.com"]
    assert person("orchestration", "record", "count", *narrow)["count"] == 2
    assert person("orchestration", "record", "download", *of_workflow)["url"].startswith("http")
    assert person("orchestration", "record", "download-outputs", *of_workflow, "--output-node-slug", "big")["url"]
    metrics = person("orchestration", "record", "get-metrics", *of_workflow)["recordMetrics"]
    assert [one["totalExecutionsCount"] for one in metrics] == [4, 4, 2, 1, 1]
    waiting = [{"data": {"domain": "e.com", "size": 1, "minutes": "60"}}]
    person("storage", "record", "create-bulk", "--model-uuid", model, "--records", json.dumps(waiting))
    data = json.dumps({"kind": "recordIds", "modelUuid": model, "ids": ["e.com"]})
    started = person("orchestration", "batch", "create", *of_workflow, "--data", data)["batch"]
    tail = person.run("orchestration", "run", "tail", *of_workflow, "--seconds", "2")
    assert json.loads(tail.stdout.splitlines()[0])["event"] == "following"
    assert person("orchestration", "record", "cancel", *of_workflow, "--ids", "a.com,e.com")["count"] == 1
    lines = person.run("orchestration", "run", "tail", "--batch-uuid", started["uuid"]).stdout.splitlines()
    assert [json.loads(line)["status"] for line in lines[1:]] == ["cancelled", "success"]
    assert person("orchestration", "record", "list", *of_workflow, "--statuses", "cancelled")["records"][0]["id"] == "e.com"


def test_why_and_what_has_run(person: Person) -> None:
    workflow, model = play(person, "why", graph("nodes.start.size"))
    batch(person, workflow, {"kind": "recordIds", "modelUuid": model, "ids": ["a.com", "b.com"]})
    record = ("orchestration", "record", "explain", "--model-uuid", model, "--workflow-uuid", workflow, "--id")
    why = person(*record, "b.com")["explanation"]
    assert (why["reason"], why["nodeSlug"]) == ("nodeFailed", "wait")
    assert person("orchestration", "run", "explain", why["runUuid"])["explanation"] == why
    assert person(*record, "nobody.com")["explanation"]["reason"] == "noRecord"
    assert person(*record, "c.com")["explanation"]["reason"] in {"playDisabled", "neverScheduled"}
    assert person("server", "queue")["alerts"] == []
    query = (
        f"SELECT status, count() AS n FROM runs WHERE workflow_uuid = '{workflow}' AND created_at > now() - INTERVAL 1 DAY GROUP BY status"
    )
    rows = person("orchestration", "query", "execute", f"{query} ORDER BY status")["rows"]
    assert rows == [{"status": "error", "n": 1}, {"status": "success", "n": 1}]
    assert person.refused("orchestration", "query", "execute", "SELECT * FROM workers")["reason"] == "invalidQuery"
    since = ("--execution-started-after", "2020-01-01")
    spans = person("orchestration", "span", "list", *since, "--workflow-uuid", workflow, "--execution-statuses", "error")["spans"]
    assert [(one["recordId"], one["nodeSlug"]) for one in spans] == [("b.com", "wait")]
    trace = person("orchestration", "trace", "get", spans[0]["traceUuid"])["trace"]
    assert (trace["status"], trace["failedSpansCount"]) == ("degraded", 1)
    again = person(*why["fix"].removeprefix("cargo-ai ").split(), "--wait-until-finished")["run"]
    assert (again["recordId"], again["status"]) == ("b.com", "error")
