"""Removals on the command line: a person hears what goes and how it comes back; where no one can be asked, nothing goes for ever."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

import cargo_ai.cli
from tests.kit.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

PREVIEW = "/v1/workspaceManagement/bin/preview"
MODEL = "/v1/storage/models/m-1"
SENTENCE = (
    'This removes the model "Deals" with 12 records. It can be restored until 1 May 2026, 09:00 UTC (cargo-ai workspace bin restore m-1).'
)


@pytest.fixture
def real(cli: Cli) -> Cli:
    """The command line with the index that is shipped."""
    cli.env["CARGO_AI_CLI_INDEX"] = str(Path(cargo_ai.cli.__file__).with_name("index"))
    return cli


def preview(until: str | None) -> dict[str, Any]:
    return {"kind": "model", "uuid": "m-1", "name": "Deals", "sentence": SENTENCE, "restoreUntil": until}


def on_terminal(cli: Cli, answer: bytes, *args: str) -> tuple[int, str]:
    """The exit code and what a person reads who answers a question so."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(cli.command(*args), stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, env=cli.env, cwd=cli.cwd)
    os.close(terminal)
    os.write(person, answer)
    read = b""
    try:
        while piece := os.read(person, 4096):
            read += piece
    except OSError:
        # The terminal is gone with the process that had it open.
        pass
    os.close(person)
    process.communicate(timeout=30)
    return process.returncode, read.decode()


def test_a_person_is_asked_with_what_goes_and_how_it_comes_back(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, preview("2026-05-01T09:00:00.000Z"))
    api.on("DELETE", MODEL, {"uuid": "m-1"})
    code, read = on_terminal(real, b"n\n", "storage", "model", "remove", "m-1")
    assert code == 1 and f"{SENTENCE} Go on? [y/N]" in read and api.sent("DELETE", MODEL) == []
    code, _ = on_terminal(real, b"y\n", "storage", "model", "remove", "m-1")
    assert code == 0 and len(api.sent("DELETE", MODEL)) == 1
    assert api.sent("GET", PREVIEW)[0].query == [("kind", "model"), ("uuid", "m-1")]


def test_what_can_be_restored_is_removed_without_a_terminal(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, preview("2026-05-01T09:00:00.000Z"))
    api.on("DELETE", MODEL, {"uuid": "m-1", "restore": "cargo-ai workspace bin restore m-1"})
    assert real("storage", "model", "remove", "m-1").json["restore"]


def test_what_could_not_be_restored_needs_yes_without_a_terminal(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, preview(None))
    api.on("DELETE", MODEL, {"uuid": "m-1"})
    refused = real("storage", "model", "remove", "m-1", stdin=b"y\n")
    assert (refused.code, refused.json["reason"]) == (2, "confirmationNeeded") and "fix" not in refused.json
    assert api.sent("DELETE", MODEL) == []
    assert real("storage", "model", "remove", "m-1", "--yes").code == 0


def test_a_thing_that_is_not_there_is_refused_by_the_removal_itself(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, Answer(404, {"errorMessage": "There is no model m-1.", "reason": "thingNotFound"}))
    api.on("DELETE", MODEL, Answer(404, {"errorMessage": "There is no model m-1.", "reason": "modelNotFound"}))
    result = real("storage", "model", "remove", "m-1")
    assert (result.code, result.json["reason"]) == (1, "modelNotFound")


def test_nothing_leaves_the_bin_for_ever_without_a_person(real: Cli, api: FakeApi) -> None:
    api.on("DELETE", "/v1/workspaceManagement/bin/m-1", {"uuid": "m-1"})
    api.on("POST", "/v1/workspaceManagement/bin/empty", {"count": 3})
    for args in (("remove", "m-1"), ("empty",)):
        refused = real("workspace", "bin", *args, stdin=b"y\n")
        assert refused.code == 2 and refused.json["reason"] == "confirmationNeeded" and "--yes" in refused.json["errorMessage"]
    assert api.requests == []
    assert real("workspace", "bin", "remove", "m-1", "--yes").json == {"uuid": "m-1"}
    assert real("workspace", "bin", "empty", "--yes").json == {"count": 3}
