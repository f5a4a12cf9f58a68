"""Search records: read those that fit filters or a text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.hubspot.fields import FIELDS, RECORD, OfObject
from cargo_ai.integrations.hubspot.records import MAX_FILTERS, SEARCH_RESULTS, property_text, search
from cargo_ai.integrations.hubspot.rows import shown
from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, connector_action
from cargo_ai.integrations.kit.found import records_schema

Json = Any
Operator = Literal[
    "EQ",
    "NEQ",
    "LT",
    "LTE",
    "GT",
    "GTE",
    "BETWEEN",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
]
MAX_GROUPS = 5
MAX_RECORDS = 20_000


class Filter(Form):
    """One condition."""

    property_name: str = Field(title="Property", min_length=1)
    operator: Operator = Field(title="Operator")
    value: Json = Field(default=None, title="Value")
    high_value: Json = Field(default=None, title="Highest value", description="For BETWEEN.")
    values: list[Json] = Field(default=[], title="Values", description="For IN and NOT_IN.", max_length=100)


class FilterGroup(Form):
    """Conditions that hold together."""

    filters: list[Filter] = Field(title="Filters", min_length=1, max_length=MAX_FILTERS)


class Sort(Form):
    """The order."""

    property_name: str = Field(title="Property", min_length=1)
    direction: Literal["ASCENDING", "DESCENDING"] = Field(default="ASCENDING", title="Direction")


class SearchRecords(OfObject):
    """What to search for."""

    filter_groups: list[FilterGroup] = Field(
        default=[], title="Filters", description="Groups of conditions; a record fits when one group does.", max_length=MAX_GROUPS
    )
    query: str = Field(
        default="", title="Text", description="Searched in the properties that HubSpot searches by default.", max_length=3000
    )
    sorts: list[Sort] = Field(default=[], title="Order", description="At most one; by default by record id.", max_length=1)
    properties: list[str] = FIELDS.properties()
    limit: int = Field(
        default=100, ge=1, le=MAX_RECORDS, title="At most", description=f"How many; above {SEARCH_RESULTS:,} only without an order."
    )


async def perform(request: ActionRequest) -> Done:
    """Page until there are enough."""
    form = request.form(SearchRecords)
    records: list[Json] = []
    total = 0
    pages = search(
        request.service,
        form.object_type,
        groups=[[_filter(one) for one in group.filters] for group in form.filter_groups],
        query=form.query,
        sorts=[{"propertyName": sort.property_name, "direction": sort.direction} for sort in form.sorts],
        properties=form.properties,
        limit=form.limit,
    )
    async for found, page in pages:
        total = found
        records += [shown(record) for record in page]
    return Done({"total": total, "count": len(records), "records": records}, f"{len(records)} of {total}")


def _filter(condition: Filter) -> dict[str, Json]:
    """The condition as HubSpot takes it; the search compares texts in lower case for IN and NOT_IN."""
    name, operator = condition.property_name, condition.operator
    document: dict[str, Json] = {"propertyName": name, "operator": operator}
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return document
    if operator in ("IN", "NOT_IN"):
        if not condition.values:
            raise InvalidConfig(f"`filterGroups`: {operator} of {name} needs `values`.")
        return {**document, "values": [property_text(value).lower() for value in condition.values]}
    if condition.value is None or (operator == "BETWEEN" and condition.high_value is None):
        missing = "`value`" if operator != "BETWEEN" else "`value` and `highValue`"
        raise InvalidConfig(f"`filterGroups`: {operator} of {name} needs {missing}.")
    document["value"] = property_text(condition.value)
    return {**document, "highValue": property_text(condition.high_value)} if operator == "BETWEEN" else document


ACTION = connector_action(
    SearchRecords,
    slug="searchRecords",
    name="Search records",
    description="Reads the records that fit filters or a text. New records are found a few moments after they were created.",
    output_schema=records_schema(RECORD, total="How many fit, whether or not they are given."),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
