"""Folding: sum old charges by day and label, so that the ledger stays exact and small."""

from __future__ import annotations

import uuid

from cargo_ai.kernel import ids
from cargo_ai.store.driver import Connection

AT_ONCE = 5_000
# A sum is a transfer of its own, never a change of one: its key names the part that was taken. Balances and usage stay as they are.
FOLD = """
with old as (
    select source_uuid, number from ledger_charges where source_uuid < %(before)s order by source_uuid, number limit %(most)s
    for update skip locked
), gone as (
    delete from ledger_charges c using old
    where c.source_uuid = old.source_uuid and c.number = old.number
    returning c.workspace_uuid, c.label_uuid, c.amount, c.day
), summed as (
    insert into ledger_transfers (key, workspace_uuid, from_uuid, to_uuid, amount, cause, label_uuid, at)
    select format('charges:%%s:%%s:%%s', g.day, g.label_uuid, %(part)s::text), g.workspace_uuid, o.uuid, u.uuid, sum(g.amount), 'charges',
        g.label_uuid, g.day::timestamp at time zone 'utc'
    from gone g
        join ledger_accounts o on o.workspace_uuid = g.workspace_uuid and o.kind = 'overage'
        join ledger_accounts u on u.workspace_uuid = g.workspace_uuid and u.kind = 'usage'
    group by g.workspace_uuid, g.label_uuid, g.day, o.uuid, u.uuid
)
select count(*) from gone
"""


async def fold_charges(connection: Connection, before: uuid.UUID) -> int:
    """Sum the charges whose sources have lower ids than `before`, a part in each statement; returns how many charges there were."""
    folded = 0
    while True:
        row = await (await connection.execute(FOLD, {"before": before, "most": AT_ONCE, "part": str(ids.new())})).fetchone()
        count = int(row[0]) if row else 0
        folded += count
        if count < AT_ONCE:
            return folded
