"""How long a service asks to wait, in each of the ways in which vendors say it."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from cargo_ai.integrations.kit.calls.waiting import LONGEST_WAIT, SHORTEST_WAIT, wait_of
from cargo_ai.kernel import clock


def test_seconds_dates_and_epochs_mean_the_same() -> None:
    moment = clock.now() + timedelta(seconds=30)
    epoch = moment.timestamp()
    texts = ["30", format_datetime(moment, usegmt=True), moment.isoformat(), moment.isoformat()[:19], f"{epoch:.0f}", f"{epoch * 1000:.0f}"]
    for text in texts:
        seconds = wait_of({"x-reset": text}, ("retry-after", "x-reset"))
        assert seconds is not None and 28 <= seconds <= 31, text


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "NaN", "9" * 40])
def test_anything_else_is_no_time(text: str) -> None:
    assert wait_of({"retry-after": text}) is None


def test_a_wait_is_neither_nothing_nor_for_ever() -> None:
    assert wait_of({"retry-after": "0"}) == SHORTEST_WAIT
    assert wait_of({"retry-after": "86400"}) == LONGEST_WAIT
    assert wait_of({"retry-after": format_datetime(clock.now() - timedelta(days=1), usegmt=True)}) == SHORTEST_WAIT
