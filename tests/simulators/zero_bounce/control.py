"""What ZeroBounce's imitation keeps: verdicts, credits, bad requests; and what a test may order."""

from __future__ import annotations

import time
from collections import Counter, deque

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

KEY = "9f86d081884c4d659a2feaa0c55ad015"
BAD_IN_A_MINUTE = 100
BLOCKED_SECONDS = 3600.0


class Control(Orders):
    """The account and the orders of a test. verdicts: status and sub-status of addresses; others do not exist. charged: by address."""

    def reset(self) -> None:
        """Back to a new account."""
        super().reset()
        self.keys = {KEY}
        self.credits = 1_000
        self.charged: Counter[str] = Counter()
        self.blocked_until = 0.0
        self._bad: deque[float] = deque()
        self.verdicts = {
            "ada@acme.example": ("valid", ""),
            "info@acme.example": ("do_not_mail", "role_based"),
            "any@open.example": ("catch-all", ""),
            "slow@acme.example": ("unknown", "greylisted"),
        }

    def check(self) -> None:
        """Refuse everything of a blocked account."""
        if time.monotonic() < self.blocked_until:
            raise Refused(429, {"error": "Too many requests"})

    def bad(self, sentence: str) -> Refused:
        """A request that is not understood; too many of them block the account."""
        now = time.monotonic()
        self._bad.append(now)
        while self._bad[0] <= now - 60.0:
            self._bad.popleft()
        if len(self._bad) >= BAD_IN_A_MINUTE:
            self.blocked_until = now + BLOCKED_SECONDS
        return Refused(400, {"error": sentence})
