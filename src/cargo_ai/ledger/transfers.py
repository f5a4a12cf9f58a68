"""Transfers: post one under its key, once only, with both balances; give credits, take usage back, and let credits expire."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import labels
from cargo_ai.ledger.amounts import ZERO, amount
from cargo_ai.ledger.labels import Label, Used
from cargo_ai.ledger.tables import AccountKind, CreditKind, OverageAction
from cargo_ai.store.driver import Connection

SLOT = -1
"""Where usage counts that no worker's writer adds."""


class KeyReused(ValueError):
    """There is another transfer with this key: a bug of the caller."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """An amount above 0 from one account to another. `key`: what it is for, unique forever. `label`: of usage that it adds or takes
    back."""

    workspace: uuid.UUID
    key: str
    source: uuid.UUID
    target: uuid.UUID
    amount: Decimal
    cause: str
    label: Label | None = None


FIND = """
select uuid from ledger_accounts where workspace_uuid = %s and kind = %s and expires_at is not distinct from %s
"""
OPEN = "insert into ledger_accounts (uuid, workspace_uuid, kind, expires_at) values (%s, %s, %s, %s) on conflict do nothing"
INSERT = """
insert into ledger_transfers (key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at)
values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (key) do nothing
"""
SAME = "select from_uuid = %s and to_uuid = %s and amount = %s from ledger_transfers where key = %s"
LOCK = "select uuid, balance from ledger_accounts where uuid = any(%s) order by uuid for update"
MOVE = """
update ledger_accounts a set balance = a.balance + v.change from unnest(%s::uuid[], %s::numeric[]) as v(uuid, change) where a.uuid = v.uuid
"""
EXPIRED = """
select uuid, workspace_uuid from ledger_accounts
where kind in ('granted', 'purchased', 'promotional') and expires_at <= %s and balance > 0 order by uuid limit 1000
"""
LIMIT = """
insert into ledger_budgets (workspace_uuid, overage, updated_at) values (%s, %s, %s)
on conflict (workspace_uuid) do update set overage = excluded.overage, updated_at = excluded.updated_at
"""


async def account(connection: Connection, workspace: uuid.UUID, kind: AccountKind, expires_at: datetime | None = None) -> uuid.UUID:
    """The account of this kind, opened if needed."""
    found = await (await connection.execute(FIND, (workspace, kind, expires_at))).fetchone()
    if found is None:
        await connection.execute(OPEN, (ids.new(), workspace, kind, expires_at))
        found = await (await connection.execute(FIND, (workspace, kind, expires_at))).fetchone()
    assert found is not None
    opened: uuid.UUID = found[0]
    return opened


async def post(connection: Connection, transfer: Transfer, now: datetime | None = None) -> bool:
    """Post a transfer with both balances in the caller's transaction; False when it was posted before. KeyReused when another one was."""
    moved, at = amount(transfer.amount), now or clock.now()
    await connection.execute(LOCK, ([transfer.source, transfer.target],))
    label = None if transfer.label is None else transfer.label.uuid
    values = (transfer.workspace, transfer.source, transfer.target, moved, transfer.cause, label, at)
    if not (await connection.execute(INSERT, (transfer.key, *values))).rowcount:
        same = await (await connection.execute(SAME, (transfer.source, transfer.target, moved, transfer.key))).fetchone()
        if same is None or not same[0]:
            raise KeyReused(transfer.key)
        return False
    await connection.execute(MOVE, ([transfer.source, transfer.target], [-moved, moved]))
    if transfer.label is not None:
        usage = await account(connection, transfer.workspace, "usage")
        sign = 1 if transfer.target == usage else -1 if transfer.source == usage else 0
        name = transfer.label.uuid
        used = {(transfer.workspace, at.astimezone(UTC).date(), name): Used(sign * moved, sign)}
        await labels.add_usage(connection, {transfer.label: name}, used, SLOT)
    return True


async def grant(
    connection: Connection,
    workspace: uuid.UUID,
    kind: CreditKind,
    credits: Decimal,
    key: str,
    *,
    cause: str = "grant",
    expires_at: datetime | None = None,
) -> bool:
    """Give a workspace credits, once for each key; False when that was done before. ValueError where they have expired already."""
    if expires_at is not None and expires_at <= clock.now():
        raise ValueError("these credits have expired")
    source = await account(connection, workspace, "issued")
    target = await account(connection, workspace, kind, expires_at)
    return await post(connection, Transfer(workspace, key, source, target, credits, cause))


async def set_granted(
    connection: Connection, workspace: uuid.UUID, credits: Decimal, key: str, *, cause: str = "budget", expires_at: datetime | None = None
) -> bool:
    """Give or take back granted credits that expire then, so that just these are left; False when nothing was to be done."""
    issued, granted = await account(connection, workspace, "issued"), await account(connection, workspace, "granted", expires_at)
    rows = dict(await (await connection.execute(LOCK, ([issued, granted],))).fetchall())
    missing = amount(credits) - rows[granted]
    if missing == ZERO:
        return False
    source, target = (issued, granted) if missing > 0 else (granted, issued)
    return await post(connection, Transfer(workspace, key, source, target, abs(missing), cause))


async def take_back(
    connection: Connection, workspace: uuid.UUID, credits: Decimal, key: str, label: Label, *, cause: str = "refund"
) -> bool:
    """Correct usage that was charged wrongly: it becomes granted credits again, and its label has used less."""
    source, target = await account(connection, workspace, "usage"), await account(connection, workspace, "granted")
    return await post(connection, Transfer(workspace, key, source, target, credits, cause, label))


async def set_limit(connection: Connection, workspace: uuid.UUID, overage: OverageAction | None) -> None:
    """Limit a workspace to its credits, and say what happens when none are left; None: it is unlimited."""
    if overage is None:
        await connection.execute("delete from ledger_budgets where workspace_uuid = %s", (workspace,))
    else:
        await connection.execute(LIMIT, (workspace, overage, clock.now()))


async def expire(connection: Connection, now: datetime) -> int:
    """Move what is left of credits whose time is over to `expired`, at most a thousand accounts in a transaction; returns how many."""
    rows = await (await connection.execute(EXPIRED, (now,))).fetchall()
    for uid, workspace in rows:
        target = await account(connection, workspace, "expired")
        balances = dict(await (await connection.execute(LOCK, ([uid, target],))).fetchall())
        if balances[uid] > 0:
            await post(connection, Transfer(workspace, f"expire:{uid}", uid, target, balances[uid], "expire"), now)
    return len(rows)
