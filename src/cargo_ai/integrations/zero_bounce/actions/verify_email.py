"""The action `verifyEmail`: whether an e-mail address can be written to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import (
    ActionRequest,
    Done,
    Form,
    InvalidConfig,
    Outcome,
    connector_action,
    object_of,
    ui,
    unexpected,
)

Json = Any
_EXPRESSION = ui(widget="ExpressionWidget")
_TEXT: Mapping[str, Json] = {"type": ["string", "null"]}


class VerifyEmail(Form):
    """Which address to verify."""

    email: str = Field(title="E-mail address", min_length=1, max_length=500, json_schema_extra=_EXPRESSION)
    ip_address: str = Field(
        default="",
        title="IP address",
        description="From which the address signed up, if known.",
        max_length=50,
        json_schema_extra=_EXPRESSION,
    )


async def perform(request: ActionRequest) -> Outcome:
    """The verdict, in `status`. What is not an address at all is a verdict, too."""
    form = request.form(VerifyEmail)
    email = form.email.strip()
    if not email:
        raise InvalidConfig("`email` is empty.")  # ZeroBounce blocks those who send many such requests
    # Each call is charged: one whose answer was lost is not repeated.
    answer = await request.service.call("GET", "/validate", query={"email": email, "ip_address": form.ip_address.strip()}, reads=False)
    verdict = object_of("ZeroBounce", answer, sent=True)
    if not verdict.get("status"):
        raise unexpected("ZeroBounce", answer, sent=True)
    sub_status = verdict.get("sub_status")
    return Done(verdict, f"{verdict['status']}, {sub_status}" if sub_status else str(verdict["status"]))


def _is_known(done: Done) -> bool:
    """Whether it is worth keeping: what could not be found out was not charged, and may be found out later."""
    return done.output["status"] != "unknown"


ACTION = connector_action(
    VerifyEmail,
    slug="verifyEmail",
    name="Verify e-mail address",
    description="Says whether an e-mail address can be written to; one credit each time.",
    hint="writes",
    idempotency="none",
    cacheable=_is_known,
    output_schema={
        "type": "object",
        "properties": {
            "address": _TEXT,
            "status": {"type": "string", "description": "valid, invalid, catch-all, unknown, spamtrap, abuse or do_not_mail."},
            "sub_status": {**_TEXT, "description": "Why, such as mailbox_not_found, disposable or role_based; new ones may come."},
            "free_email": {"type": ["boolean", "null"]},
            "did_you_mean": {**_TEXT, "description": "The address without a likely typing error."},
            "account": _TEXT,
            "domain": _TEXT,
            "domain_age_days": {"type": ["string", "integer", "null"]},
            "smtp_provider": _TEXT,
            "mx_found": {"type": ["string", "boolean", "null"], "description": "A text: true or false."},
            "mx_record": _TEXT,
            "firstname": _TEXT,
            "lastname": _TEXT,
            "gender": _TEXT,
            "country": _TEXT,
            "region": _TEXT,
            "city": _TEXT,
            "zipcode": _TEXT,
            "processed_at": _TEXT,
        },
        "required": ["status"],
    },
    perform=perform,
)
