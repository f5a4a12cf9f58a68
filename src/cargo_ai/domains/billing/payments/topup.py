"""Top-ups: buy credits by themselves where few are left. Credits that are being bought count first.

After a card was declined, nothing is bought for an hour; after three top-ups within ten minutes, nothing for ten minutes.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.payments import brake_email
from cargo_ai.domains.billing.payments.stripe_account import StripeAccount, StripeFailed, account_of
from cargo_ai.domains.billing.tables import CreditTopup, Subscription
from cargo_ai.domains.billing.usage import price_cents
from cargo_ai.kernel import clock, ids, log
from cargo_ai.ledger import balances, transfers
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES

if TYPE_CHECKING:
    from stripe import PaymentIntent

EVERY_SECONDS = 5.0
AT_ONCE = 100
AFTER_DECLINE = timedelta(hours=1)
MAX, WITHIN = 3, timedelta(minutes=10)
ASK_AGAIN = timedelta(minutes=1)
"""A top-up that has no outcome after this long is asked about again, under its key."""
GIVE_UP = timedelta(hours=20)
"""Stripe knows keys for a day; later, the same request would be another payment."""

_log = log.get(__name__)


class Topups:
    """Runs in each worker where credits are sold."""

    def __init__(self, services: Services) -> None:
        self._services, self._stripe = services, account_of(services)

    async def run(self) -> None:
        """Until cancelled; at once where credits are not sold."""
        if self._stripe is None:
            return
        while True:
            await retry_until_available("top-ups", self.buy_due)
            await asyncio.sleep(EVERY_SECONDS)

    async def buy_due(self) -> int:
        """Buy for each workspace that has too few, and ask about purchases without an outcome; returns how many were bought or asked."""
        assert self._stripe is not None
        now = clock.now()
        async with self._services.database.session(ALL_WORKSPACES) as db:
            wanting = select(Subscription.workspace_uuid).where(
                Subscription.topup_credits.is_not(None), or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now)
            )
            workspaces = list(await db.scalars(wanting.order_by(Subscription.uuid)))
            unsure = select(CreditTopup.uuid, CreditTopup.workspace_uuid).where(
                CreditTopup.status == "pending", CreditTopup.updated_at < now - ASK_AGAIN
            )
            asked = (await db.execute(unsure.limit(AT_ONCE))).all()
        due = [*[(None, workspace) for workspace in workspaces], *asked]
        return sum([await self._buy(self._stripe, topup, workspace) for topup, workspace in due])

    async def _buy(self, stripe: StripeAccount, topup: uuid.UUID | None, workspace: uuid.UUID) -> bool:
        """What fails for one workspace keeps no other from buying, and is tried again."""
        try:
            topup = topup or await self._begin(workspace)
            if topup is not None:
                await self._charge(stripe, topup, workspace)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as error:
            _log.error("a top-up failed", workspace=str(workspace), cause=f"{type(error).__name__}: {error}"[:300])
        return topup is not None

    async def _begin(self, workspace: uuid.UUID) -> uuid.UUID | None:
        async with self._services.database.session(workspace) as db:
            row = await allowance.find(db, workspace, lock=True)
            topup = None if row is None else await begin(self._services, db, row)
            await db.commit()
            return topup

    async def _charge(self, stripe: StripeAccount, topup: uuid.UUID, workspace: uuid.UUID) -> None:
        async with self._services.database.session(workspace) as db:
            row = await allowance.find(db, workspace)
            bought = await db.get(CreditTopup, topup)
            if row is None or bought is None or bought.status != "pending" or row.customer is None or row.payment_method is None:
                return
            customer, method, cents = row.customer, row.payment_method, bought.price_cents
            if bought.created_at < clock.now() - GIVE_UP:
                await settle(db, bought, row, "failed", "no outcome within a day")
                await db.commit()
                return
        try:
            intent = await stripe.call(
                lambda client: client.v1.payment_intents.create(
                    {
                        "amount": cents,
                        "currency": self._services.settings.billing_currency,
                        "customer": customer,
                        "payment_method": method,
                        "off_session": True,
                        "confirm": True,
                        "metadata": {"workspace": str(workspace), "topup": str(topup)},
                    },
                    {"idempotency_key": f"topup:{topup}"},
                )
            )
            status, problem = _outcome(intent)
        except StripeFailed as failed:
            status = {"unavailable": "pending", "declined": "declined", "authentication": "declined"}.get(failed.kind, "failed")
            problem = failed.message
        await self._note(topup, workspace, status, problem)

    async def _note(self, topup: uuid.UUID, workspace: uuid.UUID, status: str, problem: str | None) -> None:
        async with self._services.database.session(workspace) as db:
            row = await allowance.find(db, workspace, lock=True)
            bought = await db.get(CreditTopup, topup, with_for_update=True)
            if row is not None and bought is not None:
                await settle(db, bought, row, status, problem)
            await db.commit()


def _outcome(intent: PaymentIntent) -> tuple[str, str | None]:
    if intent.status == "succeeded":
        return "succeeded", None
    return ("pending", None) if intent.status == "processing" else ("declined", f"the payment {intent.status.replace('_', ' ')}")


async def begin(services: Services, db: AsyncSession, row: Subscription) -> uuid.UUID | None:
    """Write down that credits are being bought, where too few are left; the top-up's uuid. The row is locked."""
    if row.topup_credits is None or row.topup_threshold is None or row.payment_method is None:
        return None
    now, workspace = clock.now(), row.workspace_uuid
    if row.paused_until is not None and row.paused_until > now:
        return None
    balance = await balances.balance_of(await driver_connection(db), workspace, now)
    pending = select(func.coalesce(func.sum(CreditTopup.credits), 0)).where(CreditTopup.status == "pending")
    if balance.overage is None or balance.available + Decimal((await db.execute(pending)).scalar_one()) >= row.topup_threshold:
        return None
    recent = select(func.count()).select_from(CreditTopup).where(CreditTopup.created_at > now - WITHIN)
    if (await db.execute(recent)).scalar_one() >= MAX:
        row.paused_until = until = now + WITHIN
        _log.error("top-ups follow each other too fast and pause", workspace=str(workspace), topups=MAX, minutes=WITHIN.seconds // 60)
        bought = f"It has bought credits {MAX} times within {WITHIN.seconds // 60} minutes, and they are used up again."
        await brake_email.enqueue(db, workspace, "tooFast", until, bought)
        return None
    if (await db.execute(select(CreditTopup.uuid).where(CreditTopup.status == "pending").limit(1))).first() is not None:
        return None
    topup = CreditTopup(
        uuid=ids.new(),
        workspace_uuid=workspace,
        credits=row.topup_credits,
        price_cents=price_cents(services.settings, row.topup_credits),
        status="pending",
    )
    db.add(topup)
    await db.flush()
    return topup.uuid


async def settle(db: AsyncSession, topup: CreditTopup, row: Subscription, status: str, problem: str | None) -> None:
    """Note the outcome; both are locked. What has succeeded stays so, whatever older event still comes; it gives the credits once."""
    if topup.status == "succeeded":
        return
    topup.status, topup.problem, topup.updated_at = status, problem, clock.now()
    if status == "succeeded":
        connection = await driver_connection(db)
        await transfers.grant(connection, topup.workspace_uuid, "purchased", topup.credits, f"topup:{topup.uuid}", cause="top-up")
    elif status == "declined":
        is_known = row.paused_until is not None and row.paused_until > clock.now()
        row.paused_until = until = clock.now() + AFTER_DECLINE
        _log.warning("a top-up was declined; the next one is in an hour", workspace=str(topup.workspace_uuid), cause=problem)
        if not is_known:
            declined = f"Its card was declined: {problem}" if problem else "Its card was declined."
            await brake_email.enqueue(db, topup.workspace_uuid, "declined", until, declined)
    await db.flush()
