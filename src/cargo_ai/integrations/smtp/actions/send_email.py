"""The action `sendEmail`: send an e-mail through the mail server of a connector."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import Field

from cargo_ai.email.conversation import InvalidMessageId, parse_conversation
from cargo_ai.email.email_address import EmailAddress, InvalidAddress, parse_address, parse_addresses
from cargo_ai.email.plain_text import html_to_text
from cargo_ai.email.smtp import Email, to_bytes
from cargo_ai.integrations.kit import ActionRequest, Done, Failed, Form, InvalidConfig, Later, Outcome, ServiceError, connector_action, ui
from cargo_ai.integrations.smtp import attachments, client
from cargo_ai.integrations.smtp.attachments import AttachmentForm
from cargo_ai.kernel import clock

Json = Any
MAX_RECIPIENTS = 50
MAX_SUBJECT = 500
MAX_BODY = 2 * 1024 * 1024
WAITS = (5.0, 60.0, 300.0, 900.0)
"""Seconds before the next try when a mail server says: not now. Many say so to whom they do not know yet, and mean minutes."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_EXPRESSION = ui(widget="ExpressionWidget")


def _people_field(title: str, description: str) -> Any:
    return Field(default="", title=title, description=description, json_schema_extra=_EXPRESSION)


class SendEmail(Form):
    """What is sent to whom."""

    to: str | list[str] = Field(
        title="To", description="ann@example.com, with commas or as a list for several.", json_schema_extra=_EXPRESSION
    )
    cc: str | list[str] = _people_field("Cc", "Who gets a copy.")
    bcc: str | list[str] = _people_field("Bcc", "Who gets a copy that the others do not see.")
    reply_to: str | list[str] = _people_field("Reply to", "Where replies go; the sender by default.")
    from_address: str = _people_field("From", "Another sender than the connector's, where the mail server allows it.")
    subject: str = Field(title="Subject", min_length=1, max_length=MAX_SUBJECT, json_schema_extra=_EXPRESSION)
    body_html: str = Field(default="", title="HTML", max_length=MAX_BODY, json_schema_extra=_EXPRESSION)
    body_text: str = Field(
        default="", title="Text", description="Made from the HTML by default.", max_length=MAX_BODY, json_schema_extra=_EXPRESSION
    )
    attachments: list[AttachmentForm] = Field(default=[], title="Attachments", max_length=attachments.MAX)
    in_reply_to: str = Field(default="", title="In reply to", description="The Message-ID that this one answers.", max_length=500)
    references: str | list[str] = Field(default="", title="References", description="The Message-IDs of the conversation so far.")


@dataclass(slots=True)
class _Progress:
    """What earlier tries have come to: tries, who has it, and who was refused for good."""

    tries: int = 0
    accepted: list[str] = field(default_factory=list[str])
    rejected: dict[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def of(meta: Json) -> _Progress:
        """As an earlier try left it."""
        kept = cast("Mapping[str, Json]", meta or {})
        return _Progress(int(kept.get("tries", 0)), list(kept.get("accepted", ())), dict(kept.get("rejected", {})))

    def later(self, reason: str) -> Later:
        """Try again after a while."""
        meta = {"tries": self.tries + 1, "accepted": self.accepted, "rejected": self.rejected}
        return Later(WAITS[self.tries], meta, reason)


async def perform(request: ActionRequest) -> Outcome:
    """One try. Whom the server puts off is tried again for some twenty minutes; who has the e-mail gets it no second time."""
    form = request.form(SendEmail)
    sender = _sender(form, request)
    email = await _email(form, request, sender)
    progress = _Progress.of(request.call.meta)
    settled = {*progress.accepted, *progress.rejected}
    waiting = [recipient for recipient in email.recipients if recipient not in settled]
    try:
        result = await client.hand_over(request.service, sender.address, waiting, to_bytes(email, sender))
    except ServiceError as error:
        if error.sent:
            raise
        # A server that does not answer at all is more likely a wrong setting: the node fails, and its own retry rule counts.
        may_wait = error.transient and (error.reason != "unreachable" or bool(progress.accepted))
        if may_wait and progress.tries < len(WAITS):
            return progress.later(error.message)
        if not progress.accepted:
            raise
        deferred = dict.fromkeys(waiting, error.message)
    else:
        progress.accepted += result.accepted
        progress.rejected |= result.refused
        deferred = result.deferred
        if deferred and progress.tries < len(WAITS):
            return progress.later(f"{request.service.name}: {next(iter(deferred.values()))}")
    rejected = {**progress.rejected, **deferred}
    return _done(email, sender, progress.accepted, rejected) if progress.accepted else _refused(request, rejected)


def _done(email: Email, sender: EmailAddress, accepted: list[str], rejected: Mapping[str, str]) -> Done:
    output = {
        "messageId": email.message_id,
        "from": sender.address,
        "accepted": accepted,
        "rejected": [{"address": address, "message": words} for address, words in rejected.items()],
        "sentAt": clock.to_iso(clock.now()),
    }
    people = accepted[0] if len(accepted) == 1 else f"{len(accepted)} recipients"
    return Done(output, f"Sent to {people}", warnings=tuple(f"{address} was refused: {words}" for address, words in rejected.items()))


def _refused(request: ActionRequest, rejected: Mapping[str, str]) -> Failed:
    named = "; ".join(f"{address}: {words}" for address, words in list(rejected.items())[:5])
    return Failed(f"{request.service.name}: the mail server refused every recipient. {named}", reason="refused")


def _sender(form: SendEmail, request: ActionRequest) -> EmailAddress:
    if not form.from_address.strip():
        return client.sender_of(request.connector_config)
    try:
        return parse_address(form.from_address)
    except InvalidAddress as fault:
        raise InvalidConfig(f"`fromAddress`: {fault}") from None


async def _email(form: SendEmail, request: ActionRequest, sender: EmailAddress) -> Email:
    """The e-mail that the config describes. InvalidConfig where that is not a valid one: nothing in it can begin another header."""
    to, cc, bcc, replies = (_people(value, name) for value, name in _people_of(form))
    if not to:
        raise InvalidConfig("No one is named in `to`.")
    if (count := len({person.address.lower() for person in (*to, *cc, *bcc)})) > MAX_RECIPIENTS:
        raise InvalidConfig(f"The e-mail has {count} recipients; at most {MAX_RECIPIENTS} are allowed. Use a group to write to each.")
    if _CONTROL.search(form.subject) or not form.subject.strip():
        raise InvalidConfig("`subject` is empty, or has a line break or another control character in it.")
    if not form.body_html.strip() and not form.body_text.strip():
        raise InvalidConfig("The e-mail is empty: give `bodyHtml` or `bodyText`.")
    html, text, subject = (_whole(value) for value in (form.body_html, form.body_text, form.subject.strip()))
    try:
        answered, references = parse_conversation(form.in_reply_to, form.references)
    except InvalidMessageId as fault:
        raise InvalidConfig(str(fault)) from None
    body = text if text.strip() else html_to_text(html)
    files = await attachments.read_all(request, form.attachments)
    return Email(to, subject, _message_id(request, sender), body, html, cc, bcc, replies, answered, references, files)


def _people_of(form: SendEmail) -> tuple[tuple[str | list[str], str], ...]:
    return (form.to, "to"), (form.cc, "cc"), (form.bcc, "bcc"), (form.reply_to, "replyTo")


def _people(value: str | list[str], name: str) -> tuple[EmailAddress, ...]:
    try:
        return parse_addresses(value)
    except InvalidAddress as fault:
        raise InvalidConfig(f"`{name}`: {fault}") from None


def _whole(text: str) -> str:
    """The text without halves of characters (lone surrogates), which cannot be sent."""
    return text.encode("utf-8", "replace").decode()


def _message_id(request: ActionRequest, sender: EmailAddress) -> str:
    """The same for every attempt of a node: who gets the e-mail twice sees that it is one."""
    digest = hashlib.sha256(f"smtp {request.call.key}".encode()).hexdigest()
    return f"<{digest[:40]}@{sender.domain}>"


ACTION = connector_action(
    SendEmail,
    slug="sendEmail",
    name="Send an e-mail",
    description="Sends an e-mail with text, HTML and attachments through the connector's mail server.",
    hint="writes",
    idempotency="none",
    output_schema={
        "type": "object",
        "properties": {
            "messageId": {"type": "string"},
            "from": {"type": "string"},
            "accepted": {"type": "array", "items": {"type": "string"}, "description": "Who the mail server took it for."},
            "rejected": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"address": {"type": "string"}, "message": {"type": "string"}},
                    "required": ["address", "message"],
                },
                "description": "Who it was not taken for, in the mail server's words.",
            },
            "sentAt": {"type": "string", "format": "date-time"},
        },
        "required": ["messageId", "from", "accepted", "rejected", "sentAt"],
    },
    perform=perform,
)
