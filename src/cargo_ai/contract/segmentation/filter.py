"""Filters: conditions on the records of a model, in every spelling that documents use."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, cast

from pydantic import AliasChoices, BeforeValidator, Discriminator, Field, Tag

from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.wire import Uuid, Wire

Conjonction = Literal["and", "or"]
NullOperator = Literal["isNull", "isNotNull", "isEmpty", "isNotEmpty"]
TextOperator = Literal["is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith"]
Number = Annotated[float, Field(allow_inf_nan=False)]
Slug = Annotated[str, Field(min_length=1, max_length=200)]

MAXIMUM_CONDITIONS = 200
_COLUMN = AliasChoices("columnSlug", "column_slug", "slug", "field")


def _items(value: Any) -> Any:
    return cast("Any", value) if isinstance(value, list) or value is None else [value]


class _OnColumn(Sparse):
    """A condition on a column, of this model or of a related one."""

    related_model_uuid: Uuid | None = None
    column_slug: Slug = Field(validation_alias=_COLUMN)


class StringCondition(_OnColumn):
    """Text: `is` and `isNot` are case-sensitive, the others are not. Several values: any of them (for negations: none of them)."""

    kind: Literal["string"]
    operator: TextOperator | NullOperator
    values: Annotated[list[str], BeforeValidator(_items)] | None = Field(default=None, validation_alias=AliasChoices("values", "value"))


class NumberCondition(_OnColumn):
    """Numbers; `between` includes both ends: `firstValue` and `lastValue`, or `value` and `otherValue`."""

    kind: Literal["number"]
    operator: Literal["is", "isNot", "greaterThan", "lowerThan", "between"] | NullOperator
    value: Number | None = None
    first_value: Number | None = Field(default=None, validation_alias=AliasChoices("firstValue", "first_value"))
    last_value: Number | None = Field(default=None, validation_alias=AliasChoices("lastValue", "last_value", "otherValue"))


class DateCondition(_OnColumn):
    """Timestamps: ISO 8601, a day (that whole UTC day), or a span before now such as `3 months`."""

    kind: Literal["date"]
    operator: Literal["is", "isNot", "greaterThan", "lowerThan", "between"] | NullOperator
    value: str | None = None
    first_value: str | None = Field(default=None, validation_alias=AliasChoices("firstValue", "first_value"))
    last_value: str | None = Field(default=None, validation_alias=AliasChoices("lastValue", "last_value", "otherValue"))


class BooleanCondition(_OnColumn):
    """True or false."""

    kind: Literal["boolean"]
    operator: Literal["isTrue", "isFalse"] | NullOperator


class PropertyCondition(_OnColumn):
    """A property of an object; dots reach nested properties."""

    kind: Literal["objectProperty"] = "objectProperty"
    column_slug: Slug = Field(default="-", validation_alias=_COLUMN)
    property_name: Slug
    operator: TextOperator | Literal["greaterThan", "lowerThan", "between"] | NullOperator
    value: str | float | bool | None = Field(default=None, validation_alias=AliasChoices("value", "firstValue"))
    other_value: str | float | None = Field(default=None, validation_alias=AliasChoices("otherValue", "other_value", "lastValue"))


class ObjectCondition(_OnColumn):
    """An object, or (`array`) any element of an array, whose properties match."""

    kind: Literal["object", "array"]
    operator: Literal["matchConditions"] | NullOperator
    conjonction: Conjonction | None = None
    property_conditions: list[PropertyCondition] | None = Field(
        default=None, validation_alias=AliasChoices("propertyConditions", "property_conditions", "conditions")
    )


class AnyCondition(_OnColumn):
    """A vector, or a value of any type: present or not."""

    kind: Literal["vector", "any"]
    operator: NullOperator


class SegmentCondition(Wire):
    """In another segment of the same model, or not."""

    kind: Literal["segment"]
    operator: Literal["in", "notIn"]
    segment_uuid: Uuid


class Frequency(Sparse):
    """How often: never (`not`), or more than, less than, exactly this many times."""

    operator: Literal["not", "moreThan", "lessThan", "exactly"]
    value: Annotated[int, Field(ge=0)] | None = None


class Period(Wire):
    """When: less than, more than or exactly this many days ago. More than 0 days: at any time."""

    operator: Literal["lessThan", "moreThan", "exactly"]
    value: Annotated[int, Field(ge=0, le=100_000)]
    unit: Literal["day"] = "day"


class EnrollmentCondition(Sparse):
    """How often the record was run through a workflow."""

    kind: Literal["enrollment"]
    workflow_uuid: Uuid
    activity_kind: Literal["workflowEntered", "workflowNodeExecuted", "workflowLeft"]
    node_slug: Slug | None = None
    frequency: Frequency
    period: Period


class SqlCondition(Wire):
    """A boolean expression in SQL, validated like every user query."""

    kind: Literal["sql"]
    name: str = ""
    clause: Annotated[str, Field(min_length=1, max_length=10_000)]


def _kind(value: Any) -> str:
    kind: Any = cast("dict[str, Any]", value).get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return {"array": "object", "vector": "any"}.get(str(kind), str(kind))


PlainCondition = Annotated[
    Annotated[StringCondition, Tag("string")]
    | Annotated[NumberCondition, Tag("number")]
    | Annotated[DateCondition, Tag("date")]
    | Annotated[BooleanCondition, Tag("boolean")]
    | Annotated[ObjectCondition, Tag("object")]
    | Annotated[AnyCondition, Tag("any")]
    | Annotated[PropertyCondition, Tag("objectProperty")],
    Discriminator(_kind),
]


class OccurrenceCondition(Sparse):
    """How many related records match."""

    kind: Literal["occurrence"]
    related_model_uuid: Uuid
    frequency: Frequency
    period: Period | None = None
    conjonction: Conjonction | None = None
    conditions: Annotated[list[PlainCondition], Field(max_length=MAXIMUM_CONDITIONS)] = Field(default_factory=list[Any])


Condition = Annotated[
    Annotated[StringCondition, Tag("string")]
    | Annotated[NumberCondition, Tag("number")]
    | Annotated[DateCondition, Tag("date")]
    | Annotated[BooleanCondition, Tag("boolean")]
    | Annotated[ObjectCondition, Tag("object")]
    | Annotated[AnyCondition, Tag("any")]
    | Annotated[PropertyCondition, Tag("objectProperty")]
    | Annotated[SegmentCondition, Tag("segment")]
    | Annotated[EnrollmentCondition, Tag("enrollment")]
    | Annotated[OccurrenceCondition, Tag("occurrence")]
    | Annotated[SqlCondition, Tag("sql")],
    Discriminator(_kind),
]


class Group(Sparse):
    """Conditions that all hold (`and`) or one of which holds (`or`). Without `conjonction` nothing matches."""

    conjonction: Conjonction | None = None
    conditions: Annotated[list[Condition], Field(max_length=MAXIMUM_CONDITIONS)] = Field(default_factory=list[Any])
    groups: Annotated[list[Group], Field(max_length=50)] = Field(default_factory=list[Any])


class Filter(Sparse):
    """Groups of conditions; no group at all is every record. Without `conjonction` nothing matches."""

    conjonction: Conjonction | None = None
    groups: Annotated[list[Group], Field(max_length=50)] = Field(default_factory=list[Any])


class Order(Wire):
    """One key of a sort order; nulls come last."""

    column_slug: Slug = Field(validation_alias=_COLUMN)
    kind: Literal["asc", "desc"] = "asc"


Sort = Annotated[list[Order], Field(max_length=10)]
EVERYTHING = Filter(conjonction="and", groups=[])

FILTER: Final = (
    'The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":'
    '[{"kind":"string","columnSlug":"country","operator":"is","values":["France"]}]}]}. No groups: all records.'
)
SORT: Final = 'The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).'
