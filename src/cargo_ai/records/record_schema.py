"""The JSON Schema of a model's records, as nodes receive and give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cargo_ai.records.catalog import Relation
from cargo_ai.records.rows import all_columns

_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "string": {"type": ["string", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date-time"},
    "object": {"type": ["object", "null"]},
    "array": {"type": ["array", "null"]},
    "vector": {"type": ["array", "null"]},
    "any": {},
}


def record_schema(relation: Relation) -> dict[str, Any]:
    """Every column of every kind by its slug, and no other field; the record may be null where none was found."""
    columns = {column.slug: _TYPES[column.type] for column in all_columns(relation)}
    return {"type": ["object", "null"], "properties": columns, "required": list(columns), "additionalProperties": False}
