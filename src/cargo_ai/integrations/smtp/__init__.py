"""SMTP: sends e-mails through a mail server of the workspace's own."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.smtp.account import ACCOUNT
from cargo_ai.integrations.smtp.actions import send_email

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M3 6h18v12H3zM3 7l9 6 9-6M8 21h8"/></svg>'
)

INTEGRATION = Integration(
    slug="smtp",
    name="SMTP",
    description="Sends e-mails with text, HTML and attachments through a mail server of your own.",
    icon=_ICON,
    color="#0f766e",
    url="https://www.rfc-editor.org/rfc/rfc5321",
    category="engagement",
    account=ACCOUNT,
    service=None,
    actions=(send_email.ACTION,),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
