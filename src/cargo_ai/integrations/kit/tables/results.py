"""What actions of databases and warehouses give: the rows that were read, and how many were changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.engine.graph.action import Done

Json = Any
MAX_ROWS = 10_000
"""That a query gives at most."""


def rows_schema(beyond: str = "`limit`") -> Mapping[str, Json]:
    """The schema of `rows_read`. beyond: where the rows end, besides by themselves."""
    return {
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"type": "object"}},
            "rowsCount": {"type": "integer"},
            "hasMore": {"type": "boolean", "description": f"Whether there were rows beyond {beyond}."},
        },
        "required": ["rows", "rowsCount", "hasMore"],
        "additionalProperties": False,
    }


def rows_read(rows: Sequence[Json], *, has_more: bool) -> Done:
    """The outcome of a query."""
    return Done({"rows": rows, "rowsCount": len(rows), "hasMore": has_more}, f"{len(rows)}{'+' if has_more else ''} rows")


def changed_schema(service: str, handle: str) -> Mapping[str, Json]:
    """The schema of `rows_changed`, for a service that gives a statement a name in `handle`, and may not say what it has changed."""
    return {
        "type": "object",
        "properties": {
            "changedCount": {"type": ["integer", "null"], "description": f"How many rows it changed; null where {service} does not say."},
            handle: {"type": "string"},
        },
        "required": ["changedCount", handle],
        "additionalProperties": False,
    }


def rows_changed(count: int | None, **handle: str) -> Done:
    """The outcome of a statement that changes something."""
    return Done({"changedCount": count, **handle}, "" if count is None else f"{count} rows changed")


def written_schema(service: str) -> Mapping[str, Json]:
    """The schema of what became of a row."""
    return {
        "type": "object",
        "properties": {
            "operation": {
                "type": "string",
                "enum": ["created", "updated", "written"],
                "description": f"written: created or updated; of a batch in which there is both, {service} does not say which.",
            },
            "table": {"type": "string"},
        },
        "required": ["operation", "table"],
        "additionalProperties": False,
    }


def operation_of(inserted: int, updated: int) -> str:
    """What became of each row of a statement that inserted and updated this many."""
    return "created" if inserted and not updated else "updated" if updated and not inserted else "written"
