"""The actions `person_enrich` and `enrichPerson`: one person by their e-mail address, under each of its names."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.clearbit.actions.company import TEXT, object_of
from cargo_ai.integrations.clearbit.answering import answered
from cargo_ai.integrations.clearbit.providers import PEOPLE
from cargo_ai.integrations.kit import ActionRequest, ConnectorAction, Form, InvalidConfig, Outcome, connector_action, ui
from cargo_ai.integrations.kit.answering import ANSWERED_BY


class PersonEnrich(Form):
    """Who it is."""

    email: str = Field(title="E-mail address", min_length=1, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


async def perform(request: ActionRequest) -> Outcome:
    """The person; `found` is false where they are not known."""
    email = request.form(PersonEnrich).email.strip()
    if not email:
        raise InvalidConfig("`email` is empty.")
    return await answered(request, email, PEOPLE)


NAMES = ("person_enrich", "enrichPerson")


def _action(slug: str) -> ConnectorAction:
    return connector_action(
        PersonEnrich,
        slug=slug,
        name="Enrich person",
        description="Finds one person by their e-mail address; another service answers, for Clearbit takes no new customers.",
        hint="writes",
        idempotency="none",
        cacheable=lambda done: done.output["found"],
        output_schema={
            "type": "object",
            "properties": {
                "found": {"type": "boolean"},
                "id": TEXT,
                "name": object_of(fullName=TEXT, givenName=TEXT, familyName=TEXT),
                "email": TEXT,
                "location": TEXT,
                "employment": object_of(name=TEXT, domain=TEXT, title=TEXT, seniority=TEXT),
                "linkedin": object_of(handle=TEXT),
                "answeredBy": ANSWERED_BY,
            },
            "required": ["found", "name", "email", "employment", "answeredBy"],
        },
        perform=perform,
        alias_of="" if slug == NAMES[0] else NAMES[0],
    )


ACTIONS = tuple(map(_action, NAMES))
