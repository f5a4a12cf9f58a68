"""Clock, ids, secrets, settings and logs."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cargo_ai.kernel import clock, ids, secrets
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.kernel.settings import Settings, SettingsError

KEY = SecretKey(b"k" * 32)


def test_ids_are_uuid7_and_only_grow() -> None:
    made = [ids.new() for _ in range(5000)]
    assert made == sorted(set(made))
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {uuid.RFC_4122}


def test_ids_of_several_threads_never_meet() -> None:
    made: list[uuid.UUID] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.new() for _ in range(1000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4000


def test_an_id_carries_its_millisecond() -> None:
    before = clock.unix_seconds()
    assert ids.first_at(before - 0.001) < ids.new() < ids.first_at(clock.unix_seconds() + 0.002)


@pytest.mark.parametrize("text", ["", "no", "0198c0de", None])
def test_what_is_no_uuid_parses_to_none(text: str) -> None:
    assert ids.parse(text) is None


def test_moments_on_the_wire_have_milliseconds_and_z() -> None:
    assert clock.to_iso(datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC)) == "2026-01-02T03:04:05.000Z"


def test_sealed_secrets_open_with_their_own_key_only() -> None:
    sealed = KEY.seal(b"secret")
    assert b"secret" not in sealed
    assert KEY.open(sealed) == b"secret"
    with pytest.raises(WrongKey):
        SecretKey(b"l" * 32).open(sealed)
    with pytest.raises(WrongKey):
        KEY.open(sealed[:-2] + b"AA")


def test_signed_parts_cannot_be_shifted_into_each_other() -> None:
    signature = KEY.sign("ab", "c")
    assert KEY.verify(signature, "ab", "c")
    assert not KEY.verify(signature, "a", "bc")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        secrets.key_from_text("short")


def test_tokens_are_random_prefixed_and_hashed() -> None:
    token = secrets.new_token()
    assert token.startswith("cai_live_") and len(token) >= 50
    assert token != secrets.new_token()
    assert token not in secrets.hash_token(token)


def test_the_key_file_is_private_and_the_same_for_all_who_start_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    code = "import sys, pathlib; from cargo_ai.kernel import secrets; print(secrets.key_from_file(pathlib.Path(sys.argv[1])).sign('x'))"
    starters = [subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) for _ in range(4)]
    signatures = {starter.communicate(timeout=60)[0] for starter in starters}
    assert len(signatures) == 1 and signatures != {b""}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["key"]


def test_settings_read_their_own_prefix_and_have_defaults() -> None:
    settings = Settings({"CARGO_AI_PORT": "0", "CARGO_AI_STRICT": "yes", "PORT": "1", "CARGO_AI_PUBLIC_URL": "https://a.test/"})
    assert (settings.port, settings.strict, settings.host) == (0, True, "127.0.0.1")
    assert settings.public_url == "https://a.test"
    assert Settings({"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/cargo-ai")


@pytest.mark.parametrize("value", ["many", "-1"])
def test_a_setting_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="CARGO_AI_PORT"):
        _ = Settings({"CARGO_AI_PORT": value}).port


def test_logs_are_json_lines_with_masked_secrets() -> None:
    code = (
        "from cargo_ai.kernel import log; log.setup(human=False); "
        "log.get('here').info('said', api_token='cai_live_x', request_id='r'); "
        "\ntry: 1 / 0\nexcept ZeroDivisionError as e: log.get('here').error('broke', exc_info=e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    first, second = map(json.loads, done.stderr.splitlines())
    assert (first["event"], first["source"], first["api_token"], first["level"]) == ("said", "here", "***", "info")
    assert "ZeroDivisionError" in second["exception"]
