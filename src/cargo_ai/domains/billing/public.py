"""What the server's routes may use of billing: the events of Stripe, and the page to which its pages lead back."""

from __future__ import annotations

from cargo_ai.domains.billing.payments.card import DONE
from cargo_ai.domains.billing.payments.events import InvalidEvent, receive
from cargo_ai.domains.billing.payments.signature import is_valid

__all__ = ["DONE", "InvalidEvent", "is_valid", "receive"]
