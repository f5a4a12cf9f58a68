"""Associate records: relate two of them."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.hubspot.fields import FIELDS, Json
from cargo_ai.integrations.hubspot.records import MAX_INPUTS, associate_batch
from cargo_ai.integrations.hubspot.rows import failure_of
from cargo_ai.integrations.kit import Done, Form, RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import key_of


class AssociateRecords(Form):
    """Which two records."""

    from_object_type: str = FIELDS.object_type("Object")
    from_record_id: Json = Field(title="Record", description="The id of the one record.")
    to_object_type: str = FIELDS.object_type("Other object")
    to_record_id: Json = Field(title="Other record", description="The id of the other record.")


async def _act(rows: Rows[AssociateRecords]) -> None:
    pairs = rows.read(lambda form: (key_of(form.from_record_id, "fromRecordId"), key_of(form.to_record_id, "toRecordId")))
    if not pairs:
        return
    first = rows.first
    failed = await associate_batch(rows.service, first.from_object_type, first.to_object_type, [*pairs.values()])
    for position, pair in pairs.items():
        if pair in failed:
            rows.settle(position, failure_of(failed[pair]))
        else:
            output = {"operation": "associated", "recordId": pair[0], "otherRecordId": pair[1]}
            rows.settle(position, Done(output, "associated"))


ACTION = connector_action(
    AssociateRecords,
    slug="associateRecords",
    name="Associate records",
    description="Gives two records the default association of their types, as a contact and its company. Once more changes nothing.",
    output_schema={
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": ["associated"]},
            "recordId": {"type": "string"},
            "otherRecordId": {"type": "string"},
        },
        "required": ["operation", "recordId", "otherRecordId"],
    },
    rows=RowBatch(batched(AssociateRecords, _act), max=MAX_INPUTS, group_by=("fromObjectType", "toObjectType")),
    idempotency="upsert",
    hint="writes",
)
