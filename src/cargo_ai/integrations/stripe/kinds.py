"""Kinds of Stripe's objects: where each is, how its list can be narrowed, and what is given of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import Form, InvalidConfig, ui

Json = Any
EXPRESSION = ui(widget="ExpressionWidget")
MAX = 1_000
TEXT: Mapping[str, Json] = {"type": ["string", "null"]}
NUMBER: Mapping[str, Json] = {"type": ["number", "null"]}
FLAG: Mapping[str, Json] = {"type": ["boolean", "null"]}
MONEY: Mapping[str, Json] = {"type": ["integer", "null"], "description": "In the smallest unit of the currency, such as cents."}
TIME: Mapping[str, Json] = {"type": ["integer", "null"], "description": "Seconds since 1970."}
METADATA: Mapping[str, Json] = {"type": "object", "additionalProperties": {"type": "string"}}


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out."""
    return Field(default="", title=title, description=description, max_length=500, json_schema_extra=EXPRESSION)


class ListForm(Form):
    """What every list can be narrowed by."""

    created_after: str = text_field("Created after", "A date or time; days begin at 0:00 UTC.")
    created_before: str = text_field("Created before", "A date or time.")
    limit: int = Field(default=100, title="Limit", ge=1, le=MAX)

    def query(self) -> dict[str, Json]:
        """As Stripe takes it. InvalidConfig for a time that is not one."""
        named = self.model_dump(exclude={"created_after", "created_before", "limit"})
        times = {
            "created[gte]": _seconds(self.created_after, "createdAfter"),
            "created[lt]": _seconds(self.created_before, "createdBefore"),
        }
        return {name: value for name, value in (named | times).items() if value not in ("", None)}


def _seconds(text: str, name: str) -> int | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidConfig(f"`{name}` is not a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


class ListCustomers(ListForm):
    """Which customers."""

    email: str = text_field("E-mail address", "Exactly as Stripe has it, capitals included.")


class ListSubscriptions(ListForm):
    """Which subscriptions."""

    customer: str = text_field("Customer", "Its id (cus_…).")
    price: str = text_field("Price", "Its id (price_…).")
    status: Literal[
        "all", "active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused", "ended"
    ] = Field(default="all", title="Status")


class ListInvoices(ListForm):
    """Which invoices."""

    customer: str = text_field("Customer", "Its id (cus_…).")
    subscription: str = text_field("Subscription", "Its id (sub_…).")
    status: Literal["", "draft", "open", "paid", "uncollectible", "void"] = Field(default="", title="Status", description="All by default.")


class ListCharges(ListForm):
    """Which charges."""

    customer: str = text_field("Customer", "Its id (cus_…).")
    payment_intent: str = text_field("Payment intent", "Its id (pi_…).")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object. name: in slugs (`getCustomer`); path: its list; query: an example of a search; output: of one object."""

    name: str
    title: str
    path: str
    prefix: str
    form: type[ListForm]
    search: str
    output: Mapping[str, Json]

    @property
    def plural(self) -> str:
        """In slugs (`listCustomers`)."""
        return f"{self.name}s"


def _object(**properties: Json) -> Mapping[str, Json]:
    shared = {"id": {"type": "string"}, "object": {"type": "string"}, "created": TIME, "livemode": FLAG, "metadata": METADATA}
    return {"type": "object", "properties": {**shared, **properties}, "required": ["id"]}


CUSTOMER = Kind(
    "Customer",
    "customer",
    "/customers",
    "cus_",
    ListCustomers,
    "email:'ada@example.com' AND metadata['plan']:'pro'",
    _object(
        email=TEXT,
        name=TEXT,
        phone=TEXT,
        description=TEXT,
        balance=MONEY,
        currency=TEXT,
        delinquent=FLAG,
        address={"type": ["object", "null"]},
        deleted={"type": "boolean", "description": "Stripe keeps the ids of customers that were deleted."},
    ),
)
SUBSCRIPTION = Kind(
    "Subscription",
    "subscription",
    "/subscriptions",
    "sub_",
    ListSubscriptions,
    "status:'active' AND metadata['plan']:'pro'",
    _object(
        customer=TEXT,
        status=TEXT,
        currency=TEXT,
        start_date=TIME,
        cancel_at=TIME,
        cancel_at_period_end=FLAG,
        canceled_at=TIME,
        ended_at=TIME,
        trial_end=TIME,
        items={"type": "object", "description": "`data`: its prices with quantities and periods."},
    ),
)
INVOICE = Kind(
    "Invoice",
    "invoice",
    "/invoices",
    "in_",
    ListInvoices,
    "customer:'cus_123' AND status:'open'",
    _object(
        customer=TEXT,
        number=TEXT,
        status=TEXT,
        currency=TEXT,
        total=MONEY,
        amount_due=MONEY,
        amount_paid=MONEY,
        amount_remaining=MONEY,
        due_date=TIME,
        hosted_invoice_url=TEXT,
        customer_email=TEXT,
    ),
)
CHARGE = Kind(
    "Charge",
    "charge",
    "/charges",
    "ch_",
    ListCharges,
    "amount>999 AND status:'succeeded'",
    _object(
        customer=TEXT,
        amount=MONEY,
        amount_refunded=MONEY,
        currency=TEXT,
        status=TEXT,
        paid=FLAG,
        refunded=FLAG,
        description=TEXT,
        payment_intent=TEXT,
        failure_code=TEXT,
        failure_message=TEXT,
        receipt_url=TEXT,
    ),
)
KINDS = (CUSTOMER, SUBSCRIPTION, INVOICE, CHARGE)
