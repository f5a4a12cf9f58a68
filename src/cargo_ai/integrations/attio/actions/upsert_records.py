"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.attio.fields import (
    WRITTEN,
    Json,
    MultiSelect,
    OfObject,
    attribute_field,
    mappings_field,
    multi_select_field,
    write_nulls_field,
)
from cargo_ai.integrations.attio.writing import Wanted, upsert
from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.kit.writes import Mappings, MatchPolicy, assigned, key_of


class UpsertRecords(OfObject):
    """Which record, and what it shall hold."""

    matching_property_name: str = attribute_field(
        "Match by", description="The attribute that names the record. With one that is unique, nothing is created twice."
    )
    matching_value: Json = Field(title="Value to match", description="The value of that attribute.")
    mappings: Mappings = mappings_field()
    match_policy: MatchPolicy = Field(
        default="upsert", title="What to do", description="upsert: create or change; updateOnly: never create; createOnly: never change."
    )
    multi_select: MultiSelect = multi_select_field()
    write_nulls: bool = write_nulls_field()


async def perform(request: ActionRequest) -> Outcome:
    """Look, then write what differs."""
    form = request.form(UpsertRecords)
    values = assigned(form.mappings, write_nulls=form.write_nulls)
    key = key_of(form.matching_value)
    wanted = Wanted(form.object_type, form.matching_property_name, key, values, add=form.multi_select == "add")
    return await upsert(request.service, wanted, form.match_policy, request.call.meta)


ACTION: ConnectorAction = Action(
    slug="upsertRecords",
    kind="connector",
    name="Upsert records",
    description="Creates a record, or changes the one that has the same value of an attribute. One that is as wanted is left alone.",
    does="acts",
    config_schema=schema_of(UpsertRecords),
    ui_schema=ui_schema_of(UpsertRecords),
    output_schema=WRITTEN,
    perform=perform,
    idempotency="upsert",
    hint="writes",
)
