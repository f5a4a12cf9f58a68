"""Output schemas of actions that look records up: one record, or a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Any


def found_schema(record: Mapping[str, Json], name: str = "record") -> Mapping[str, Json]:
    """One record under its name, null where `found` is false."""
    return {
        "type": "object",
        "properties": {"found": {"type": "boolean"}, name: {"anyOf": [record, {"type": "null"}]}},
        "required": ["found", name],
    }


def records_schema(record: Mapping[str, Json], *, total: str = "", more: bool = False) -> Mapping[str, Json]:
    """Records and how many these are. total: what `total` counts, where it is given. more: whether `more` says that there are others."""
    properties: dict[str, Json] = {"total": {"type": "integer", "description": total}} if total else {}
    properties["count"] = {"type": "integer"}
    if more:
        properties["more"] = {"type": "boolean", "description": "Whether there are more than those given."}
    properties["records"] = {"type": "array", "items": record}
    return {"type": "object", "properties": properties, "required": [*properties]}
