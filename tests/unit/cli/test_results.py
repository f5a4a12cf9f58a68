"""Replies that the command line completes or prints as text: results of batches, diagrams, files named by a flag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cargo_ai.cli
from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

EXECUTE = ("orchestration", "action", "execute-batch", "--action", "{}", "--records", "[]", "--wait-until-finished")
APPLIED = {"Preference-Applied": "wait"}


@pytest.fixture
def real(cli: Cli) -> Cli:
    """The command line with the index that is shipped."""
    cli.env["CARGO_AI_CLI_INDEX"] = str(Path(cargo_ai.cli.__file__).with_name("index"))
    return cli


def batch(count: int, status: str) -> dict[str, Any]:
    return {"batch": {"uuid": "b-1", "workflowUuid": "w-1", "status": status, "runsCount": count}}


def finished(api: FakeApi, count: int) -> dict[str, Any]:
    api.on("POST", "/v1/orchestration/actions/execute-batch", batch(0, "pending"))
    api.on("GET", "/v1/orchestration/batches/b-1", Answer(document=batch(count, "success"), headers=APPLIED))
    return batch(count, "success")


def test_a_waited_batch_of_an_action_has_the_outputs_in_the_order_of_the_records(real: Cli, api: FakeApi) -> None:
    document = finished(api, 2)
    api.on("POST", "/v1/orchestration/runs/download-outputs", {"url": "/files/outputs"})
    api.on("GET", "/files/outputs", Answer(document=[{"output": {"n": 2}}, {"output": None}]))
    result = real(*EXECUTE)
    assert (result.code, result.json) == (0, document | {"results": [None, {"n": 2}]})
    (asked,) = api.sent("POST", "/v1/orchestration/runs/download-outputs")
    assert asked.json == {"workflowUuid": "w-1", "batchUuid": "b-1", "format": "json", "limit": 10_000}
    assert "authorization" not in {name.lower() for name in api.sent("GET", "/files/outputs")[0].headers}


def test_above_ten_thousand_runs_there_is_a_warning_instead_of_results(real: Cli, api: FakeApi) -> None:
    document = finished(api, 10_001)
    result = real(*EXECUTE)
    assert (result.code, result.json) == (0, document)
    assert "10,001 runs" in result.err and "batch download b-1" in result.err


def test_an_empty_batch_has_no_results_and_asks_for_none(real: Cli, api: FakeApi) -> None:
    document = finished(api, 0)
    assert real(*EXECUTE).json == document | {"results": []}


def test_a_field_can_be_printed_as_text_and_a_file_named_by_a_flag(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/nodes/diagram", {"diagram": "(start)\n", "format": "ascii", "warnings": []})
    (real.cwd / "nodes.json").write_text("[1]", "utf-8")
    result = real("orchestration", "node", "diagram", "--file", "nodes.json", "--raw")
    assert (result.code, result.out) == (0, "(start)\n")
    assert api.sent("POST", "/v1/orchestration/nodes/diagram")[0].json == {"nodes": [1]}
    assert json.loads(real("orchestration", "node", "diagram", "--nodes", "@nodes.json").out)["format"] == "ascii"


@pytest.mark.parametrize(("reply", "code"), [({"outcome": "valid"}, 0), ({"outcome": "notValid", "invalidNodes": []}, 1)])
def test_a_graph_that_is_not_valid_exits_with_1_and_the_reply_is_printed_as_it_is(
    real: Cli, api: FakeApi, reply: dict[str, Any], code: int
) -> None:
    api.on("POST", "/v1/orchestration/nodes/validate", reply)
    result = real("orchestration", "node", "validate", "--nodes", "[]")
    assert (result.code, result.json, result.err) == (code, reply, "")


def test_several_words_are_one_query(real: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/orchestration/actions/list", {"query": "", "totalMatches": 0, "results": []})
    assert real("orchestration", "action", "list", "http", "request", "--limit", "5").code == 0
    query = sorted(api.sent("GET", "/v1/orchestration/actions/list")[0].query)
    assert query == [("limit", "5"), ("query[]", "http"), ("query[]", "request")]
