"""What a test may order: objects, their changes, other keys, faults; and a look at what is kept."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused

Json = Any
JsonObject = dict[str, Json]
KEY = "rk_test_simulated4711abcdefghijklmnop"
LONG_AGO = 40 * 86_400
PREFIXES = {"customer": "cus", "subscription": "sub", "invoice": "in", "charge": "ch", "product": "prod", "price": "price"}
EVENTS = {
    "customer": "customer",
    "subscription": "customer.subscription",
    "invoice": "invoice",
    "charge": "charge",
    "product": "product",
    "price": "price",
}
DEFAULTS: dict[str, JsonObject] = {
    "customer": {
        **dict.fromkeys(("email", "name", "phone", "description", "currency", "address"), None),
        "balance": 0,
        "delinquent": False,
    },
    "subscription": {"customer": "cus_1", "status": "active", "currency": "eur", "cancel_at_period_end": False, "start_date": 1},
    "invoice": {"customer": "cus_1", "number": "A-1", "status": "open", "currency": "eur", "total": 900, "amount_due": 900},
    "charge": {"customer": "cus_1", "amount": 900, "amount_refunded": 0, "currency": "eur", "status": "succeeded", "paid": True},
    "product": {"name": "Plan", "active": True, "description": None},
    "price": {"product": "prod_1", "currency": "eur", "unit_amount": 900, "active": True, "type": "recurring", "nickname": None},
}


def refused(status: int, kind: str, message: str, **more: Json) -> Refused:
    """A refusal in Stripe's form."""
    return Refused(status, {"error": {"type": kind, "message": message, **more}})


class Control(Orders):
    """The account, and the orders of a test. per_second: calls that it lets through in a second."""

    def __init__(self, per_second: int = 25) -> None:
        self._per_second = per_second
        super().__init__()

    def reset(self) -> None:
        """Back to an empty account."""
        super().reset()
        self.keys = {KEY}
        self.permitted: frozenset[str] | None = None
        self.per_second = self._per_second
        self.objects: dict[str, JsonObject] = {}
        self.events: list[JsonObject] = []
        self.answers: dict[str, tuple[Json, tuple[int, Json]]] = {}
        self._times: deque[float] = deque()
        self._numbers = itertools.count(1)

    def admit(self) -> None:
        """Count a call; refuses it when there were too many within a second."""
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if len(self._times) >= self.per_second:
            raise refused(429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
        self._times.append(now)

    def add(self, kind: str, *, ago: float = 0.0, tells: bool = True, **values: Json) -> JsonObject:
        """One more object, made this many seconds ago. tells: an event says so."""
        number = next(self._numbers)
        created = int(time.time() - ago)
        made: JsonObject = {"id": f"{PREFIXES[kind]}_{number:06d}", "object": kind, "created": created, "livemode": False, "metadata": {}}
        made |= {**DEFAULTS[kind], **values}
        self.objects[made["id"]] = made
        if tells:
            self.tell(made, "created", created)
        return made

    def change(self, uid: str, *, ago: float = 0.0, **values: Json) -> JsonObject:
        """Change an object, of which an event tells."""
        changed = self.objects[uid]
        changed |= values
        self.tell(changed, "updated", int(time.time() - ago))
        return changed

    def remove(self, uid: str) -> None:
        """Delete an object, of which an event tells."""
        self.tell(self.objects.pop(uid), "deleted", int(time.time()))

    def tell(self, item: JsonObject, verb: str, at: int) -> None:
        """An event of an object as it is now."""
        kind = f"{EVENTS[item['object']]}.{verb}"
        event = {"id": f"evt_{next(self._numbers):06d}", "object": "event", "type": kind, "created": at, "data": {"object": dict(item)}}
        self.events.append(event)

    def of_kind(self, kind: str) -> list[JsonObject]:
        """The objects of a kind, the newest first."""
        return sorted((item for item in self.objects.values() if item["object"] == kind), key=lambda item: item["id"], reverse=True)

    def fill(self, kind: str, count: int) -> list[str]:
        """This many objects that were made long before events are kept; their ids, the newest first."""
        made = [self.add(kind, ago=LONG_AGO, tells=False)["id"] for _ in range(count)]
        return made[::-1]
