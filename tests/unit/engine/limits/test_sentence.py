"""Sentences: short waits have none, long ones name what is used up and the hour."""

from __future__ import annotations

from cargo_ai.engine.limits.policy import Policy
from cargo_ai.engine.limits.sentence import LineState, why

NOON = 1_795_780_800.0
"""12:00 UTC on 27 November 2026."""
POLICIES = (Policy.per("second", 50), Policy.per("day", 250_000), Policy(190, 10.0))


def test_a_short_wait_is_a_rate_limit() -> None:
    assert why(LineState(POLICIES, 0, NOON + 5, 0.0, NOON)) == "rate limit"


def test_a_budget_that_is_used_up_names_the_hour() -> None:
    later = why(LineState(POLICIES, 1, NOON + 7200, 0.0, NOON))
    assert later == "rate limit: all 250,000 calls of a day are used, and the next may go at 14:00 UTC"
    tomorrow = why(LineState(POLICIES, 1, NOON + 50_000, 0.0, NOON))
    assert tomorrow.endswith("the next may go at 01:54 UTC on 28 November")


def test_a_service_that_wants_no_calls_is_named() -> None:
    closed = why(LineState(POLICIES, 2, NOON + 600, NOON + 600, NOON))
    assert closed == "rate limit: the service takes no more calls until 12:10 UTC"
