"""Search records: read those that fit filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from cargo_ai.integrations.attio.attributes import attributes_of
from cargo_ai.integrations.attio.fields import FIELDS, RECORD, OfObject
from cargo_ai.integrations.attio.records import OLDEST_FIRST, query, shown
from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, connector_action
from cargo_ai.integrations.kit.found import records_schema

Json = Any
JsonObject = dict[str, Json]
Operator = Literal["EQ", "NEQ", "LT", "LTE", "GT", "GTE", "IN", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "HAS_PROPERTY", "NOT_HAS_PROPERTY"]
MAX_RECORDS = 10_000
MAX_CONDITIONS = 100


class Filter(Form):
    """One condition."""

    property_name: str = Field(
        title="Property",
        description="The slug of an attribute; a part of its value after a dot, as in email_addresses.email_domain.",
        min_length=1,
        max_length=400,
    )
    operator: Operator = Field(title="Operator")
    value: Json = Field(default=None, title="Value")
    values: list[Json] = Field(default=[], title="Values", description="For IN.", max_length=MAX_CONDITIONS)


class FilterGroup(Form):
    """Conditions that hold together."""

    filters: list[Filter] = Field(title="Filters", min_length=1, max_length=MAX_CONDITIONS)


class Sort(Form):
    """One step of the order."""

    property_name: str = FIELDS.property("Property")
    field: str = Field(default="", title="Part", description="Of a value with several parts, such as last_name of a name.")
    direction: Literal["ASCENDING", "DESCENDING"] = Field(default="ASCENDING", title="Direction")


class SearchRecords(OfObject):
    """What to search for."""

    filter_groups: list[FilterGroup] = Field(
        default=[], title="Filters", description="Groups of conditions; a record fits when one group does.", max_length=MAX_CONDITIONS
    )
    filter: dict[str, Json] = Field(default={}, title="Attio's filter", description="In Attio's own language, instead of `filterGroups`.")
    sorts: list[Sort] = Field(default=[], title="Order", description="By default the oldest first.", max_length=10)
    properties: list[str] = FIELDS.properties()
    limit: int = Field(default=100, ge=1, le=MAX_RECORDS, title="At most", description="How many records are given.")


async def perform(request: ActionRequest) -> Done:
    """Page until there are enough; one more than that is read to know whether there are more."""
    form = request.form(SearchRecords)
    if form.filter and form.filter_groups:
        raise InvalidConfig("Give either `filter` or `filterGroups`, not both.")
    attributes = await attributes_of(request.service, form.object_type, form.properties)
    records: list[JsonObject] = []
    more = False
    where = form.filter or _where(form.filter_groups)
    async for record in query(request.service, form.object_type, where=where, sorts=_sorts(form.sorts), limit=form.limit + 1):
        if len(records) == form.limit:
            more = True
        else:
            records.append(shown(attributes, record, form.properties))
    return Done({"count": len(records), "more": more, "records": records}, f"{len(records)} found")


def _sorts(sorts: list[Sort]) -> list[Mapping[str, Json]]:
    directions = {"ASCENDING": "asc", "DESCENDING": "desc"}
    return [
        {"attribute": sort.property_name, "direction": directions[sort.direction], **({"field": sort.field} if sort.field else {})}
        for sort in sorts
    ] or list(OLDEST_FIRST)


def _where(groups: list[FilterGroup]) -> JsonObject:
    choices = [_all_of([_condition(one) for one in group.filters]) for group in groups]
    return {} if not choices else choices[0] if len(choices) == 1 else {"$or": choices}


def _all_of(conditions: list[JsonObject]) -> JsonObject:
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def _condition(filter: Filter) -> JsonObject:
    name, operator = filter.property_name, filter.operator
    value: object = filter.value
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        condition = _at(name, {"$not_empty": True})
    elif operator == "IN":
        if not filter.values:
            raise InvalidConfig(f"`filterGroups`: IN of {name} needs `values`.")
        condition = _at(name, {"$in": filter.values})
    elif value is None:
        raise InvalidConfig(f"`filterGroups`: {operator} of {name} needs `value`.")
    elif isinstance(value, dict):
        # What Attio compares in parts, such as a reference to a record, is given as an object of them.
        if operator not in ("EQ", "NEQ"):
            raise InvalidConfig(f"`filterGroups`: {operator} of {name} compares with one value; an object goes with EQ and NEQ.")
        condition = _at(name, cast("JsonObject", value))
    else:
        condition = _at(name, {"$eq" if operator == "NEQ" else f"${operator.lower()}": value})
    return {"$not": condition} if operator in ("NEQ", "NOT_HAS_PROPERTY") else condition


def _at(name: str, condition: JsonObject) -> JsonObject:
    """A condition on an attribute, or on a part of its value."""
    for part in reversed(name.split(".")):
        condition = {part: condition}
    return condition


ACTION = connector_action(
    SearchRecords,
    slug="searchRecords",
    name="Search records",
    description=f"Reads the records that fit filters, up to {MAX_RECORDS:,}.",
    output_schema=records_schema(RECORD, more=True),
    perform=perform,
    idempotency="reads",
    hint="reads",
)
