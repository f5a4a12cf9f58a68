"""Column kinds and types, in every spelling that documents use."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints

from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire

ColumnType = Literal["string", "number", "object", "array", "date", "boolean", "vector", "any"]
ColumnKind = Literal["original", "custom", "computed", "metric", "lookup"]
Function = Literal["AVG", "COUNT", "MAX", "MIN", "SUM"]
RunStatus = Literal["pending", "running", "cancelling", "cancelled", "error", "success"]

Slug = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60),
    Field(description="The name: letters, digits and `_`, not beginning with `_`."),
]
Named = Annotated[str, StringConstraints(min_length=1, max_length=80)]
"""The slug of an existing column; `<kind>__<slug>` is accepted too."""
Label = Annotated[str, StringConstraints(max_length=200)]
Description = Annotated[str, StringConstraints(max_length=2_000)]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else cast("object", value)


def _expression(value: Any) -> Any:
    """A text alone is JavaScript."""
    return {"kind": "jsExpression", "expression": value} if isinstance(value, str) else cast("object", value)


class Expression(Sparse):
    """JavaScript, or a text with `{{ JavaScript }}` in it, over `record`."""

    kind: Literal["jsExpression", "templateExpression"] = "jsExpression"
    expression: Annotated[str, Field(max_length=20_000, validation_alias=AliasChoices("expression", "value"))]
    instruct_to: Literal["none", "ai"] = "none"
    from_recipe: bool = False
    recipe: JsonObject | None = None


class Aggregation(Wire):
    """The aggregate of a metric: a function over one column of the related records."""

    function: Annotated[Function, BeforeValidator(_upper)]
    column_slug: Named = "_id"


class Join(Wire):
    """The join of a lookup: records of the other model whose column equals a column of this model."""

    to_model_uuid: Uuid
    from_column_slug: Named
    to_column_slug: Named


class _Column(Sparse):
    slug: Slug
    type: ColumnType = "string"
    properties: Annotated[list[str], Field(max_length=500)] | None = None
    label: Label = ""
    description: Description | None = None


class OriginalColumn(_Column):
    """A column of the model's source. `original_slug`: its name at the source."""

    kind: Literal["original"] = "original"
    original_slug: str = ""


class CustomColumn(_Column):
    """A stored column that users write."""

    kind: Literal["custom"]


class ComputedColumn(_Column):
    """A column computed by an expression over the record and its lookups, whenever the record or what it looks up is written."""

    kind: Literal["computed"]
    expression: Annotated[Expression, BeforeValidator(_expression)] = Field(validation_alias=AliasChoices("expression", "value"))
    columns_used: list[str] | None = None


class MetricColumn(_Column):
    """An aggregate over the records related by a relationship."""

    kind: Literal["metric"]
    type: ColumnType = "number"
    relationship_uuid: Uuid
    aggregation: Aggregation
    filter: JsonObject | None = None


class LookupColumn(_Column):
    """One column of a related record: of the first by id where several match."""

    kind: Literal["lookup"]
    join: Join
    extract_column_slug: Named
    filter: JsonObject | None = None


AdditionalColumn = Annotated[CustomColumn | ComputedColumn | MetricColumn | LookupColumn, Field(discriminator="kind")]
Column = Annotated[OriginalColumn | CustomColumn | ComputedColumn | MetricColumn | LookupColumn, Field(discriminator="kind")]


class Filling(Wire):
    """The fill of computed columns of which not all records have their values. It is under way, or ended early: `status` says which."""

    run_uuid: Uuid
    column_slugs: list[str]
    status: RunStatus
    records_done: int
    records_total: int
    since: Timestamp
    error_message: str | None


class ListedColumn(Sparse):
    """A column of any kind, with its definition and position. `filling`: while not all records have their values."""

    slug: str
    type: ColumnType
    label: str
    kind: ColumnKind
    position: int
    description: str | None = None
    properties: list[str] | None = None
    original_slug: str | None = None
    expression: Expression | None = None
    columns_used: list[str] | None = None
    relationship_uuid: Uuid | None = None
    aggregation: Aggregation | None = None
    join: Join | None = None
    extract_column_slug: str | None = None
    filter: JsonObject | None = None
    filling: Filling | None = None
