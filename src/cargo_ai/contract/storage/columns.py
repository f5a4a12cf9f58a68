"""Column kinds and types, in every spelling that documents use."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints

from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

ColumnType = Literal["string", "number", "object", "array", "date", "boolean", "vector", "any"]
ColumnKind = Literal["original", "custom", "computed", "metric", "lookup"]
Function = Literal["AVG", "COUNT", "MAX", "MIN", "SUM"]

Slug = Annotated[
    str, StringConstraints(min_length=1, max_length=60), Field(description="Its name: letters, digits and `_`, not beginning with `_`.")
]
Named = Annotated[str, StringConstraints(min_length=1, max_length=80)]
"""A column that is there already; `<kind>__<slug>` is understood too."""
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
    """What a metric makes of the related records: a function over one of their columns."""

    function: Annotated[Function, BeforeValidator(_upper)]
    column_slug: Named = "_id"


class Join(Wire):
    """Where a lookup looks: records of the other model whose column equals one of ours."""

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
    """A column that the model was made with. `original_slug`: its name at the source."""

    kind: Literal["original"] = "original"
    original_slug: str = ""


class CustomColumn(_Column):
    """A stored column that users write."""

    kind: Literal["custom"]


class ComputedColumn(_Column):
    """A column that an expression over the record fills; it is computed whenever the record is written."""

    kind: Literal["computed"]
    expression: Annotated[Expression, BeforeValidator(_expression)] = Field(validation_alias=AliasChoices("expression", "value"))
    columns_used: list[str] | None = None


class MetricColumn(_Column):
    """An aggregate over the records that a relationship leads to."""

    kind: Literal["metric"]
    type: ColumnType = "number"
    relationship_uuid: Uuid
    aggregation: Aggregation
    filter: JsonObject | None = None


class LookupColumn(_Column):
    """One field of a related record: of the first by id where there are several."""

    kind: Literal["lookup"]
    join: Join
    extract_column_slug: Named
    filter: JsonObject | None = None


AdditionalColumn = Annotated[CustomColumn | ComputedColumn | MetricColumn | LookupColumn, Field(discriminator="kind")]
Column = Annotated[OriginalColumn | CustomColumn | ComputedColumn | MetricColumn | LookupColumn, Field(discriminator="kind")]


class ListedColumn(Sparse):
    """A column as lists show it: of any kind, with what it is made of and its position."""

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
