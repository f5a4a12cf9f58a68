"""Times, numbers and values as pages show them, and lines of the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cargo_ai.console import commands, formats, sign_in
from cargo_ai.kernel import clock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-28T11:59:55Z", "now"),
        ("2026-11-28T11:57:00Z", "3 min ago"),
        ("2026-11-28T14:00:00.123Z", "in 2 h"),
        ("2024-11-01T00:00:00Z", "2 y ago"),
        (None, "–"),
        ("soon", "–"),
    ],
)
def test_a_moment_is_shown_by_its_distance(moment: object, shown: str) -> None:
    assert formats.ago(moment) == shown


def test_numbers_keep_their_digits_and_no_more() -> None:
    shown = [formats.number(value) for value in (1234567, 0.5, 12.0, 1e21, None, True, "x")]
    assert shown == ["1,234,567", "0.5", "12", "1,000,000,000,000,000,000,000", "–", "–", "x"]


def test_durations_have_two_units_at_most() -> None:
    shown = [formats.duration(seconds) for seconds in (0.34, 4.21, 185, 7_800, 273_600, -3)]
    assert shown == ["340 ms", "4.2 s", "3 min 5 s", "2 h 10 min", "3 d 4 h", "0 ms"]


def test_a_long_value_is_cut_and_says_so() -> None:
    text = formats.pretty("x" * 30_000)
    assert text.endswith("… (10,000 more characters)")
    assert not formats.fits("x" * 30_000)
    assert formats.fits({"a": [1, None]})


def test_a_command_quotes_what_a_shell_would_read() -> None:
    flags = {
        "workflowUuid": "a",
        "recordTitle": "O'Hara; rm -rf /",
        "statuses": ["error", "idle"],
        "isFinished": False,
        "limit": None,
        "filter": {"a": 1},
    }
    assert commands.line("orchestration run list", flags) == (
        "cargo-ai orchestration run list --workflow-uuid a --record-title 'O'\"'\"'Hara; rm -rf /' --statuses error,idle "
        "--is-finished false --filter '{\"a\":1}'"
    )


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/console/runs?status=error", "/console/runs?status=error"),
        ("/console/../../x", "/console/"),
        ("//evil.example", "/console/"),
        ("/console/\\evil", "/console/"),
        ("/console/sign-in?next=/console/", "/console/"),
        ("/console/" + "x" * 3_000, "/console/"),
        ("https://evil.example/console/", "/console/"),
        ("", "/console/"),
    ],
)
def test_signing_in_leads_to_pages_of_the_console_only(path: str, safe: str) -> None:
    assert sign_in.safe_path(path) == safe
