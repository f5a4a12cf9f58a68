"""The database's clock as this process knows it: its own monotonic one and how far that is behind."""

from __future__ import annotations

import math


class DatabaseClock:
    """Learns from answers that hold the database's time. An answer was given between its request and its arrival, which bounds the
    difference on both sides; a clock that is set on either side moves it at once."""

    def __init__(self) -> None:
        self._behind = math.inf

    def learn(self, stated: float, asked: float, answered: float) -> None:
        """`stated`: the database's time; `asked`, `answered`: this process's monotonic seconds around it."""
        self._behind = min(max(self._behind, asked - stated), answered - stated)

    def here(self, stated: float) -> float:
        """A time of the database in this process's monotonic seconds."""
        return stated + self._behind

    def now(self, here: float) -> float | None:
        """The database's time at a monotonic second of this process; None before anything was learnt."""
        return None if math.isinf(self._behind) else here - self._behind
