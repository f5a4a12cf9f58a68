"""Balances: what a workspace has left, has used and has reserved, and whether it may begin work that costs credits."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cargo_ai.kernel import clock
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.ledger.tables import OverageAction
from cargo_ai.store.driver import Connection


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of a workspace. granted, purchased, promotional: what is left of each. used: all that was ever charged, less what was taken
    back. overdrawn: the part of it that no credits have paid. reserved: what work under way may still cost. overage: what happens where
    none are left; None: the workspace is unlimited."""

    granted: Decimal = ZERO
    purchased: Decimal = ZERO
    promotional: Decimal = ZERO
    used: Decimal = ZERO
    expired: Decimal = ZERO
    overdrawn: Decimal = ZERO
    reserved: Decimal = ZERO
    overage: OverageAction | None = None

    @property
    def left(self) -> Decimal:
        """What can still be spent."""
        return self.granted + self.purchased + self.promotional

    @property
    def available(self) -> Decimal:
        """What is left and not reserved; below 0 where work under way may cost more than what is left."""
        return self.left - self.reserved


BALANCE = """
select
    (select coalesce(json_object_agg(kind, balance::text), '{}') from (
        select kind, sum(balance) as balance from ledger_accounts
        where workspace_uuid = %(workspace)s
            and (kind not in ('granted', 'purchased', 'promotional') or expires_at is null or expires_at > %(now)s)
        group by kind) as a),
    (select coalesce(sum(balance), 0) from ledger_accounts
        where workspace_uuid = %(workspace)s and kind in ('granted', 'purchased', 'promotional') and expires_at <= %(now)s),
    (select coalesce(sum(amount), 0) from ledger_reservations where workspace_uuid = %(workspace)s),
    (select overage from ledger_budgets where workspace_uuid = %(workspace)s)
"""
LIMIT = "select overage from ledger_budgets where workspace_uuid = %s"
LOCK = "select overage from ledger_budgets where workspace_uuid = %s for update"


async def balance_of(connection: Connection, workspace: uuid.UUID, now: datetime | None = None) -> Balance:
    """The balance, as of one moment. O(accounts + reservations)."""
    row = await (await connection.execute(BALANCE, {"workspace": workspace, "now": now or clock.now()})).fetchone()
    assert row is not None
    kinds: dict[str, Decimal] = {kind: Decimal(text) for kind, text in row[0].items()}
    return Balance(
        granted=kinds.get("granted", ZERO),
        purchased=kinds.get("purchased", ZERO),
        promotional=kinds.get("promotional", ZERO),
        used=kinds.get("usage", ZERO),
        expired=kinds.get("expired", ZERO) + row[1],
        overdrawn=max(ZERO, -kinds.get("overage", ZERO)),
        reserved=row[2],
        overage=row[3],
    )


async def lock_limit(connection: Connection, workspace: uuid.UUID) -> OverageAction | None:
    """What happens where no credits are left; None: unlimited. Until the transaction ends, no other one reserves credits of a limited
    workspace."""
    row = await (await connection.execute(LOCK, (workspace,))).fetchone()
    return None if row is None else row[0]


async def limit_of(connection: Connection, workspace: uuid.UUID) -> OverageAction | None:
    """What happens where no credits are left; None: unlimited."""
    row = await (await connection.execute(LIMIT, (workspace,))).fetchone()
    return None if row is None else row[0]
