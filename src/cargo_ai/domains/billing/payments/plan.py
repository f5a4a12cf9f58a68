"""The plan that is sold: a subscription at Stripe, whose invoices give credits when they are paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation
from cargo_ai.contract.billing import subscription as contract
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.payments.customer import row_of
from cargo_ai.domains.billing.payments.stripe_account import StripeFailed, account_of
from cargo_ai.domains.billing.periods import MONTHS
from cargo_ai.domains.billing.tables import Subscription
from cargo_ai.domains.billing.usage import number, price_cents
from cargo_ai.kernel import clock

if TYPE_CHECKING:
    from stripe import StripeClient

LIVE = ("active", "trialing", "past_due")
NO_PRICE = "The operator of this server has not set what a credit costs (CARGO_AI_CREDIT_PRICE_CENTS), so that none are sold."


@dataclass(frozen=True, slots=True)
class Sold:
    """What Stripe has agreed to."""

    subscription: str
    status: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked of Stripe. `since`: makes a repetition of the same request harmless."""

    row: Subscription
    customer: str
    payment_method: str
    credits: Decimal
    cadence: contract.SubscriptionCadence
    cents: int
    currency: str

    @property
    def metadata(self) -> dict[str, str]:
        """What Stripe copies onto each invoice of the subscription."""
        return {"workspace": str(self.row.workspace_uuid), "credits": f"{self.credits:f}", "cadence": self.cadence}

    @property
    def key(self) -> str:
        """The same for all who ask while nothing has changed: two at once make one subscription."""
        return f"plan:{self.row.workspace_uuid}:{self.row.updated_at.isoformat()}"


async def sell(asked: Preparation, request: contract.UpdatePlan) -> Sold | None:
    """Begin or change the subscription at Stripe; None where credits are not sold."""
    stripe, operation = account_of(asked.services), contract.update_plan
    if stripe is None:
        return None
    credits = Decimal(str(request.credits_count))
    cents = price_cents(asked.services.settings, credits)
    if request.cadence not in MONTHS:
        operation.refuse("subscriptionNotElligible", sentence=f"Plans are sold {', '.join(MONTHS)}, not {request.cadence}.")
    if cents == 0:
        operation.refuse("subscriptionNotElligible", sentence=NO_PRICE if credits else "A plan has at least one credit.")
    row = await row_of(asked.services, asked.who.workspace_uuid)
    if row is None or row.customer is None:
        operation.refuse("customerNotFound")
    if row.payment_method is None:
        operation.refuse("paymentMethodNotFound")
    if row.future is not None:
        operation.refuse("subscriptionAlreadyInUpdateState", start_at=row.future["startAt"])
    if row.status in LIVE and (row.credits_count, row.cadence) == (credits, request.cadence):
        operation.refuse("subscriptionNotElligible", sentence="This is the plan already.")
    order = _Order(row, row.customer, row.payment_method, credits, request.cadence, cents, asked.services.settings.billing_currency)
    try:
        return await stripe.call(lambda client: _change(client, order) if row.status in LIVE else _begin(client, order))
    except StripeFailed as failed:
        operation.refuse("scheduleSubscriptionChangeFailed", problem=failed.message)


def _price(client: StripeClient, order: _Order) -> str:
    interval: Literal["year", "month"] = "year" if order.cadence == "annual" else "month"
    price = client.v1.prices.create(
        {
            "currency": order.currency,
            "unit_amount": order.cents,
            "recurring": {"interval": interval, "interval_count": 1 if interval == "year" else MONTHS[order.cadence]},
            "product_data": {"name": f"{number(order.credits):,} credits"},
        },
        {"idempotency_key": f"{order.key}:price:{order.credits}:{order.cadence}"},
    )
    return price.id


def _begin(client: StripeClient, order: _Order) -> Sold:
    begun = client.v1.subscriptions.create(
        {
            "customer": order.customer,
            "items": [{"price": _price(client, order)}],
            "default_payment_method": order.payment_method,
            "payment_behavior": "error_if_incomplete",
            "metadata": order.metadata,
        },
        {"idempotency_key": order.key},
    )
    return Sold(begun.id, begun.status, is_new=True)


def _change(client: StripeClient, order: _Order) -> Sold:
    """The next invoice has the new price; where the length of the period changes, Stripe writes one at once."""
    uid = str(order.row.stripe_subscription)
    item = client.v1.subscriptions.retrieve(uid)["items"]["data"][0]["id"]
    changed = client.v1.subscriptions.update(
        uid,
        {
            "items": [{"id": item, "price": _price(client, order)}],
            "proration_behavior": "none",
            "payment_behavior": "error_if_incomplete",
            "metadata": order.metadata,
        },
        {"idempotency_key": order.key},
    )
    return Sold(changed.id, changed.status, is_new=False)


async def note(ctx: Context, request: contract.UpdatePlan, sold: Sold) -> None:
    """The plan begins with the invoice that is paid for it. Its event may have come already."""
    row = await allowance.lock_row(ctx.db, ctx.workspace)
    row.stripe_subscription = sold.subscription
    if row.status_at is None or sold.is_new:
        row.status = sold.status
    credits = Decimal(str(request.credits_count))
    if (row.credits_count, row.cadence) != (credits, request.cadence):
        row.future = contract.FutureChange(
            cadence=request.cadence,
            fixed_price=price_cents(ctx.settings, credits),
            credits_count=request.credits_count,
            conversion_rate=ctx.settings.credit_price_cents,
            start_at=clock.now() if sold.is_new else row.reset_at,
            end_at=None,
        ).to_wire()
    await ctx.db.flush()
