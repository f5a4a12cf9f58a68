"""Usage of nodes that are executed without a run: count them where executions of runs are counted."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.domains.orchestration.nodes.node_trial import Graph
from cargo_ai.engine.graph.walk import Walk
from cargo_ai.engine.journal.shard_flush import HOUR, NIL
from cargo_ai.engine.journal.tables import node_metrics
from cargo_ai.kernel import clock
from cargo_ai.ledger import charges
from cargo_ai.ledger.charges import Charge
from cargo_ai.ledger.labels import Label
from cargo_ai.store.driver import driver_connection

SLOT = 0
"""Writers have slots of their own; what is counted here may share a row with one of them."""
_COUNTS = ("total", "success", "error", "credits")


async def count(ctx: Context, run: uuid.UUID, walks: Sequence[tuple[Graph, Walk]]) -> None:
    """Count every execution of these walks for its node. In a transaction of its own: what was done stays counted, whatever becomes of the
    reply. What a group or a tool costs is counted for the nodes inside of it."""
    hour = clock.now_ms() // HOUR
    totals: dict[tuple[uuid.UUID, uuid.UUID, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for graph, walk in walks:
        for entry in walk.entries:
            row = totals[graph.workflow, graph.release or NIL, entry.node]
            row[0] += 1
            row[1 if entry.status == "success" else 2] += 1
            row[3] += 0.0 if entry.below else entry.credits
    if not totals:
        return
    # One order for everybody, as the engine's writers have it: no deadlocks.
    rows = sorted(totals.items(), key=lambda item: [str(part) for part in item[0]])
    values: list[dict[str, Any]] = [
        {
            "workflow_uuid": workflow,
            "release_uuid": release,
            "batch_uuid": NIL,
            "hour": hour,
            "node_uuid": node,
            "slot": SLOT,
            "workspace_uuid": ctx.workspace,
            "total": int(total),
            "success": int(success),
            "error": int(error),
            "idle": 0,
            "cancelled": 0,
            "credits": spent,
        }
        for (workflow, release, node), (total, success, error, spent) in rows
    ]
    statement = insert(node_metrics).values(values)
    added = {name: node_metrics.c[name] + statement.excluded[name] for name in _COUNTS}
    counting = statement.on_conflict_do_update(index_elements=list(node_metrics.primary_key.columns), set_=added)
    async with ctx.database.session(ctx.workspace) as db:
        await db.execute(counting)
        # In the order of the writers: counts before accounts.
        await _charge(ctx, db, run, walks)
        await db.commit()


async def _charge(ctx: Context, db: AsyncSession, run: uuid.UUID, walks: Sequence[tuple[Graph, Walk]]) -> None:
    """Charge what the executions cost."""
    due: list[Charge] = []
    for graph, walk in walks:
        for entry in walk.entries:
            if entry.usage is not None:
                slug, integration, connector = entry.usage
                label = Label(ctx.workspace, "billing.credits", slug, graph.workflow, None, ctx.who.user_uuid, connector, integration)
                due.append(Charge(label, charges.day_of(entry.finished), 1, charges.exact(entry.credits)))
    await charges.write(await driver_connection(db), due, run, SLOT, clock.now())
