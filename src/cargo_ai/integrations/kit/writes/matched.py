"""The output of actions that only check whether records with a value exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.engine.graph.action import Done

Json = Any
MAX_IDS = 100
MATCHED: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "matched": {"type": "boolean"},
        "count": {"type": "integer"},
        "recordId": {"type": ["string", "null"], "description": "The oldest one."},
        "recordIds": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["matched", "count", "recordId"],
}


def matched(ids: Sequence[str]) -> Done:
    """The outcome for the ids of the records that match, the oldest first."""
    output = {"matched": bool(ids), "count": len(ids), "recordId": ids[0] if ids else None, "recordIds": [*ids[:MAX_IDS]]}
    return Done(output, f"{len(ids)} matched")
