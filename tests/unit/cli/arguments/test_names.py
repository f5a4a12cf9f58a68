"""Names in place of uuids on the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

A, B, C, D = (f"0198c0de-0000-7000-8000-00000000000{number}" for number in range(1, 5))
TOOLS = "/v1/orchestration/tools/list"


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands, and a workspace with a few things."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    tools = [{"uuid": A, "name": "Enrich", "workflowUuid": C}, {"uuid": B, "name": "Score", "workflowUuid": D}]
    api.on("GET", TOOLS, {"tools": tools})
    api.on("GET", "/v1/orchestration/plays/list", {"plays": [{"uuid": C, "name": "Score", "workflowUuid": A}]})
    api.on("GET", "/v1/storage/models/list", {"models": [{"uuid": A, "slug": "companies", "name": "All companies"}]})
    api.on("GET", f"/v1/orchestration/tools/{A}", {"tool": tools[0]})
    api.on("POST", "/v1/orchestration/runs/list", {"runs": [], "count": 0})
    api.on("POST", "/v1/storage/records/list", {"records": []})
    return cli


def test_a_name_or_a_slug_stands_where_a_uuid_is_asked_for(real: Cli, api: FakeApi) -> None:
    assert real("orchestration", "tool", "get", "Enrich").json["tool"]["uuid"] == A
    for name in ("companies", "All companies"):
        assert real("storage", "record", "list", "--model-uuid", name).code == 0
        assert api.requests[-1].json["modelUuid"] == A
    assert real("orchestration", "run", "list", "--workflow-uuid", "Enrich").code == 0
    assert api.requests[-1].json["workflowUuid"] == C


def test_a_uuid_costs_no_further_request(real: Cli, api: FakeApi) -> None:
    assert real("orchestration", "tool", "get", A).code == 0
    assert [request.path for request in api.requests] == [f"/v1/orchestration/tools/{A}"]


def test_a_name_that_several_have_lists_them_and_nothing_is_sent(real: Cli, api: FakeApi) -> None:
    done = real("orchestration", "run", "list", "--workflow-uuid", "Score")
    assert done.code == 1 and done.json["reason"] == "ambiguousName"
    assert {candidate["uuid"] for candidate in done.json["candidates"]} == {A, D}
    assert f"{D} (tool Score)" in done.json["errorMessage"] and f"{A} (play Score)" in done.json["errorMessage"]
    assert "/v1/orchestration/runs/list" not in {request.path for request in api.requests}


def test_an_almost_right_name_is_suggested_and_any_other_is_the_servers_to_refuse(real: Cli, api: FakeApi) -> None:
    done = real("orchestration", "tool", "remove", "enrich", "--yes")
    assert done.code == 1 and done.json["reason"] == "nameNotFound" and 'Did you mean "Enrich"?' in done.json["errorMessage"]
    assert {request.verb for request in api.requests} == {"GET"}, "a name in another case removes nothing"
    api.on("GET", "/v1/orchestration/tools/zebra", Answer(status=404, document={"errorMessage": "No.", "reason": "toolNotFound"}))
    assert real("orchestration", "tool", "get", "zebra").json["reason"] == "toolNotFound"


def test_several_names_stand_in_a_list(real: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/orchestration/batches/list", {"batches": []})
    assert real("orchestration", "batch", "list", "--workflow-uuids", f"Enrich,{B}").code == 0
    assert [value for name, value in api.requests[-1].query if name.startswith("workflowUuids")] == [C, B]


def test_completion_offers_uuids_with_names_and_asks_once_a_minute(real: Cli, api: FakeApi) -> None:
    def offered(*words: str) -> dict[str, str]:
        return dict(line.split("\t") for line in real("__complete", *words).out.splitlines())

    assert offered("orchestration", "tool", "get", "") == {A: "Enrich", B: "Score"}
    assert offered("storage", "record", "list", "--model-uuid", A[:-1]) == {A: "All companies"}
    assert offered("orchestration", "tool", "get", "Enr") == {"Enrich": A}
    assert offered("orchestration", "batch", "list", "--workflow-uuids", f"{A},{D[:-1]}")[f"{A},{D}"] == "Score"
    before = len(api.requests)
    api.on("GET", TOOLS, Answer(status=503, document={"errorMessage": "Later.", "reason": "later"}))
    assert offered("orchestration", "tool", "get", "") == {A: "Enrich", B: "Score"}
    assert len(api.requests) == before
    (folder,) = (real.home / ".cache" / "cargo-ai").iterdir()
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    other = real("__complete", "orchestration", "tool", "get", "", CARGO_API_TOKEN="cai_live_of_another_sign_in")
    assert (other.code, other.out) == (0, ""), "the names of one sign-in are not those of another, and no answer is not a failure"


def test_names_stand_inside_of_json_too_but_for_values_of_people(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/batches", {"batch": {"uuid": D, "status": "pending"}})
    node: dict[str, Any] = {
        "slug": "set",
        "config": {"modelUuid": "companies", "matchingValue": "{{nodes.start.modelUuid}}"},
        "toolUuid": "{{nodes.a.b}}",
    }
    words = ("orchestration", "batch", "create", "--workflow-uuid", "Enrich", "--nodes", json.dumps([node]))
    data = {"kind": "records", "records": [{"modelUuid": "companies", "toolUuid": "Score"}]}
    assert real(*words, "--data", json.dumps(data)).code == 0
    sent = api.requests[-1].json
    assert sent["nodes"] == [{**node, "config": {**node["config"], "modelUuid": A}}] and sent["data"] == data
    assert real(*words, "--data", json.dumps({"kind": "filter", "modelUuid": "All companies"})).code == 0
    assert api.requests[-1].json["data"]["modelUuid"] == A
    template: list[dict[str, Any]] = [{"slug": "x", "connectorUuid": "__REPLACE_WITH_CONNECTOR_UUID__", "config": {}}]
    api.on("POST", "/v1/orchestration/nodes/validate", {"outcome": "valid"})
    assert real("orchestration", "node", "validate", "--nodes", json.dumps(template)).code == 0
    assert api.requests[-1].json["nodes"] == template
    wrong = real("orchestration", "node", "validate", "--nodes", json.dumps([{"slug": "x", "config": {"modelUuid": "company"}}]))
    assert wrong.json["reason"] == "nameNotFound" and 'Did you mean "companies"?' in wrong.json["errorMessage"]
