"""Secrets of a command: from a file, a variable, standard input or a prompt, and never from the command line."""

from __future__ import annotations

import contextlib
import os
import pty
from pathlib import Path

import pytest

from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import Cli

CREATE = ("connection", "connector", "create", "--integration-slug", "http", "--slug", "crm", "--name", "CRM")
PATH = "/v1/connection/connectors"
SECRET = "tok-4711 very secret"


@pytest.fixture
def real(cli: Cli, api: FakeApi) -> Cli:
    """The command line with its real commands."""
    del cli.env["CARGO_AI_CLI_INDEX"]
    api.on("POST", PATH, {"connector": {"uuid": "c-1"}})
    return cli


def test_each_secret_comes_from_where_its_flag_says(real: Cli, api: FakeApi) -> None:
    (real.cwd / "token").write_text(f"{SECRET}\n")
    flags = ("auth.token=@token", "headers.x=env:THE_KEY", "auth.value=-", "auth.username=secret://env/CRM_USER")
    done = real(*CREATE, *(word for flag in flags for word in ("--secret", flag)), stdin=b"from stdin\r\n", THE_KEY="key")
    assert done.code == 0, done.out
    assert api.requests[0].json["secrets"] == {
        "auth.token": SECRET,
        "headers.x": "key",
        "auth.value": "from stdin",
        "auth.username": "secret://env/CRM_USER",
    }


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ("auth.token=abc", "secretOnCommandLine"),
        ("auth.token=@absent", "unreadable"),
        ("auth.token=env:ABSENT", "invalidValue"),
        ("auth.token=-", "invalidValue"),
        ("auth.token=", "secretOnCommandLine"),
        ("=@token", "invalidValue"),
        ("auth.token", "missingValue"),
    ],
)
def test_a_secret_that_is_spelled_out_or_missing_is_refused_before_anything_is_sent(
    real: Cli, api: FakeApi, flag: str, reason: str
) -> None:
    done = real(*CREATE, "--secret", flag)
    assert (done.code, done.json["reason"]) == (2, reason)
    assert "abc" not in done.out and not [request for request in api.requests if request.size]


def test_a_secret_is_asked_for_on_a_terminal_without_showing_it(real: Cli, api: FakeApi, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = real.start(*CREATE, "--secret", "auth.token", stdin=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    while b"auth.token: " not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, f"{SECRET}\n".encode())
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert api.requests[0].json["secrets"] == {"auth.token": SECRET}
    os.set_blocking(ours, False)
    with contextlib.suppress(OSError):
        shown += os.read(ours, 4096)
    os.close(ours)
    assert SECRET.encode() not in shown


def test_a_secret_that_stands_in_place_of_its_name_is_not_repeated(real: Cli) -> None:
    secret = "sk-live-0123456789abcdef0123456789abcdef"
    done = real(*CREATE, "--secret", secret)
    assert done.json["reason"] == "missingValue" and secret not in done.out + done.err
