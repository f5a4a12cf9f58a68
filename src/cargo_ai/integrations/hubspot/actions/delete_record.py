"""Delete record: move one to the recycling bin."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.hubspot.fields import Json, OfObject
from cargo_ai.integrations.hubspot.records import MAX_INPUTS, archive_batch
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import WRITTEN_RECORDS, key_of, written_records


class DeleteRecord(OfObject):
    """Which record."""

    record_id: Json = Field(title="Record", description="The record's id in HubSpot.")


async def _act(rows: Rows[DeleteRecord]) -> None:
    ids = rows.read(lambda form: key_of(form.record_id, "recordId"))
    if ids:
        await archive_batch(rows.service, rows.first.object_type, [*ids.values()])
        for position, key in ids.items():
            rows.settle(position, written_records("deleted", [key]))


ACTION = connector_action(
    DeleteRecord,
    slug="deleteRecord",
    name="Delete record",
    description="Moves a record to HubSpot's recycling bin, from which it can be restored for 90 days. One that is not there is no error.",
    output_schema=WRITTEN_RECORDS,
    rows=RowBatch(batched(DeleteRecord, _act), max=MAX_INPUTS, group_by=("objectType",)),
    idempotency="upsert",
    hint="deletes",
)
