"""Labels: what usage is for, stored once for each that occurs, and credits by day and label."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from cargo_ai.ledger.tables import Unit
from cargo_ai.store.driver import Connection


class Label(NamedTuple):
    """What usage is for (see `ledger_labels`)."""

    workspace: uuid.UUID
    unit: Unit
    slug: str
    workflow: uuid.UUID | None = None
    batch: uuid.UUID | None = None
    user: uuid.UUID | None = None
    connector: uuid.UUID | None = None
    integration: str | None = None
    model: uuid.UUID | None = None
    agent: uuid.UUID | None = None

    @property
    def uuid(self) -> uuid.UUID:
        """The same for the same label, so that it need not be looked up."""
        text = "\x00".join("" if value is None else str(value) for value in self)
        return uuid.UUID(bytes=hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16])


class Used(NamedTuple):
    """What one label has used on one day: credits and executions. Both below 0 where usage is taken back."""

    amount: Decimal
    executions: int


UsageKey = tuple[uuid.UUID, date, uuid.UUID]
"""Workspace, day and label."""

STORE = """
    insert into ledger_labels (uuid, workspace_uuid, unit, slug, workflow_uuid, batch_uuid, user_uuid, connector_uuid, integration_slug,
        model_uuid, agent_uuid)
    select * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[],
        %s::uuid[], %s::uuid[])
    on conflict (uuid) do nothing
"""
USE = """
insert into ledger_usage as u (workspace_uuid, day, label_uuid, slot, amount, count)
select v.workspace, v.day, v.label, %s, v.amount, v.count
from unnest(%s::uuid[], %s::date[], %s::uuid[], %s::numeric[], %s::bigint[]) as v(workspace, day, label, amount, count)
on conflict (workspace_uuid, day, label_uuid, slot) do update set amount = u.amount + excluded.amount, count = u.count + excluded.count
"""
# Labels that are new are stored with what they have used.
ADD = f"with stored as ({STORE}) {USE}"


async def add_usage(connection: Connection, names: Mapping[Label, uuid.UUID], used: Mapping[UsageKey, Used], slot: int) -> None:
    """Add to what labels have used, and store those that are new. In one order for all transactions, so that there is no deadlock."""
    if not used:
        return
    await connection.execute(ADD, (*label_values(names), *usage_values(used, slot)))


def label_values(names: Mapping[Label, uuid.UUID]) -> list[list[object]]:
    """The values of STORE."""
    rows = sorted(((name, *label) for label, name in names.items()), key=lambda row: row[0])
    return [[row[at] for row in rows] for at in range(11)]


def usage_values(used: Mapping[UsageKey, Used], slot: int) -> list[object]:
    """The values of USE."""
    keys = sorted(used)
    columns = [[key[at] for key in keys] for at in range(3)]
    return [slot, *columns, [used[key].amount for key in keys], [used[key].executions for key in keys]]
