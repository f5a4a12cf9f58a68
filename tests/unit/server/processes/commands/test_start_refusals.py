"""A server that cannot start says in one sentence what to do, and leaves nothing wrong behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cargo_ai import __version__
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.processes.commands import command, server_status
from cargo_ai.store.embedded import postgres
from tests.kit.data import data_folders
from tests.kit.processes.real_server import RealServer


@pytest.fixture
def migrated() -> Iterator[Path]:
    """A data folder whose database is there, so that no start has to make it."""
    folder = data_folders.take()
    yield folder
    data_folders.give_back(folder)


def refused(folder: Path, *flags: str, **environment: str) -> tuple[int, dict[str, str]]:
    """The exit code and the document of a start that fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_") or name == "CARGO_AI_POSTGRES_BIN"}
    named = {f"CARGO_AI_{name}": value for name, value in environment.items()}
    words = [sys.executable, "-m", "cargo_ai", "server", "start", "--port", "0", *flags]
    done = subprocess.run(words, env=kept | named | {"CARGO_AI_DATA_DIR": str(folder)}, capture_output=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stderr or done.stdout)


FIRST_START_THAT_IS_TOO_SLOW = """
from cargo_ai.server.processes import supervise
from cargo_ai.server.processes.commands import command

supervise.READY_SECONDS = 0.0
try:
    command.run("start", {"--port": "0"})
except command.CommandRefused as refusal:
    print(refusal, refusal.fix)
"""


DETACHED_START_THAT_IS_LOOKED_AT_OFTEN = """
from cargo_ai.server.processes.commands import command

command.NOTICE_SECONDS = 0.05
command.run("start", {"--port": "0", "--detach": ""})
command.run("stop", {})
"""


def in_a_process_of_its_own(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines with that data folder; what they print."""
    environment = {**os.environ, "CARGO_AI_DATA_DIR": str(folder)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--detach",)])
def test_a_secret_key_that_is_too_short_is_named(migrated: Path, flags: tuple[str, ...]) -> None:
    code, document = refused(migrated, *flags, SECRET_KEY="short")
    assert (code, document["reason"]) == (2, "invalidSettings") and "CARGO_AI_SECRET_KEY has fewer than 32 bytes" in document[
        "errorMessage"
    ]


@pytest.mark.slow
def test_a_key_file_that_was_cut_short_is_named(migrated: Path) -> None:
    (migrated / "secret.key").write_text("c2hvcnQ=")
    code, document = refused(migrated)
    assert code == 2 and f"{migrated}/secret.key has fewer than 32 bytes" in document["errorMessage"]


@pytest.mark.parametrize("flags", [(), ("--detach",)])
def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "data").write_text("")
    code, document = refused(tmp_path / "data", *flags)
    assert (code, document["reason"]) == (1, "startFailed") and str(tmp_path / "data") in document["errorMessage"]
    assert "CARGO_AI_DATA_DIR" in document["errorMessage"]


@pytest.mark.slow
def test_a_detached_start_is_waited_for_as_long_as_it_takes_and_says_that_it_goes_on(migrated: Path) -> None:
    done = in_a_process_of_its_own(migrated, DETACHED_START_THAT_IS_LOOKED_AT_OFTEN)
    assert "baseUrl" in json.loads(done.stdout.splitlines()[0])
    assert "the server is still starting" in done.stderr and str(migrated / command.LOG_NAME) in done.stderr


@pytest.mark.slow
def test_a_first_start_that_fails_after_its_token_was_made_says_how_to_get_another(migrated: Path) -> None:
    done = in_a_process_of_its_own(migrated, FIRST_START_THAT_IS_TOO_SLOW)
    assert "its token was not shown" in done.stdout and "cargo-ai server init --admin-token" in done.stdout


@pytest.mark.slow
def test_a_missing_key_is_not_replaced_by_another_that_does_not_fit(tmp_path: Path) -> None:
    server = RealServer(tmp_path, workers=1)
    try:
        server.start().stop()
        key = server.data_dir / "secret.key"
        text = key.read_text()
        key.unlink()
        code, document = refused(server.data_dir)
        assert code == 2 and "secret.key is missing" in document["errorMessage"] and not key.exists()
        key.write_text(text)
        server.start()
    finally:
        server.erase()


class OlderServer(BaseHTTPRequestHandler):
    """Says of itself that it is of another version."""

    def do_GET(self) -> None:
        body = b'{"status": "ready", "version": "0.0.1"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def older() -> Iterator[tuple[str, int]]:
    """The address of a server of another version."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OlderServer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


def test_a_start_beside_a_server_of_another_version_says_so_and_how_to_change_to_this_one(tmp_path: Path, older: tuple[str, int]) -> None:
    state = {"pid": 7, "baseUrl": "http://127.0.0.1:8420", "address": list(older)}
    sentence, fix = server_status.describe_running(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}), state)
    assert f"It is version 0.0.1, and this command is {__version__}: start it again to change to that." in sentence
    assert fix == "cargo-ai server stop && cargo-ai server start"
    # One that does not answer says nothing of its version.
    sentence, fix = server_status.describe_running(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}), state | {"address": None})
    assert (sentence.count("version"), fix) == (0, "cargo-ai server status")


def test_the_signal_by_which_its_children_log_their_tasks_does_not_end_the_supervisor() -> None:
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    stops = list[int]()
    try:
        command.on_signals(lambda: stops.append(1))
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stops == [1]
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


BACKUP_WITHOUT_A_PASSPHRASE = """
import sys

from cargo_ai.server.processes.commands import command

try:
    command.run("backup", {"FILE": "backup"})
except command.CommandRefused as refusal:
    print(refusal, "psycopg" in sys.modules)
"""


def test_a_backup_without_a_passphrase_is_refused_before_the_database_is_started(migrated: Path) -> None:
    said = in_a_process_of_its_own(migrated, BACKUP_WITHOUT_A_PASSPHRASE).stdout
    assert said.startswith("A passphrase is needed: name its file with --passphrase-file") and postgres.status(migrated) is None
    assert said.endswith("False\n")
