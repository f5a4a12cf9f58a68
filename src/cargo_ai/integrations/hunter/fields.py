"""Fields that the forms of several actions share, and parts of what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ui

Json = Any
Schema = Mapping[str, Json]

TEXT: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": ["boolean", "null"]}
SCORE: Schema = {"type": ["integer", "null"], "description": "How sure Hunter is, from 0 to 100."}
SOURCES: Schema = {
    "type": "array",
    "description": "Pages on which Hunter has seen the address.",
    "items": {
        "type": "object",
        "properties": {"domain": TEXT, "uri": TEXT, "extracted_on": TEXT, "last_seen_on": TEXT, "still_on_page": FLAG},
    },
}
VERIFICATION: Schema = {
    "type": ["object", "null"],
    "properties": {"date": TEXT, "status": {**TEXT, "description": "valid, accept_all, unknown; null: not verified."}},
}


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out; an empty one counts as left out."""
    return Field(default="", title=title, description=description, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


def required_text_field(title: str, description: str | None = None) -> Any:
    """A text that is needed."""
    return Field(title=title, description=description, min_length=1, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))
