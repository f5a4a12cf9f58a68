"""Update records: change every record that has a value of a property."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.hubspot.fields import WRITTEN, Matching, mappings_field
from cargo_ai.integrations.hubspot.records import MOST_BYTES, MOST_INPUTS
from cargo_ai.integrations.hubspot.writing import MOST_MATCHES, Row, Target, texts, write
from cargo_ai.integrations.kit import Action, ConnectorAction, InvalidConfig, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import Mappings, key_of


class UpdateRecords(Matching):
    """Which records, and what they shall hold."""

    mappings: Mappings = mappings_field()
    write_nulls: bool = Field(default=False, title="Clear", description="Whether null and empty texts clear the value in HubSpot.")


def _row(form: UpdateRecords) -> Row:
    values = texts(form.mappings, write_nulls=form.write_nulls)
    if not values:
        raise InvalidConfig("`mappings` has no value to write: all are null or empty, and `writeNulls` is off.")
    return Row(key_of(form.matching_value), values)


async def _act(rows: Rows[UpdateRecords]) -> None:
    wanted = rows.read(_row)
    if wanted:
        first = rows.first
        await write(rows, wanted, Target(first.object_type, first.matching_property_name, "updateOnly", several=True))


ACTION: ConnectorAction = Action(
    slug="updateRecords",
    kind="connector",
    name="Update records",
    description=f"Changes the records (up to {MOST_MATCHES}) that have a value of a property. Those that are as wanted are left alone.",
    does="acts",
    config_schema=schema_of(UpdateRecords),
    ui_schema=ui_schema_of(UpdateRecords),
    output_schema=WRITTEN,
    rows=RowBatch(
        batched(UpdateRecords, _act),
        max=MOST_INPUTS,
        most_bytes=MOST_BYTES,
        group_by=("objectType", "matchingPropertyName", "writeNulls"),
    ),
    idempotency="upsert",
    hint="writes",
)
