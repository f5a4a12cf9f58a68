"""The action `matchBusiness`: the id of one company, by its domain or name."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.cargo import business
from cargo_ai.integrations.kit import ActionRequest, Form, InvalidConfig, Outcome, connector_action, ui
from cargo_ai.integrations.kit.answering import ANSWERED_BY


class MatchBusiness(Form):
    """Which company it is."""

    domain: str = Field(default="", title="Domain", max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))
    name: str = Field(default="", title="Name", max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


async def perform(request: ActionRequest) -> Outcome:
    """The company; `found` is false, and `business_id` null, where it is not known."""
    form = request.form(MatchBusiness)
    domain, name = form.domain.strip(), form.name.strip()
    if not (domain or name):
        raise InvalidConfig("Give a `domain` or a `name`.")
    return await business.match(request, domain, name)


ACTION = connector_action(
    MatchBusiness,
    slug="matchBusiness",
    name="Match business",
    description="Finds one company by domain or name, and gives the id by which the other actions find it.",
    hint="writes",
    # The one that answers is paid for it.
    idempotency="none",
    cacheable=lambda done: done.output["found"],
    output_schema={
        "type": "object",
        "properties": {
            "found": {"type": "boolean"},
            "business_id": {"type": ["string", "null"]},
            "name": {"type": ["string", "null"]},
            "website": {"type": ["string", "null"]},
            "answeredBy": ANSWERED_BY,
        },
        "required": ["found", "business_id", "answeredBy"],
    },
    perform=perform,
)
