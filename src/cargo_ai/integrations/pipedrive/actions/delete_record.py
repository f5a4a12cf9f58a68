"""Delete record: remove one; Pipedrive keeps it for 30 days."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, connector_action
from cargo_ai.integrations.kit.writes import WRITTEN_RECORDS, key_of, written_records
from cargo_ai.integrations.pipedrive.fields import OfObject
from cargo_ai.integrations.pipedrive.objects import object_of
from cargo_ai.integrations.pipedrive.records import remove

Json = Any


class DeleteRecord(OfObject):
    """Which record."""

    record_id: Json = Field(title="Record", description="The record's id in Pipedrive.")


async def perform(request: ActionRequest) -> Done:
    """Delete it; one that an earlier attempt may have deleted counts as deleted."""
    form = request.form(DeleteRecord)
    record_id = key_of(form.record_id, "recordId")
    if await remove(request.service, object_of(form.object_type), record_id) or request.call.repeated or request.call.attempt > 1:
        return written_records("deleted", [record_id])
    return written_records("skipped", [record_id], reason="There is no such record.")


ACTION = connector_action(
    DeleteRecord,
    slug="deleteRecord",
    name="Delete record",
    description="Deletes a record, which Pipedrive can bring back for 30 days. One that is not there is no error.",
    output_schema=WRITTEN_RECORDS,
    perform=perform,
    idempotency="upsert",
    hint="deletes",
)
