"""Journeys of a person with single actions: executed on one record and on many, chained, reported about, drawn and begun from templates."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.kit.processes.real_server import wait_until
from tests.scenarios.story import graphs
from tests.scenarios.story.companies import Companies
from tests.scenarios.story.person import Json, Person

REQUEST = {"kind": "connector", "integrationSlug": "http", "actionSlug": "request"}
WAIT = "--wait-until-finished"


class Listener:
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.heard.append((self.headers.get("x-cargo-signature", ""), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/done"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Someone who wants to be reported."""
    made = Listener()
    yield made
    made.close()


def test_one_action_on_one_record_blocks_until_it_is_done(person: Person, companies: Companies) -> None:
    actions: tuple[Json, ...] = (REQUEST | {"config": {}}, REQUEST)
    for action in actions:
        data = json.dumps({"url": companies.url + "/companies/acme.com"})
        found = person("orchestration", "action", "execute", "--action", json.dumps(action), "--data", data, WAIT)
        assert found["run"]["status"] == "success" and found["run"]["finishedAt"]
        assert found["runContext"]["action"]["body"]["name"] == "Acme"


def test_a_native_action_gives_a_run_too(person: Person) -> None:
    action = json.dumps({"kind": "native", "actionSlug": "variables", "config": {}})
    data = json.dumps({"variables": [{"name": "greeting", "type": "string", "value": "hello"}]})
    started = person("orchestration", "action", "execute", "--action", action, "--data", data)["run"]
    assert started["uuid"] and started["status"] in ("pending", "running")
    waited = person("orchestration", "action", "execute", "--action", action, "--data", data, WAIT)
    assert (waited["run"]["status"], waited["runContext"]["action"]) == ("success", {"greeting": "hello"})


def test_one_tool_on_many_records_gives_results_in_their_order(person: Person, companies: Companies) -> None:
    workflow = person.deployed("Enrich", graphs.enrich(companies.url))
    tool = next(one["uuid"] for one in person("orchestration", "tool", "list")["tools"] if one["workflowUuid"] == workflow)
    action = json.dumps({"kind": "tool", "toolUuid": tool, "config": {}})
    records = json.dumps([{"domain": name} for name in ("globex.com", "broken.com", "acme.com")])
    execute = ("orchestration", "action", "execute-batch", "--action", action, "--records", records)
    found = person(*execute, WAIT)
    counts = {name: found["batch"][name] for name in ("runsCount", "executedRunsCount", "failedRunsCount", "creditsUsedCount")}
    assert counts == {"runsCount": 3, "executedRunsCount": 3, "failedRunsCount": 1, "creditsUsedCount": 0}
    first, failed, last = found["results"]
    assert (first, last) == ({"company_name": "Globex"}, {"company_name": "Acme"}) and "500" in failed["errorMessage"]
    pending = person(*execute)["batch"]
    assert pending["status"] == "pending" and "results" not in pending
    wait_until(lambda: person("orchestration", "batch", "get", pending["uuid"])["batch"]["status"] == "success", 20, "the batch")


def test_results_of_one_action_are_the_records_of_the_next(person: Person, companies: Companies) -> None:
    first = json.dumps([{"url": companies.url + "/companies/acme.com"}])
    made = person("orchestration", "action", "execute-batch", "--action", json.dumps(REQUEST), "--records", first, WAIT)
    named = [{"variables": [{"name": "company", "type": "string", "value": one["body"]["name"]}]} for one in made["results"]]
    action = json.dumps({"kind": "native", "actionSlug": "variables"})
    found = person("orchestration", "action", "execute-batch", "--action", action, "--records", json.dumps(named), WAIT)
    assert found["results"] == [{"company": "Acme"}]


def test_a_webhook_is_reported_once_when_the_batch_has_ended(person: Person, companies: Companies, listener: Listener) -> None:
    records = json.dumps([{"url": companies.url + "/companies/acme.com"}])
    made = person(
        "orchestration", "action", "execute-batch", "--action", json.dumps(REQUEST), "--records", records,
        "--webhook-url", listener.url, "--webhook-secret", "s3cret",
    )  # fmt: skip
    wait_until(lambda: bool(listener.heard), 20, "the webhook")
    ((signature, body),) = listener.heard
    reported = json.loads(body)["batch"]
    assert (reported["uuid"], reported["status"]) == (made["batch"]["uuid"], "success")
    assert signature == hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


def test_a_graph_is_drawn_from_exactly_one_source(person: Person, companies: Companies) -> None:
    nodes = graphs.enrich(companies.url)
    (person.home / "g.json").write_text(json.dumps(nodes), "utf-8")
    found = person("orchestration", "node", "diagram", "--nodes", json.dumps(nodes))
    assert (found["format"], found["warnings"]) == ("mermaid", []) and found["diagram"].startswith("flowchart TD")
    plain = person.run("orchestration", "node", "diagram", "--file", "g.json", "--format", "ascii", "--raw")
    assert plain.stdout.splitlines()[0] == "(start)"
    workflow = person.deployed("Drawn", nodes)
    run = person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", '{"domain":"acme.com"}', WAIT)["run"]["uuid"]
    for source in (["--workflow-uuid", workflow, "--draft"], ["--run-uuid", run, "--highlight", "enrich_company"]):
        assert set(person("orchestration", "node", "diagram", *source)) == {"diagram", "format", "warnings"}
    assert person.refused("orchestration", "node", "diagram", "--workflow-uuid", workflow, "--run-uuid", run)["reason"] == "invalidInput"


def test_a_template_is_invalid_until_it_is_filled_in_and_then_runs(person: Person, companies: Companies) -> None:
    slugs = {one["slug"]: one["kind"] for one in person("orchestration", "template", "list")["templates"]}
    assert (slugs["company-enrichment"], slugs["lead-scoring"]) == ("tool", "play")
    nodes = json.dumps(person("orchestration", "template", "get", "company-enrichment")["template"]["nodes"])
    assert "__REPLACE_WITH_CONNECTOR_UUID__" in nodes
    checked = person.validated(nodes)
    assert checked["invalidNodes"][0]["reason"] == "connectorNotFound"
    config = json.dumps({"baseUrl": companies.url})
    made = person(
        "connection", "connector", "create", "--integration-slug", "http", "--slug", "template_svc", "--name", "Service", "--config", config
    )
    nodes = nodes.replace("__REPLACE_WITH_CONNECTOR_UUID__", made["connector"]["uuid"])
    assert person("orchestration", "node", "validate", "--nodes", nodes) == {"outcome": "valid"}
    tool = person("orchestration", "tool", "create", "--name", "From a template")["tool"]["workflowUuid"]
    for workflow in ((), ("--workflow-uuid", tool)):
        found = person("orchestration", "run", "create", *workflow, "--data", '{"domain":"acme.com"}', "--nodes", nodes, WAIT)
        assert (found["run"]["status"], found["runContext"]["end"]["name"]) == ("success", "Acme")
    assert person.refused("orchestration", "template", "get", "no-such-template")["reason"] == "templateNotFound"
