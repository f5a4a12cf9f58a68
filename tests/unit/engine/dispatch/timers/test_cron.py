"""Cron: the next time of five fields in a time zone, and of `@every`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.engine.dispatch.timers.cron import InvalidCron, parse


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "moment", "following"),
    [
        ("0 9 * * 1", None, "2026-11-25T16:00", "2026-11-30T09:00"),
        ("0 9 * * 1", "America/New_York", "2026-11-25T16:00", "2026-11-30T14:00"),
        ("*/15 * * * *", "Asia/Kolkata", "2026-11-25T16:00", "2026-11-25T16:15"),
        ("30 2 * * *", "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("30 2 * * *", "Europe/Paris", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Paris", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
    ids=["UTC", "winter in New York", "half an hour off", "skipped by the clock", "twice on the clock", "only the first of the two"],
)
def test_the_next_time_is_that_of_the_clock_on_the_wall(text: str, zone: str | None, moment: str, following: str) -> None:
    assert parse(text, zone).after(at(moment), at(moment)) == at(following)


def test_every_counts_from_its_anchor_whenever_it_is_asked() -> None:
    every = parse("@every 1h30m")
    anchor = at("2026-11-25T16:07")

    assert every.after(anchor, anchor) == at("2026-11-25T17:37")
    assert every.after(at("2026-11-26T00:00"), anchor) == at("2026-11-26T01:07")


@pytest.mark.parametrize(
    "text", ["0 9 * *", "x", "0 0 31 2 *", "@every 0s", "@every", "@every " + 71 * "999999h", "@daily", "* * * * * *", "61 * * * *", ""]
)
def test_what_says_no_time_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidCron, match=r"\.$"):
        parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "CET+x"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidCron, match="is not a time zone"):
        parse("0 9 * * 1", zone)


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    days=st.integers(0, 800),
)
def test_a_daily_time_comes_once_on_each_local_day(minute: int, hour: int, zone: str, days: int) -> None:
    cron = parse(f"{minute} {hour} * * *", zone)
    moment = at("2026-01-01T00:00") + timedelta(days=days)
    days_seen: list[date] = []
    for _ in range(4):
        moment = cron.after(moment, moment)
        days_seen.append(moment.astimezone(cron.zone).date())

    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days_seen))
