"""Delete record: remove one for good."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.attio.fields import Json, OfObject
from cargo_ai.integrations.attio.records import delete
from cargo_ai.integrations.kit import ActionRequest, Done, connector_action
from cargo_ai.integrations.kit.writes import WRITTEN_RECORDS, key_of, written_records


class DeleteRecord(OfObject):
    """Which record."""

    record_id: Json = Field(title="Record", description="The record's id in Attio.")


async def perform(request: ActionRequest) -> Done:
    """Delete it; one that an earlier attempt may have deleted counts as deleted."""
    form = request.form(DeleteRecord)
    record_id = key_of(form.record_id, "recordId")
    if await delete(request.service, form.object_type, record_id) or request.call.repeated or request.call.attempt > 1:
        return written_records("deleted", [record_id])
    return written_records("skipped", [record_id], reason="There is no such record.")


ACTION = connector_action(
    DeleteRecord,
    slug="deleteRecord",
    name="Delete record",
    description="Deletes a record for good: Attio has no bin. One that is not there is no error.",
    output_schema=WRITTEN_RECORDS,
    perform=perform,
    idempotency="upsert",
    hint="deletes",
)
