"""The action `reverseEmailLookup`: who is behind an e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.full_enrich.batches import MAX, Batches
from cargo_ai.integrations.kit import Done, Form, InvalidConfig, RowBatch, connector_action, ui
from cargo_ai.integrations.kit.calls.jobs import job_of
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.rows import batched

Json = Any
JsonObject = Mapping[str, Json]


class ReverseEmailLookup(Form):
    """Whose address it is that is asked about."""

    email: str = Field(title="E-mail address", min_length=1, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


def _entry(form: ReverseEmailLookup) -> JsonObject:
    email = form.email.strip()
    if "@" not in email.strip("@"):
        raise InvalidConfig("`email` is not an e-mail address.")
    return {"email": email}


def _done(result: JsonObject) -> Done:
    person: Json = result.get("profile") or None
    name = next(at(person, "full_name"), None)
    return Done({"found": person is not None, "profile": person}, str(name or "No one is known by that address"))


BATCHES = Batches[ReverseEmailLookup]("/contact/reverse/email/bulk", "cargo-ai reverseEmailLookup", _entry, _done)

ACTION = connector_action(
    ReverseEmailLookup,
    slug="reverseEmailLookup",
    name="Look up e-mail address",
    description="Finds out who is behind a business or personal e-mail address, in about a minute; a credit for one that is found.",
    hint="writes",
    idempotency="none",
    awaits=True,
    cacheable=lambda done: done.output["found"],
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "profile": {"type": ["object", "null"], "description": "The person and their employment, by FullEnrich's names."},
        },
        "required": ["found", "profile"],
    },
    rows=RowBatch(perform=batched(ReverseEmailLookup, BATCHES.act), max=MAX, alike=job_of),
)
