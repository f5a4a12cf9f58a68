"""The command line against the contract's: every command with its flags, values and positions, but for those that a list names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import pytest
from generate import parity

from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words.commands import find
from cargo_ai.cli.words.in_flags import in_flags
from tests.kit.examples import INDEX

HERE = Path(__file__).parent
CONTRACT: list[dict[str, Any]] = json.loads((HERE / "commands.json").read_text("utf-8"))
FILES: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text("utf-8")) for path in INDEX.glob("*.json")}


def test_what_is_not_accepted_is_exactly_what_the_list_names() -> None:
    """`tools/gen.py` shortens the list and never makes it longer."""
    assert (HERE / "unserved_commands.txt").read_text("utf-8") == parity.unserved(CONTRACT, FILES)


def test_a_missing_command_flag_value_or_position_is_noticed() -> None:
    command = {
        "command": "storage model list",
        "aliases": ["storage table list"],
        "positionals": ["uuid"],
        "flags": {"--dataset-uuid": "uuid", "--colour": "string"},
    }
    folder = {"command": "workspace folder create", "flags": {"--kind": ["play", "planet"]}}
    lines = parity.unserved([command, folder], FILES).splitlines()
    assert lines == [
        "storage model list --colour",
        "storage model list <uuid>",
        "storage table list",
        "workspace folder create --kind planet",
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("project deploy", "kept as JSON"),
        ("mailboxManagement", "integration smtp"),
        ("workspaceManagement envVar", "kept by connectors"),
        ("hosting app init ./site", "Forms and hooks"),
    ],
)
def test_of_a_command_that_is_not_served_it_says_what_there_is(typed: str, said: str) -> None:
    with pytest.raises(Failure) as refused:
        find(typed.split())
    assert said in refused.value.document["errorMessage"]


def test_each_command_that_is_not_served_is_said_to_be_one_of_the_public_command_line() -> None:
    commands = {words for command in CONTRACT for words in [command["command"], *command.get("aliases", [])]}
    unserved = commands & set((HERE / "unserved_commands.txt").read_text("utf-8").splitlines())
    for typed in unserved:
        with pytest.raises(Failure) as refused:
            find(typed.split())
        assert refused.value.document["reason"] == "notBuiltYet", typed
    assert len(unserved) > 50


@pytest.mark.parametrize(
    ("words", "said", "shown"),
    [
        ("orchestration node diagram", "give one of `nodes` and `runUuid`", "give one of --nodes and --run-uuid"),
        ("orchestration node diagram", "workflowUuid: is not a UUID", "--workflow-uuid: is not a UUID"),
        ("orchestration run get", "uuid: is not a UUID", "--uuid: is not a UUID"),
        ("orchestration node diagram", "nodes.0.config: runUuid.x is unknown", "nodes.0.config: runUuid.x is unknown"),
        ("storage model create", 'the column "datasetUuid" has no name', 'the column "datasetUuid" has no name'),
    ],
)
def test_a_refusal_names_flags_and_not_the_fields_of_the_request(words: str, said: str, shown: str) -> None:
    row = find(words.split()).row
    assert row is not None
    document: dict[str, Any] = {"errorMessage": said, "reason": "invalidInput"}
    in_flags(row, document)
    assert document == {"errorMessage": shown, "reason": "invalidInput", "fix": f"cargo-ai {words} --help"}
