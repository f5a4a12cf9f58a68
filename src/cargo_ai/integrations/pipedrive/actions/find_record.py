"""Find record: read one by its id or by a field."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Outcome, connector_action
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.kit.writes import key_of
from cargo_ai.integrations.pipedrive.custom_fields import names_of
from cargo_ai.integrations.pipedrive.fields import FIELDS, RECORD, Matching
from cargo_ai.integrations.pipedrive.objects import object_of
from cargo_ai.integrations.pipedrive.records import find
from cargo_ai.integrations.pipedrive.values import shown


class FindRecord(Matching):
    """Which record, and what of it."""

    properties: list[str] = FIELDS.properties()


async def perform(request: ActionRequest) -> Outcome:
    """Read it; one that is not there is an answer, too."""
    form = request.form(FindRecord)
    by, key = form.matching_property_name, key_of(form.matching_value)
    names = await names_of(request.service, object_of(form.object_type), [by, *form.properties])
    records = await find(request.service, names, by, key, 2)
    if len(records) > 1:
        return Failed(f"Several records of {form.object_type} have {by} {key}: use Find records.", reason="ambiguous")
    record = shown(names, records[0], form.properties) if records else None
    return Done({"found": record is not None, "record": record}, "found" if record else "not found")


ACTION = connector_action(
    FindRecord,
    slug="findRecord",
    name="Find record",
    description="Reads one record by its id or by a field, such as a person's e-mail address.",
    output_schema=found_schema(RECORD),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
