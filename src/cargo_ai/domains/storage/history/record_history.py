"""Record history: who changed a record, when, and from what to what."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.storage.records import change_set as contract
from cargo_ai.domains.storage.history.change_set import changed_to_response, to_responses
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.tables import ChangeSet
from cargo_ai.kernel import ids
from cargo_ai.records.history import entries
from cargo_ai.store.driver import driver_connection


@handles(contract.history)
async def history(ctx: Context, request: contract.RecordHistory) -> contract.RecordHistoryReply:
    """The changes of one record, newest first."""
    uid = ids.parse(request.model_uuid)
    relation = (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(uid) if uid else None
    if relation is None:
        contract.history.refuse("modelNotFound", uuid=request.model_uuid, fix="cargo-ai storage model list")
    changes = await entries.changes_of(await driver_connection(ctx.db), relation, [request.id])
    if not changes:
        contract.history.refuse("recordNotFound", id=request.id, fix=f"cargo-ai storage record list --model-uuid {request.model_uuid}")
    changes = changes[: request.limit]
    named = {change.change_set for change in changes if change.change_set is not None}
    rows = (await ctx.db.scalars(select(ChangeSet).where(ChangeSet.uuid.in_(named)))).all()
    change_sets = {row.uuid: shown for row, shown in zip(rows, await to_responses(ctx, rows), strict=True)}
    events: list[contract.RecordEvent] = []
    for change in changes:
        changed = changed_to_response(change)
        events.append(
            contract.RecordEvent(
                change=changed.change,
                changed_at=changed.changed_at,
                changes=changed.changes,
                record=changed.record,
                run_uuid=changed.run_uuid,
                change_set=change_sets.get(change.change_set) if change.change_set else None,
            )
        )
    return contract.RecordHistoryReply(changes=events)
