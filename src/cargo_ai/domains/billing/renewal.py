"""Renewals: begin the next period of each workspace whose credits are due for it, and move expired credits to their account."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.periods import MONTHS, NEVER, period_at
from cargo_ai.domains.billing.tables import Subscription
from cargo_ai.engine.dispatch.timers.lookout import Lookout
from cargo_ai.kernel import clock, log
from cargo_ai.ledger import transfers
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

EVERY_SECONDS = 63.7
AT_ONCE = 100

_log = log.get(__name__)


class Renewals:
    """Runs in each worker; a row is renewed by the worker that locks it first."""

    def __init__(self, database: Database, lookout: Lookout | None = None) -> None:
        self._database, self._lookout = database, lookout or Lookout()

    async def run(self) -> None:
        """Until cancelled; wait while the database is unavailable."""
        leads = asyncio.Event()
        await self._lookout.wait(leads, self._lookout.longest(0))
        while True:
            leads.clear()
            while await retry_until_available("renewals", self.renew_due) == AT_ONCE:
                pass
            await retry_until_available("expired credits", self._expire)
            await self._lookout.wait(leads, self._lookout.longest(EVERY_SECONDS))

    async def renew_due(self) -> int:
        """Renew at most a hundred that are due, in one transaction; returns how many."""
        now = clock.now()
        due = (
            select(Subscription)
            .where(
                Subscription.credits_count.is_not(None),
                Subscription.reset_at <= now,
                Subscription.reset_at < NEVER,
                # A period that is sold begins when Stripe says that it is paid.
                Subscription.stripe_subscription.is_(None),
                Subscription.cadence.in_(list(MONTHS)),
            )
            .order_by(Subscription.reset_at)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        async with self._database.session(ALL_WORKSPACES) as db:
            rows = list(await db.scalars(due))
            renewed = 0
            for row in rows:
                renewed += await self._renew(db, row, now)
            await db.commit()
        if renewed:
            _log.info("credits renewed", workspaces=renewed)
        return renewed

    async def _renew(self, db: AsyncSession, row: Subscription, now: datetime) -> bool:
        """What fails for one workspace keeps no other from being renewed, and is tried again."""
        workspace = row.workspace_uuid
        try:
            async with db.begin_nested():
                # After a long stop, the periods between are over without anything having been used in them.
                period = period_at(row.cadence, now)
                await allowance.renew(db, row, period, f"renewal:{workspace}:{period.start:%Y-%m-%d}")
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as error:
            _log.error("credits cannot be renewed", workspace=str(workspace), cause=f"{type(error).__name__}: {error}"[:300])
            return False
        return True

    async def _expire(self) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            await transfers.expire(await driver_connection(db), clock.now())
            await db.commit()
