"""Recompute: compute columns again after their definition changed, at once where records are few, by a fill where they are many."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.domains.storage.columns import computed, laps
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.tables import StorageRun
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.records import ddl
from cargo_ai.records.catalog import Relation
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection

TASK = "storage.recompute"
FILL = "fill"


async def recompute(ctx: Context, relation: Relation, slugs: Iterable[str] | None = None) -> StorageRun | None:
    """Compute the computed columns of all records again: at once, or by a fill, which is returned and warned about.

    `slugs`: the columns that lack values until then; all computed ones by default.
    """
    connection = await driver_connection(ctx.db)
    if not await ddl.is_small(connection, relation):
        every = [column.slug for column in relation.columns if column.is_computed_on_write]
        names = every if slugs is None else [slug for slug in every if slug in computed.with_dependents(relation, slugs)]
        # What the quota counts: to count a large table would take longer than all else here.
        total = await quotas.used_by(connection, ctx.workspace, "records", str(relation.model))
        fill = await _start(ctx, relation, names, total)
        sentence = f"The model has many records: {', '.join(names)} is being filled in the background"
        ctx.warn(f"{sentence} (cargo-ai storage run get {fill.uuid}).")
        return fill
    for sentence in await computed.refresh_all(connection, relation, ctx.workspace):
        ctx.warn(sentence)
    # This has also done what an earlier fill had left.
    ended = update(StorageRun).where(StorageRun.model_uuid == relation.model, StorageRun.is_incomplete, StorageRun.finished_at.is_not(None))
    await ctx.db.execute(ended.values(is_incomplete=False))
    await events.publish(ctx.db, RecordsChanged(ctx.workspace, relation.model))
    return None


async def _start(ctx: Context, relation: Relation, slugs: list[str], total: int) -> StorageRun:
    """Start a fill. One that is under way goes on where it is, and comes round to there for these columns."""
    incomplete = select(StorageRun).where(StorageRun.model_uuid == relation.model, StorageRun.is_incomplete).with_for_update()
    former = await ctx.db.scalar(incomplete.execution_options(populate_existing=True))
    if former is not None and former.status in {"pending", "running"}:
        known = former.laps if former.laps is not None else laps.begin({}, former.unfilled_slugs, "")
        former.laps = laps.begin(known, slugs, former.after_id or "")
        former.column_slugs = list(dict.fromkeys([*(former.column_slugs or ()), *slugs]))
        former.records_done, former.records_total, former.pass_number = 0, total, former.pass_number + 1
        await ctx.db.flush()
        return former
    names = list(dict.fromkeys([*(former.unfilled_slugs if former is not None else ()), *slugs]))
    if former is not None:
        now = clock.now()
        former.is_incomplete = False
        if former.finished_at is None:
            former.status, former.finished_at = "cancelled", now
        await ctx.db.flush()
    fill = StorageRun(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        model_uuid=relation.model,
        user_uuid=ctx.who.user_uuid,
        kind=FILL,
        status="pending",
        file_names=[],
        column_slugs=names,
        laps=laps.begin({}, names, ""),
        records_done=0,
        records_total=total,
        after_id="",
        is_incomplete=True,
    )
    ctx.db.add(fill)
    await ctx.db.flush()
    connection = await driver_connection(ctx.db)
    await producer().defer(connection, TASK, "batch", workspace=str(ctx.workspace), model=str(relation.model), run=str(fill.uuid))
    return fill
