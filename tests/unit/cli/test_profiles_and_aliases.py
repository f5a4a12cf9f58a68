"""Profiles for several sign-ins, and aliases for commands."""

from __future__ import annotations

import json

import pytest

from tests.kit.peers.fake_api import FakeApi, fake_api
from tests.unit.cli.cli_process import TOKEN, WORKSPACE, Cli

USER = "/v1/workspaceManagement/users/current"
OTHER_TOKEN = "cai_live_other56789abcdef"


def signed_in(api: FakeApi, workspace: str = WORKSPACE) -> None:
    api.on("GET", USER, {"user": {"uuid": "u-1", "email": "ada@example.com"}})
    api.on("GET", "/v1/workspaceManagement/workspaces/current", {"workspace": {"uuid": workspace, "name": "Acme"}})


def test_profiles_keep_servers_and_tokens_apart(signed_out: Cli, api: FakeApi) -> None:
    with fake_api() as staging:
        signed_in(staging, "other")
        assert signed_out("login", "--base-url", api.url, "--token", TOKEN).code == 0
        assert signed_out("login", "--profile", "staging", "--base-url", staging.url, "--token", OTHER_TOKEN).code == 0
        assert signed_out("whoami").json["baseUrl"] == api.url, "signing in to a profile does not change what is current"
        whoami = signed_out("whoami", "--profile", "staging", CARGO_API_TOKEN=TOKEN, CARGO_API_URL=api.url)
        assert whoami.json["baseUrl"] == staging.url and whoami.json["workspace"]["uuid"] == "other"
        assert staging.requests[-1].headers["authorization"] == f"Bearer {OTHER_TOKEN}"
        assert signed_out("whoami", CARGO_AI_PROFILE="staging").json["baseUrl"] == staging.url
        listed = signed_out("profile", "list")
        assert listed.json == {"profiles": [{"name": "staging", "baseUrl": staging.url, "workspaceUuid": "other"}]}
        assert OTHER_TOKEN not in listed.out
        assert signed_out("logout", "--profile", "staging").json["loggedOut"]
        assert signed_out("whoami").code == 0 and signed_out("profile", "list").json == {"profiles": []}


def test_a_profiles_token_goes_to_no_other_server(signed_out: Cli, api: FakeApi) -> None:
    with fake_api() as stranger:
        assert signed_out("login", "--profile", "mine", "--base-url", api.url, "--token", TOKEN).code == 0
        done = signed_out("whoami", "--profile", "mine", "--base-url", stranger.url)
        assert done.code == 4 and stranger.requests == []


def test_an_unknown_profile_is_refused(cli: Cli, api: FakeApi) -> None:
    for name, reason, code in (("nowhere", "unknownProfile", 4), ("a b", "invalidValue", 2), ("../x", "invalidValue", 2)):
        done = cli("whoami", "--profile", name)
        assert (done.code, done.json["reason"]) == (code, reason) and api.requests == []


def test_an_alias_stands_for_a_command_with_places(cli: Cli, api: FakeApi) -> None:
    assert cli("alias", "set", "b", "cargo-ai orchestration batch get $1").code == 0
    assert cli("alias", "list").json == {"aliases": [{"name": "b", "command": "cargo-ai orchestration batch get $1"}]}
    api.on("GET", "/v1/orchestration/batches/b-1", {"batch": {"uuid": "b-1"}})
    assert cli("b", "b-1", "--quiet").json == {"batch": {"uuid": "b-1"}}
    assert cli("b").json["reason"] == "missingArgument"
    assert "orchestration batch get" in cli("b", "--help").out
    assert cli("alias", "remove", "b").code == 0 and cli("b", "b-1").json["reason"] == "unknownCommand"
    assert cli("alias", "remove", "b").json["reason"] == "aliasNotFound"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("whoami", "orchestration batch get"),
        ("orchestration", "whoami"),
        ("-x", "whoami"),
        ("x", "no such command"),
        ("x", "'open"),
        ("x", "x"),
    ],
)
def test_an_alias_hides_no_command_and_stands_for_one(cli: Cli, name: str, command: str) -> None:
    assert cli("alias", "set", name, command).code == 2
    assert cli("alias", "list").json == {"aliases": []}


def test_aliases_do_not_call_each_other_and_a_broken_file_is_named(cli: Cli) -> None:
    assert cli("alias", "set", "w", "whoami").code == 0
    assert cli("alias", "set", "v", "w").json["reason"] == "invalidValue"
    file = cli.credentials.with_name("aliases.json")
    file.write_text(json.dumps({"loop": "loop"}))
    assert cli("loop").json["reason"] == "unknownCommand"
    file.write_text("{")
    assert cli("loop").json["reason"] == "invalidAliases" and cli("whoami").code == 0


def test_a_read_only_sign_in_is_a_token_of_its_own_in_a_profile(signed_out: Cli, api: FakeApi) -> None:
    actions = ("*", "ai:*", "ai:read", "ai:agent:read", "ai:write", "storage:read")
    api.on("GET", "/v1/workspaceManagement/permissions/list", {"permissions": [{"action": action} for action in actions]})
    api.on("POST", "/v1/workspaceManagement/tokens", {"token": {"token": OTHER_TOKEN, "workspaceUuid": WORKSPACE}})
    assert signed_out("login", "--base-url", api.url, "--token", TOKEN).code == 0
    assert signed_out("login", "--read-only").json["reason"] == "missingFlag"
    assert signed_out("login", "--read-only", "--profile", "agent").json["workspace"]["uuid"] == WORKSPACE
    (made,) = (request for request in api.requests if request.verb == "POST")
    assert made.headers["authorization"] == f"Bearer {TOKEN}"
    assert made.json["permissions"] == [{"effect": "allow", "resources": None, "actions": ["ai:read", "storage:read"]}]
    assert signed_out("whoami", "--profile", "agent").code == 0
    assert api.requests[-1].headers["authorization"] == f"Bearer {OTHER_TOKEN}"
    assert json.loads(signed_out.credentials.read_text())["accessToken"] == TOKEN
