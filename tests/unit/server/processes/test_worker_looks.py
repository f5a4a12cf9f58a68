"""The looks of an idle worker: seldom at the same moment, since each of them then needs a connection of its own."""

from __future__ import annotations

from itertools import combinations

from cargo_ai.domains.ai.afterwards import afterwards
from cargo_ai.domains.ai.chats.answering import answers
from cargo_ai.domains.billing import renewal
from cargo_ai.domains.segmentation.changes import watched_segments
from cargo_ai.engine.dispatch.queue import LANES, Queue
from cargo_ai.engine.dispatch.timers import schedule
from cargo_ai.engine.worker import housekeeping

SECONDS = 600
MOMENT = 0.05
"""Longer than a statement of these takes."""


def meetings(first: float, second: float) -> int:
    """How often two looks that begin together meet again."""
    moments = [number * first for number in range(1, int(SECONDS / first))]
    return sum(abs(moment - round(moment / second) * second) < MOMENT for moment in moments)


def test_looks_that_begin_together_seldom_meet_again() -> None:
    queue = Queue()
    of_engine = [housekeeping.BEAT_SECONDS, housekeeping.LOOK_SECONDS, *(queue.longest_sleep(lane) for lane in LANES)]
    of_domains = [
        schedule.LONGEST_SLEEP,
        watched_segments.MAX_SLEEP_SECONDS,
        renewal.EVERY_SECONDS,
        afterwards.LOOK_SECONDS,
        answers.UNPARKED_SECONDS,
    ]
    for looks in (of_engine, of_domains):
        for first, second in combinations(looks, 2):
            assert meetings(first, second) <= 2, (first, second)
