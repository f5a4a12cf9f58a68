"""What Hunter's imitation keeps: people, credits, limits; and what a test may order."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
KEY = "5f4dcc3b5aa765d61d8327deb882cf99c0ffee00"
MINUTE = 60.0


def refused(status: int, code: str, details: str) -> Refused:
    """A refusal in Hunter's form."""
    return Refused(status, {"errors": [{"id": code, "code": status, "details": details}]})


@dataclass
class Person:
    """Someone with an address. `opted_out`: does not want to be processed."""

    email: str
    first: str
    last: str
    company: str
    position: str | None = None
    seniority: str | None = None
    department: str | None = None
    phone: str | None = None
    kind: str = "personal"
    status: str = "valid"
    opted_out: bool = False

    @property
    def domain(self) -> str:
        """Of the address."""
        return self.email.rpartition("@")[2]

    def source(self) -> dict[str, Json]:
        """The page on which the address stands."""
        uri = f"http://{self.domain}/team"
        return {"domain": self.domain, "uri": uri, "extracted_on": "2026-01-15", "last_seen_on": "2026-11-01", "still_on_page": True}


@dataclass(frozen=True)
class Numbers:
    """How many calls go within a second and a minute; of the verifier."""

    second: int = 15
    minute: int = 500
    verifier_second: int = 10
    verifier_minute: int = 300


class Control(Orders):
    """The account and the orders of a test. `numbers` stay what they are through a reset.

    pending: how often the verification of an address is answered by 202 first. unclear: addresses whose mail server gives no usable answer.
    charged: credits by what they were spent for.
    """

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to a new account."""
        super().reset()
        self.keys = {KEY}
        self.restricted = False
        self.left = {"searches": 1_000, "verifications": 1_000}
        self.charged: Counter[str] = Counter()
        self.pending: dict[str, int] = {}
        self.unclear: set[str] = set()
        self._paid: set[str] = set()
        self._calls: dict[str, deque[float]] = {"calls": deque(), "verifier": deque()}
        self.people = [
            Person("ada@acme.example", "Ada", "Lovelace", "Acme", "Chief Engineer", "executive", "it", "+44 20 7946 0000"),
            Person("grace@acme.example", "Grace", "Hopper", "Acme", "Sales Lead", "senior", "sales", status="accept_all"),
            Person("info@acme.example", "", "", "Acme", kind="generic"),
        ]

    def admit(self, verifies: bool) -> None:
        """Count a call; refuse the one that is too many."""
        numbers, now = self.numbers, time.monotonic()
        times = self._calls["verifier" if verifies else "calls"]
        while times and times[0] <= now - MINUTE:
            times.popleft()
        second, minute = (numbers.verifier_second, numbers.verifier_minute) if verifies else (numbers.second, numbers.minute)
        if len(times) >= minute or sum(moment > now - 1.0 for moment in times) >= second:
            raise refused(403, "too_many_requests", "You have reached the rate limit.")
        times.append(now)

    def charge(self, credit: str, cause: str, *, again: bool = False) -> None:
        """Spend a credit on what was found; `again`: also for what was paid for before."""
        if cause in self._paid and not again:
            return
        self.left[credit] -= 1
        self._paid.add(cause)
        self.charged[cause] += 1

    def afford(self, credit: str) -> None:
        """Refuse where the plan is used up."""
        if self.left[credit] < 1:
            raise refused(429, "too_many_requests", f"You've reached the limit for the number of {credit} per billing period.")
