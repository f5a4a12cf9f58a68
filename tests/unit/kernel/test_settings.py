"""Settings: declared once, parsed when read, and no name that is not declared."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cargo_ai.cli.configuration.environment import VARIABLES, variable
from cargo_ai.kernel.settings import SETTINGS, Settings, SettingsError

ROOT = Path(__file__).resolve().parents[3]


def test_every_name_that_the_repository_mentions_is_declared() -> None:
    command = ["git", "grep", "-hoE", r"\bCARGO_(AI|API)_[A-Z_]*[A-Z]\b", "--", ":!tests/unit/kernel/test_settings.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    named = set(listed.stdout.split())
    assert named
    # Apps of OAuth have a pair for each integration.
    apps = {name for name in named if re.match(r"CARGO_AI_OAUTH_[A-Z_]+\Z", name)}
    assert named - apps <= SETTINGS.keys() | VARIABLES.keys()


def test_every_declared_setting_can_be_read_without_its_variable() -> None:
    settings = Settings({})
    for setting in SETTINGS.values():
        assert setting.__get__(settings, Settings) == setting.default
        assert re.match(r"[A-Z].*\.$", setting.meaning)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "-1", "CARGO_AI_PORT must be at least 0, not -1."),
        ("WORKERS", "two", "CARGO_AI_WORKERS must be a number, not 'two'."),
        ("BATCH_SLOTS", "inf", "CARGO_AI_BATCH_SLOTS must be a whole number, not 'inf'."),
        ("STALLED_AFTER_SECONDS", "nan", "CARGO_AI_STALLED_AFTER_SECONDS must be at least 1, not nan."),
        ("SMTP_TLS", "ssl", "CARGO_AI_SMTP_TLS must be one of starttls, tls, off, not 'ssl'."),
        ("SERVICE_ADDRESSES", "hubspot", "CARGO_AI_SERVICE_ADDRESSES must be like hubspot=https://proxy.example.com, not hubspot=."),
    ],
)
def test_a_value_of_another_type_names_the_variable(name: str, value: str, message: str) -> None:
    settings = Settings({f"CARGO_AI_{name}": value})
    with pytest.raises(SettingsError) as error:
        SETTINGS[f"CARGO_AI_{name}"].__get__(settings, Settings)
    assert str(error.value) == message


def test_an_unknown_name_is_reported_with_the_one_that_was_probably_meant() -> None:
    assert Settings({"CARGO_AI_PROT": "1", "CARGO_AI_PORT": "1", "CARGO_AI_CLI_INDEX": "x", "PATH": "y"}).unknown() == [
        "CARGO_AI_PROT is not a setting and is ignored. Did you mean CARGO_AI_PORT?"
    ]
    assert Settings({"CARGO_AI_SOMETHING": "1"}).unknown() == [
        "CARGO_AI_SOMETHING is not a setting and is ignored. docs/settings.md lists all."
    ]


def test_the_command_line_reads_declared_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_API_URL", "http://example.test")
    assert variable("CARGO_API_URL") == "http://example.test"
    with pytest.raises(KeyError):
        variable("CARGO_API_LANGUAGE")
