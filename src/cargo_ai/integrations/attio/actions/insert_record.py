"""Insert record: create one."""

from __future__ import annotations

from cargo_ai.integrations.attio.attributes import attributes_of
from cargo_ai.integrations.attio.fields import WRITTEN, OfObject, mappings_field
from cargo_ai.integrations.attio.records import create
from cargo_ai.integrations.attio.values import attio_values
from cargo_ai.integrations.attio.writing import of_records
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, InvalidConfig, schema_of, ui_schema_of
from cargo_ai.integrations.kit.writes import Mappings, assigned


class InsertRecord(OfObject):
    """What the record holds."""

    mappings: Mappings = mappings_field()


async def perform(request: ActionRequest) -> Done:
    """Create it. Attio has no key against doubles, so that a record whose outcome is unknown is not sent again."""
    form = request.form(InsertRecord)
    wanted = assigned(form.mappings, write_nulls=False)
    if not wanted:
        raise InvalidConfig("`mappings` has no value: all are null or empty.")
    attributes = await attributes_of(request.service, form.object_type, [*wanted])
    return of_records("created", [await create(request.service, form.object_type, attio_values(attributes, wanted))])


ACTION: ConnectorAction = Action(
    slug="insertRecord",
    kind="connector",
    name="Insert record",
    description=(
        "Creates a record; where another has a value of it that is unique, it fails. A call that got no answer is not repeated. "
        "Prefer Upsert records with a unique attribute."
    ),
    does="acts",
    config_schema=schema_of(InsertRecord),
    ui_schema=ui_schema_of(InsertRecord),
    output_schema=WRITTEN,
    perform=perform,
    idempotency="none",
    hint="writes",
)
