"""Say whether reading twice as much of something takes less than three times as long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

MIN_SECONDS = 0.004
"""What takes less is fast, however it grows."""
RUNS = 3
ROUNDS = 5

Case = tuple[Callable[[Any], None], Callable[[int], Any], int]
"""What reads, what makes something to read of a size, and the size to begin with."""


def explain_slowness(case: Case) -> str | None:
    """How long reading took for the size and for twice the size, when that is no longer linear; None when it is."""
    read, make, size = case
    read(make(size // 4 or 1))  # what is only made once
    # What fills the processor's cache at one size takes longer at twice the size; what is not linear is so at four times the size, too.
    return _compare(read, make, size) and _compare(read, make, 4 * size)


def _compare(read: Callable[[Any], None], make: Callable[[int], Any], size: int) -> str | None:
    single = double = float("inf")
    for _ in range(ROUNDS):  # what others do on this machine makes one of the two slower now and then; the fastest of each counts
        single, double = min(single, _seconds(read, make(size))), min(double, _seconds(read, make(2 * size)))
        if double < max(3 * single, MIN_SECONDS):
            return None
    return f"{single * 1000:.1f} ms, then {double * 1000:.1f} ms"


def _seconds(read: Callable[[Any], None], text: object) -> float:
    fastest = float("inf")
    for _ in range(RUNS):
        began = time.thread_time()
        read(text)
        fastest = min(fastest, time.thread_time() - began)
    return fastest
