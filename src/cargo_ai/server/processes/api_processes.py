"""API processes: how many a server has, and what each of them may take of what all share."""

from __future__ import annotations

import os

MAX_BY_CORES = 4
CONNECTIONS = 40
"""To the database, of all API processes; the embedded one takes 100 in all."""
MAX_CONNECTIONS, FEWEST_CONNECTIONS = 20, 4


def by_cores() -> int:
    """One, and on a machine of four cores or more one for every two of them, four at most: workers and the database need theirs, too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MAX_BY_CORES, cores // 2))


def connections_of(processes: int) -> int:
    """How many connections to the database each of them has at most."""
    return max(FEWEST_CONNECTIONS, min(MAX_CONNECTIONS, CONNECTIONS // max(1, processes)))
