"""What a test may order: campaigns, leads, keys, limits, faults; and a look at what is kept."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
JsonObject = dict[str, Json]
KEY = "0b1c2d3e-simulated-4711_smartlead"
WARM = "101"


def refused(status: int, code: str, message: str, field: str = "") -> Refused:
    """A refusal in Smartlead's form."""
    return Refused(status, {"error": {"code": code, "message": message, **({"details": {"field": field}} if field else {})}})


class Control(Orders):
    """The account, and the orders of a test. per_minute: calls that it lets through. names_skipped: whether it names the leads that it
    leaves out."""

    def __init__(self, per_minute: int = 60) -> None:
        self._per_minute = per_minute
        super().__init__()

    def reset(self) -> None:
        """Back to an account with one campaign."""
        super().reset()
        self.keys = {KEY}
        self.per_minute = self._per_minute
        self.calls = 0
        self.names_skipped = True
        self.is_full = False
        self.blocked: set[str] = set()
        self._numbers = itertools.count(500)
        self.campaigns: dict[str, JsonObject] = {WARM: {"id": int(WARM), "name": "Warm", "status": "ACTIVE", "created_at": "2026-11-01"}}
        self.categories = {1: "Interested", 2: "Meeting Request", 6: "Out Of Office"}
        self.leads: dict[int, JsonObject] = {}
        self.members: dict[tuple[str, int], JsonObject] = {}

    def add_campaign(self, name: str) -> str:
        """One more campaign."""
        uid = next(self._numbers)
        self.campaigns[str(uid)] = {"id": uid, "name": name, "status": "DRAFTED", "created_at": "2026-11-02"}
        return str(uid)

    def add_lead(self, email: str, campaign: str = WARM, **values: Json) -> int:
        """One more lead in a campaign."""
        lead = next((one for one in self.leads.values() if one["email"].lower() == email.lower()), None)
        uid = next(self._numbers) if lead is None else int(lead["id"])
        if lead is None:
            self.leads[uid] = {"id": uid, "email": email, "is_unsubscribed": False, "custom_fields": {}, **values}
        state = {"status": "STARTED", "lead_category_id": None, "created_at": "2026-11-01T09:00:00.000Z"}
        self.members[campaign, uid] = state
        return uid

    def admit(self) -> None:
        """Count a call; refuses it when there were too many."""
        self.calls += 1
        if self.calls > self.per_minute:
            raise Refused(429, {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests."}}, {"retry-after": "30"})

    def headers(self) -> dict[str, str]:
        """What answers say of the limit."""
        left = {"x-ratelimit-limit": str(self.per_minute), "x-ratelimit-remaining": str(max(0, self.per_minute - self.calls))}
        return {**left, "x-ratelimit-reset": str(int(time.time()) + 60)}
