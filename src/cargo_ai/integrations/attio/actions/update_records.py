"""Update records: change every record that has a value of an attribute."""

from __future__ import annotations

from cargo_ai.integrations.attio.fields import WRITTEN, Matching, MultiSelect, mappings_field, multi_select_field, write_nulls_field
from cargo_ai.integrations.attio.writing import MOST_MATCHES, Wanted, update
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, InvalidConfig, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.kit.writes import Mappings, assigned, key_of


class UpdateRecords(Matching):
    """Which records, and what they shall hold."""

    mappings: Mappings = mappings_field()
    multi_select: MultiSelect = multi_select_field()
    write_nulls: bool = write_nulls_field()


async def perform(request: ActionRequest) -> Outcome:
    """Change those that differ."""
    form = request.form(UpdateRecords)
    values = assigned(form.mappings, write_nulls=form.write_nulls)
    if not values:
        raise InvalidConfig("`mappings` has no value to write: all are null or empty, and `writeNulls` is off.")
    key = key_of(form.matching_value)
    wanted = Wanted(form.object_type, form.matching_property_name, key, values, add=form.multi_select == "add")
    return await update(request.service, wanted)


ACTION: ConnectorAction = Action(
    slug="updateRecords",
    kind="connector",
    name="Update records",
    description=f"Changes the records (up to {MOST_MATCHES}) that have a value of an attribute. Those that are as wanted are left alone.",
    does="acts",
    config_schema=schema_of(UpdateRecords),
    ui_schema=ui_schema_of(UpdateRecords),
    output_schema=WRITTEN,
    perform=perform,
    idempotency="upsert",
    hint="writes",
)
