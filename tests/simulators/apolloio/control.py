"""What the imitation of Apollo keeps: records, credits, results that come later, the calls of three windows; and what a test may order."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
Record = dict[str, Json]
KEY = "aB3dE5gH7jK9mN1pQ3sT5v"
_SECONDS = {"minute": 60, "hourly": 3_600, "24-hour": 86_400}


@dataclass(frozen=True)
class Numbers:
    """How many calls of an endpoint go in each window; 0: as many as come."""

    minute: int = 200
    hourly: int = 600
    day: int = 6_000


@dataclass
class Result:
    """What comes later: to be asked for `asks` more times in vain."""

    request_type: str
    people: list[Record]
    asks: int
    failed: str = ""


class Control(Orders):
    """The team and the orders of a test. `numbers` stay what they are through a reset. charged: credits by their cause."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        super().__init__()

    def reset(self) -> None:
        """Back to a new team."""
        super().reset()
        self.keys = {KEY}
        self.scopes: set[str] | None = None
        self.credits = 10_000
        self.charged: Counter[str] = Counter()
        self.later = 1
        self.numbers_fail = ""
        self.results: dict[int, Result] = {}
        self.people: list[Record] = []
        self.organizations: list[Record] = []
        self.contacts: list[Record] = []
        self.fields = [
            {"id": "60c39ed82bd02f01154c470a", "modality": "contact", "name": "Plan", "type": "string"},
            {"id": "60c39ed82bd02f01154c470b", "modality": "account", "name": "Region", "type": "string"},
        ]
        self.sequences = [{"id": "66e9e215ece19801b219997f", "name": "Winter", "archived": False, "active": True}]
        self.mailboxes = [{"id": "6630ffa2a7f52601c7578345", "email": "sales@us.example", "type": "gmail", "active": True, "default": True}]
        self._opened: dict[tuple[str, str], tuple[float, int]] = {}
        self.add_organization("Acme", "acme.example")
        self.add_person("Ada", "Lovelace", "ada@acme.example", title="Chief Engineer")
        self.add_person("Grace", "Hopper", "grace@acme.example", title="Sales Lead")

    def new_id(self, records: list[Record]) -> str:
        """An id that is not taken."""
        return f"{0x64A7FF0C + len(records):08x}c4dfae00013df1a5"

    def add_person(self, first: str, last: str, email: str, **more: Json) -> Record:
        """One more person in Apollo's own data."""
        person: Record = {
            "id": self.new_id(self.people),
            "first_name": first,
            "last_name": last,
            "name": f"{first} {last}",
            "email": email,
            "email_status": "verified",
            "linkedin_url": f"http://www.linkedin.com/in/{first}{last}".lower(),
            "organization": {"name": "Acme", "primary_domain": email.partition("@")[2]},
            "employment_history": [],
            **more,
        }
        self.people.append(person)
        return person

    def add_organization(self, name: str, domain: str, **more: Json) -> Record:
        """One more organisation in Apollo's own data."""
        organization: Record = {
            "id": self.new_id(self.organizations),
            "name": name,
            "primary_domain": domain,
            "website_url": f"http://www.{domain}",
            "linkedin_url": f"http://www.linkedin.com/company/{name}".lower(),
            "industry": "computer software",
            "estimated_num_employees": 120,
            "country": "Germany",
            **more,
        }
        self.organizations.append(organization)
        return organization

    def charge(self, cause: str, credits: int) -> None:
        """Spend credits. Refused: there are not enough."""
        if self.credits < credits:
            raise Refused(422, {"error": "Insufficient credits. Please upgrade your plan."})
        self.credits -= credits
        self.charged[cause] += credits

    def admit(self, endpoint: str) -> dict[str, str]:
        """Count a call; what the headers say. Refused: a window is used up. Windows are fixed, and open with the first call."""
        now = time.monotonic()
        headers: dict[str, str] = {}
        for window, most in zip(_SECONDS, (self.numbers.minute, self.numbers.hourly, self.numbers.day), strict=True):
            if not most:
                headers[f"x-rate-limit-{window}"] = ""
                continue
            opened, used = self._opened.get((endpoint, window), (now, 0))
            opened, used = (now, 0) if now - opened >= _SECONDS[window] else (opened, used)
            if used >= most:
                sentence = f"The maximum number of api calls allowed for {endpoint} is {most} times per {window}. Please upgrade your plan."
                raise Refused(429, {"message": sentence}, {"retry-after": str(int(_SECONDS[window] - (now - opened)) + 1)})
            self._opened[endpoint, window] = (opened, used + 1)
            headers |= {
                f"x-rate-limit-{window}": str(most),
                f"x-{window}-usage": str(used + 1),
                f"x-{window}-requests-left": str(most - used - 1),
            }
        return headers
