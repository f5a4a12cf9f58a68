"""Charges: write what executions cost in the transaction that journals them, and pay it from the credits that are left."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from cargo_ai.kernel import ids
from cargo_ai.ledger import labels
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.labels import Label, UsageKey, Used
from cargo_ai.ledger.tables import CREDIT_KINDS, ledger_charges
from cargo_ai.ledger.transfers import MOVE, OPEN
from cargo_ai.store.driver import Connection
from cargo_ai.store.table_sql import copy_sql

DAY_MS = 86_400_000


class Charge(NamedTuple):
    """What one execution costs, above 0. `trace`: what it belongs to, which may have reserved credits."""

    run: str
    node: str
    visit: int
    credits: float
    at_ms: int
    label: Label
    trace: uuid.UUID


class Fee(NamedTuple):
    """What a number of executions cost together; 0 where they are only counted. They have one label and ended on one day."""

    label: Label
    day: date
    executions: int
    amount: Decimal


CHARGES = copy_sql(ledger_charges, "run_uuid", "node_uuid", "visit", "workspace_uuid", "label_uuid", "amount", "at_ms")
# In one order for all transactions, so that there is no deadlock.
ACCOUNTS = """
select uuid, workspace_uuid, kind, expires_at, balance from ledger_accounts
where workspace_uuid = any(%s) and (kind in ('usage', 'overage')
    or (balance > 0 and kind in ('granted', 'purchased', 'promotional') and (expires_at is null or expires_at > %s)))
order by workspace_uuid, uuid for update
"""
TRANSFERS = """
insert into ledger_transfers (key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at)
select v.key, v.workspace, v.source, v.target, v.amount, v.cause, v.label, %s
from unnest(%s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::numeric[], %s::text[], %s::uuid[])
    as v(key, workspace, source, target, amount, cause, label)
"""
LESSEN = """
with held as (select trace_uuid from ledger_reservations where trace_uuid = any(%s) order by trace_uuid for update)
update ledger_reservations r set amount = greatest(0, r.amount - v.spent)
from held join unnest(%s::uuid[], %s::numeric[]) as v(trace, spent) on v.trace = held.trace_uuid where r.trace_uuid = held.trace_uuid
"""


class _Account(NamedTuple):
    uuid: uuid.UUID
    workspace: uuid.UUID
    kind: str
    expires_at: datetime | None
    balance: Decimal


class _Row(NamedTuple):
    """A row of TRANSFERS."""

    key: str
    workspace: uuid.UUID
    source: uuid.UUID
    target: uuid.UUID
    amount: Decimal
    cause: str
    label: uuid.UUID | None


def exact(credits: float) -> Decimal:
    """Credits as they are charged."""
    return Decimal(f"{credits:.{PLACES}f}")


@lru_cache(maxsize=64)
def _date(number: int) -> date:
    return datetime.fromtimestamp(number * DAY_MS / 1000, UTC).date()


def day_of(at_ms: int) -> date:
    """The day (UTC) of a time."""
    return _date(at_ms // DAY_MS)


async def write(
    connection: Connection, charges: Sequence[Charge], fees: Sequence[Fee], source: uuid.UUID, slot: int, now: datetime
) -> None:
    """Write charges and fees in the caller's transaction, which journals their executions; last in it, for accounts stay locked until its
    end. `source` names these transfers, for ever. One update for all balances, however many charges there are."""
    if not charges and not fees:
        return
    used: dict[UsageKey, Used] = {}
    spent: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    by_trace: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    names: dict[Label, uuid.UUID] = {}
    lines: list[str] = []
    for charge in charges:
        label = charge.label
        if label not in names:
            names[label] = label.uuid
        amount = exact(charge.credits)
        _use(used, (label.workspace, day_of(charge.at_ms), names[label]), amount, 1)
        spent[label.workspace] += amount
        by_trace[charge.trace] += amount
        lines.append(f"{charge.run}\t{_escape(charge.node)}\t{charge.visit}\t{label.workspace}\t{names[label]}\t{amount}\t{charge.at_ms}\n")
    for fee in fees:
        names[fee.label] = fee.label.uuid
        _use(used, (fee.label.workspace, fee.day, names[fee.label]), fee.amount, fee.executions)
        if fee.amount > ZERO:
            spent[fee.label.workspace] += fee.amount
    await labels.store(connection, names)
    if lines:
        async with connection.cursor() as cursor, cursor.copy(CHARGES) as copy:
            await copy.write("".join(lines))
    await labels.add_usage(connection, used, slot)
    if spent:
        await _settle(connection, spent, [fee for fee in fees if fee.amount > ZERO], source, now)
    if by_trace:
        traces = list(by_trace)
        await connection.execute(LESSEN, (traces, traces, list(by_trace.values())))


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\x00", "")


def _use(used: dict[UsageKey, Used], key: UsageKey, amount: Decimal, executions: int) -> None:
    before = used.get(key)
    used[key] = Used(amount, executions) if before is None else Used(before.amount + amount, before.executions + executions)


async def _settle(
    connection: Connection, spent: Mapping[uuid.UUID, Decimal], fees: Iterable[Fee], source: uuid.UUID, now: datetime
) -> None:
    """Move what was spent from `overage` to `usage`, and pay it into `overage` from the credits that are left."""
    accounts = await _accounts(connection, spent, now)
    rows: list[_Row] = []
    changes: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    numbers = count()
    for workspace, amount in spent.items():
        mine = accounts[workspace]
        usage, overage = (next(account.uuid for account in mine if account.kind == kind) for kind in ("usage", "overage"))
        changes[usage] += amount
        changes[overage] -= amount
        rows += [
            _Row(f"executions:{source}:{next(numbers)}", workspace, overage, usage, fee.amount, "executions", fee.label.uuid)
            for fee in fees
            if fee.label.workspace == workspace
        ]
        for account, part in share(mine, amount):
            changes[account] -= part
            changes[overage] += part
            rows.append(_Row(f"pay:{source}:{next(numbers)}", workspace, account, overage, part, "payment", None))
    if rows:
        await connection.execute(TRANSFERS, (now, *[list(column) for column in zip(*rows, strict=True)]))
    await connection.execute(MOVE, (list(changes), list(changes.values())))


def share(accounts: Iterable[_Account], amount: Decimal) -> list[tuple[uuid.UUID, Decimal]]:
    """How much of an amount each account pays: first those that expire first, then by kind; less than all of it where they have not got
    as much."""
    order = {kind: number for number, kind in enumerate(CREDIT_KINDS)}
    never = datetime.max.replace(tzinfo=UTC)
    paying = [account for account in accounts if account.kind in order and account.balance > 0]
    parts: list[tuple[uuid.UUID, Decimal]] = []
    for account in sorted(paying, key=lambda account: (account.expires_at or never, order[account.kind], account.uuid)):
        part = min(amount, account.balance)
        if part <= ZERO:
            break
        parts.append((account.uuid, part))
        amount -= part
    return parts


async def _accounts(connection: Connection, spent: Mapping[uuid.UUID, Decimal], now: datetime) -> dict[uuid.UUID, list[_Account]]:
    """The accounts that these workspaces spend from and into, locked until the transaction ends."""
    while True:
        found: dict[uuid.UUID, list[_Account]] = {workspace: [] for workspace in spent}
        for row in await (await connection.execute(ACCOUNTS, (list(spent), now))).fetchall():
            found[row[1]].append(_Account(*row))
        missing = [
            (ids.new(), workspace, kind, None)
            for workspace in sorted(found)
            for kind in ("overage", "usage")
            if all(account.kind != kind for account in found[workspace])
        ]
        if not missing:
            return found
        async with connection.cursor() as cursor:
            await cursor.executemany(OPEN, missing)
