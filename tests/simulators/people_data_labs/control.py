"""What the imitation of People Data Labs keeps: records, credits, the calls of this minute; and what a test may order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
KEY = "4a8a08f09d37b73795649038408b5f33a1b2c3d4e5f60718293a4b5c6d7e8f90"
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "payment_required", 404: "not_found", 429: "rate_limit_error"}


def error(status: int, message: str, kind: str = "") -> dict[str, Json]:
    """The body of a refusal."""
    return {"status": status, "error": {"type": kind or _TYPES.get(status, "api_error"), "message": message}}


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """A refusal in the form of People Data Labs."""
    return Refused(status, error(status, message), headers)


@dataclass(frozen=True)
class Numbers:
    """How many calls of an endpoint go within a minute of the clock."""

    enrich: int = 1_000
    search: int = 10
    autocomplete: int = 60


class Control(Orders):
    """The account and the orders of a test. `numbers` stay what they are through a reset. charged: credits by their type."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to a new account."""
        super().reset()
        self.keys = {KEY}
        self.credits = 10_000
        self.charged: Counter[str] = Counter()
        self.likelihood = 8
        self._minute = 0
        self._calls: Counter[str] = Counter()
        self.people: list[dict[str, Json]] = []
        self.companies: list[dict[str, Json]] = []
        self.add_person("ada lovelace", "ada@acme.example", job_title="chief engineer", job_title_role="engineering")
        self.add_person("grace hopper", "grace@acme.example", job_title="sales lead", job_title_role="sales")
        self.add_company("acme", "acme.example", industry="computer software")

    def add_person(self, name: str, email: str, **more: Json) -> str:
        """One more person; their id."""
        number = len(self.people)
        first, _, last = name.partition(" ")
        known = {"job_title": None, "job_title_role": None, "location_country": "united kingdom", **more}
        company = {"job_company_name": "acme", "job_company_website": "acme.example"}
        named = {"id": f"person_{number:04}", "full_name": name, "first_name": first, "last_name": last, "work_email": email}
        self.people.append({**named, "linkedin_url": f"linkedin.com/in/{first}{last}", **company, **known})
        return f"person_{number:04}"

    def add_company(self, name: str, website: str, **more: Json) -> str:
        """One more company; its id."""
        number = len(self.companies)
        known = {"industry": None, "size": "11-50", "employee_count": 25, "founded": 2001, "ticker": None, **more}
        self.companies.append(
            {"id": f"company_{number:04}", "name": name, "website": website, "linkedin_url": f"linkedin.com/company/{name}", **known}
        )
        return f"company_{number:04}"

    def admit(self, endpoint: str, most: int) -> dict[str, str]:
        """Count a call; what the headers say of the minute. Refused: it is one too many."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute = minute
            self._calls.clear()
        self._calls[endpoint] += 1
        reset = datetime.fromtimestamp((minute + 1) * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        left = max(most - self._calls[endpoint], 0)
        headers = {
            "x-ratelimit-limit": f"{{'minute': {most}, 'day': None, 'month': None}}",
            "x-ratelimit-remaining": f"{{'minute': {left}, 'day': None, 'month': None}}",
            "x-ratelimit-reset": reset,
        }
        if self._calls[endpoint] > most:
            raise refused(429, "An error occurred due to requests hitting the API too quick", headers)
        return headers

    def afford(self) -> None:
        """Refuse where the credits are used up."""
        if self.credits < 1:
            raise refused(402, "You have reached your account maximum (all matches have been used)")

    def charge(self, kind: str, count: int) -> dict[str, str]:
        """Spend credits; the headers that say so."""
        self.credits -= count
        if count:
            self.charged[kind] += count
        return {"x-call-credits-spent": str(float(count)), "x-call-credits-type": kind, "x-totallimit-remaining": str(self.credits)}
