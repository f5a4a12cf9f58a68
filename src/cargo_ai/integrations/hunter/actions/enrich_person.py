"""The action `enrichPerson`: who is behind an e-mail address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.hunter.client import data_of, is_unknown
from cargo_ai.integrations.hunter.fields import TEXT, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, Outcome, ServiceError, connector_action
from cargo_ai.integrations.kit.errors import at

Json = Any


class EnrichPerson(Form):
    """Whose address it is that is asked about."""

    email: str = required_text_field("E-mail address")


async def perform(request: ActionRequest) -> Outcome:
    """The person; `found` is false where Hunter knows no one with that address."""
    email = request.form(EnrichPerson).email.strip()
    try:
        # It costs a credit, and only of searches and verifications Hunter says that a second time is free.
        answer = await request.service.call("GET", "/people/find", query={"email": email}, reads=False)
    except ServiceError as error:
        if not is_unknown(error):
            raise
        return Done({"found": False, "email": email}, "No one is known by that address")
    data = data_of(answer)
    return Done({"found": True, **data}, str(next(at(data, "name.fullName"), None) or email))


def _object(*names: str) -> Mapping[str, Json]:
    return {"type": ["object", "null"], "properties": dict.fromkeys(names, TEXT)}


ACTION = connector_action(
    EnrichPerson,
    slug="enrichPerson",
    name="Enrich person",
    description="Finds out who is behind an e-mail address: name, place, employment and profiles.",
    hint="writes",
    idempotency="none",
    # What was paid for once may be given again.
    cacheable=lambda _done: True,
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "email": TEXT,
            "name": _object("fullName", "givenName", "familyName"),
            "location": TEXT,
            "timeZone": TEXT,
            "geo": _object("city", "state", "stateCode", "country", "countryCode"),
            "employment": _object("domain", "name", "title", "role", "subRole", "seniority"),
            "linkedin": _object("handle"),
            "twitter": _object("handle"),
            "github": _object("handle"),
            "facebook": _object("handle"),
            "phone": TEXT,
            "bio": TEXT,
            "site": TEXT,
            "avatar": TEXT,
        },
        "required": ["found", "email"],
    },
    perform=perform,
)
