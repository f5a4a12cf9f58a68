"""The state of the simulator, and what a test can do besides calling it: cards, payments, renewals, and events as they are delivered."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.stripe_billing import objects

Json = dict[str, Any]
MONTH = 30 * 86_400
SECRET = "whsec_of_the_simulator"
KEY = "sk_test_of_the_simulator"
DECLINED = "pm_card_declined"
CARDS = {"pm_card_visa": "4242", "pm_card_other": "4444", DECLINED: "0002"}


@dataclass
class Control:
    """Everything that the account has. `now`: its clock. `is_down`: nothing answers. `declines`: every payment is declined."""

    now: Callable[[], int]
    things: dict[str, Json] = field(default_factory=dict[str, Json])
    events: list[Json] = field(default_factory=list[Json])
    calls: list[tuple[str, str, Json]] = field(default_factory=list[tuple[str, str, Json]])
    replies: dict[str, tuple[str, int, Json]] = field(default_factory=dict[str, tuple[str, int, Json]])
    is_down: bool = False
    declines: bool = False
    _count: int = 0

    def __post_init__(self) -> None:
        for uid, last4 in CARDS.items():
            self.things[uid] = objects.payment_method(uid, self.now(), last4)

    def uid(self, prefix: str) -> str:
        """A new id."""
        self._count += 1
        return f"{prefix}_{self._count:06}"

    def add(self, thing: Json) -> Json:
        """Keep a thing."""
        self.things[thing["id"]] = thing
        return thing

    def of(self, kind: str) -> list[Json]:
        """Things of a kind, the newest first."""
        return [thing for thing in reversed(self.things.values()) if thing["object"] == kind]

    def tell(self, kind: str, about: Json, created: int | None = None) -> Json:
        """Something happened: the event, which a test delivers."""
        event = objects.event(self.uid("evt"), self.now() if created is None else created, kind, copy.deepcopy(about))
        self.events.append(event)
        return event

    def pay(self, session: str) -> Json:
        """A person pays on the page of a checkout."""
        about = self.things[session]
        about |= {"status": "complete", "payment_status": "paid"}
        return self.tell("checkout.session.completed", about)

    def give_card(self, intent: str, card: str) -> Json:
        """A person enters a card for a setup intent."""
        about = self.things[intent]
        about |= {"status": "succeeded", "payment_method": card}
        self.things[card]["customer"] = about["customer"]
        return self.tell("setup_intent.succeeded", about)

    def bill(self, subscription: str, reason: str = "subscription_cycle") -> Json:
        """The next period of a subscription begins, and its invoice is paid."""
        about = self.things[subscription]
        item = about["items"]["data"][0]
        start = self.now() if reason == "subscription_create" else item["current_period_end"]
        months = {"month": 1, "year": 12}[item["price"]["recurring"]["interval"]] * int(item["price"]["recurring"]["interval_count"])
        end = start + months * MONTH
        item |= {"current_period_start": start, "current_period_end": end}
        details = {"metadata": dict(about["metadata"]), "subscription": subscription}
        invoice = objects.invoice(
            self.uid("in"),
            self.now(),
            int(item["price"]["unit_amount"]),
            (start, end),
            customer=about["customer"],
            billing_reason=reason,
            parent={"type": "subscription_details", "quote_details": None, "subscription_details": details},
        )
        about["latest_invoice"] = self.add(invoice)["id"]
        return self.tell("invoice.paid", invoice)

    def end(self, subscription: str) -> Json:
        """A subscription is over."""
        about = self.things[subscription]
        about["status"] = "canceled"
        return self.tell("customer.subscription.deleted", about)


def sign(event: Json, now: int, secret: str = SECRET) -> tuple[bytes, str]:
    """The bytes of an event as they are sent, and the header with their signature."""
    body = json.dumps(event, indent=2).encode()
    signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={now},v1={signature},v0=ignored"
