"""New records: add up what transactions have added to models, into the usage of each day."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import date
from decimal import Decimal

from cargo_ai.domains.billing.usage import INSERT, RECORDS
from cargo_ai.ledger import labels
from cargo_ai.ledger.labels import Label, UsageKey, Used
from cargo_ai.store.driver import Connection, driver_connection, fetch
from cargo_ai.store.session import ALL_WORKSPACES, Database

SLOT = -2
"""Where the usage of records counts: no worker's writer adds there."""
AT_ONCE = 10_000
TAKE = """
delete from new_records where id in (select id from new_records order by id limit %s for update skip locked)
returning workspace_uuid, model_uuid, day, amount
"""


async def fold(database: Database) -> None:
    """Add up everything that was committed, a part in each transaction; several workers may do it at once."""
    while True:
        async with database.session(ALL_WORKSPACES) as db:
            taken = await _fold_part(await driver_connection(db))
            await db.commit()
        if taken < AT_ONCE:
            return


async def _fold_part(connection: Connection) -> int:
    rows: list[tuple[uuid.UUID, uuid.UUID, date, int]] = [
        (row[0], row[1], row[2], int(row[3])) for row in await fetch(connection, TAKE, [AT_ONCE])
    ]
    counts: dict[tuple[Label, date], int] = defaultdict(int)
    for workspace, model, day, amount in rows:
        counts[Label(workspace, RECORDS, INSERT, model=model), day] += amount
    used: dict[UsageKey, Used] = {(label.workspace, day, label.uuid): Used(Decimal(0), count) for (label, day), count in counts.items()}
    await labels.add_usage(connection, {label: label.uuid for label, _ in counts}, used, SLOT)
    return len(rows)
