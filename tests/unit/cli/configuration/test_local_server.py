"""Without a named server, commands go to the running server of the data folder."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.peers.fake_api import FakeApi
from tests.unit.cli.cli_process import TOKEN, Cli

NOWHERE = "http://127.0.0.1:9"


@contextmanager
def running(folder: Path, url: str) -> Generator[None]:
    """A data folder as a running server of that URL leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.json").write_text(json.dumps({"baseUrl": url}))
    with (folder / "server.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_login_and_doctor_find_the_server_on_its_port(signed_out: Cli, api: FakeApi) -> None:
    with running(signed_out.home / ".local" / "share" / "cargo-ai", api.url):
        assert signed_out("login", "--token", TOKEN).code == 0
        assert signed_out("doctor").json["baseUrl"] == api.url
    assert json.loads(signed_out.credentials.read_text())["baseUrl"] == api.url


def test_the_data_folder_may_be_named(signed_out: Cli, api: FakeApi, tmp_path: Path) -> None:
    with running(tmp_path / "data", api.url):
        assert signed_out("doctor", CARGO_AI_DATA_DIR=str(tmp_path / "data")).json["baseUrl"] == api.url


def test_a_server_that_has_ended_or_left_something_odd_is_not_the_default(signed_out: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder, NOWHERE):
        pass
    default = "http://127.0.0.1:8420"
    assert signed_out("doctor", CARGO_AI_DATA_DIR=str(folder)).json["baseUrl"] == default
    with running(folder, NOWHERE):
        (folder / "server.json").write_text("[")
        assert signed_out("doctor", CARGO_AI_DATA_DIR=str(folder)).json["baseUrl"] == default


def test_where_the_named_server_is_silent_the_running_one_is_named(signed_out: Cli, api: FakeApi, tmp_path: Path) -> None:
    with running(tmp_path / "data", api.url):
        result = signed_out("whoami", "--token", TOKEN, CARGO_API_URL=NOWHERE, CARGO_AI_DATA_DIR=str(tmp_path / "data"))
    assert result.code == 75
    assert f"the server of {tmp_path / 'data'} runs at {api.url}" in result.json["errorMessage"]
    assert result.json["fix"] == f"cargo-ai login --base-url {api.url}"
