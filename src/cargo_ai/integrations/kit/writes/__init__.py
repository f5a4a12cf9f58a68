"""Write-backs: values on records of a service, matched by a property, with a result for each row."""

from __future__ import annotations

from cargo_ai.integrations.kit.writes.values import (
    MAX_MAPPINGS,
    WRITTEN,
    WRITTEN_RECORDS,
    Assignment,
    Mappings,
    MatchPolicy,
    Operation,
    assigned,
    is_null,
    key_of,
    rounds,
    with_output,
    written,
    written_records,
)

__all__ = [
    "MAX_MAPPINGS",
    "WRITTEN",
    "WRITTEN_RECORDS",
    "Assignment",
    "Mappings",
    "MatchPolicy",
    "Operation",
    "assigned",
    "is_null",
    "key_of",
    "rounds",
    "with_output",
    "written",
    "written_records",
]
