"""The action `verifyEmail`: whether an e-mail address can be delivered to."""

from __future__ import annotations

from cargo_ai.integrations.hunter.client import data_of
from cargo_ai.integrations.hunter.fields import FLAG, SCORE, SOURCES, TEXT, required_text_field
from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Form, Later, Outcome, connector_action

FIRST_WAIT = 5.0
LONGEST_WAIT = 60.0
MAX_WAITS = 20
"""About a quarter of an hour."""


class VerifyEmail(Form):
    """Which address to verify."""

    email: str = required_text_field("E-mail address")


async def perform(request: ActionRequest) -> Outcome:
    """The verdict. Slow mail servers take longer than one call: Hunter is asked again, which counts as the same verification."""
    answer = await request.service.get("/email-verifier", query={"email": request.form(VerifyEmail).email.strip()})
    if answer.status == 202:
        waits = request.call.meta if isinstance(request.call.meta, int) else 0
        if waits >= MAX_WAITS:
            return Failed("Hunter: the mail server of the address is still being asked; try again later.", reason="verificationPending")
        return Later(min(FIRST_WAIT * 2**waits, LONGEST_WAIT), waits + 1, "Hunter is verifying the address")
    data = data_of(answer)
    return Done(data, str(data.get("status") or "unknown"))


ACTION = connector_action(
    VerifyEmail,
    slug="verifyEmail",
    name="Verify e-mail address",
    description="Says whether an e-mail address can be delivered to.",
    hint="reads",
    # Hunter charges for the same verification once in a billing period.
    idempotency="reads",
    output_schema={
        "type": "object",
        "properties": {
            "status": {**TEXT, "description": "valid, invalid, accept_all, webmail, disposable or unknown."},
            "score": SCORE,
            "email": TEXT,
            "result": {**TEXT, "description": "deliverable, undeliverable or risky; Hunter means to drop it: use status."},
            "regexp": FLAG,
            "gibberish": FLAG,
            "disposable": FLAG,
            "webmail": FLAG,
            "mx_records": FLAG,
            "smtp_server": FLAG,
            "smtp_check": FLAG,
            "accept_all": FLAG,
            "block": FLAG,
            "sources": SOURCES,
        },
        "required": ["status", "email"],
    },
    perform=perform,
)
