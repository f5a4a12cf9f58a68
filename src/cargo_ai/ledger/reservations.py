"""Reservations: credits that work under way may still cost, so that others do not spend them, and whether new work may begin."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cargo_ai.kernel import clock
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.balances import Balance, balance_of, lock_limit
from cargo_ai.store.driver import Connection

SET = """
insert into ledger_reservations (trace_uuid, workspace_uuid, amount, at) values (%s, %s, %s, %s)
on conflict (trace_uuid) do update set amount = excluded.amount
"""
RELEASE = """
with held as (select trace_uuid from ledger_reservations where trace_uuid = any(%s) order by trace_uuid for update)
delete from ledger_reservations r using held where r.trace_uuid = held.trace_uuid
"""
OWN = "select amount from ledger_reservations where trace_uuid = %s"


@dataclass(frozen=True, slots=True)
class NotEnoughCredits(Exception):
    """The workspace is limited to its credits, and has too few for this work. The message is for people."""

    available: Decimal
    needed: Decimal

    def __str__(self) -> str:
        return f"{shown(max(ZERO, self.available))} credits are available, and this may cost {shown(self.needed)}"


def shown(amount: Decimal) -> str:
    """An amount for people."""
    text = f"{amount:,.{PLACES}f}".rstrip("0").rstrip(".")
    return text or "0"


async def available_to(connection: Connection, workspace: uuid.UUID, trace: uuid.UUID) -> Decimal | None:
    """What this work may cost at most, counting what it has reserved itself; None where nothing limits it. Until the transaction ends, no
    other work of the workspace reserves credits."""
    if await lock_limit(connection, workspace) != "deny":
        return None
    balance: Balance = await balance_of(connection, workspace)
    row = await (await connection.execute(OWN, (trace,))).fetchone()
    return balance.available + (ZERO if row is None else row[0])


async def reserve(connection: Connection, workspace: uuid.UUID, trace: uuid.UUID, amount: Decimal) -> None:
    """Reserve an amount for this work, instead of what it had reserved before. After `available_to`."""
    await connection.execute(SET, (trace, workspace, amount, clock.now()))


async def require(connection: Connection, workspace: uuid.UUID, trace: uuid.UUID, needed: Decimal) -> None:
    """Reserve what this work needs; NotEnoughCredits where too few are available. Nothing is looked at where it needs none."""
    if needed <= ZERO:
        return
    available = await available_to(connection, workspace, trace)
    if available is None:
        return
    if available < needed:
        raise NotEnoughCredits(available, needed)
    await reserve(connection, workspace, trace, needed)


async def release(connection: Connection, traces: Sequence[uuid.UUID]) -> None:
    """Give back what this work had reserved: it has ended."""
    await connection.execute(RELEASE, (list(traces),))
