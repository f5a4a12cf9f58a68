"""Insert record: create one, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.hubspot.fields import WRITTEN, OfObject, mappings_field
from cargo_ai.integrations.hubspot.records import MOST_BYTES, MOST_INPUTS
from cargo_ai.integrations.hubspot.writing import of_records, send, texts
from cargo_ai.integrations.kit import Action, ConnectorAction, InvalidConfig, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import Mappings

Json = Any


class InsertRecord(OfObject):
    """What the record holds."""

    mappings: Mappings = mappings_field()


def _values(form: InsertRecord) -> Mapping[str, str]:
    values = texts(form.mappings, write_nulls=False)
    if not values:
        raise InvalidConfig("`mappings` has no value: all are null or empty.")
    return values


async def _act(rows: Rows[InsertRecord]) -> None:
    inputs: list[tuple[int, Mapping[str, Json]]] = [(at, {"properties": values}) for at, values in rows.read(_values).items()]

    def created(position: int, record: Mapping[str, Json]) -> None:
        rows.settle(position, of_records("created", [record]))

    if inputs:
        await send(rows, rows.first.object_type, "create", inputs, created)


ACTION: ConnectorAction = Action(
    slug="insertRecord",
    kind="connector",
    name="Insert record",
    description=(
        "Creates a record. HubSpot has nothing that makes a repeated call harmless: where no answer came, it is not repeated. "
        "Prefer Upsert records with a unique property."
    ),
    does="acts",
    config_schema=schema_of(InsertRecord),
    ui_schema=ui_schema_of(InsertRecord),
    output_schema=WRITTEN,
    rows=RowBatch(batched(InsertRecord, _act), max=MOST_INPUTS, most_bytes=MOST_BYTES, group_by=("objectType",)),
    idempotency="none",
    hint="writes",
)
