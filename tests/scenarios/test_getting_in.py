"""Journeys of the first minutes: signing in, looking around, other people's things, tokens and folders."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.kit.peers.mail_server import MailServer
from tests.kit.processes.real_server import RealServer, wait_until
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person


@pytest.fixture
def visitor(tmp_path: Path, server: RealServer) -> Person:
    """Someone who has not signed in."""
    return Person(tmp_path, server.base_url, None)


def test_sign_in_and_confirm(visitor: Person, server: RealServer) -> None:
    assert "orchestration" in visitor.run("--help").stdout
    assert visitor.refused("whoami", code=4)["fix"].startswith("cargo-ai login")
    said = visitor("login", "--token", server.token)
    assert visitor.credentials.stat().st_mode & 0o777 == 0o600
    found = visitor("whoami")
    assert found == said
    assert found["user"]["uuid"] and found["user"]["email"] == "admin@localhost"
    assert found["workspace"]["uuid"] and found["workspace"]["name"] == "My Workspace"
    assert found["baseUrl"] == server.base_url
    assert visitor("logout")["loggedOut"] is True
    assert not visitor.credentials.exists()


def test_sign_in_to_a_chosen_workspace(visitor: Person, server: RealServer, other_person: Person) -> None:
    theirs = other_person("whoami")["workspace"]["uuid"]
    refusal = visitor.refused("login", "--token", server.token, "--workspace-uuid", theirs, code=4)
    absent = visitor.refused("login", "--token", server.token, "--workspace-uuid", graphs.uuid_of("nobody"), code=4)
    assert refusal["errorMessage"] == absent["errorMessage"]
    assert not visitor.credentials.exists()
    assert visitor.refused("login", "--token", "cai_live_wrong", code=4)["reason"] == "unauthorized"
    mine = visitor("login", "--token", server.token)["workspace"]["uuid"]
    assert visitor("login", "--token", server.token, "--workspace-uuid", mine)["workspace"]["uuid"] == mine
    assert visitor("whoami")["workspace"]["uuid"] == mine


def init(server: RealServer, *flags: str) -> tuple[int, dict[str, str]]:
    """The exit code and the document of `cargo-ai server init` on the server's machine."""
    done = server.command("init", *flags)
    return done.returncode, json.loads(done.stdout or done.stderr)


def test_the_servers_machine_gives_a_way_back_in_while_the_server_runs(visitor: Person, server: RealServer) -> None:
    code, created = init(server, "--admin-token")
    assert code == 0 and visitor("login", "--token", created["token"])["user"]["email"] == "admin@localhost"


@pytest.mark.slow
def test_the_servers_machine_gives_a_way_into_a_workspace_that_is_named(visitor: Person, server: RealServer, other_person: Person) -> None:
    theirs = other_person("whoami")["workspace"]["uuid"]
    code, created = init(server, "--admin-token", "--workspace-uuid", theirs)
    assert code == 0 and visitor("login", "--token", created["token"])["workspace"]["uuid"] == theirs == created["workspaceUuid"]
    assert "token" not in init(server)[1]
    for workspace in (graphs.uuid_of("nobody"), "nobody"):
        code, refusal = init(server, "--admin-token", "--workspace-uuid", workspace)
        assert (code, refusal["reason"]) == (2, "workspaceNotFound")
    assert init(server, "--workspace-uuid", theirs)[0] == 2


def test_sign_in_by_email(visitor: Person, mail: MailServer) -> None:
    def code_for(address: str) -> str:
        before = len(mail.emails)
        sent = visitor("login", "--email", address)
        assert sent["sent"] is True and sent["fix"] == f"cargo-ai login --email {address} --code CODE"
        wait_until(lambda: len(mail.emails) > before, 20, "the code")
        typed = re.search(r"cargo-ai is (\d{8})", mail.emails[-1].message.get_content())
        assert typed is not None
        return typed[1]

    first = visitor("login", "--email", "ann@example.org", "--code", code_for("ann@example.org"))
    assert first["user"]["email"] == "ann@example.org" and first["workspace"]["name"]
    again = visitor("login", "--email", "ann@example.org", "--code", "-", stdin=code_for("ann@example.org") + "\n")
    assert (again["user"]["uuid"], again["workspace"]["uuid"]) == (first["user"]["uuid"], first["workspace"]["uuid"])
    assert visitor("whoami")["user"]["email"] == "ann@example.org"
    assert visitor.refused("login", "--email", "ann@example.org", "--code", "00000000", code=4)["errorMessage"]
    visitor("logout")
    assert visitor.refused("whoami", code=4)["fix"].startswith("cargo-ai login")


def test_another_workspaces_token_beside_a_saved_sign_in_works(visitor: Person, server: RealServer, second_token: str) -> None:
    visitor("login", "--token", server.token)
    visitor.environment["CARGO_API_TOKEN"] = second_token
    assert visitor("whoami")["workspace"]["name"] == "Second"


def test_look_around(person: Person) -> None:
    made = person("orchestration", "tool", "create", "--name", "Look around")["tool"]
    (tool,) = [tool for tool in person("orchestration", "tool", "list")["tools"] if tool["uuid"] == made["uuid"]]
    assert tool["name"] == "Look around" and tool["workflowUuid"]
    assert "connectors" in person("connection", "connector", "list")
    workflows = {workflow["uuid"]: workflow for workflow in person("orchestration", "workflow", "list")["workflows"]}
    workflow = workflows[tool["workflowUuid"]]
    assert workflow["toolUuid"] == tool["uuid"] and workflow["playUuid"] is None and "name" not in workflow


def test_a_viewer_may_look_and_not_touch(person: Person) -> None:
    rules = json.dumps([{"effect": "allow", "actions": ["orchestration:read"]}])
    token = person("workspace", "token", "create", "--name", "reader", "--permissions", rules)["token"]["token"]
    reader = Person(person.home, person.environment["CARGO_API_URL"], token)
    assert "tools" in reader("orchestration", "tool", "list")
    refusal = reader.refused("orchestration", "tool", "create", "--name", "x", code=4)
    assert refusal["reason"] == "forbidden" and refusal["permission"] == "orchestration:workflow:write"
    assert reader.refused("connection", "connector", "list", code=4)["permission"] == "connection:read"


def test_what_belongs_to_another_workspace_is_as_unknown_as_nothing(person: Person, other_person: Person) -> None:
    workflow = person.deployed("Mine", graphs.wait(0))
    tool = next(tool for tool in person("orchestration", "tool", "list")["tools"] if tool["workflowUuid"] == workflow)["uuid"]
    run = person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", "{}")["run"]["uuid"]
    release = person("orchestration", "release", "get-deployed", "--workflow-uuid", workflow)["release"]["uuid"]
    absent_uuid = graphs.uuid_of("nobody")
    for words in (
        ("orchestration", "tool", "get", tool),
        ("orchestration", "tool", "update", "--name", "Theirs", "--uuid", tool),
        ("orchestration", "tool", "remove", tool),
        ("orchestration", "run", "get", run),
        ("orchestration", "release", "get", release),
        ("orchestration", "draft-release", "get", "--workflow-uuid", workflow),
        ("orchestration", "draft-release", "deploy", "--workflow-uuid", workflow),
        ("orchestration", "run", "create", "--data", "{}", "--workflow-uuid", workflow),
        ("orchestration", "run", "get-metrics", "--workflow-uuid", workflow),
        ("orchestration", "batch", "create", "--data", '{"kind":"records","records":[{}]}', "--workflow-uuid", workflow),
    ):
        foreign, unknown = other_person.refused(*words), other_person.refused(*words[:-1], absent_uuid)
        assert foreign["reason"].endswith("NotFound")
        assert (foreign["reason"], foreign["errorMessage"].replace(words[-1], absent_uuid)) == (unknown["reason"], unknown["errorMessage"])
    assert person("orchestration", "tool", "get", tool)["tool"]["name"] == "Mine"


def test_rotate_a_token(person: Person, server: RealServer, tmp_path: Path) -> None:
    old = person("workspace", "token", "create", "--from-user")["token"]
    new = person("workspace", "token", "create", "--name", "CI")["token"]
    assert new["name"] == "CI" and new["token"].startswith("cai_live_")
    shown = {token["uuid"]: token["token"] for token in person("workspace", "token", "list")["tokens"]}
    assert shown[new["uuid"]] == f"cai_live_…{new['token'][-4:]}"
    holder = Person(tmp_path, server.base_url, None)
    holder("login", "--token", "-", "--base-url", server.base_url, stdin=old["token"])
    person("workspace", "token", "remove", old["uuid"])
    assert holder.refused("whoami", code=4)["reason"] == "unauthorized"
    holder("login", "--token", new["token"])
    assert holder("whoami")["user"]["email"] == "admin@localhost"


def test_plays_agents_and_tools_lie_in_folders_of_their_kind(person: Person) -> None:
    dataset = person("storage", "dataset", "list")["datasets"][0]["uuid"]
    config = json.dumps({"columns": [{"slug": "id", "type": "string", "label": "Id"}], "idColumnSlug": "id"})
    words = ("storage", "model", "create", "--slug", "s50", "--name", "S50", "--dataset-uuid", dataset)
    model = person(*words, "--extractor-slug", "defineObject", "--config", config)["model"]["uuid"]
    made = {
        "play": person("orchestration", "play", "create", "--name", "P", "--model-uuid", model)["play"]["uuid"],
        "tool": person("orchestration", "tool", "create", "--name", "T")["tool"]["uuid"],
        "agent": person("ai", "agent", "create", "--name", "A", "--icon-color", "grey", "--icon-face", "x")["agent"]["uuid"],
    }
    for kind, uuid in made.items():
        create = ("workspace", "folder", "create", "--name", "Q1", "--emoji-slug", "rocket", "--kind", kind)
        folder = person(*create)["folder"]["uuid"]
        noun = ("ai", kind) if kind == "agent" else ("orchestration", kind)
        assert person(*noun, "update", "--uuid", uuid, "--folder-uuid", folder)[kind]["folderUuid"] == folder
        if kind != "agent":
            assert [one["uuid"] for one in person(*noun, "list", "--folder-uuid", folder)[f"{kind}s"]] == [uuid]
        assert person.refused("workspace", "folder", "remove", folder)["reason"] == "folderIsUsed"
        person(*noun, "update", "--uuid", uuid, "--folder-uuid", "null")
        person("workspace", "folder", "remove", folder)
    person("ai", "agent", "remove", made["agent"])
    person("orchestration", "play", "remove", made["play"])


def test_file_tools_in_folders(person: Person) -> None:
    folder = person("workspace", "folder", "create", "--name", "Q1", "--emoji-slug", "rocket", "--kind", "tool")["folder"]
    parent = person("workspace", "folder", "create", "--name", "Year", "--emoji-slug", "calendar", "--kind", "tool")["folder"]["uuid"]
    person("workspace", "folder", "update", "--uuid", folder["uuid"], "--name", "Q2", "--emoji-slug", "star", "--parent-uuid", parent)
    got = person("workspace", "folder", "get", folder["uuid"])["folder"]
    assert (got["name"], got["emojiSlug"], got["parentUuid"]) == ("Q2", "star", parent)
    tool = person("orchestration", "tool", "create", "--name", "Filed")["tool"]["uuid"]
    person("orchestration", "tool", "update", "--uuid", tool, "--folder-uuid", folder["uuid"])
    assert [one["uuid"] for one in person("orchestration", "tool", "list", "--folder-uuid", folder["uuid"])["tools"]] == [tool]
    assert person.refused("workspace", "folder", "remove", folder["uuid"])["errorMessage"]
    person("orchestration", "tool", "update", tool, "--folder-uuid", "none")
    person("workspace", "folder", "remove", folder["uuid"])
    person("workspace", "folder", "remove", parent)
    assert person.refused("workspace", "folder", "get", folder["uuid"])["reason"] == "folderNotFound"
    wrong = person.refused("workspace", "folder", "create", "--name", "M", "--emoji-slug", "mail", "--kind", "mailbox", code=2)
    assert "takes tool, play" in wrong["errorMessage"]


def test_doctor_finds_nothing_wrong_with_a_live_server(person: Person) -> None:
    report = person("doctor")
    found = {check["name"]: check for check in report["checks"]}
    assert report["ok"] and all(check["ok"] for check in found.values())
    assert found["database"]["detail"].startswith("PostgreSQL ") and "plpgsql" in found["database"]["detail"]
    assert found["workers"]["detail"] == "2 at work"
