"""`cargo-ai start`: signing in and handing over, and what other servers' documents call it."""

from __future__ import annotations

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import TOKEN, WORKSPACE, Cli


@pytest.mark.parametrize("name", ["start", "onboard", "init"])
def test_who_is_not_signed_in_signs_in_and_hears_what_to_do(signed_out: Cli, api: FakeApi, name: str) -> None:
    result = signed_out(name, "--token", TOKEN, "--base-url", api.url)
    assert result.code == 0
    assert result.json["workspace"]["uuid"] == WORKSPACE and result.json["user"] == {"uuid": "u-1", "email": "ada@example.com"}
    assert result.json["installed"] == [] and result.json["next"]


def test_a_code_that_is_on_its_way_is_said_with_what_to_run_then(signed_out: Cli, api: FakeApi) -> None:
    api.on("POST", "/v1/login/email", Answer(200, {"sent": True}))
    result = signed_out("start", "--email", "ada@example.com", "--base-url", api.url)
    assert result.code == 0 and "--code CODE" in result.json["fix"], (result.out, result.err)


def test_a_coding_agent_gets_the_skills_in_its_project(signed_out: Cli, api: FakeApi) -> None:
    words = ("start", "--token", TOKEN, "--base-url", api.url, "--continue", "claude", "--directory", "project")
    result = signed_out(*words)
    assert result.json["next"][0] == "claude"
    assert (signed_out.cwd / "project" / ".claude" / "skills" / "cargo-cli" / "SKILL.md").is_file()


@pytest.mark.parametrize("words", [("--continue", "code"), ("--continue", "demo"), ("--directory", "x")])
def test_what_is_not_there_is_refused_with_what_there_is(signed_out: Cli, words: tuple[str, ...]) -> None:
    result = signed_out("start", *words)
    assert result.code == 2 and result.json["fix"].startswith("cargo-ai start")


def test_there_is_no_one_to_book_and_it_says_where_to_begin(signed_out: Cli) -> None:
    assert signed_out("book-demo", "--no-open").json["fix"] == "cargo-ai start"


def test_chat_is_another_name_of_ask(signed_out: Cli, api: FakeApi) -> None:
    result = signed_out("--chat", "--token", TOKEN, "--base-url", api.url, "Hello")
    assert result.code == 2 and "--agent-uuid" in result.json["errorMessage"]
