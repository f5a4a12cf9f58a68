"""Cancel runs: end those that have not begun, and ask running ones to stop at their next node."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import run as contract
from cargo_ai.domains.orchestration.runs import run_filter
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import cancel as engine_cancel
from cargo_ai.engine.dispatch.claim import close_batch
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel.wire import Counted
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES

AT_ONCE = 5_000


@handles(contract.cancel)
async def cancel(ctx: Context, request: contract.CancelRuns) -> Counted:
    """Cancel the runs that are named, or all unfinished ones that the filter describes."""
    await lookup.workflow_or_refuse(ctx.db, contract.cancel, request.workflow_uuid)
    return Counted(count=await cancel_unfinished(ctx, run_filter.conditions(ctx.workspace, request)))


async def cancel_unfinished(ctx: Context, where: Sequence[run_filter.Condition]) -> int:
    """Cancel the unfinished runs that meet the conditions; how many that were. In pages: nothing holds all of them."""
    connection = await driver_connection(ctx.db)
    touched, ended, after = 0, set[uuid.UUID](), uuid.UUID(int=0)
    while True:
        query = select(runs.c.uuid).select_from(run_filter.joined).where(*where, runs.c.finished_ms.is_(None), runs.c.uuid > after)
        page = list(await ctx.db.scalars(query.order_by(runs.c.uuid).limit(AT_ONCE)))
        if not page:
            break
        after = page[-1]
        done, over = await engine_cancel.cancel_runs(connection, ctx.workspace, page)
        touched, ended = touched + len(done), ended | over
    if ended:
        ctx.after_commit.append(lambda: _close(ctx, ended))
    return touched


async def _close(ctx: Context, ended: set[uuid.UUID]) -> None:
    """See whether batches whose parked runs were cancelled are over."""
    async with ctx.database.session(ALL_WORKSPACES) as session:
        connection: Any = await driver_connection(session)
        for batch in sorted(ended):
            await close_batch(connection, batch)
        await session.commit()
