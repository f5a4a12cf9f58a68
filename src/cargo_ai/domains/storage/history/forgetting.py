"""Forgetting: erase what the history of records holds of their former values, for people's right to erasure."""

from __future__ import annotations

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.storage.records import change_set as contract
from cargo_ai.domains.storage.history.change_set import to_responses
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, origin_of
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.tables import ChangeSet
from cargo_ai.kernel import ids
from cargo_ai.records import rows
from cargo_ai.records.history import forget as statements
from cargo_ai.store.driver import driver_connection


@handles(contract.forget)
async def forget(ctx: Context, request: contract.ForgetRecords) -> contract.ForgottenReply:
    """Erase the former values of records; the change set that says so has none."""
    uid = ids.parse(request.model_uuid)
    relation = (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(uid) if uid else None
    if relation is None:
        contract.forget.refuse("modelNotFound", uuid=request.model_uuid, fix="cargo-ai storage model list")
    connection, records = await driver_connection(ctx.db), list(dict.fromkeys(request.ids))
    # Who is just writing one of them commits first, and then has left its former values in the log.
    present = await rows.existing_ids(connection, relation, records, lock=True)
    forgotten = await statements.erase(connection, relation, ctx.workspace, records, present)
    if present:
        ctx.warn(
            f"{len(present):,} of these records are still in the model: what they hold now stays. Remove them first, then forget them."
        )
    made = None
    if forgotten:
        recorder = ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, "forget"))
        await recorder.note(connection, updated=len(forgotten))
        await statements.mark(connection, relation, forgotten, recorder.uuid)
        row = await ctx.db.scalar(select(ChangeSet).where(ChangeSet.uuid == recorder.uuid))
        assert row is not None, "the recorder has stored it"
        made = (await to_responses(ctx, [row]))[0]
    nothing_kept = sorted(set(records) - set(forgotten))
    return contract.ForgottenReply(count=len(forgotten), ids_without_history=nothing_kept, change_set=made)
