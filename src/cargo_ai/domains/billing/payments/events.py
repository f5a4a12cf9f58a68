"""Events of Stripe: each has its effect once, in one transaction with the note of its id, in whatever order they come."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.billing.subscription import SubscriptionCadence
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.payments import topup
from cargo_ai.domains.billing.tables import CreditTopup, StripeEvent, Subscription
from cargo_ai.kernel import clock, ids, log
from cargo_ai.ledger import transfers
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.store.driver import driver_connection

Object = Mapping[str, Any]

GRACE = timedelta(days=3)
"""The credits of a period stay this long after its end, or until the next ones are paid: Stripe sends its invoice some time later."""
ENDED = ("canceled", "incomplete_expired")

_log = log.get(__name__)


class InvalidEvent(ValueError):
    """This is not an event of Stripe."""


async def receive(db: AsyncSession, event: Object) -> bool:
    """Apply an event, in a session of all workspaces; False when it was applied before. Raises InvalidEvent. The caller commits."""
    uid, kind, created = event.get("id"), event.get("type"), event.get("created")
    about = _object(_object(event.get("data")).get("object"))
    if not (isinstance(uid, str) and isinstance(kind, str) and isinstance(created, int) and about and len(uid) <= 255):
        raise InvalidEvent
    row = await _row_of(db, about)
    workspace = None if row is None else row.workspace_uuid
    note = insert(StripeEvent).values(id=uid, kind=kind[:255], workspace_uuid=workspace, received_at=clock.now())
    noted = await db.execute(note.on_conflict_do_nothing().returning(StripeEvent.id))
    if noted.first() is None:
        return False
    if row is not None:
        await _apply(db, row, kind, about, datetime.fromtimestamp(created, UTC))
        await db.flush()
    return True


async def _row_of(db: AsyncSession, about: Object) -> Subscription | None:
    customer = about.get("customer")
    if not isinstance(customer, str):
        return None
    return await db.scalar(select(Subscription).where(Subscription.customer == customer).with_for_update())


async def _apply(db: AsyncSession, row: Subscription, kind: str, about: Object, created: datetime) -> None:
    match kind:
        case "checkout.session.completed" | "checkout.session.async_payment_succeeded":
            await _bought(db, row, about)
        case "invoice.paid":
            await _paid(db, row, about)
        case "setup_intent.succeeded":
            _new_card(row, about, created)
        case "payment_method.detached":
            row.payment_method = None if row.payment_method == about.get("id") else row.payment_method
        case "payment_intent.succeeded" | "payment_intent.payment_failed":
            await _topped_up(db, row, about, has_succeeded=kind.endswith("succeeded"))
        case "customer.subscription.created" | "customer.subscription.updated" | "customer.subscription.deleted":
            _new_status(row, about, created)
        case _:
            pass


async def _bought(db: AsyncSession, row: Subscription, session: Object) -> None:
    credits = _credits(session, row)
    if session.get("mode") != "payment" or session.get("payment_status") != "paid" or credits is None:
        return
    connection = await driver_connection(db)
    key = f"checkout:{session.get('id')}"
    await transfers.grant(connection, row.workspace_uuid, "purchased", credits, key, cause="checkout")
    await _limit(db, row)


async def _paid(db: AsyncSession, row: Subscription, invoice: Object) -> None:
    """Give the credits of the period that was paid. What the subscription was when the invoice was written stands on the invoice."""
    details = _object(_object(invoice.get("parent")).get("subscription_details"))
    credits, cadence = _credits(details, row), _object(details.get("metadata")).get("cadence")
    lines = [_object(line.get("period")) for line in _objects(_object(invoice.get("lines")).get("data"))]
    ends = [line["end"] for line in lines if isinstance(line.get("end"), int) and isinstance(line.get("start"), int)]
    if credits is None or cadence not in get_args(SubscriptionCadence) or not ends:
        return
    last = max(lines, key=lambda line: line.get("end", 0))
    start, end = datetime.fromtimestamp(last["start"], UTC), datetime.fromtimestamp(last["end"], UTC)
    if end <= clock.now() or (row.stripe_subscription is not None and row.credits_count is not None and start < row.start_at):
        _log.info("an invoice of a period that is over was paid", workspace=str(row.workspace_uuid), invoice=str(invoice.get("id")))
        return
    connection, workspace = await driver_connection(db), row.workspace_uuid
    key = f"invoice:{invoice.get('id')}"
    await allowance.settle(connection, workspace, "paid")
    if row.credits_count is not None:
        await allowance.set_left(connection, workspace, ZERO, row.reset_at + (GRACE if row.stripe_subscription else timedelta(0)))
    await transfers.grant(connection, workspace, "granted", credits, key, cause="invoice", expires_at=end + GRACE)
    await _limit(db, row)
    row.stripe_subscription = str(details.get("subscription"))
    row.credits_count, row.cadence, row.start_at, row.reset_at = credits, cast("SubscriptionCadence", cadence), start, end
    if row.future is not None and (Decimal(str(row.future["creditsCount"])), row.future["cadence"]) == (credits, cadence):
        row.future = None


async def _limit(db: AsyncSession, row: Subscription) -> None:
    """Who has paid for credits is limited to them."""
    await transfers.set_limit(await driver_connection(db), row.workspace_uuid, "deny")


def _new_card(row: Subscription, intent: Object, created: datetime) -> None:
    method = intent.get("payment_method")
    if isinstance(method, str) and (row.payment_method_at is None or created >= row.payment_method_at):
        row.payment_method, row.payment_method_at, row.paused_until = method, created, None


def _new_status(row: Subscription, subscription: Object, created: datetime) -> None:
    """Events may come in any order: the newest says how it is. One that has ended does not come back."""
    status = subscription.get("status")
    if row.stripe_subscription not in (None, subscription.get("id")) or not isinstance(status, str):
        return
    if row.status_at is not None and (created < row.status_at or (created == row.status_at and row.status in ENDED)):
        return
    row.status, row.status_at, row.stripe_subscription = status, created, str(subscription.get("id"))
    if status in ENDED:
        row.future = None


async def _topped_up(db: AsyncSession, row: Subscription, intent: Object, *, has_succeeded: bool) -> None:
    uid = ids.parse(str(_object(intent.get("metadata")).get("topup", "")))
    bought = None if uid is None else await _topup_of(db, row, uid)
    if bought is None:
        return
    if has_succeeded:
        await topup.settle(db, bought, row, "succeeded", None)
    elif bought.status == "pending":
        problem = str(_object(intent.get("last_payment_error")).get("message", "the card was declined"))
        await topup.settle(db, bought, row, "declined", problem[:500])


async def _topup_of(db: AsyncSession, row: Subscription, uid: uuid.UUID) -> CreditTopup | None:
    mine = select(CreditTopup).where(CreditTopup.uuid == uid, CreditTopup.workspace_uuid == row.workspace_uuid)
    return await db.scalar(mine.with_for_update())


def _credits(about: Object, row: Subscription) -> Decimal | None:
    """The credits in what we have written onto an object of Stripe for this workspace."""
    metadata = _object(about.get("metadata"))
    if metadata.get("workspace") != str(row.workspace_uuid):
        return None
    try:
        credits = Decimal(str(metadata.get("credits")))
    except InvalidOperation:
        return None
    return credits if credits.is_finite() and credits > 0 else None


def _object(value: object) -> Object:
    return cast("Object", value) if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Object]:
    return [_object(item) for item in cast("list[object]", value)] if isinstance(value, list) else []
