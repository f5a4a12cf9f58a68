"""The tables of Stripe's objects: their columns, and the events that tell of them.

Of fields that have moved between versions both places are named: events are written in the version of the account, not in ours.
"""

from __future__ import annotations

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.integrations.kit import SourceColumn
from cargo_ai.integrations.stripe.extractors.events import Column, EventsOf


def _columns(*declared: str) -> tuple[Column, ...]:
    """`name:type` with the path in the object, where it is another one, after `=`, several with `|`. time: a date, in seconds there."""
    columns: list[Column] = []
    for text in declared:
        left, _, paths = text.partition("=")
        name, _, kind = left.partition(":")
        types: dict[str, ColumnType] = {"": "string", "n": "number", "b": "boolean", "time": "date", "o": "object"}
        label = name.replace("_", " ").capitalize() if name != "id" else "Id"
        columns.append(Column(SourceColumn(name, types[kind], label), tuple((paths or name).split("|")), kind == "time"))
    return tuple(columns)


_PERIOD = "items.data.0.current_period_{}|current_period_{}"

TABLES = (
    EventsOf(
        "customers",
        "Customers",
        "/customers",
        "customer",
        _columns(
            *("id", "email", "name", "phone", "description", "created:time", "currency", "balance:n", "delinquent:b"),
            *("city=address.city", "country=address.country", "postal_code=address.postal_code", "livemode:b", "metadata:o"),
        ),
        ("customer.created", "customer.updated", "customer.deleted"),
        "email",
        "customer.deleted",
    ),
    EventsOf(
        "subscriptions",
        "Subscriptions",
        "/subscriptions",
        "subscription",
        _columns(
            *("id", "customer", "status", "created:time", "start_date:time"),
            f"current_period_start:time={_PERIOD.format('start', 'start')}",
            f"current_period_end:time={_PERIOD.format('end', 'end')}",
            *("cancel_at:time", "cancel_at_period_end:b", "canceled_at:time", "ended_at:time", "trial_end:time", "currency"),
            *("price=items.data.0.price.id", "product=items.data.0.price.product", "quantity:n=items.data.0.quantity"),
            *("unit_amount:n=items.data.0.price.unit_amount", "interval=items.data.0.price.recurring.interval"),
            *("items:o", "livemode:b", "metadata:o"),
        ),
        tuple(f"customer.subscription.{verb}" for verb in ("created", "updated", "deleted", "paused", "resumed")),
        "id",
        query={"status": "all"},
    ),
    EventsOf(
        "invoices",
        "Invoices",
        "/invoices",
        "invoice",
        _columns(
            *("id", "customer", "number", "status", "created:time", "due_date:time", "paid_at:time=status_transitions.paid_at"),
            *("currency", "subtotal:n", "total:n", "amount_due:n", "amount_paid:n", "amount_remaining:n", "billing_reason"),
            *("subscription=parent.subscription_details.subscription|subscription", "customer_email", "hosted_invoice_url"),
            *("livemode:b", "metadata:o"),
        ),
        (
            *(f"invoice.{verb}" for verb in ("created", "updated", "deleted", "finalized", "paid", "payment_succeeded", "payment_failed")),
            *(f"invoice.{verb}" for verb in ("voided", "marked_uncollectible", "sent", "overdue", "finalization_failed")),
        ),
        "number",
        "invoice.deleted",
    ),
    EventsOf(
        "charges",
        "Charges",
        "/charges",
        "charge",
        _columns(
            *("id", "customer", "amount:n", "amount_captured:n", "amount_refunded:n", "currency", "status", "paid:b", "refunded:b"),
            *("disputed:b", "created:time", "description", "payment_intent", "receipt_email", "failure_code", "failure_message"),
            *("livemode:b", "metadata:o"),
        ),
        tuple(f"charge.{verb}" for verb in ("succeeded", "pending", "failed", "captured", "expired", "refunded", "updated")),
        "id",
    ),
    EventsOf(
        "products",
        "Products",
        "/products",
        "product",
        _columns("id", "name", "description", "active:b", "default_price", "created:time", "updated:time", "livemode:b", "metadata:o"),
        ("product.created", "product.updated", "product.deleted"),
        "name",
        "product.deleted",
    ),
    EventsOf(
        "prices",
        "Prices",
        "/prices",
        "price",
        _columns(
            *("id", "product", "nickname", "lookup_key", "active:b", "type", "currency", "unit_amount:n"),
            *("interval=recurring.interval", "interval_count:n=recurring.interval_count", "created:time", "livemode:b", "metadata:o"),
        ),
        ("price.created", "price.updated", "price.deleted"),
        "nickname",
        "price.deleted",
    ),
)
