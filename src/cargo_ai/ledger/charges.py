"""Charges: write what executions cost in the transaction that journals them, and pay it from the credits that are left."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from cargo_ai.kernel import ids
from cargo_ai.ledger import labels
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.labels import Label, UsageKey, Used
from cargo_ai.ledger.tables import CREDIT_KINDS
from cargo_ai.ledger.transfers import OPEN
from cargo_ai.store.driver import Connection

DAY_MS = 86_400_000


class Charge(NamedTuple):
    """What a number of executions cost together; 0 where they are only counted. They have one label and ended on one day. `trace`: what
    they belong to, which may have reserved credits."""

    label: Label
    day: date
    executions: int
    amount: Decimal
    trace: uuid.UUID | None = None


# In one order for all transactions, so that there is no deadlock.
LOCK = "select 1 from ledger_accounts where workspace_uuid = any(%s) order by workspace_uuid, uuid for update"
# Usage that is paid from what expires first, then by kind; what was reserved for it is less by it. A statement after LOCK, which sees what
# those have committed that it waited for: one statement that locks and updates would work with balances from before. Returns the workspaces
# that have the accounts for it.
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
    insert into ledger_charges (source_uuid, number, workspace_uuid, label_uuid, day, amount, executions)
    select %(source_uuid)s, c.number, c.workspace_uuid, c.label_uuid, c.day, c.amount, c.executions
    from unnest(%(numbers)s::int[], %(charged)s::uuid[], %(labels)s::uuid[], %(days)s::date[], %(costs)s::numeric[],
        %(executions)s::bigint[]) as c(number, workspace_uuid, label_uuid, day, amount, executions)
    where c.workspace_uuid in (select workspace_uuid from spent)
), held as (
    select trace_uuid from ledger_reservations where trace_uuid = any(%(traces)s::uuid[]) order by trace_uuid for update
), lessened as (
    update ledger_reservations r set amount = greatest(0, r.amount - v.spent)
    from held join unnest(%(traces)s::uuid[], %(spent)s::numeric[]) as v(trace, spent) on v.trace = held.trace_uuid
    where r.trace_uuid = held.trace_uuid
)
select array(select workspace_uuid from spent)
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


async def write(connection: Connection, charges: Sequence[Charge], source: uuid.UUID, slot: int, now: datetime, first: int = 0) -> None:
    """Write charges in the caller's transaction, which journals their executions; last in it, for accounts stay locked until its end.

    `source` names them forever, with numbers from `first` on: what is written twice is refused. All that one label has used on a day is
    one charge, and there is one update for all balances, however many executions there are.
    """
    if not charges:
        return
    names, used = usage_of(charges)
    await labels.add_usage(connection, names, used, slot)
    await settle(connection, charges, source, now, first)


async def settle(connection: Connection, charges: Sequence[Charge], source: uuid.UUID, now: datetime, first: int = 0) -> None:
    """The second half of `write`, for charges whose usage is written by another statement of the transaction: take what they cost."""
    by_trace: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for charge in charges:
        if charge.trace is not None and charge.amount > ZERO:
            by_trace[charge.trace] += charge.amount
    due = {key: cost for key, cost in usage_of(charges)[1].items() if cost.amount > ZERO}
    if due:
        await _settle(connection, due, by_trace, (source, first), now)


def usage_of(charges: Sequence[Charge]) -> tuple[dict[Label, uuid.UUID], dict[UsageKey, Used]]:
    """Labels with their uuids, and what each has used on each day."""
    used: dict[UsageKey, Used] = {}
    names: dict[Label, uuid.UUID] = {}
    for charge in charges:
        name = names.get(charge.label) or names.setdefault(charge.label, charge.label.uuid)
        key = (charge.label.workspace, charge.day, name)
        before, amount, executions = used.get(key), charge.amount, charge.executions
        used[key] = Used(amount, executions) if before is None else Used(before.amount + amount, before.executions + executions)
    return names, used


async def _settle(
    connection: Connection,
    due: Mapping[UsageKey, Used],
    by_trace: Mapping[uuid.UUID, Decimal],
    source: tuple[uuid.UUID, int],
    now: datetime,
) -> None:
    """Move what was spent from `overage` to `usage`, and pay it into `overage` from the credits that are left."""
    left: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for (workspace, _, _), cost in due.items():
        left[workspace] += cost.amount
    name, first = source
    while left:
        numbered = [(number, *key, cost) for number, (key, cost) in enumerate(due.items(), first) if key[0] in left]
        values = {
            "workspaces": list(left),
            "amounts": list(left.values()),
            "kinds": list(CREDIT_KINDS),
            "now": now,
            "source": f"{name}:{first}",
            "source_uuid": name,
            "numbers": [row[0] for row in numbered],
            "charged": [row[1] for row in numbered],
            "days": [row[2] for row in numbered],
            "labels": [row[3] for row in numbered],
            "costs": [row[4].amount for row in numbered],
            "executions": [row[4].executions for row in numbered],
            "traces": list(by_trace),
            "spent": list(by_trace.values()),
        }
        await connection.execute(LOCK, (list(left),))
        row = await (await connection.execute(SETTLE, values)).fetchone()
        settled: list[uuid.UUID] = row[0] if row else []
        left = {workspace: amount for workspace, amount in left.items() if workspace not in settled}
        by_trace = {}
        if left:
            # The first charges of these workspaces.
            opened = [(ids.new(), workspace, kind, None) for workspace in sorted(left) for kind in ("overage", "usage")]
            async with connection.cursor() as cursor:
                await cursor.executemany(OPEN, opened)
