"""What the imitation of lemlist keeps: campaigns, leads, unsubscribed addresses, the calls of two seconds; and what a test may order."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
Record = dict[str, Json]
KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"


class Control(Orders):
    """The team and the orders of a test. most_calls: in two seconds."""

    def __init__(self, most_calls: int = 20) -> None:
        self.most_calls = most_calls
        super().__init__()

    def reset(self) -> None:
        """Back to a new team."""
        super().reset()
        self.keys = {KEY}
        self.campaigns: list[Record] = []
        self.leads: list[Record] = []
        self.unsubscribed: dict[str, str] = {}
        self._calls: deque[float] = deque()
        self._next = 1
        for name in ("Winter", "Spring"):
            self.add_campaign(name)

    def add_campaign(self, name: str) -> str:
        """One more campaign; its id."""
        campaign = f"cam_{len(self.campaigns) + 1:017}"
        self.campaigns.append({"_id": campaign, "name": name, "status": "running", "labels": [], "createdAt": "2026-01-01T00:00:00.000Z"})
        return campaign

    def add_lead(self, campaign: str, **values: Json) -> Record:
        """One more lead."""
        name = next(one["name"] for one in self.campaigns if one["_id"] == campaign)
        lead = {"_id": f"lea_{self._next:017}", "campaignId": campaign, "campaignName": name, "isPaused": False, **values}
        self._next += 1
        self.leads.append(lead)
        return lead

    def admit(self) -> dict[str, str]:
        """Count a call; what the headers say. Refused: it is one too many."""
        now = time.monotonic()
        while self._calls and now - self._calls[0] >= 2:
            self._calls.popleft()
        left = max(self.most_calls - len(self._calls) - 1, 0)
        headers = {"retry-after": "2", "x-ratelimit-limit": str(self.most_calls), "x-ratelimit-remaining": str(left)}
        if len(self._calls) >= self.most_calls:
            raise Refused(429, "Too many requests", headers)
        self._calls.append(now)
        return headers
