"""Flags that take a file, which is named as it is or with the `@` of other flags."""

from __future__ import annotations

import json

import pytest

from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import Cli

CREATE = ("connection", "custom-integration", "create", "--operations", "getPet", "--openapi")


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("POST", "/v1/connection/customIntegrations", {"customIntegration": {"uuid": "c-1"}})
    return cli


@pytest.mark.parametrize("written", ["api.json", "@api.json"])
def test_a_file_is_read_with_and_without_the_sign(real: Cli, api: FakeApi, written: str) -> None:
    (real.cwd / "api.json").write_text('{"openapi": "3.1.0"}')
    done = real(*CREATE, written)
    assert done.code == 0, done.out
    assert api.requests[0].json["openapi"] == {"openapi": "3.1.0"}


def test_a_file_whose_name_begins_with_the_sign_is_itself(real: Cli, api: FakeApi) -> None:
    (real.cwd / "@api.json").write_text('{"openapi": "3.0.3"}')
    (real.cwd / "api.json").write_text("{}")
    assert real(*CREATE, "@api.json").code == 0
    assert api.requests[0].json["openapi"] == {"openapi": "3.0.3"}


@pytest.mark.parametrize("levels", [101, 600, 100_000])
def test_json_that_is_nested_too_deeply_is_refused_with_a_sentence(real: Cli, levels: int) -> None:
    (real.cwd / "deep.json").write_text("[" * levels + "]" * levels)
    result = real("orchestration", "node", "validate", "--nodes", "@deep.json")
    assert result.code == 2
    assert result.json["errorMessage"].endswith("nested too deeply; the server reads at most 100 levels of lists and objects.")


def test_json_of_as_many_levels_as_the_server_reads_is_sent(real: Cli, api: FakeApi) -> None:
    deep = '{"a":' * 99 + "[]" + "}" * 99
    (real.cwd / "deep.json").write_text(deep)
    assert real(*CREATE, "@deep.json").code == 0
    assert api.requests[0].json["openapi"] == json.loads(deep)
