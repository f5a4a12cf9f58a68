"""The allowance of a workspace: the row that says how many credits it has in which period, and the credits in the ledger that follow it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.billing.subscription import SubscriptionCadence
from cargo_ai.domains.billing.periods import NEVER, Period, period_at
from cargo_ai.domains.billing.tables import Subscription
from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import balances, transfers
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.ledger.balances import Balance
from cargo_ai.ledger.tables import AccountKind, OverageAction, ledger_usage
from cargo_ai.ledger.transfers import Transfer
from cargo_ai.store.driver import Connection, driver_connection

UNLIMITED = Decimal(1_000_000_000)
"""What an unlimited workspace has, in a field that must be a number."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a workspace has and has used of it. `credits`: of the period, None where it is unlimited. `additional`: left of those on top."""

    period: Period
    cadence: SubscriptionCadence
    credits: Decimal | None
    used: Decimal
    additional: Decimal
    balance: Balance

    @property
    def left(self) -> Decimal:
        """What is left of the period's credits; below 0 where more was used."""
        return (UNLIMITED if self.credits is None else self.credits) - self.used

    @property
    def has_credits(self) -> bool:
        """Whether work that costs credits may begin."""
        return self.balance.overage != "deny" or self.balance.available > 0


def id_of(workspace: uuid.UUID) -> uuid.UUID:
    """The uuid of a workspace's subscription: derived, since it is there without a row, too."""
    return uuid.uuid5(workspace, "subscription")


async def find(db: AsyncSession, workspace: uuid.UUID, *, lock: bool = False) -> Subscription | None:
    """The workspace's row, where something was ever set. `lock`: until the transaction ends."""
    query = select(Subscription).where(Subscription.workspace_uuid == workspace)
    return await db.scalar(query.with_for_update() if lock else query)


async def lock_row(db: AsyncSession, workspace: uuid.UUID) -> Subscription:
    """The workspace's row, made where it is missing, and locked until the transaction ends."""
    period = period_at("monthly", clock.now())
    values = {"workspace_uuid": workspace, "cadence": "monthly", "start_at": period.start, "reset_at": period.end}
    await db.execute(insert(Subscription).values(uuid=id_of(workspace), **values).on_conflict_do_nothing())
    row = await find(db, workspace, lock=True)
    assert row is not None
    return row


async def read(db: AsyncSession, workspace: uuid.UUID, row: Subscription | None) -> Allowance:
    """What the workspace has now."""
    now = clock.now()
    period = period_at("monthly", now) if row is None or row.credits_count is None else Period(row.start_at, row.reset_at)
    balance = await balances.balance_of(await driver_connection(db), workspace, now)
    credits = None if row is None else row.credits_count
    if credits is None and balance.overage is not None:
        credits = ZERO  # limited to what it was given or has bought on top
    used = await used_since(db, workspace, period.start) if credits is None else credits - balance.granted + balance.overdrawn
    cadence: SubscriptionCadence = "monthly" if row is None else row.cadence
    return Allowance(period, cadence, credits, used, balance.purchased + balance.promotional, balance)


async def used_since(db: AsyncSession, workspace: uuid.UUID, start: datetime) -> Decimal:
    """The credits that were used since the beginning of a day."""
    query = select(func.coalesce(func.sum(ledger_usage.c.amount), 0)).where(
        ledger_usage.c.workspace_uuid == workspace, ledger_usage.c.day >= start.date()
    )
    return Decimal((await db.execute(query)).scalar_one())


async def limit(db: AsyncSession, row: Subscription, credits: Decimal, cadence: SubscriptionCadence, overage: OverageAction) -> None:
    """Limit the workspace to these credits in each period. What it has used in the present one counts. Its row is locked."""
    connection, now = await driver_connection(db), clock.now()
    before = await read(db, row.workspace_uuid, row)
    period = period_at(cadence, now)
    used = max(ZERO, before.used if period.start == before.period.start else await _used_in(db, row.workspace_uuid, period, now))
    await transfers.set_limit(connection, row.workspace_uuid, overage)
    await settle(connection, row.workspace_uuid, "budget")
    if row.credits_count is not None and row.reset_at != period.end:
        await set_left(connection, row.workspace_uuid, ZERO, row.reset_at)
    await set_left(connection, row.workspace_uuid, max(ZERO, credits - used), period.end)
    if used > credits:
        await overdraw(connection, row.workspace_uuid, used - credits)
    row.credits_count, row.cadence, row.start_at, row.reset_at, row.future = credits, cadence, period.start, period.end, None
    await db.flush()


async def _used_in(db: AsyncSession, workspace: uuid.UUID, period: Period, now: datetime) -> Decimal:
    """Nothing counts of a period that begins only now."""
    return ZERO if period.start == now else await used_since(db, workspace, period.start)


async def unlimit(db: AsyncSession, row: Subscription) -> None:
    """Let the workspace use what it wants. Credits on top stay."""
    connection = await driver_connection(db)
    await transfers.set_limit(connection, row.workspace_uuid, None)
    if row.credits_count is not None:
        await set_left(connection, row.workspace_uuid, ZERO, row.reset_at)
    row.credits_count = row.future = None
    await db.flush()


async def renew(db: AsyncSession, row: Subscription, period: Period, key: str) -> None:
    """Begin another period: what was left of the former one is gone, and what was used beyond it is settled."""
    assert row.credits_count is not None
    connection = await driver_connection(db)
    await settle(connection, row.workspace_uuid, key)
    if row.credits_count > 0:
        await transfers.grant(
            connection, row.workspace_uuid, "granted", row.credits_count, key, cause="renewal", expires_at=_expiry(period.end)
        )
    row.start_at, row.reset_at = period.start, period.end
    await db.flush()


async def settle(connection: Connection, workspace: uuid.UUID, why: str) -> None:
    """What was used without credits is not taken from later ones: an invoice or no one pays for it."""
    overdrawn = (await balances.balance_of(connection, workspace)).overdrawn
    if overdrawn > 0:
        await _move(connection, workspace, "issued", "overage", overdrawn, f"settled {why}")


async def overdraw(connection: Connection, workspace: uuid.UUID, credits: Decimal) -> None:
    """The workspace has used more than it now has."""
    await _move(connection, workspace, "overage", "issued", credits, "budget")


async def _move(
    connection: Connection, workspace: uuid.UUID, source: AccountKind, target: AccountKind, credits: Decimal, cause: str
) -> None:
    ends = await transfers.account(connection, workspace, source), await transfers.account(connection, workspace, target)
    await transfers.post(connection, Transfer(workspace, f"{cause}:{workspace}:{ids.new()}", *ends, credits, cause))


async def set_left(connection: Connection, workspace: uuid.UUID, credits: Decimal, expires_at: datetime) -> None:
    """Give or take back credits of the period that ends then, so that just these are left."""
    key = f"budget:{workspace}:{ids.new()}"
    await transfers.set_granted(connection, workspace, credits, key, cause="budget", expires_at=_expiry(expires_at))


def _expiry(end: datetime) -> datetime | None:
    return None if end == NEVER else end
