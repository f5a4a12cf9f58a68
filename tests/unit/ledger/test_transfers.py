"""Transfers: posted once under their keys, with the balances that follow from them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from cargo_ai.kernel import clock
from cargo_ai.ledger import transfers
from cargo_ai.ledger.balances import balance_of
from cargo_ai.ledger.labels import Label
from cargo_ai.ledger.transfers import KeyReused, Transfer
from cargo_ai.store.driver import Connection, fetch, value


async def test_credits_are_given_once_however_often_their_key_is_posted(connection: Connection, workspace: uuid.UUID) -> None:
    posted = [await transfers.grant(connection, workspace, "purchased", Decimal("12.5"), f"order:{workspace}") for _ in range(3)]

    assert posted == [True, False, False]
    balance = await balance_of(connection, workspace)
    assert (balance.purchased, balance.left, balance.overage) == (Decimal("12.5"), Decimal("12.5"), None)


async def test_a_key_cannot_be_used_for_another_amount(connection: Connection, workspace: uuid.UUID) -> None:
    await transfers.grant(connection, workspace, "granted", Decimal(1), f"order:{workspace}")

    with pytest.raises(KeyReused):
        await transfers.grant(connection, workspace, "granted", Decimal(2), f"order:{workspace}")


async def test_the_entries_of_each_transfer_sum_to_zero_and_those_of_an_account_to_its_balance(
    connection: Connection, workspace: uuid.UUID
) -> None:
    await transfers.grant(connection, workspace, "granted", Decimal("3.000001"), f"a:{workspace}")
    await transfers.grant(connection, workspace, "promotional", Decimal(7), f"b:{workspace}", expires_at=clock.now() + timedelta(days=1))

    assert await value(connection, "select count(*) from (select key from ledger_entries group by key having sum(amount) <> 0) as k") == 0
    query = """
        select a.kind from ledger_accounts a left join ledger_entries e on e.account_uuid = a.uuid
        where a.workspace_uuid = %s group by a.uuid having a.balance <> coalesce(sum(e.amount), 0)
    """
    assert await fetch(connection, query, [workspace]) == []


async def test_setting_what_is_left_gives_or_takes_back_the_difference(connection: Connection, workspace: uuid.UUID) -> None:
    changes = [
        await transfers.set_granted(connection, workspace, Decimal(left), f"{step}:{workspace}") for step, left in enumerate((10, 4, 4, 0))
    ]

    assert changes == [True, True, False, True]
    assert (await balance_of(connection, workspace)).granted == 0


async def test_what_is_left_of_expired_credits_cannot_be_spent_and_is_moved_once(connection: Connection, workspace: uuid.UUID) -> None:
    soon = clock.now() + timedelta(hours=1)
    await transfers.grant(connection, workspace, "granted", Decimal(5), f"a:{workspace}", expires_at=soon)
    later = soon + timedelta(seconds=1)

    before = await balance_of(connection, workspace, later)
    assert (before.left, before.expired) == (0, 5)
    assert await transfers.expire(connection, later) >= 1
    assert await transfers.expire(connection, later) == 0
    after = await balance_of(connection, workspace)
    assert (after.left, after.expired) == (0, 5)
    with pytest.raises(ValueError, match="expired"):
        await transfers.grant(connection, workspace, "granted", Decimal(1), f"b:{workspace}", expires_at=clock.now() - timedelta(1))


async def test_usage_that_is_taken_back_becomes_credits_and_its_label_has_used_less(connection: Connection, workspace: uuid.UUID) -> None:
    label = Label(workspace, "billing.credits", "integration.hunter.action.findEmail")
    usage, granted = await transfers.account(connection, workspace, "usage"), await transfers.account(connection, workspace, "granted")
    await transfers.grant(connection, workspace, "granted", Decimal(5), f"a:{workspace}")
    await transfers.post(connection, Transfer(workspace, f"b:{workspace}", granted, usage, Decimal(2), "charge", label))
    await transfers.take_back(connection, workspace, Decimal("0.5"), f"c:{workspace}", label)

    balance = await balance_of(connection, workspace)
    assert (balance.used, balance.left) == (Decimal("1.5"), Decimal("3.5"))
    assert await fetch(connection, "select amount, count from ledger_usage where label_uuid = %s", [label.uuid]) == [(Decimal("1.5"), 0)]


async def test_an_amount_below_zero_or_that_is_no_number_is_refused(connection: Connection, workspace: uuid.UUID) -> None:
    for wrong in (Decimal(-1), Decimal("NaN"), Decimal("Infinity"), Decimal(10) ** 13):
        with pytest.raises(ValueError, match="amount of credits"):
            await transfers.grant(connection, workspace, "granted", wrong, f"a:{workspace}")


async def test_many_that_give_and_set_at_once_end_with_the_sum(ledger_url: str, connection: Connection, workspace: uuid.UUID) -> None:
    async def give(number: int) -> None:
        async with await psycopg.AsyncConnection[Any].connect(ledger_url) as link:
            await transfers.grant(
                link, workspace, "granted" if number % 2 else "purchased", Decimal(1), f"{number // 2}:{number % 2}:{workspace}"
            )
            await link.commit()

    await asyncio.gather(*[give(number) for number in range(12)])

    balance = await balance_of(connection, workspace)
    assert (balance.granted, balance.purchased) == (6, 6)
    assert await value(connection, "select sum(balance) from ledger_accounts where workspace_uuid = %s", [workspace]) == 0
