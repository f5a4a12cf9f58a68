"""The forms in which replies are printed: rows, chosen fields, jq expressions, all pages."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from cargo_ai.cli.formats.path import pick
from tests.kit.peers.fake_api import Answer, FakeApi, Request
from tests.unit.cli.cli_process import Cli

TOOLS = "/v1/orchestration/tools/list"
TOOL = "0198c0de-0000-7000-8000-000000000011"
LIST = ("orchestration", "tool", "list")
RUNS = ("orchestration", "run", "list", "--workflow-uuid", TOOL)
REPLY = {
    "tools": [
        {
            "uuid": "t-1",
            "userUuid": "u",
            "temporalWorkflowId": "w",
            "publicForm": None,
            "name": "Énrich",
            "creditsCost": {"kind": "minMax", "min": 1},
            "isReadOnly": False,
            "description": None,
        },
        {"uuid": "t-2", "name": 'Sco"re', "creditsCost": {"kind": "minMax", "min": 2}, "isReadOnly": True, "description": "a\nb"},
    ]
}


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("GET", TOOLS, REPLY)
    api.on("GET", f"/v1/orchestration/tools/{TOOL}", {"tool": REPLY["tools"][0]})
    return cli


def test_lines_of_json_are_rows_without_what_surrounds_them(real: Cli) -> None:
    lines = real(*LIST, "--output", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == REPLY["tools"]
    assert real("-o", "jsonl", "orchestration", "tool", "get", TOOL).out.count("\n") == 1


def test_csv_has_a_column_for_each_field_and_reads_back(real: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(real(*LIST, "--output", "csv").out)))
    assert [row["name"] for row in rows] == ["Énrich", 'Sco"re']
    assert json.loads(rows[0]["creditsCost"]) == {"kind": "minMax", "min": 1}
    assert [row["isReadOnly"] for row in rows] == ["false", "true"] and [row["description"] for row in rows] == ["", "a\nb"]


def test_a_table_shows_plain_values_and_is_not_cut_in_a_pipe(real: Cli) -> None:
    heading, first, second = real(*LIST, "--output", "table").out.splitlines()
    assert heading.split() == ["UUID", "NAME", "ISREADONLY", "DESCRIPTION"], "ids of other things and what is empty everywhere are left out"
    assert first.split() == ["t-1", "Énrich", "false"] and second.split() == ["t-2", 'Sco"re', "true", "a", "b"]


def test_fields_choose_what_is_kept_in_every_form(real: Cli) -> None:
    chosen = [{"uuid": "t-1", "creditsCost": {"min": 1}}, {"uuid": "t-2", "creditsCost": {"min": 2}}]
    fields = ("--fields", "uuid,creditsCost.min")
    assert real(*LIST, *fields).json == {"tools": chosen}
    assert real("orchestration", "tool", "get", TOOL, *fields).json == {"tool": chosen[0]}
    assert real(*LIST, *fields, "--output", "csv").out == "uuid,creditsCost.min\nt-1,1\nt-2,2\n"
    assert real(*LIST, *fields, "--output", "jsonl").out == "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in chosen)
    assert real(*LIST, "--fields", "a..b").code == 2


def test_fields_are_those_of_the_thing_though_more_stands_beside_it(real: Cli, api: FakeApi) -> None:
    api.on("GET", f"/v1/orchestration/tools/{TOOL}", {"tool": REPLY["tools"][0], "warnings": []})
    command = ("orchestration", "tool", "get", TOOL, "--fields")
    assert real(*command, "uuid,warnings,tool.name").json == {"tool": {"uuid": "t-1", "name": "Énrich"}, "warnings": []}


def test_commands_written_by_hand_print_in_the_same_forms(real: Cli) -> None:
    assert real("version", "--jq", ".version").out.count("\n") == 1
    assert real("logout", "--fields", "loggedOut").json == {"loggedOut": False}
    assert "OK" in real("doctor", "--output", "table", "--fields", "ok").out


def test_a_table_of_one_column_is_not_cut(real: Cli) -> None:
    assert real(*LIST, "--output", "table", "--fields", "uuid").out.splitlines() == ["UUID", "t-1", "t-2"]


def test_fields_go_through_lists_on_the_way() -> None:
    run = {"run": {"executions": [{"nodeSlug": "a", "status": "x"}, {"nodeSlug": "b", "status": "y"}]}}
    paths = [["run", "executions", "nodeSlug"], ["run", "executions", "status"], ["none", "at", "all"]]
    assert pick(run, paths) == {**run, "none": {"at": {"all": None}}}


@pytest.mark.parametrize(
    ("expression", "out"),
    [
        (".tools[].uuid", "t-1\nt-2\n"),
        (".tools[0].creditsCost", '{"kind":"minMax","min":1}\n'),
        ('.tools[-1]["name"]', 'Sco"re\n'),
        (".tools[7].name", "null\n"),
        (".nothing", "null\n"),
        (".tools | length", "2\n"),
        ("[.tools[].creditsCost.min] | add", "3\n"),
    ],
)
def test_jq_expressions_print_texts_as_they_are(real: Cli, expression: str, out: str) -> None:
    assert real(*LIST, "--jq", expression).out == out


def test_an_expression_that_is_wrong_or_needs_jq_says_so(real: Cli, api: FakeApi) -> None:
    assert real(*LIST, "--jq", ".tools | nothing(").json["reason"] == "invalidExpression"
    assert real(*LIST, "--jq", ".tools.name").json["reason"] == "invalidExpression"
    assert real(*LIST, "--jq", ".tools[].uuid", PATH="/nonexistent").out == "t-1\nt-2\n"
    before = len(api.requests)
    assert real(*LIST, "--jq", ".tools | length", PATH="/nonexistent").json["reason"] == "jqMissing"
    assert real(*LIST, "--jq", ".tools", "--output", "csv").json["reason"] == "conflictingFlags"
    assert real("connection", "integration", "get-documentation", "http", "--jq", ".x").json["reason"] == "conflictingFlags"
    assert len(api.requests) == before, "what cannot be printed is not asked for"


def runs(request: Request) -> Answer:
    """Twenty-five runs, newest first, in pages that begin behind `after`."""
    body: dict[str, Any] = request.json
    after = body.get("after", "r-99")
    rows = [{"uuid": f"r-{at:02}", "status": "error"} for at in range(24, -1, -1) if f"r-{at:02}" < after][: body["limit"]]
    return Answer(document={"runs": rows, "count": 25 if "after" not in body else len(rows)})


def test_all_pages_are_one_document_or_one_stream(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/runs/list", runs)
    every = [f"r-{at:02}" for at in range(24, -1, -1)]
    whole = real(*RUNS, "--all", "--limit", "10").json
    assert [run["uuid"] for run in whole["runs"]] == every and whole["count"] == 25
    assert real(*RUNS, "--all", "--limit", "10", "--output", "csv", "--fields", "uuid").out.split() == ["uuid", *every]
    assert real(*RUNS, "--all", "--limit", "5", "--jq", ".runs[].uuid").out.split() == every
    assert [request.json.get("after") for request in api.requests[:3]] == [None, "r-15", "r-05"]
    assert real(*LIST, "--all", "--fields", "uuid").json == {"tools": [{"uuid": "t-1"}, {"uuid": "t-2"}]}
    assert real("orchestration", "tool", "get", TOOL, "--all").json["reason"] == "conflictingFlags"


def test_without_a_limit_the_first_page_is_small_and_the_others_are_as_large_as_they_may_be(real: Cli, api: FakeApi) -> None:
    def many(request: Request) -> Answer:
        after = int(request.json.get("after", "9999"))
        rows = [{"uuid": str(at)} for at in range(after - 1, 8_500, -1)][: request.json["limit"]]
        return Answer(document={"runs": rows, "count": 1_498})

    api.on("POST", "/v1/orchestration/runs/list", many)
    done = real(*RUNS, "--all", "--output", "jsonl", "--fields", "uuid")
    assert [json.loads(line)["uuid"] for line in done.out.splitlines()] == [str(at) for at in range(9_998, 8_500, -1)]
    sizes = [request.json["limit"] for request in api.requests]
    assert sizes[0] == 100 and len(set(sizes[1:])) == 1 and sizes[1] >= 1_000


def test_an_empty_list_is_whole_in_every_form(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/runs/list", {"runs": [], "count": 0})
    assert real(*RUNS, "--all").json == {"runs": [], "count": 0}
    assert real(*RUNS, "--all", "--output", "jsonl").out == real(*RUNS, "--output", "csv").out == ""
    assert real(*RUNS, "--output", "table").out == "(none)\n"


def test_a_page_that_fails_behind_others_is_reported_on_stderr_alone(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/runs/list", runs, Answer(status=400, document={"errorMessage": "Gone.", "reason": "gone"}))
    done = real(*RUNS, "--all", "--limit", "10", "--output", "jsonl")
    assert done.code == 1 and len(done.out.splitlines()) == 10 and "After 10 rows: Gone." in done.err


def test_what_fails_before_the_first_row_is_a_document(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/runs/list", runs)
    done = real(*RUNS, "--all", "--jq", ".runs[")
    assert done.code == 2 and "--jq" in done.json["errorMessage"] and "After 0" not in done.err


def test_columns_of_a_table_may_lie_inside_of_others(real: Cli, api: FakeApi) -> None:
    alert = {"name": "A", "isEnabled": True, "schedule": {"cron": "@every 5m"}, "lastEvent": {"status": "healthy", "value": 1}, "uuid": "u"}
    api.on("GET", "/v1/observability/alerts/list", {"alerts": [alert]})
    shown = real("observability", "alert", "list", "--output", "table").out.splitlines()
    assert shown[1].split() == ["A", "true", "@every", "5m", "healthy", "1", "u"]


def test_output_of_a_download_is_the_format_of_the_file(real: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/orchestration/runs/download", {"url": "/file", "urls": ["/file"]})
    api.on("GET", "/file", Answer(body=b"a,b\n1,2\n"))
    assert real("orchestration", "run", "download", "--workflow-uuid", TOOL, "--output", "csv").out == "a,b\n1,2\n"
    assert api.requests[0].json["format"] == "csv"
    assert real("orchestration", "run", "download", "--workflow-uuid", TOOL, "--output", "table").code == 2


def test_a_field_that_nothing_has_is_printed_as_empty_with_a_warning(real: Cli) -> None:
    done = real(*LIST, "--fields", "name,colour", "--output", "jsonl")
    assert [json.loads(line)["colour"] for line in done.out.splitlines()] == [None, None]
    assert "Nothing here has a field colour. There are: uuid, " in done.err
    assert not real(*LIST, "--fields", "name", "--output", "jsonl").err
    assert not real(*LIST, "--fields", "name,colour", "--quiet").err
