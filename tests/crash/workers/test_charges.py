"""Workers die at random points of 20,000 charged executions: the ledger has each of them exactly once, and the balance is what is left."""

from __future__ import annotations

import os
import random
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from cargo_ai.kernel import ids
from tests.crash.conftest import PURE, MakeServer, proven_once, pure_graph
from tests.kit.processes.real_server import csv_of, wait_until

pytestmark = [pytest.mark.slow]

RECORDS = 10_000
PRICE = Decimal("0.3")
# By batch, what executions cost and what was charged for them: the credits, and how many they are.
NOT_CHARGED = """
with charged as (
    select l.batch_uuid, sum(c.amount) as amount, sum(c.executions) as number
    from ledger_charges c join ledger_labels l on l.uuid = c.label_uuid and l.unit = 'billing.credits' group by 1
), executed as (
    select r.batch_uuid, sum(e.credits::numeric(20, 6)) as amount, count(*) as number
    from executions e join runs r on r.uuid = e.run_uuid where e.credits > 0 group by 1
)
select count(*) from charged c full join executed e using (batch_uuid) where (c.amount, c.number) is distinct from (e.amount, e.number)
"""
UNEVEN = "select count(*) from (select key from ledger_entries group by key having sum(amount) <> 0 or count(*) <> 2) as k"
WRONG_BALANCES = """
select count(*) from ledger_accounts a
where a.balance <> (select coalesce(sum(e.amount), 0) from ledger_entries e where e.account_uuid = a.uuid)
"""
BY_LABEL = """
select sum(u.amount) from ledger_usage u join ledger_labels l on l.uuid = u.label_uuid
where l.batch_uuid = %s and l.unit = 'billing.credits'
"""


def test_charges_are_the_executions_to_the_last_one(make_server: MakeServer, tmp_path: Path) -> None:
    chance = random.Random(ids.new().int)
    points = [f"{name} flush:{chance.randint(1, 6)}@{tmp_path / name}" for name in ("before", "after")]
    print(points)
    server = make_server(ACTION_COSTS=f"native.variables={PRICE}", CRASH_AT=",".join(points))
    server.call("billing.budget.set", creditsCount=20_000, overage="deny")
    workflow = server.tool(pure_graph())
    server.wait_for_workers()
    for name in ("before", "after"):
        (tmp_path / name).touch()

    batch = server.batch(workflow, csv_of(RECORDS))
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= RECORDS * 0.4, 60, "the batch to be under way")
    os.kill(server.busy_worker(), signal.SIGKILL)
    ended = server.finished(batch, 90)

    spent = 2 * RECORDS * PRICE
    proven_once(server, batch, RECORDS, PURE)
    assert (ended["creditsUsedCount"], ended["errorMessage"]) == (spent, None)
    assert server.value("select sum(executions) from ledger_charges") == 2 * RECORDS
    for statement in (NOT_CHARGED, UNEVEN, WRONG_BALANCES):
        assert server.value(statement) == 0, statement
    assert server.value(BY_LABEL, batch) == spent
    budget = server.call("billing.budget.get")["budget"]
    assert (budget["creditsLeftCount"], budget["creditsReservedCount"]) == (20_000 - spent, 0)

    # The nodes before `sized` are reused, and cost nothing again.
    again = server.call("orchestration.batch.replay", uuid=batch, fromNode="sized")["batch"]["uuid"]
    assert server.finished(again, 90)["creditsUsedCount"] == RECORDS * PRICE
    assert server.value(NOT_CHARGED) == 0
    assert server.call("billing.budget.get")["budget"]["creditsLeftCount"] == 20_000 - spent - RECORDS * PRICE
