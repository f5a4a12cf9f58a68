"""Tables of billing: subscriptions, top-ups, events of Stripe, and new records that are not yet counted as usage."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.contract.billing.subscription import SubscriptionCadence
from cargo_ai.kernel import clock
from cargo_ai.store.rows import Owned, Row, Stamped

Credits = Numeric(20, 6)


class Subscription(Stamped, Owned, Row):
    """What a workspace may use. There is a row once something was set; without one, or without `credits_count`, it is unlimited.

    credits_count: credits of each period, which began at `start_at` and is renewed at `reset_at`. future: the plan that begins then.
    status_at: when Stripe said the status; older events do not change it. payment_method: the card that is charged, at Stripe, since
        `payment_method_at`.
    paused_until: no top-up before, after a card was declined or top-ups followed each other too fast.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_reset_at", "reset_at", postgresql_where=text("credits_count IS NOT NULL")),
        Index("ix_subscriptions_topup", "uuid", postgresql_where=text("topup_credits IS NOT NULL")),
    )

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(unique=True)
    credits_count: Mapped[Decimal | None] = mapped_column(Credits)
    cadence: Mapped[SubscriptionCadence] = mapped_column(Text)
    start_at: Mapped[datetime]
    reset_at: Mapped[datetime]
    future: Mapped[dict[str, Any] | None]
    topup_credits: Mapped[Decimal | None] = mapped_column(Credits)
    topup_threshold: Mapped[Decimal | None] = mapped_column(Credits)
    paused_until: Mapped[datetime | None]
    customer: Mapped[str | None] = mapped_column(unique=True)
    stripe_subscription: Mapped[str | None]
    status: Mapped[str | None]
    status_at: Mapped[datetime | None]
    payment_method: Mapped[str | None]
    payment_method_at: Mapped[datetime | None]


class CreditTopup(Stamped, Owned, Row):
    """Credits that are bought because few were left. `status`: pending, succeeded, declined or failed. One of a workspace is pending at a
    time."""

    __tablename__ = "credit_topups"
    __table_args__ = (
        Index("ix_credit_topups_workspace_uuid", "workspace_uuid", "created_at"),
        Index("uq_credit_topups_pending", "workspace_uuid", unique=True, postgresql_where=text("status = 'pending'")),
    )

    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    credits: Mapped[Decimal] = mapped_column(Credits)
    price_cents: Mapped[int]
    status: Mapped[str]
    problem: Mapped[str | None]


class StripeEvent(Row):
    """An event that was handled, so that it is never handled again. Kept forever."""

    __tablename__ = "stripe_events"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    workspace_uuid: Mapped[uuid.UUID | None]
    received_at: Mapped[datetime] = mapped_column(default=clock.now)


class NewRecords(Owned, Row):
    """How many records one transaction added to a model. Rows of their own, so that no writer waits for another; they are added up."""

    __tablename__ = "new_records"
    __table_args__ = (Index("ix_new_records_workspace_uuid", "workspace_uuid"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    model_uuid: Mapped[uuid.UUID]
    day: Mapped[date]
    amount: Mapped[int]
