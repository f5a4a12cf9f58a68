"""The action `findEmail`: the likely e-mail address of a person at a company."""

from __future__ import annotations

from pydantic import ConfigDict

from cargo_ai.integrations.hunter.client import data_of
from cargo_ai.integrations.hunter.fields import FLAG, SCORE, SOURCES, TEXT, VERIFICATION, text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, Outcome, connector_action


class FindEmail(Form):
    """Whose address to find; the names are Hunter's."""

    model_config = ConfigDict(alias_generator=None)

    first_name: str = text_field("First name")
    last_name: str = text_field("Last name")
    full_name: str = text_field("Full name", "Instead of first and last name.")
    domain: str = text_field("Domain", "Of the company; better than its name.")
    company: str = text_field("Company", "Its name, where the domain is not known.")


async def perform(request: ActionRequest) -> Outcome:
    """The address; `found` is false where Hunter has none."""
    form = request.form(FindEmail)
    query = {name: text.strip() for name, text in form.model_dump().items() if text.strip()}
    if not (query.keys() >= {"first_name", "last_name"} or "full_name" in query):
        raise InvalidConfig("Give `first_name` and `last_name`, or `full_name`.")
    if "domain" not in query and "company" not in query:
        raise InvalidConfig("Give a `domain`, or the name of a `company`.")
    data = data_of(await request.service.get("/email-finder", query=query))
    email = data.get("email")
    return Done({"found": bool(email), **data}, str(email or "No address found"))


ACTION = connector_action(
    FindEmail,
    slug="findEmail",
    name="Find e-mail address",
    description="Finds the likely e-mail address of a person by name and company.",
    hint="reads",
    # Hunter charges for the same search once in a billing period.
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "email": TEXT,
            "score": SCORE,
            "accept_all": {**FLAG, "description": "Whether the mail server takes every address, so that none can be verified."},
            "first_name": TEXT,
            "last_name": TEXT,
            "position": TEXT,
            "company": TEXT,
            "domain": TEXT,
            "linkedin_url": TEXT,
            "twitter": TEXT,
            "phone_number": TEXT,
            "sources": SOURCES,
            "verification": VERIFICATION,
        },
        "required": ["found", "email"],
    },
    perform=perform,
)
