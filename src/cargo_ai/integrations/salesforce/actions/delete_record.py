"""Delete record: move one to the recycle bin."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import InvalidConfig, RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import WRITTEN_RECORDS, key_of, written, written_records
from cargo_ai.integrations.salesforce.fields import Json, OfObject
from cargo_ai.integrations.salesforce.records import MAX_INPUTS, Saved, delete, failure_of
from cargo_ai.integrations.salesforce.values import checked_name, is_id

_GONE = {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"}


class DeleteRecord(OfObject):
    """Which record."""

    record_id: Json = Field(title="Record", description="The record's id in Salesforce: 15 or 18 letters and digits.")


def _id(form: DeleteRecord) -> str:
    checked_name(form.object_type, "object")
    key = key_of(form.record_id, "recordId")
    if not is_id(key):
        raise InvalidConfig("`recordId` is not a record id: 15 or 18 letters and digits.")
    return key


async def _act(rows: Rows[DeleteRecord]) -> None:
    ids = rows.read(_id)
    if not ids:
        return
    # An id has two lengths; a collection takes none twice.
    first = {key[:15]: key for key in reversed(ids.values())}
    saved = dict(zip(first, await delete(rows.service, [*first.values()]), strict=True))
    for position, key in ids.items():
        _settle(rows, position, key, saved[key[:15]])


def _settle(rows: Rows[DeleteRecord], position: int, key: str, saved: Saved) -> None:
    if not saved.errors:
        rows.settle(position, written_records("deleted", [key]))
    elif saved.codes <= _GONE:
        rows.settle(position, written("skipped", key, reason="There is no such record any more.", more={"recordIds": []}))
    else:
        rows.settle(position, failure_of(saved))


ACTION = connector_action(
    DeleteRecord,
    slug="deleteRecord",
    name="Delete record",
    description="Moves a record to Salesforce's recycle bin, where it is kept for 15 days. One that is not there is no error.",
    output_schema=WRITTEN_RECORDS,
    rows=RowBatch(batched(DeleteRecord, _act), max=MAX_INPUTS, group_by=("objectType",)),
    idempotency="upsert",
    hint="deletes",
)
