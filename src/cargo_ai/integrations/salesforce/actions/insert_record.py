"""Insert record: create one, whatever there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import Action, ConnectorAction, InvalidConfig, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.writes import Mappings, written
from cargo_ai.integrations.salesforce.fields import WRITTEN, OfObject, mappings_field
from cargo_ai.integrations.salesforce.records import MOST_BYTES, MOST_INPUTS, Saved, url_of
from cargo_ai.integrations.salesforce.values import checked_name
from cargo_ai.integrations.salesforce.writing import send, values_of

Json = Any


class InsertRecord(OfObject):
    """What the record holds."""

    mappings: Mappings = mappings_field()


def _values(form: InsertRecord) -> Mapping[str, Json]:
    values = values_of(form.mappings, write_nulls=False)
    if not values:
        raise InvalidConfig("`mappings` has no value: all are null or empty.")
    return values


async def _act(rows: Rows[InsertRecord]) -> None:
    inputs = [*rows.read(_values).items()]

    def created(position: int, saved: Saved) -> None:
        rows.settle(position, written("created", saved.id, url=url_of(rows.service, saved.id), more={"recordIds": [saved.id]}))

    if inputs:
        await send(rows, "POST", checked_name(rows.first.object_type, "object"), inputs, created)


ACTION: ConnectorAction = Action(
    slug="insertRecord",
    kind="connector",
    name="Insert record",
    description=(
        "Creates a record. Salesforce has nothing that makes a repeated call harmless: where no answer came, it is not repeated. "
        "Prefer Upsert records with an external id."
    ),
    does="acts",
    config_schema=schema_of(InsertRecord),
    ui_schema=ui_schema_of(InsertRecord),
    output_schema=WRITTEN,
    rows=RowBatch(batched(InsertRecord, _act), max=MOST_INPUTS, most_bytes=MOST_BYTES, group_by=("objectType",)),
    idempotency="none",
    hint="writes",
)
