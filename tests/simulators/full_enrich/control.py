"""What the imitation of FullEnrich keeps: people, batches, credits, the calls of this minute; and what a test may order."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
Record = dict[str, Json]
KEY = "2f6d0a3e-9f1b-4c57-8a64-0c1d2e3f4a5b"
PRICES = {"contact.work_emails": 1, "contact.personal_emails": 3, "contact.phones": 10}


def refused(status: int, code: str, message: str) -> Refused:
    """A refusal in the form of FullEnrich."""
    return Refused(status, {"code": code, "message": message})


@dataclass
class Batch:
    """A job: to be asked for `asks` more times in vain."""

    name: str
    asks: int
    status: str
    data: list[Record]
    cost: int


class Control(Orders):
    """The workspace and the orders of a test. most_calls: of a minute. charged: credits by their cause."""

    def __init__(self, most_calls: int = 60) -> None:
        self.most_calls = most_calls
        super().__init__()

    def reset(self) -> None:
        """Back to a new workspace."""
        super().reset()
        self.keys = {KEY}
        self.credits = 1_000
        self.charged: Counter[str] = Counter()
        self.asks = 1
        self.ends = "FINISHED"
        self.batches: dict[str, Batch] = {}
        self.people = [self.person("John", "Snow", "example.com"), self.person("Ada", "Lovelace", "acme.example")]
        self._enriched: set[str] = set()
        self._calls: deque[float] = deque()

    @staticmethod
    def person(first: str, last: str, domain: str) -> Record:
        """Someone whom the sources know."""
        handle = f"{first}{last}".lower()
        return {
            "first_name": first,
            "last_name": last,
            "domain": domain,
            "linkedin_url": f"https://www.linkedin.com/in/{handle}",
            "email": f"{first}.{last}@{domain}".lower(),
            "personal": f"{handle}@home.example",
            "phone": "+1 555-123-4567",
        }

    def admit(self) -> None:
        """Count a call. Refused: it is one too many."""
        now = time.monotonic()
        while self._calls and now - self._calls[0] >= 60:
            self._calls.popleft()
        if len(self._calls) >= self.most_calls:
            raise refused(429, "error.rate.limit", "Too many requests. Try again in 1m")
        self._calls.append(now)

    def pay(self, cause: str, contact: Record, credits: int) -> bool:
        """Charge a find, unless the same contact was paid for before. False: there are not enough credits."""
        key = f"{cause} {json.dumps({name: value for name, value in contact.items() if name != 'custom'}, sort_keys=True)}"
        if key in self._enriched:
            return True
        if self.credits < credits:
            return False
        self._enriched.add(key)
        self.credits -= credits
        self.charged[cause] += credits
        return True
