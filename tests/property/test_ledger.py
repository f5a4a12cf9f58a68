"""The ledger under any sequence of grants, charges, refunds, foldings and expiries: what entries, balances and usage say is the same."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Generator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.kernel import clock, ids
from cargo_ai.ledger import charges, folding, transfers
from cargo_ai.ledger.balances import balance_of
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import Connection, value
from tests.kit.data.databases import Databases
from tests.kit.property_examples import examples

amounts = st.decimals(min_value="0.000001", max_value=50, places=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.sampled_from(["granted", "purchased", "promotional"]), amounts, st.booleans()),
        st.tuples(st.just("charge"), st.sampled_from(["a", "b"]), st.lists(amounts, min_size=1, max_size=4)),
        st.tuples(st.just("refund"), st.sampled_from(["a", "b"]), amounts),
        st.tuples(st.just("fold")),
        st.tuples(st.just("expire")),
    ),
    max_size=12,
)
UNEVEN = "select count(*) from (select key from ledger_entries where workspace_uuid = %s group by key having sum(amount) <> 0) as k"
WRONG = """
select count(*) from ledger_accounts a where a.workspace_uuid = %s
    and a.balance <> (select coalesce(sum(e.amount), 0) from ledger_entries e where e.account_uuid = a.uuid)
"""
BY_LABEL = """
select count(*) from (select label_uuid, sum(amount) as used from ledger_usage where workspace_uuid = %(w)s group by 1) u
full join (
    select e.label_uuid, sum(e.amount) as used from ledger_entries e join ledger_accounts a on a.uuid = e.account_uuid and a.kind = 'usage'
    where e.workspace_uuid = %(w)s and e.label_uuid is not null group by 1
) t using (label_uuid) where u.used is distinct from t.used
"""


@pytest.fixture(scope="module")
def url(databases: Databases) -> Generator[str]:
    """A migrated database."""
    with databases.lent() as lent:
        yield lent


async def _apply(link: Connection, workspace: uuid.UUID, number: int, step: tuple[Any, ...], used: Decimal) -> Decimal:
    """Take a step; what is used after it."""
    key, soon = f"{number}:{workspace}", clock.now() + timedelta(hours=1)
    match step:
        case ("grant", kind, amount, expires):
            await transfers.grant(link, workspace, kind, amount, key, expires_at=soon if expires else None)
        case ("charge", slug, costs):
            label, today = Label(workspace, "billing.credits", slug), clock.now().date()
            due = [Charge(label, today, 1, cost, ids.new()) for cost in costs]
            await charges.write(link, due, ids.new(), 0, clock.now())
            return used + sum(costs)
        case ("refund", slug, amount) if amount <= used:
            await transfers.take_back(link, workspace, amount, key, Label(workspace, "billing.credits", slug))
            return used - amount
        case ("fold",):
            await folding.fold_charges(link, uuid.UUID(int=(1 << 128) - 1))
        case ("expire",):
            await transfers.expire(link, soon + timedelta(hours=1))
        case _:
            pass
    return used


async def _check(url: str, sequence: list[tuple[Any, ...]]) -> None:
    workspace, used = ids.new(), Decimal(0)
    async with await psycopg.AsyncConnection[Any].connect(url) as link:
        for number, step in enumerate(sequence):
            used = await _apply(link, workspace, number, step, used)
            await link.commit()
            assert await value(link, UNEVEN, [workspace]) == 0
            assert await value(link, WRONG, [workspace]) == 0
            assert await value(link, BY_LABEL, {"w": workspace}) == 0
            assert (await value(link, "select coalesce(sum(balance), 0) from ledger_accounts where workspace_uuid = %s", [workspace])) == 0
        assert (await balance_of(link, workspace)).used == used


@settings(max_examples=examples(25), deadline=None)
@given(steps)
def test_the_books_are_even_after_each_step(url: str, sequence: list[tuple[Any, ...]]) -> None:
    asyncio.run(_check(url, sequence))
