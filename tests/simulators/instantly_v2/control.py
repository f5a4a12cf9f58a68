"""What a test may order: campaigns, leads, keys, faults; and a look at what is kept."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
JsonObject = dict[str, Json]
KEY = "simulated4711keyofinstantly=="
WARM = str(uuid.UUID(int=0x19CC0))
ERRORS = {400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}


def refused(status: int, message: str) -> Refused:
    """A refusal in Instantly's form."""
    return Refused(status, {"statusCode": status, "error": ERRORS[status], "message": message})


class Control(Orders):
    """The workspace, and the orders of a test."""

    def reset(self) -> None:
        """Back to a workspace with one campaign."""
        super().reset()
        self.keys = {KEY}
        self.is_paid = True
        self.blocked: set[str] = set()
        self.campaigns: dict[str, JsonObject] = {}
        self.leads: dict[str, JsonObject] = {}
        self._numbers = itertools.count(1)
        self.add_campaign("Warm", WARM)

    def add_campaign(self, name: str, uid: str = "") -> str:
        """One more campaign, a draft."""
        uid = uid or self._id()
        self.campaigns[uid] = {"id": uid, "name": name, "status": 0, "timestamp_created": "2026-11-01T09:00:00.000Z"}
        return uid

    def add_lead(self, email: str, campaign: str = WARM, **values: Json) -> str:
        """One more lead."""
        uid = self._id()
        names = ("first_name", "last_name", "company_name", "job_title", "phone", "website", "personalization")
        lead = {"id": uid, "email": email, "campaign": campaign, "status": 1, "email_open_count": 0, "email_reply_count": 0}
        stamps = dict.fromkeys(("timestamp_created", "timestamp_updated"), "2026-11-01T09:00:00.000Z")
        self.leads[uid] = {**lead, **dict.fromkeys(names), **stamps, **values}
        return uid

    def in_campaign(self, campaign: str = WARM) -> list[str]:
        """The addresses of a campaign."""
        return sorted(lead["email"] for lead in self.leads.values() if lead["campaign"] == campaign)

    def _id(self) -> str:
        return str(uuid.UUID(int=0x19CC043D74D7EAE885A000000000000 + next(self._numbers)))
