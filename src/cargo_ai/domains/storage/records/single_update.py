"""Single updates: change one record in two statements, where nothing has to be computed and what is remembered of its model holds."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors

from cargo_ai.context import events
from cargo_ai.context.context import Context
from cargo_ai.domains.storage.columns import computed
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.history.recorder import NOTE_UPDATE, ChangeRecorder, origin_of
from cargo_ai.domains.storage.models.written_models import VERSION, WrittenModel, WrittenModels
from cargo_ai.domains.storage.records.write import validate_changes
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records import rows
from cargo_ai.records.rows import EncodedRow
from cargo_ai.store.driver import Connection, driver_connection, fetch


class OutdatedModel(errors.SerializationFailure):
    """What was remembered of a model did not hold: the request is repeated, and reads it again."""


async def update(ctx: Context, model: str, uid: str, data: JsonObject) -> JsonObject | None:
    """The record as it is after the change; None where that has to be done the long way, and nothing has been written."""
    known = ctx.services.once(WrittenModels, WrittenModels)
    remembered = known.remembered(model)
    attachments = events.attachments_of(RecordsChanged)
    if remembered is None or attachments is None:
        return None
    version, written = remembered
    validated = validate_changes(written.relation, [(uid, data)])
    if validated.faults or not validated.rows[0][1] or computed.stages(written.relation, computed.ComputedColumns.of(written.relation)):
        return None
    try:
        return await _update(ctx, written, version, uid, validated.rows[0][1], attachments)
    except (psycopg.ProgrammingError, psycopg.DataError, errors.IntegrityError) as error:
        # Whether it is the request that is wrong is seen by the columns as they are now.
        known.forget(written.relation.model)
        raise OutdatedModel from error


async def _update(
    ctx: Context, written: WrittenModel, version: str, uid: str, row: EncodedRow, attachments: list[events.Attachment]
) -> JsonObject | None:
    relation = written.relation
    connection: Connection = await driver_connection(ctx.db)
    recorder = ChangeRecorder(ctx.workspace, relation.model, origin_of(ctx, "write"))
    query, columns = rows.update_one(relation, row, VERSION, NOTE_UPDATE)
    values = recorder.values | columns | {"_id": uid, "version": version}
    ((_, is_present, is_changed),) = await fetch(connection, query, values)
    if not is_present:
        return None
    follow = attachments if is_changed else []
    parts = [part for attachment in follow for part in attachment.parts]
    read = rows.get_with(relation, parts, [*(attachment.value for attachment in follow), "1"])
    (found,) = await fetch(connection, read, {"_id": uid, "model": relation.model})
    for attachment, value in zip(follow, found, strict=False):
        if attachment.then is not None and value is not None:
            await attachment.then(ctx.db, value)
    records: list[dict[str, Any]] = rows.to_records(relation, [found[len(follow) + 1 :]])
    return records[0]
