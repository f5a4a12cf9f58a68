"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import Action, ConnectorAction, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import Mappings, MatchPolicy, key_of
from cargo_ai.integrations.salesforce.fields import WRITTEN, Json, OfObject, mappings_field, property_field, write_nulls_field
from cargo_ai.integrations.salesforce.records import MOST_BYTES, MOST_INPUTS
from cargo_ai.integrations.salesforce.writing import Row, Target, values_of, write


class UpsertRecords(OfObject):
    """Which record, and what it shall hold."""

    matching_property_name: str = property_field(
        "Match by",
        description="The field that names the record. With one that is an external id, nothing is created twice, and it is fast.",
        slug="listUniqueProperties",
    )
    matching_value: Json = Field(title="Value to match", description="The value of that field.")
    mappings: Mappings = mappings_field()
    match_policy: MatchPolicy = Field(
        default="upsert", title="What to do", description="upsert: create or change; updateOnly: never create; createOnly: never change."
    )
    write_nulls: bool = write_nulls_field()


async def _act(rows: Rows[UpsertRecords]) -> None:
    wanted = rows.read(lambda form: Row(key_of(form.matching_value), values_of(form.mappings, write_nulls=form.write_nulls)))
    if wanted:
        first = rows.first
        await write(rows, wanted, Target(first.object_type, first.matching_property_name, first.match_policy))


ACTION: ConnectorAction = Action(
    slug="upsertRecords",
    kind="connector",
    name="Upsert records",
    description="Creates a record, or changes the one that has the same value of a field. Of a batch, 200 rows go in one call.",
    does="acts",
    config_schema=schema_of(UpsertRecords),
    ui_schema=ui_schema_of(UpsertRecords),
    output_schema=WRITTEN,
    rows=RowBatch(
        batched(UpsertRecords, _act),
        max=MOST_INPUTS,
        most_bytes=MOST_BYTES,
        group_by=("objectType", "matchingPropertyName", "matchPolicy", "writeNulls"),
    ),
    idempotency="upsert",
    hint="writes",
)
