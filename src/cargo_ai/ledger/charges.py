"""Charges: write what executions cost in the transaction that journals them, and pay it from the credits that are left."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from cargo_ai.kernel import ids
from cargo_ai.ledger import labels
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.labels import Label, UsageKey, Used
from cargo_ai.ledger.tables import CREDIT_KINDS, ledger_charges
from cargo_ai.ledger.transfers import OPEN
from cargo_ai.store.driver import Connection, fetch
from cargo_ai.store.table_sql import copy_sql

DAY_MS = 86_400_000


ChargedExecution = tuple[str, str, int, float, int]
"""Run, node, visit, what it costs (above 0), and when it ended, in milliseconds since 1970."""


@dataclass(slots=True)
class Charges:
    """What executions with one label cost. `trace`: what they belong to, which may have reserved credits."""

    label: Label
    trace: uuid.UUID
    rows: list[ChargedExecution] = field(default_factory=list[ChargedExecution])

    @property
    def credits(self) -> float:
        """Their sum."""
        return round(sum(row[3] for row in self.rows), PLACES)


class Fee(NamedTuple):
    """What a number of executions cost together; 0 where they are only counted. They have one label and ended on one day."""

    label: Label
    day: date
    executions: int
    amount: Decimal


CHARGES = copy_sql(ledger_charges, "run_uuid", "node_uuid", "visit", "workspace_uuid", "label_uuid", "amount", "at_ms")
# In one order for all transactions, so that there is no deadlock.
LOCK = "select 1 from ledger_accounts where workspace_uuid = any(%s) order by workspace_uuid, uuid for update"
# Usage that is paid from what expires first, then by kind. A statement after LOCK, which sees what those have committed that it waited for:
# one statement that locks and updates would work with balances from before. Returns the workspaces that have the accounts for it, and
# whether any work of theirs has reserved credits.
SETTLE = """
with locked as materialized (
    select a.uuid, a.workspace_uuid, a.kind, a.expires_at, a.balance from ledger_accounts a
    where a.workspace_uuid = any(%(workspaces)s) and (a.kind in ('usage', 'overage')
        or (a.balance > 0 and a.kind in ('granted', 'purchased', 'promotional') and (a.expires_at is null or a.expires_at > %(now)s)))
), spent as (
    select v.* from unnest(%(workspaces)s::uuid[], %(amounts)s::numeric[]) as v(workspace_uuid, amount)
    where 2 = (select count(*) from locked l where l.workspace_uuid = v.workspace_uuid and l.kind in ('usage', 'overage'))
), paying as (
    select l.uuid, l.workspace_uuid, least(l.balance, s.amount - coalesce(sum(l.balance) over (
        partition by l.workspace_uuid order by l.expires_at nulls last, array_position(%(kinds)s::text[], l.kind), l.uuid
        rows between unbounded preceding and 1 preceding), 0)) as part
    from locked l join spent s using (workspace_uuid) where l.kind not in ('usage', 'overage') and l.balance > 0
), parts as (select * from paying where part > 0),
changes as (
    select l.uuid, case l.kind when 'usage' then s.amount
        else coalesce((select sum(p.part) from parts p where p.workspace_uuid = l.workspace_uuid), 0) - s.amount end as change
    from locked l join spent s using (workspace_uuid) where l.kind in ('usage', 'overage')
    union all select uuid, -part from parts
), moved as (update ledger_accounts a set balance = a.balance + c.change from changes c where a.uuid = c.uuid),
paid as (
    insert into ledger_transfers (key, workspace_uuid, from_uuid, to_uuid, amount, cause, at)
    select format('pay:%%s:%%s', %(source)s::text, p.uuid), p.workspace_uuid, p.uuid, o.uuid, p.part, 'payment', %(now)s
    from parts p join locked o on o.workspace_uuid = p.workspace_uuid and o.kind = 'overage'
), charged as (
    insert into ledger_transfers (key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at)
    select format('executions:%%s:%%s', %(source)s::text, f.key), f.workspace_uuid, o.uuid, u.uuid, f.amount, 'executions', f.label_uuid,
        %(now)s
    from unnest(%(fee_workspaces)s::uuid[], %(fee_amounts)s::numeric[], %(fee_labels)s::uuid[],
        %(fee_keys)s::text[]) as f(workspace_uuid, amount, label_uuid, key)
        join locked o on o.workspace_uuid = f.workspace_uuid and o.kind = 'overage'
        join locked u on u.workspace_uuid = f.workspace_uuid and u.kind = 'usage'
)
select array(select workspace_uuid from spent),
    exists (select 1 from ledger_reservations where workspace_uuid = any(%(workspaces)s))
"""
LESSEN = """
with held as (select trace_uuid from ledger_reservations where trace_uuid = any(%s) order by trace_uuid for update)
update ledger_reservations r set amount = greatest(0, r.amount - v.spent)
from held join unnest(%s::uuid[], %s::numeric[]) as v(trace, spent) on v.trace = held.trace_uuid where r.trace_uuid = held.trace_uuid
"""


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
    connection: Connection, charges: Sequence[Charges], fees: Sequence[Fee], source: uuid.UUID, slot: int, now: datetime
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
    for group in charges:
        label = group.label
        name = names.get(label) or names.setdefault(label, label.uuid)
        for day, amount, count in _write_lines(group, name, lines):
            _use(used, (label.workspace, day, name), amount, count)
            spent[label.workspace] += amount
            by_trace[group.trace] += amount
    due: list[Fee] = []
    for fee in fees:
        name = names.get(fee.label) or names.setdefault(fee.label, fee.label.uuid)
        _use(used, (fee.label.workspace, fee.day, name), fee.amount, fee.executions)
        if fee.amount > ZERO:
            spent[fee.label.workspace] += fee.amount
            due.append(fee)
    if lines:
        async with connection.cursor() as cursor, cursor.copy(CHARGES) as copy:
            await copy.write("".join(lines))
    await labels.add_usage(connection, names, used, slot)
    if spent and await _settle(connection, spent, due, source, now) and by_trace:
        traces = list(by_trace)
        await connection.execute(LESSEN, (traces, traces, list(by_trace.values())))


def _write_lines(group: Charges, name: uuid.UUID, lines: list[str]) -> list[tuple[date, Decimal, int]]:
    """Add the lines of CHARGES; returns the sums by day and how many there are."""
    middle, amounts, nodes = f"\t{group.label.workspace}\t{name}\t", dict[float, Decimal](), dict[str, str]()
    days: dict[int, tuple[Decimal, int]] = {}
    for run, node, visit, credits, at_ms in group.rows:
        amount = amounts.get(credits)
        if amount is None:
            amount = amounts[credits] = exact(credits)
        text = nodes.get(node)
        if text is None:
            text = nodes[node] = _escape(node)
        lines.append(f"{run}\t{text}\t{visit}{middle}{amount}\t{at_ms}\n")
        total, number = days.get(at_ms // DAY_MS, (ZERO, 0))
        days[at_ms // DAY_MS] = (total + amount, number + 1)
    return [(_date(number), amount, count) for number, (amount, count) in days.items()]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\x00", "")


def _use(used: dict[UsageKey, Used], key: UsageKey, amount: Decimal, executions: int) -> None:
    before = used.get(key)
    used[key] = Used(amount, executions) if before is None else Used(before.amount + amount, before.executions + executions)


async def _settle(
    connection: Connection, spent: Mapping[uuid.UUID, Decimal], fees: Sequence[Fee], source: uuid.UUID, now: datetime
) -> bool:
    """Move what was spent from `overage` to `usage`, and pay it into `overage` from the credits that are left; whether any work of these
    workspaces has reserved credits."""
    left: dict[uuid.UUID, Decimal] = dict(spent)
    has_reserved = False
    while left:
        values = {
            "workspaces": list(left),
            "amounts": list(left.values()),
            "kinds": list(CREDIT_KINDS),
            "now": now,
            "source": str(source),
            "fee_workspaces": [fee.label.workspace for fee in fees if fee.label.workspace in left],
            "fee_amounts": [fee.amount for fee in fees if fee.label.workspace in left],
            "fee_labels": [fee.label.uuid for fee in fees if fee.label.workspace in left],
            "fee_keys": [str(number) for number, fee in enumerate(fees) if fee.label.workspace in left],
        }
        await connection.execute(LOCK, (list(left),))
        settled, reserved = (await fetch(connection, SETTLE, values))[0]
        has_reserved = has_reserved or bool(reserved)
        left = {workspace: amount for workspace, amount in left.items() if workspace not in settled}
        if left:
            # The first charges of these workspaces.
            opened = [(ids.new(), workspace, kind, None) for workspace in sorted(left) for kind in ("overage", "usage")]
            async with connection.cursor() as cursor:
                await cursor.executemany(OPEN, opened)
    return has_reserved
