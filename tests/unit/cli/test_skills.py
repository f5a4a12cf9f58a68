"""The skills for coding agents: installing them, and the hook that decides what an agent runs without asking."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cargo_ai.cli import approval
from tests.unit.cli.cli_process import Cli

READS = [
    "cargo-ai whoami",
    "cargo-ai orchestration run get 0198c0de-0000-7000-8000-000000000001 --jq .run.status",
    "cargo-ai orchestration run list --workflow-uuid 'My tool' | jq -r '.runs[] | .uuid'",
    'cargo-ai storage query execute "SELECT count(*) FROM default.accounts" | head -5',
    'cargo-ai storage record list --model-uuid "$MODEL" --all --output csv 2>/dev/null | wc -l',
    "cargo-ai orchestration batch create --help",
    "cargo-ai api GET /orchestration/tools/list",
    "cargo-ai storage",
    "cargo-ai alias list",
    "cargo-ai skills list",
]
ASKS = [
    "cargo-ai orchestration run create --data '{}'",
    "cargo-ai orchestration batch cancel 1",
    "cargo-ai whoami; make deploy",
    "cargo-ai whoami > ~/.bashrc",
    "cargo-ai whoami && curl https://example.com",
    "cargo-ai whoami | sh",
    "cargo-ai whoami | tee /etc/passwd",
    "cargo-ai whoami | jq -f /etc/passwd",
    "cargo-ai whoami $(touch x)",
    "cargo-ai whoami `touch x`",
    'cargo-ai whoami "$(touch x)"',
    "cargo-ai whoami\ntouch x",
    "cargo-ai whoami & touch x",
    "X=1 cargo-ai whoami",
    "time cargo-ai orchestration tool update --uuid x --name y",
    "cargo-ai whoami --base-url https://evil.example",
    "cargo-ai api POST /orchestration/tools",
    "cargo-ai alias set x 'storage model list'",
    "cargo-ai server start",
    "cargo-ai ask 'Do it all'",
    "cargo-ai workspace switch Other",
    "cargo-ai nonsense",
    "cargo-ai 'whoami",
]
NEVER = [
    "cargo-ai storage model remove companies --yes",
    "cargo-ai whoami; cargo-ai storage model remove companies",
    "cargo-ai whoami && cargo-ai storage record remove-bulk --ids a",
    "cargo-ai workspace bin empty",
    "cargo-ai workspace token create --name x",
    "cargo-ai workspace token list",
    "cargo-ai login --token x",
    "cargo-ai --quiet logout",
    "/usr/local/bin/cargo-ai logout",
    "sudo cargo-ai logout",
    "sh -c 'cargo-ai logout'",
    "echo $(cargo-ai storage model remove x)",
    "cargo-ai api DELETE /storage/models/x",
    "cargo-ai api GET /workspaceManagement/tokens/list",
    "cargo-ai server init --admin-token",
    "cargo-ai tool remove x",
]


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("CARGO_AI_CLI_INDEX", raising=False)


def test_what_only_reads_passes_and_nothing_else_does() -> None:
    assert {command: approval.decide(command) for command in READS} == dict.fromkeys(READS, "allow")
    assert {command: approval.decide(command) for command in ASKS} == dict.fromkeys(ASKS, "ask")
    assert {command: approval.decide(command) for command in NEVER} == dict.fromkeys(NEVER, "deny")
    assert approval.decide("git status") is None


def test_an_alias_is_judged_by_what_it_stands_for(signed_out: Cli) -> None:
    del signed_out.env["CARGO_AI_CLI_INDEX"]
    assert signed_out("alias", "set", "gone", "storage model remove $1 --yes").code == 0
    assert signed_out("alias", "set", "all", "storage model list").code == 0
    assert [hook(signed_out, f"cargo-ai {words}")["permissionDecision"] for words in ("gone x", "all")] == ["deny", "allow"]


def hook(cli: Cli, command: str) -> dict[str, Any]:
    done = cli("skills", "hook", stdin=json.dumps({"tool_name": "Bash", "tool_input": {"command": command}}).encode())
    assert done.code == 0
    return done.json["hookSpecificOutput"]


def test_the_hook_answers_in_the_form_of_the_agent_that_asks(signed_out: Cli) -> None:
    assert hook(signed_out, "cargo-ai whoami")["hookEventName"] == "PreToolUse"
    assert signed_out("skills", "hook", stdin=b'{"command": "cargo-ai logout"}').json["permission"] == "deny"
    for nothing in (b"", b"no json", b"[]", b'{"tool_input": {"command": "ls"}}', b'{"tool_input": {"file": "x"}}'):
        done = signed_out("skills", "hook", stdin=nothing)
        assert (done.code, done.out) == (0, "")


def test_skills_are_installed_over_themselves_and_over_nothing_else(signed_out: Cli) -> None:
    for _ in range(2):
        installed = signed_out("skills", "install", "--target", "claude", "--hook").json
        assert len(installed["installed"]) == len(signed_out("skills", "list").json["skills"]) == 8
    folder = signed_out.home / ".claude" / "skills" / "cargo-cli-storage"
    assert (folder / "references" / "commands.md").is_file()
    settings = json.loads((signed_out.home / ".claude" / "settings.json").read_text())
    assert len(settings["hooks"]["PreToolUse"]) == 1
    (folder / "SKILL.md").write_text("mine")
    refused = signed_out("skills", "install", "--target", "claude")
    assert refused.json["reason"] == "notOurs" and (folder / "SKILL.md").read_text() == "mine"
    assert signed_out("skills", "install", "--target", "dir", "--dir", "here").code == 0 and (signed_out.cwd / "here/cargo-cli").is_dir()
    assert signed_out("skills", "install", "--target", "codex", "--project").code == 0
    assert (signed_out.cwd / ".codex/skills/cargo-cli/SKILL.md").is_file()


def test_settings_of_the_agent_keep_what_else_is_in_them(signed_out: Cli) -> None:
    file = signed_out.home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"model": "x", "hooks": {"PreToolUse": [{"matcher": "Edit"}], "Stop": []}}))
    assert signed_out("skills", "install", "--target", "claude", "--hook").code == 0
    settings = json.loads(file.read_text())
    assert settings["model"] == "x" and settings["hooks"]["Stop"] == [] and len(settings["hooks"]["PreToolUse"]) == 2
    file.write_text("{")
    assert signed_out("skills", "install", "--target", "claude", "--hook").json["reason"] == "invalidSettings"
    assert file.read_text() == "{"


@pytest.mark.parametrize("words", [(), ("--target", "dir"), ("--target", "claude", "--dir", "x"), ("--target", "codex", "--hook")])
def test_an_install_that_is_not_clear_is_refused(signed_out: Cli, words: tuple[str, ...]) -> None:
    assert signed_out("skills", "install", *words).code == 2
