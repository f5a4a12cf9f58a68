"""`cargo-ai open`: what a uuid, a name, a URL or a page leads to, and when a browser is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

A, B, C, D = (f"0198c0de-0000-7000-8000-00000000000{number}" for number in range(1, 5))


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands, and a workspace with a few things."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    missing = Answer(status=404, document={"errorMessage": "No.", "reason": "notFound"})
    for path in ("orchestration/runs", "orchestration/batches", "orchestration/tools", "orchestration/plays", "storage/models"):
        for uuid in (A, B, C, D):
            api.on("GET", f"/v1/{path}/{uuid}", missing)
    for path in ("segmentation/segments", "ai/agents", "ai/chats", "connection/connectors", "orchestration/reviews", "storage/changeSets"):
        for uuid in (A, B, C, D):
            api.on("GET", f"/v1/{path}/{uuid}", missing)
    api.on("GET", f"/v1/orchestration/runs/{A}", {"run": {"uuid": A, "status": "success"}})
    api.on("GET", f"/v1/storage/models/{B}", {"model": {"uuid": B, "name": "All companies"}})
    api.on("GET", "/v1/orchestration/tools/list", {"tools": [{"uuid": A, "name": "Score", "workflowUuid": D}]})
    api.on("GET", "/v1/orchestration/plays/list", {"plays": [{"uuid": B, "name": "Score", "workflowUuid": C}]})
    api.on("GET", "/v1/storage/models/list", {"models": [{"uuid": B, "slug": "companies", "name": "All companies"}]})
    for path, rows in (("segmentation/segments", "segments"), ("ai/agents", "agents"), ("connection/connectors", "connectors")):
        api.on("GET", f"/v1/{path}/list", {rows: []})
    return cli


def test_a_uuid_is_resolved_to_its_kind_with_a_bounded_number_of_requests(real: Cli, api: FakeApi) -> None:
    assert real("open", A).json == {"url": f"{api.url}/console/runs/{A}", "kind": "run", "uuid": A, "name": None, "opened": False}
    assert len(api.requests) == 1
    assert real("open", B).json["url"] == f"{api.url}/console/models/{B}"
    assert real("open", D).json["url"] == f"{api.url}/console/tools/{A}", "a workflow is shown by its tool or play"
    before = len(api.requests)
    unknown = real("open", "0198c0de-0000-7000-8000-000000000009")
    assert (unknown.code, unknown.json["reason"]) == (1, "notFound")
    assert len(api.requests) - before == 13


def test_a_name_is_found_and_an_ambiguous_one_lists_its_candidates(real: Cli, api: FakeApi) -> None:
    assert real("open", "companies").json["url"] == f"{api.url}/console/models/{B}"
    assert real("open", "Score", "--kind", "play").json["url"] == f"{api.url}/console/plays/{B}"
    several = real("open", "Score")
    assert (several.code, several.json["reason"]) == (1, "ambiguousName")
    assert [candidate["kind"] for candidate in several.json["candidates"]] == ["tool", "play"]
    near = real("open", "Scor")
    assert (near.code, near.json["reason"]) == (1, "nameNotFound") and "Did you mean Score?" in near.json["errorMessage"]


def test_pages_and_urls_of_this_server(real: Cli, api: FakeApi) -> None:
    assert real("open").json["url"] == f"{api.url}/console/"
    assert real("open", "queue").json["url"] == f"{api.url}/console/queue"
    for url in (f"{api.url}/v1/orchestration/runs/{A}", f"{api.url}/console/runs/{A}"):
        assert real("open", url).json["url"] == f"{api.url}/console/runs/{A}"
    other = real("open", f"https://elsewhere.test/console/runs/{A}")
    assert (other.code, other.json["reason"]) == (1, "otherServer")


def test_a_browser_is_started_where_there_is_one_unless_only_the_address_is_asked_for(real: Cli, api: FakeApi, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho noise\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    real.env["BROWSER"] = str(browser)
    assert real("open", "runs", "--print").json["opened"] is False and not opened.exists()
    assert real("open", "runs").json["opened"] is True
    assert opened.read_text().strip() == f"{api.url}/console/runs"
