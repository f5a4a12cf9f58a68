"""Removals on the command line: a person hears what goes and how it comes back; where no one can be asked, nothing goes forever."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

import cargo_ai.cli
from tests.kit.peers.fake_api import Answer, FakeApi
from tests.unit.cli.cli_process import Cli

PREVIEW = "/v1/workspaceManagement/bin/preview"
UUID = "0198c0de-0000-7000-8000-0000000000a1"
MODEL = f"/v1/storage/models/{UUID}"
RESTORE = f"cargo-ai workspace bin restore {UUID}"
SENTENCE = f'This removes the model "Deals" with 12 records. It can be restored until 1 May 2026, 09:00 UTC ({RESTORE}).'


@pytest.fixture
def real(cli: Cli) -> Cli:
    """The command line with the index that is shipped."""
    cli.env["CARGO_AI_CLI_INDEX"] = str(Path(cargo_ai.cli.__file__).with_name("index"))
    return cli


def preview(until: str | None) -> dict[str, Any]:
    return {"kind": "model", "uuid": UUID, "name": "Deals", "sentence": SENTENCE, "restoreUntil": until}


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
    api.on("DELETE", MODEL, {"uuid": UUID})
    code, read = on_terminal(real, b"n\n", "storage", "model", "remove", UUID)
    assert code == 1 and f"{SENTENCE} Go on? [y/N]" in read and api.sent("DELETE", MODEL) == []
    code, _ = on_terminal(real, b"y\n", "storage", "model", "remove", UUID)
    assert code == 0 and len(api.sent("DELETE", MODEL)) == 1
    assert api.sent("GET", PREVIEW)[0].query == [("kind", "model"), ("uuid", UUID)]


def test_a_name_is_looked_up_before_the_question_and_what_has_it_goes(real: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/storage/models/list", {"models": [{"uuid": UUID, "slug": "deals", "name": "Deals"}]})
    api.on("GET", PREVIEW, preview(None))
    api.on("DELETE", MODEL, {"uuid": UUID})
    refused = real("storage", "model", "remove", "Deals")
    assert refused.json["reason"] == "confirmationNeeded" and SENTENCE.rstrip(".") in refused.json["errorMessage"]
    assert api.sent("GET", PREVIEW)[0].query == [("kind", "model"), ("uuid", UUID)] and api.sent("DELETE", MODEL) == []
    assert real("storage", "model", "remove", "Deals", "--yes").json == {"uuid": UUID}


def test_what_can_be_restored_is_removed_without_a_terminal(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, preview("2026-05-01T09:00:00.000Z"))
    api.on("DELETE", MODEL, {"uuid": UUID, "restore": RESTORE})
    assert real("storage", "model", "remove", UUID).json["restore"]


def test_what_could_not_be_restored_needs_yes_without_a_terminal(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, preview(None))
    api.on("DELETE", MODEL, {"uuid": UUID})
    refused = real("storage", "model", "remove", UUID, stdin=b"y\n")
    assert (refused.code, refused.json["reason"]) == (2, "confirmationNeeded") and "fix" not in refused.json
    assert api.sent("DELETE", MODEL) == []
    assert real("storage", "model", "remove", UUID, "--yes").code == 0


def test_a_thing_that_is_not_there_is_refused_by_the_removal_itself(real: Cli, api: FakeApi) -> None:
    api.on("GET", PREVIEW, Answer(404, {"errorMessage": "There is no model.", "reason": "thingNotFound"}))
    api.on("DELETE", MODEL, Answer(404, {"errorMessage": "There is no model.", "reason": "modelNotFound"}))
    result = real("storage", "model", "remove", UUID)
    assert (result.code, result.json["reason"]) == (1, "modelNotFound")


def test_an_unknown_name_is_refused_before_a_person_is_asked(real: Cli, api: FakeApi) -> None:
    api.on("GET", "/v1/workspaceManagement/bin/list", {"items": [{"uuid": UUID, "name": "Scores", "kind": "tool"}]})
    done = real("workspace", "bin", "remove", "zebra")
    assert (done.code, done.json["reason"]) == (1, "nameNotFound")
    assert done.json["errorMessage"] == 'There is nothing in the bin with the name or uuid "zebra".'


def test_nothing_leaves_the_bin_for_ever_without_a_person(real: Cli, api: FakeApi) -> None:
    api.on("DELETE", f"/v1/workspaceManagement/bin/{UUID}", {"uuid": UUID})
    api.on("POST", "/v1/workspaceManagement/bin/empty", {"count": 3})
    for args in (("remove", UUID), ("empty",)):
        refused = real("workspace", "bin", *args, stdin=b"y\n")
        assert refused.code == 2 and refused.json["reason"] == "confirmationNeeded" and "--yes" in refused.json["errorMessage"]
    assert api.requests == []
    assert real("workspace", "bin", "remove", UUID, "--yes").json == {"uuid": UUID}
    assert real("workspace", "bin", "empty", "--yes").json == {"count": 3}
