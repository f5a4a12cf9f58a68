"""Charges: written with what they are for, paid from the credits that are left in the order in which they expire."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal

import psycopg

from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import charges, transfers
from cargo_ai.ledger.balances import balance_of
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import Connection, fetch, value


def charge(workspace: uuid.UUID, credits: float, trace: uuid.UUID | None = None) -> Charge:
    """What an execution costs."""
    return Charge(Label(workspace, "billing.credits", "native.x"), clock.now().date(), 1, charges.exact(credits), trace or ids.new())


async def write(connection: Connection, *due: Charge, source: uuid.UUID | None = None) -> None:
    """Write them as a flush does."""
    async with connection.transaction(), connection.pipeline():
        await charges.write(connection, due, source or ids.new(), 0, clock.now())


async def test_what_expires_first_pays_first_then_promotional_granted_and_purchased_credits(
    connection: Connection, workspace: uuid.UUID
) -> None:
    later, soon = clock.now() + timedelta(days=9), clock.now() + timedelta(days=1)
    await transfers.grant(connection, workspace, "purchased", Decimal(10), f"a:{workspace}")
    await transfers.grant(connection, workspace, "granted", Decimal(10), f"b:{workspace}")
    await transfers.grant(connection, workspace, "promotional", Decimal(10), f"c:{workspace}")
    await transfers.grant(connection, workspace, "promotional", Decimal(10), f"d:{workspace}", expires_at=later)
    await transfers.grant(connection, workspace, "purchased", Decimal(10), f"e:{workspace}", expires_at=soon)
    order: list[tuple[str, int]] = []
    for _ in range(6):
        await write(connection, charge(workspace, 10))
        query = "select kind, expires_at is not null, balance::int from ledger_accounts where workspace_uuid = %s and balance = 0"
        order = [
            *order,
            *[row for row in await fetch(connection, query, [workspace]) if row not in order and row[0] not in ("overage", "usage")],
        ]

    assert [row[:2] for row in order] == [
        ("purchased", True),
        ("promotional", True),
        ("promotional", False),
        ("granted", False),
        ("purchased", False),
    ]
    balance = await balance_of(connection, workspace)
    assert (balance.left, balance.used, balance.overdrawn) == (0, 60, 10)


async def test_one_flush_updates_the_balance_once_however_many_charges_it_has(connection: Connection, workspace: uuid.UUID) -> None:
    await transfers.grant(connection, workspace, "granted", Decimal(100), f"a:{workspace}")
    await write(connection, *[charge(workspace, 0.1) for _ in range(500)])

    payments = await fetch(connection, "select amount from ledger_transfers where workspace_uuid = %s and cause = 'payment'", [workspace])
    assert payments == [(Decimal(50),)]
    assert (await balance_of(connection, workspace)).left == 50
    charged = "select amount, executions from ledger_charges where workspace_uuid = %s"
    assert await fetch(connection, charged, [workspace]) == [(Decimal(50), 500)]
    query = "select sum(amount), sum(count) from ledger_usage where workspace_uuid = %s"
    assert await fetch(connection, query, [workspace]) == [(Decimal(50), 500)]


async def test_a_flush_cannot_charge_twice(connection: Connection, workspace: uuid.UUID) -> None:
    due, flush = charge(workspace, 1), ids.new()
    await write(connection, due, source=flush)
    try:
        await write(connection, due, source=flush)
    except psycopg.errors.UniqueViolation:
        pass
    else:
        raise AssertionError("the same charge was written twice")

    assert (await balance_of(connection, workspace)).used == 1
    keys = await fetch(connection, "select distinct key from ledger_entries where workspace_uuid = %s and cause = 'charge'", [workspace])
    assert keys == [(f"charge:{flush}:0",)]


async def test_executions_with_one_label_are_one_charge_for_each_day(connection: Connection, workspace: uuid.UUID) -> None:
    label = Label(workspace, "orchestration.executions", "success")
    today = clock.now().date()
    await write(connection, *[Charge(label, today, 25, Decimal("0.25"))] * 2, Charge(label, today - timedelta(days=1), 3, Decimal("0.03")))

    rows = await fetch(connection, "select amount, executions from ledger_charges where workspace_uuid = %s order by day", [workspace])
    assert rows == [(Decimal("0.03"), 3), (Decimal("0.5"), 50)]
    used = "select amount, count from ledger_usage where label_uuid = %s order by day"
    assert await fetch(connection, used, [label.uuid]) == rows


async def test_flushes_of_many_workers_into_the_same_workspaces_never_wait_for_each_other_in_a_circle(ledger_url: str) -> None:
    workspaces, traces = [ids.new() for _ in range(4)], [ids.new() for _ in range(4)]

    async def work(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(ledger_url, autocommit=True) as link:
            for turn in range(10):
                start = (number + turn) % 4
                order = [(at + start) % 4 for at in range(4)] if number % 2 else [(start - at) % 4 for at in range(4)]
                await write(link, *[charge(workspaces[at], 0.25, trace=traces[at]) for at in order])

    async with await psycopg.AsyncConnection.connect(ledger_url, autocommit=True) as link:
        for workspace, trace in zip(workspaces, traces, strict=True):
            await transfers.grant(link, workspace, "granted", Decimal(12), f"a:{workspace}")
            await link.execute("insert into ledger_reservations values (%s, %s, 100, now())", (trace, workspace))
        await asyncio.gather(*[work(number) for number in range(6)])
        for workspace in workspaces:
            balance = await balance_of(link, workspace)
            assert (balance.left, balance.used, balance.overdrawn, balance.reserved) == (0, 15, 3, 85)
            entries = "select coalesce(sum(e.amount), 0) from ledger_entries e where e.account_uuid = a.uuid"
            wrong = f"select kind from ledger_accounts a where workspace_uuid = %s and balance <> ({entries})"
            assert await fetch(link, wrong, [workspace]) == []


async def test_executions_that_cost_nothing_are_counted_and_move_no_credits(connection: Connection, workspace: uuid.UUID) -> None:
    label = Label(workspace, "orchestration.executions", "success")
    for _ in range(2):
        await write(connection, Charge(label, clock.now().date(), 50, Decimal(0)))
    assert await fetch(connection, "select amount::int, count from ledger_usage where workspace_uuid = %s", [workspace]) == [(0, 100)]
    assert await value(connection, "select count(*) from ledger_accounts where workspace_uuid = %s", [workspace]) == 0
