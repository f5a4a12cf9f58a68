"""Journeys of a person with a tool: graphs are checked, tried, deployed, run, watched and stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.processes.real_server import RealServer, wait_until
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Json, Person

RUN = ("orchestration", "run", "create", "--wait-until-finished")
BATCH = ("orchestration", "batch", "create", "--wait-until-finished")


def run_of(person: Person, nodes: list[Json], data: Json, tmp: str = "graph.json") -> Json:
    """The finished run of a graph of its own."""
    (person.home / tmp).write_text(json.dumps(nodes), "utf-8")
    found: Json = person(*RUN, "--nodes", f"@{tmp}", "--data", json.dumps(data))
    return found


def executed(document: Json) -> list[tuple[str, str]]:
    """The slugs of what was executed, each with its status."""
    return [(execution["nodeSlug"], execution["status"]) for execution in document["run"]["executions"]]


def test_run_a_saved_tool_on_one_record(person: Person, companies: Companies) -> None:
    workflow = person.deployed("Enrich", graphs.enrich(companies.url))
    pending = person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", '{"domain":"acme.com"}')["run"]
    assert pending["status"] in ("pending", "running")
    waited = person(*RUN, "--workflow-uuid", workflow, "--data", '{"domain":"globex.com"}')
    assert waited["run"]["uuid"] != pending["uuid"]
    assert waited == person("orchestration", "run", "get", waited["run"]["uuid"])
    assert executed(waited) == [("start", "success"), ("enrich_company", "success"), ("end", "success")]
    assert waited["runContext"]["end"] == {"company_name": "Globex"}
    wait_until(lambda: person("orchestration", "run", "get", pending["uuid"])["run"]["status"] == "success", 20, "the first run")


def test_a_tool_over_inline_records(person: Person) -> None:
    workflow = person.deployed("Inline", graphs.wait(0))
    data = json.dumps({"kind": "records", "records": [{"name": "Ann"}, {"name": "Ben", "_id": "b"}]})
    batch = person(*BATCH, "--workflow-uuid", workflow, "--data", data)["batch"]
    assert (batch["status"], batch["runsCount"], batch["executedRunsCount"], batch["failedRunsCount"]) == ("success", 2, 2, 0)
    rows = person("orchestration", "batch", "download", "--uuid", batch["uuid"], "--output-node-slug", "end")
    assert [row["output"] for row in rows] == [{"greeting": "Hello Ann"}, {"greeting": "Hello Ben"}]
    assert rows[1]["recordId"] == "b"
    wrong = person.refused("orchestration", "batch", "download", batch["uuid"], "--output-node-slug", "nope")
    assert wrong["reason"] == "nodeNotFound" and "start, pause, end" in wrong["errorMessage"]


def test_a_tool_over_an_uploaded_file(person: Person, companies: Companies) -> None:
    workflow = person.deployed("Over a file", graphs.enrich(companies.url))
    (person.home / "companies.csv").write_text("domain,size\nacme.com,5\nglobex.com,007\n", "utf-8")
    file = person("workspace", "file", "upload", "--file-path", "companies.csv")
    assert file["name"] == "companies.csv" and file["contentType"] == "text/csv"
    columns = person("workspace", "file", "list-columns", "--s3-filename", file["s3Filename"])["columns"]
    assert [(column["name"], column["type"]) for column in columns] == [("domain", "string"), ("size", "string")]
    data = json.dumps({"kind": "file", "s3Filename": file["s3Filename"]})
    batch = person(*BATCH, "--workflow-uuid", workflow, "--data", data)["batch"]
    assert (batch["status"], batch["runsCount"]) == ("success", 2)
    rows = person("orchestration", "batch", "download", batch["uuid"], "--output-node-slug", "end")
    assert [(row["input"]["size"], row["output"]["company_name"]) for row in rows] == [("5", "Acme"), ("007", "Globex")]
    # In one command.
    batch = person(*BATCH, "--workflow-uuid", workflow, "--file", "companies.csv")["batch"]
    assert (batch["status"], batch["runsCount"]) == ("success", 2)
    for words in (("--file", "play.ts"), ("--file", "companies.csv", "--data", "{}"), ("--file", "missing.csv"), ()):
        person.refused("orchestration", "batch", "create", "--workflow-uuid", workflow, *words, code=2)


@pytest.mark.parametrize(
    ("data", "reason", "path"),
    [
        ({"kind": "segment", "segmentUuid": "x"}, "invalidDataKind", None),
        ({"kind": "change", "changeUuid": "x"}, "invalidDataKind", None),
        ({"kind": "records", "records": []}, "dataError", None),
        ({"kind": "file", "s3Filename": "nope"}, "dataError", None),
        ({"kind": "nope"}, "invalidInput", "data.kind"),
        ({"kind": "records"}, "invalidInput", "data.records"),
        ({"kind": "records", "records": [1]}, "invalidInput", "data.records.0"),
        ({"kind": "file"}, "invalidInput", "data.s3Filename"),
    ],
)
def test_what_a_tools_batch_cannot_take_is_refused_before_anything_runs(person: Person, data: Json, reason: str, path: str | None) -> None:
    workflow = person.deployed("Refuses", graphs.wait(0))
    refusal = person.refused("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", json.dumps(data))
    assert refusal["reason"] == reason
    if path is not None:
        assert [error["path"] for error in refusal["errors"]] == [path]
    assert person("orchestration", "batch", "list", "--workflow-uuids", workflow)["batches"] == []


def test_monitor_a_tool(person: Person) -> None:
    workflow = person.deployed("Monitored", graphs.wait(0))
    records = [{"name": str(at), "_id": f"r{at}"} for at in range(25)]
    batch = person(*BATCH, "--workflow-uuid", workflow, "--data", json.dumps({"kind": "records", "records": records}))["batch"]
    last = person(*RUN, "--workflow-uuid", workflow, "--data", '{"name":"last"}')["run"]["uuid"]
    listed = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--limit", "20")
    assert len(listed["runs"]) == 20 and listed["count"] == 26
    assert listed["runs"][0]["uuid"] == last
    ages = [run["createdAt"] for run in listed["runs"]]
    assert ages == sorted(ages, reverse=True)
    rest = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--limit", "20", "--offset", "20")["runs"]
    assert len({run["uuid"] for run in [*listed["runs"], *rest]}) == 26
    (found,) = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--record-id", "r7")["runs"]
    assert found["batchUuid"] == batch["uuid"]

    def count(*more: str) -> int:
        return int(person("orchestration", "run", "count", "--workflow-uuid", workflow, *more)["count"])

    monitored = ("orchestration", "run", "list", "--workflow-uuid", workflow, "--statuses")
    assert person(*monitored, "running,pending")["runs"] == person(*monitored, "error", "--limit", "10")["runs"] == []
    assert count("--statuses", "error") == 0
    assert count("--statuses", "success") == count("--is-finished") == count("--statuses", "finished") == 26
    assert count("--statuses", "error,running") == 0
    assert count("--batch-uuid", batch["uuid"]) == 25
    metrics = person("orchestration", "run", "get-metrics", "--workflow-uuid", workflow)["runMetrics"]
    assert {entry["nodeUuid"]: entry["successExecutionsCount"] for entry in metrics} == {
        graphs.uuid_of(slug): 26 for slug in ("start", "pause", "end")
    }
    assert person("orchestration", "batch", "list", "--workflow-uuids", workflow, "--statuses", "running")["batches"] == []


def test_stop_runs_that_wait(person: Person) -> None:
    workflow = person.deployed("Waits", graphs.wait(60))
    runs = [
        person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", json.dumps({"name": name}))["run"]["uuid"]
        for name in ("a", "b", "c")
    ]

    def status(run: str) -> str:
        return str(person("orchestration", "run", "get", run)["run"]["status"])

    wait_until(lambda: all(status(run) == "idle" for run in runs), 20, "the delay")
    person("orchestration", "run", "cancel", "--workflow-uuid", workflow, "--uuids", ",".join(runs[:2]))
    wait_until(lambda: [status(run) for run in runs] == ["cancelled", "cancelled", "idle"], 20, "the cancelled runs")
    left = person("orchestration", "run", "list", "--workflow-uuid", workflow, "--statuses", "idle,running,pending")["runs"]
    assert [run["uuid"] for run in left] == [runs[2]]
    person("orchestration", "run", "cancel", "--workflow-uuid", workflow, "--uuids", runs[2])


@pytest.mark.slow
def test_stop_a_batch_in_the_middle(person: Person, companies: Companies) -> None:
    companies.hold()
    workflow = person.deployed("Slow", graphs.enrich(companies.url))
    records = [{"domain": f"slow.{at}"} for at in range(3_000)]
    (person.home / "data.json").write_text(json.dumps({"kind": "records", "records": records}), "utf-8")
    batch = person("orchestration", "batch", "create", "--workflow-uuid", workflow, "--data", "@data.json")["batch"]["uuid"]
    wait_until(lambda: companies.calls_to("slow.") >= 10, 30, "calls that are held")
    person("orchestration", "batch", "cancel", batch)
    companies.let_go()

    def now() -> Json:
        found: Json = person("orchestration", "batch", "get", batch)["batch"]
        return found

    wait_until(lambda: now()["status"] == "cancelled" and now()["finishedAt"], 60, "the cancelled batch")
    assert companies.calls_to("slow.") < 3_000
    ended = now()
    statuses = {
        name: person("orchestration", "run", "count", "--workflow-uuid", workflow, "--batch-uuid", batch, "--statuses", name)["count"]
        for name in ("success", "cancelled", "running", "pending", "idle", "error", "skipped", "cancelling")
    }
    assert {name for name, count in statuses.items() if count} <= {"success", "cancelled"}
    assert statuses["cancelled"] > 0
    assert statuses["success"] + statuses["cancelled"] == ended["runsCount"]


def test_build_check_and_try_a_graph(person: Person, companies: Companies) -> None:
    assert person.run("connection", "integration", "get-documentation", "http").stdout.startswith("# HTTP\n")
    nodes = graphs.enrich(companies.url)
    graph = person.home / "graph.json"
    graph.write_text(json.dumps(nodes), "utf-8")
    assert person("orchestration", "node", "validate", "--nodes", "@graph.json")["outcome"] == "valid"
    done = run_of(person, nodes, {"domain": "acme.com"})
    assert done["run"]["status"] == "success" and done["run"]["releaseUuid"] is None
    assert done["runContext"]["end"] == {"company_name": "Acme"}
    assert done["runComputedConfigs"]["enrich_company"]["url"] == f"{companies.url}/companies/acme.com"
    workflow = person.deployed("Both", nodes)
    release = person("orchestration", "release", "get-deployed", "--workflow-uuid", workflow)["release"]
    assert (release["status"], release["version"]) == ("deployed", "1.0.0")
    words = ("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", "{}", "--nodes", "@graph.json")
    assert person.refused(*words, "--release-uuid", release["uuid"])["reason"] == "invalidReleaseOrCustomNodes"


def broken(**changes: Any) -> list[Json]:
    """A graph whose second node is not right."""
    return [graphs.start("second"), {**graphs.node("second", "variables", children=("end",)), **changes}, graphs.end()]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([graphs.end()], "startNodeNotFound"),
        (broken(childrenUuids=[graphs.uuid_of("nobody")]), "nodesNotFound"),
        (broken(childrenUuids=[]), "childrenUuidsInvalid"),
        (broken(childrenUuids=[graphs.uuid_of("start")]), "childrenUuidsInvalid"),
        (broken(slug="not a slug"), "slugInvalid"),
        (broken(actionSlug="nope"), "nativeInvalid"),
        (broken(kind="connector", integrationSlug="http", actionSlug="request", connectorUuid=graphs.uuid_of("x")), "connectorNotFound"),
        (broken(config={"variables": [{"name": "a", "type": "any", "value": "{{ 1 + }}"}]}), "expressionInvalid"),
    ],
)
def test_a_graph_that_cannot_work_is_found_out_before_it_is_deployed(person: Person, nodes: list[Json], reason: str) -> None:
    found = person.validated(json.dumps(nodes))
    assert found["outcome"] == "notValid"
    assert reason in [one["reason"] for one in found["invalidNodes"]]
    workflow = person("orchestration", "tool", "create", "--name", "Broken")["tool"]["workflowUuid"]
    words = ("orchestration", "draft-release", "deploy", "--workflow-uuid", workflow, "--nodes", json.dumps(nodes))
    refusal = person.refused(*words, "--form-fields", "null")
    assert refusal["invalidNodes"] == found["invalidNodes"]
    assert person.refused("orchestration", "release", "get-deployed", "--workflow-uuid", workflow)["reason"] == "releaseNotFound"
    nothing = person.refused("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", "{}")
    assert nothing["reason"] == "nodesNotFound" and "deploy" in nothing["fix"]


def test_a_branch(person: Person) -> None:
    big = graphs.node("big", "branch", {"condition": graphs.template("{{nodes.start.employee_count > 100}}")}, ("end", "skip"))
    nodes = [graphs.start("big"), big, graphs.end(status="enriched"), graphs.end("skip", status="skipped_too_small")]
    yes, no = run_of(person, nodes, {"employee_count": 500}), run_of(person, nodes, {"employee_count": 5})
    assert yes["runContext"]["end"] == {"status": "enriched"} and yes["runContext"]["big"] == {"condition": True}
    assert no["runContext"]["skip"] == {"status": "skipped_too_small"}
    chosen = [document["run"]["executions"][1] for document in (yes, no)]
    assert [(one["nodeChildIndex"], one["nextNodeUuid"]) for one in chosen] == [(0, graphs.uuid_of("end")), (1, graphs.uuid_of("skip"))]


def test_a_filter_and_variables(person: Person) -> None:
    present = graphs.node("present", "filter", {"filter": graphs.template("{{nodes.start.email}}")}, ("extract",))
    variables = [{"name": "address", "type": "string", "value": graphs.template("to {{nodes.start.email}}")}]
    nodes = [graphs.start("present"), present, graphs.node("extract", "variables", {"variables": variables}, ("end",)), graphs.end()]
    kept, dropped = run_of(person, nodes, {"email": "ann@acme.com"}), run_of(person, nodes, {"name": "Ann"})
    assert kept["runContext"]["extract"] == {"address": "to ann@acme.com"}
    assert dropped["run"]["status"] == "success"
    assert [slug for slug, _ in executed(dropped)] == ["start", "present"]


def test_a_delay_keeps_what_came_before_it(person: Person) -> None:
    done = run_of(person, graphs.wait(0.01), {"name": "Ann"})
    assert done["runContext"]["end"] == {"greeting": "Hello Ann"}


@pytest.mark.parametrize(
    ("more", "status", "then"),
    [
        ({}, "error", []),
        ({"fallbackOnFailure": True}, "success", ["end"]),
        ({"fallbackChildUuid": graphs.uuid_of("plan_b")}, "success", ["plan_b"]),
    ],
)
def test_a_failing_connector_falls_back_as_reported(person: Person, companies: Companies, more: Json, status: str, then: list[str]) -> None:
    nodes = [*graphs.enrich(companies.url, **more), graphs.end("plan_b", answer="unknown")]
    done = run_of(person, nodes, {"domain": "broken.com"})
    assert done["run"]["status"] == status
    assert executed(done) == [("start", "success"), ("enrich_company", "error"), *((slug, "success") for slug in then)]
    assert "500" in done["runContext"]["enrich_company"]["errorMessage"]


def test_a_connector_is_tried_again_as_often_as_it_says(person: Person, companies: Companies) -> None:
    retry = {"maximumAttempts": 3, "initialInterval": 10, "backoffCoefficient": 1}
    done = run_of(person, graphs.enrich(companies.url, retry=retry), {"domain": "flaky.once"})
    assert done["runContext"]["end"] == {"company_name": "Flaky"}
    assert companies.calls_to("flaky.once") == 3


def test_a_batch_that_partly_fails_tells_which_records(person: Person, companies: Companies) -> None:
    workflow = person.deployed("Partly", graphs.enrich(companies.url))
    domains = ["acme.com", "broken.one", "globex.com", "broken.two"]
    data = json.dumps({"kind": "records", "records": [{"_id": domain, "domain": domain} for domain in domains]})
    batch = person(*BATCH, "--workflow-uuid", workflow, "--data", data)["batch"]
    assert (batch["status"], batch["failedRunsCount"], batch["executedRunsCount"]) == ("success", 2, 4)
    failed = ("--workflow-uuid", workflow, "--batch-uuid", batch["uuid"], "--statuses", "error")
    assert person("orchestration", "run", "count", *failed)["count"] == 2
    rows = person("orchestration", "run", "download", *failed)
    assert sorted(row["recordId"] for row in rows) == ["broken.one", "broken.two"]
    assert all("500" in row["errorMessage"] for row in rows)
    assert list(person("orchestration", "run", "download", *failed, "--format", "csv")) == ["url", "urls"]


def test_a_five_second_wait_costs_two_requests_at_most(person: Person, server: RealServer) -> None:
    workflow = person.deployed("Five seconds", graphs.wait(5 / 60))
    done = person(*RUN, "--workflow-uuid", workflow, "--data", '{"name":"Ann"}')
    assert done["run"]["status"] == "success"
    assert server.logged(f"/v1/orchestration/runs/{done['run']['uuid']}") <= 2


def test_a_wait_that_runs_out_of_time_says_how_to_go_on(person: Person) -> None:
    workflow = person.deployed("Too slow", graphs.wait(60))
    refusal = person.run(*RUN, "--workflow-uuid", workflow, "--data", "{}", "--timeout", "1")
    document = json.loads(refusal.stdout)
    assert refusal.returncode == 8 and document["reason"] == "timeout"
    assert document["fix"] == f"cargo-ai orchestration run get {document['uuid']}"
    person("orchestration", "run", "cancel", "--workflow-uuid", workflow, "--uuids", document["uuid"])
    waited = person.run("orchestration", "run", "get", document["uuid"])
    assert waited.returncode == 0
