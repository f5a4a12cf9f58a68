"""The settings file of a data folder: what it adds, what wins over it, and what it refuses."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cargo_ai.kernel.configuration import settings_file
from cargo_ai.kernel.settings import Settings, SettingsError


def merged(folder: Path, text: str, **environment: str) -> tuple[Settings, list[str]]:
    """The settings of a folder with that file."""
    (folder / settings_file.NAME).write_text(text)
    return settings_file.with_file(
        Settings({"CARGO_AI_DATA_DIR": str(folder)} | {f"CARGO_AI_{name}": value for name, value in environment.items()})
    )


def test_the_file_adds_values_of_every_type(tmp_path: Path) -> None:
    text = 'port = 9000\noutbound_allow = ["10.0.0.5", "crm.internal:8443"]\nstrict = true\ndebug = false\nstalled_after_seconds = 2.5\n'
    settings, ignored = merged(tmp_path, text)
    assert (settings.port, settings.outbound_allow, settings.strict, settings.debug, settings.stalled_after) == (
        9000,
        "10.0.0.5,crm.internal:8443",
        True,
        False,
        2.5,
    )
    assert ignored == []


def test_the_environment_wins_and_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    settings, _ = merged(tmp_path, "port = 9000\nworkers = 3\n", PORT="9100", WORKERS="")
    assert (settings.port, settings.workers) == (9100, 3)


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "none")})
    assert settings_file.with_file(settings) == (settings, [])


def test_names_that_are_no_settings_are_ignored_with_a_warning(tmp_path: Path) -> None:
    settings, ignored = merged(tmp_path, 'prot = 1\nPORT = 2\ndata_dir = "/x"\ncrash_at = "x"\nother = 1\n')
    path = tmp_path / settings_file.NAME
    assert settings.environment == {"CARGO_AI_DATA_DIR": str(tmp_path)}
    assert ignored == [
        f"prot in {path} is not a setting and is ignored. Did you mean port?",
        f"PORT in {path} is not a setting and is ignored. Did you mean port?",
        f"data_dir in {path} is ignored: the file lies in the data folder that it would name.",
        f"crash_at in {path} is not a setting and is ignored. docs/settings.md lists all.",
        f"other in {path} is not a setting and is ignored. docs/settings.md lists all.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = ", "is not TOML"),
        ("port = [" * 5000, "is not TOML"),
        ("port = {a = 1}", "must be a text, a number"),
        ('smtp_host = "a\\u0000b"', "holds a character"),
        ("port = -1", "port in .* must be at least 0, not -1"),
        ('stalled_after_seconds = "soon"', "stalled_after_seconds in .* must be a number, not 'soon'"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        merged(tmp_path, text)[0].check()
    assert str(tmp_path / settings_file.NAME) in str(error.value)


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / settings_file.NAME
    path.touch(0o644)
    merged(tmp_path, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_server_starts_by_the_file_of_its_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / settings_file.NAME).write_text(f"port = {port}\nprot = 1\n")
        command = [sys.executable, "-m", "cargo_ai", "server", "start"]
        done = subprocess.run(command, env={"CARGO_AI_DATA_DIR": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stdout
    assert "Did you mean port?" in done.stderr
