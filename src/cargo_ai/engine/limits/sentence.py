"""Sentences for people: what calls wait for, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cargo_ai.engine.limits.policy import SECONDS, Policy

RATE_LIMIT = "rate limit"
"""With what every reason begins for which a run waits for a slot."""
LONG_SECONDS = 60.0


@dataclass(slots=True)
class LineState:
    """What was seen of a line lately, in seconds since 1970. bound: the number of the policy that makes calls wait; opens: until when;
    closed: until when the service itself wants none."""

    policies: Sequence[Policy]
    bound: int = 0
    opens: float = 0.0
    closed: float = 0.0
    now: float = 0.0


def why(state: LineState) -> str:
    """`rate limit`, and for a long wait what is used up and the hour at which that ends."""
    if state.opens - state.now <= LONG_SECONDS:
        return RATE_LIMIT
    hour = _hour(state.opens, state.now)
    if state.closed >= state.opens:
        return f"{RATE_LIMIT}: the service takes no more calls until {hour}"
    policy = state.policies[state.bound]
    calls = f"all {policy.max:,} calls" if policy.max > 1 else "the one call"
    return f"{RATE_LIMIT}: {calls} {_per(policy.per_seconds)} {'are' if policy.max > 1 else 'is'} used, and the next may go at {hour}"


def _hour(at: float, now: float) -> str:
    # Rounded up: at the time that is named, it has happened.
    moment, today = datetime.fromtimestamp(at + 59, UTC), datetime.fromtimestamp(now, UTC)
    return f"{moment:%H:%M} UTC" if moment.date() == today.date() else f"{moment:%H:%M} UTC on {moment.day} {moment:%B}"


def _per(seconds: float) -> str:
    for unit, length in SECONDS.items():
        if seconds == length:
            return f"of a {unit}" if unit != "hour" else "of an hour"
    return f"of {seconds:g} seconds"
