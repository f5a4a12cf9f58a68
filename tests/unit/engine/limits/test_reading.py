"""Readings: every form in which services say what is left of a limit."""

from __future__ import annotations

import pytest

from cargo_ai.engine.limits import reading
from cargo_ai.engine.limits.policy import Headers, Policy, Reading, ResetForm

NOW = 1_795_789_000.0
SENT = {"date": "Fri, 27 Nov 2026 14:16:40 GMT"}
"""One second before the reset that the cases name."""


@pytest.mark.parametrize(
    ("text", "form", "opens_in"),
    [
        ("30", "any", 30.0),
        ("2.5", "any", 2.5),
        ("30", "seconds", 30.0),
        ("1500", "milliseconds", 1.5),
        ("1795789001", "any", 1.0),
        ("1795789001", "epoch", 1.0),
        ("1795789001000", "any", 1.0),
        ("Fri, 27 Nov 2026 14:16:41 GMT", "any", 1.0),
        ("2026-11-27T14:16:41Z", "any", 1.0),
        ("2026-11-27T15:16:41+01:00", "any", 1.0),
        ("2026-11-27 14:16:41", "any", 1.0),
        ("soon", "any", None),
        ("", "any", None),
        ("99999999999999999999999", "seconds", 9999999999999999.0),
    ],
)
def test_a_reset_is_read_in_every_form_by_the_services_own_clock(text: str, form: ResetForm, opens_in: float | None) -> None:
    policy = Policy(100, 60.0, headers=Headers("x-limit", "x-left", "x-reset", form))
    assert reading.of(policy, {"X-Left": "7", "x-limit": "100;w=60", "x-reset": text, **SENT}) == Reading(7, 100, opens_in, None)


def test_without_a_date_a_time_is_compared_with_the_databases_clock() -> None:
    policy = Policy(100, 60.0, headers=Headers("", "x-left", "x-reset"))
    assert reading.of(policy, {"x-left": "0", "x-reset": "1795789001"}) == Reading(0, None, None, NOW + 1)
    assert reading.retry_after({"Retry-After": "Fri, 27 Nov 2026 14:16:50 GMT"}, NOW) == 10.0
    assert reading.retry_after({"retry-after": "12"}) == 12.0
    assert reading.retry_after({}) is None


def test_a_response_that_says_nothing_of_the_limit_is_no_reading() -> None:
    policy = Policy(100, 60.0, headers=Headers("x-limit", "x-left", "x-reset"))
    assert reading.of(policy, {"x-limit": "100"}) is None
    assert reading.of(policy, {"x-left": "many"}) is None
    assert reading.of(Policy(100, 60.0), {"x-left": "3"}) is None


def test_a_function_reads_what_has_a_form_of_its_own() -> None:
    def usage(headers: dict[str, str]) -> Reading:
        used, _, limit = headers["sforce-limit-info"].removeprefix("api-usage=").partition("/")
        return Reading(int(limit) - int(used), int(limit))

    policy = Policy(15_000, 86400.0, headers=lambda headers: usage(dict(headers)))
    assert reading.of(policy, {"sforce-limit-info": "api-usage=908/15000"}) == Reading(14_092, 15_000)
