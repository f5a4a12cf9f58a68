"""Find record: read one by its id or by an attribute that is unique."""

from __future__ import annotations

from cargo_ai.integrations.attio.fields import FIELDS, RECORD, Matching
from cargo_ai.integrations.attio.matching import matching
from cargo_ai.integrations.attio.records import shown
from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Outcome, connector_action
from cargo_ai.integrations.kit.found import found_schema
from cargo_ai.integrations.kit.writes import key_of


class FindRecord(Matching):
    """Which record, and what of it."""

    properties: list[str] = FIELDS.properties()


async def perform(request: ActionRequest) -> Outcome:
    """Read it; one that is not there is an answer, too."""
    form = request.form(FindRecord)
    by, key = form.matching_property_name, key_of(form.matching_value)
    matches = await matching(request.service, form.object_type, by, key, names=form.properties, most=1)
    if matches.more:
        return Failed(f"Several records of {form.object_type} have {by} {key}: use Find records.", reason="ambiguous")
    record = shown(matches.attributes, matches.records[0], form.properties) if matches.records else None
    return Done({"found": record is not None, "record": record}, "found" if record else "not found")


ACTION = connector_action(
    FindRecord,
    slug="findRecord",
    name="Find record",
    description="Reads one record by its id or by a unique attribute, such as a person's e-mail address or a company's domain.",
    output_schema=found_schema(RECORD),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
