"""Reservations: credits that work under way may still cost, so that others do not spend them, and whether new work may begin."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal

from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.balances import Balance, balance_of, lock_limit
from cargo_ai.store.driver import Connection

REASON = "notEnoughCredits"
SET = """
insert into ledger_reservations (trace_uuid, workspace_uuid, amount, at) values (%s, %s, %s, %s)
on conflict (trace_uuid) do update set amount = excluded.amount
"""
RELEASE = """
with held as (select trace_uuid from ledger_reservations where trace_uuid = any(%s) order by trace_uuid for update)
delete from ledger_reservations r using held where r.trace_uuid = held.trace_uuid
"""
OWN = "select amount from ledger_reservations where trace_uuid = %s"


class NotEnoughCredits(Refusal):
    """The workspace may not spend more credits than it has, and they are too few for this work."""

    def __init__(self, balance: Balance, needed: Decimal) -> None:
        taken = f", and work under way may cost {shown(balance.reserved)} of them" if balance.reserved else ""
        sentence = (
            f"{shown(balance.left)} credits are left{taken}; this may cost {shown(needed)}. `cargo-ai billing budget get` shows the budget."
        )
        super().__init__(402, REASON, sentence)


def shown(amount: Decimal) -> str:
    """An amount for people."""
    text = f"{amount:,.{PLACES}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


async def lock_balance(connection: Connection, workspace: uuid.UUID) -> Balance | None:
    """The balance of a workspace that may not spend more than it has; None of others. Until the transaction ends, no other one reserves
    credits of it."""
    return await balance_of(connection, workspace) if await lock_limit(connection, workspace) == "deny" else None


async def reserved_by(connection: Connection, trace: uuid.UUID) -> Decimal:
    """What this work may still cost."""
    row = await (await connection.execute(OWN, (trace,))).fetchone()
    return ZERO if row is None else row[0]


async def reserve(connection: Connection, workspace: uuid.UUID, trace: uuid.UUID, amount: Decimal) -> None:
    """Reserve an amount for this work, instead of what it had reserved before. After `lock_balance`."""
    await connection.execute(SET, (trace, workspace, amount, clock.now()))


async def check(connection: Connection, workspace: uuid.UUID, needed: Decimal) -> bool:
    """Raise NotEnoughCredits where fewer are available; whether the workspace is limited. Nothing is looked at where none are needed."""
    if needed <= ZERO:
        return False
    balance = await lock_balance(connection, workspace)
    if balance is not None and balance.available < needed:
        raise NotEnoughCredits(balance, needed)
    return balance is not None


async def require(connection: Connection, workspace: uuid.UUID, trace: uuid.UUID, needed: Decimal) -> None:
    """Reserve what this work needs; NotEnoughCredits where too few are available."""
    if await check(connection, workspace, needed):
        await reserve(connection, workspace, trace, needed)


async def release(connection: Connection, traces: Sequence[uuid.UUID]) -> None:
    """Give back what this work had reserved: it has ended."""
    await connection.execute(RELEASE, (list(traces),))
