"""Search records: read those that fit a condition in SOQL."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, connector_action
from cargo_ai.integrations.kit.found import records_schema
from cargo_ai.integrations.salesforce.describe import described
from cargo_ai.integrations.salesforce.fields import FIELDS, RECORD, OfObject
from cargo_ai.integrations.salesforce.records import MAX_QUERY, length_of, query, shown
from cargo_ai.integrations.salesforce.soql import checked_path, condition_of, select
from cargo_ai.integrations.salesforce.values import checked_name

Json = Any
MAX_RECORDS = 20_000


class Sort(Form):
    """The order."""

    property_name: str = Field(title="Field", min_length=1, max_length=500)
    direction: Literal["ASC", "DESC"] = Field(default="ASC", title="Direction")


class SearchRecords(OfObject):
    """What to search for."""

    where: str = Field(
        default="",
        title="Condition",
        description="SOQL, with parameters for values: `Amount > :least AND Owner.Email = :owner`. Never write a record's values into it.",
        max_length=10_000,
    )
    parameters: dict[str, Json] = Field(
        default={},
        title="Parameters",
        description="The values by name: texts, numbers, true, false, null, lists for IN; dates and patterns as {type, value} "
        "with type date, datetime, startsWith or contains.",
        max_length=100,
    )
    sorts: list[Sort] = Field(default=[], title="Order", description="By default by record id.", max_length=5)
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=MAX_RECORDS, title="At most", description="How many records.")


async def perform(request: ActionRequest) -> Done:
    """Read pages until there are enough."""
    form = request.form(SearchRecords)
    checked_name(form.object_type, "object")
    condition = condition_of(form.where, form.parameters)
    order = ", ".join(f"{checked_path(sort.property_name)} {sort.direction}" for sort in form.sorts) or "Id"
    names = form.properties or (await described(request, form.object_type)).usual_fields
    soql = select(names, form.object_type, condition, order, form.limit)
    if length_of(soql) > MAX_QUERY:
        raise InvalidConfig(f"the query is too long for an address of {MAX_QUERY:,} characters: read fewer fields, or name fewer values.")
    records: list[Json] = []
    total = 0
    async for page in query(request.service, soql):
        total = int(page.answer.body.get("totalSize") or 0)
        records += [shown(request.service, record) for record in page.items]
        if len(records) >= form.limit:
            break
    return Done({"total": total, "count": len(records), "records": records}, f"{len(records)} records")


ACTION = connector_action(
    SearchRecords,
    slug="searchRecords",
    name="Search records",
    description="Reads the records that fit a condition in SOQL, whose values are parameters.",
    output_schema=records_schema(RECORD, total="How many there are within `limit`."),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
