"""`sendEmail`: send an e-mail through the mail server of this installation.

Documented: the config's `mailboxUuid`, `to`, `subject`, `bodyHtml`, `bodyText`, `inReplyTo` and `references`, and the spelling `send_email`
of the slug beside `sendEmail`. Ours: `cc`, `bcc`, `replyTo`, the output, and that e-mails go over SMTP settings, for there are no mailboxes
here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from cargo_ai.actions.config.values import is_constant, output, schema
from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.nodes import node_outcomes as outcomes
from cargo_ai.email.conversation import InvalidMessageId, parse_conversation
from cargo_ai.email.email_address import EmailAddress, InvalidAddress, parse_addresses
from cargo_ai.email.plain_text import html_to_text
from cargo_ai.email.smtp import Email, EmailFailed, Mailer
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, InvalidConfig, Later, Outcome, Perform
from cargo_ai.engine.graph.check.finding import Finding
from cargo_ai.engine.limits.limits import IN_PLACE_SECONDS, Limits
from cargo_ai.engine.limits.policy import CallShape, Owner, Policy
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.session import Database

MAX_RECIPIENTS: Final = 50
MAX_SUBJECT: Final = 500
MAX_BYTES: Final = 2 * 1024 * 1024
WAITS: Final = (5.0, 60.0, 300.0, 900.0)
"""Seconds before the next try when the mail server says: not now. Many say so to whom they do not know yet, and mean minutes."""
UNREACHABLE_TRIES: Final = 2
"""A server that does not answer at all is more likely a wrong setting: after these waits the node fails, and its own retry rule counts."""

_PEOPLE: Final = {"type": ["string", "array"], "items": {"type": "string"}}


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence for addresses and ids that are none, where they are known before any run."""
    try:
        for name in ("to", "cc", "bcc", "replyTo"):
            if is_constant(config.get(name)):
                _people(config, name)
        if all(is_constant(config.get(name)) for name in ("inReplyTo", "references")):
            _conversation(config)
    except InvalidConfig as fault:
        return str(fault)
    return None


def inspect(config: Mapping[str, Any], _models: object) -> Iterator[Finding]:
    """The text that an e-mail needs in one of two forms."""
    if all(config.get(name) in (None, "") for name in ("bodyHtml", "bodyText")):
        yield Finding("config.bodyText", "The e-mail is empty: give `bodyHtml` or `bodyText`.")


def email_of(config: Mapping[str, Any], message_id: str) -> Email:
    """The e-mail that a resolved config describes. InvalidConfig where it describes no valid one."""
    to, cc, bcc = (_people(config, name) for name in ("to", "cc", "bcc"))
    count = len({one.address.lower() for one in (*to, *cc, *bcc)})
    if not to:
        raise InvalidConfig("No one is named in `to`.")
    if count > MAX_RECIPIENTS:
        raise InvalidConfig(f"The e-mail has {count} recipients; at most {MAX_RECIPIENTS} are allowed. Use a group to write to each.")
    subject, html, text = (_text(config, name) for name in ("subject", "bodyHtml", "bodyText"))
    if re.search(r"[\x00-\x1f\x7f\u0085\u2028\u2029]", subject):
        raise InvalidConfig("`subject` has a line break or another control character in it.")
    if not subject.strip() or len(subject) > MAX_SUBJECT:
        raise InvalidConfig(f"`subject` must have 1 to {MAX_SUBJECT} characters.")
    if not html.strip() and not text.strip():
        raise InvalidConfig("The e-mail is empty: give `bodyHtml` or `bodyText`.")
    if len(html.encode("utf-8", "replace")) + len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InvalidConfig(f"The e-mail has more than {MAX_BYTES // 1024**2} MB.")
    in_reply_to, references = _conversation(config)
    body = text if text.strip() else html_to_text(html)
    replies = _people(config, "replyTo")
    return Email(to, subject.strip(), message_id, body, html, cc, bcc, replies, in_reply_to, references)


def message_id(call: Call, domain: str) -> str:
    """The same for every attempt of a node: who gets the e-mail twice sees that it is one."""
    digest = hashlib.sha256(f"{call.workspace} {call.key}".encode()).hexdigest()
    return f"<{digest[:40]}@{domain}>"


def _people(config: Mapping[str, Any], name: str) -> tuple[EmailAddress, ...]:
    try:
        return parse_addresses(config.get(name))
    except InvalidAddress as fault:
        raise InvalidConfig(f"`{name}`: {fault}") from None


def _text(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidConfig(f"`{name}` must be text.")
    # Half of a character (a lone surrogate) cannot be sent.
    return str(value).encode("utf-8", "replace").decode()


def _conversation(config: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    try:
        return parse_conversation(config.get("inReplyTo"), config.get("references"))
    except InvalidMessageId as fault:
        raise InvalidConfig(str(fault)) from None


class EmailSender:
    """The effect of sendEmail nodes; one per worker process."""

    def __init__(self, database: Database, settings: Settings, mailer: Mailer) -> None:
        self._database, self._mailer = database, mailer
        self._limits = Limits(database)
        self._policies = (Policy.per("minute", settings.smtp_per_minute, "burst", "own"),)

    async def perform(self, call: Call) -> Outcome:
        """One try. A server that says "not now" is asked again for some twenty minutes; an e-mail that was taken is not sent again."""
        try:
            server = self._mailer.server()
            email = email_of(call.config, message_id(call, server.sender.domain))
            async with self._database.session(call.workspace) as db:
                done = await outcomes.find(db, call.key)
            if done is not None:
                return _done(done, call)
            wait = await self._limits.admit(Owner(f"email:{call.workspace}"), self._policies, CallShape("sendEmail"), IN_PLACE_SECONDS)
            if wait > 0:
                return Later(wait, call.meta, "rate limit of e-mail")
            receipt = await self._mailer.send(email)
        except EmailFailed as error:
            return _not_taken(call, error)
        output = {
            "messageId": email.message_id,
            "from": server.sender.address,
            "accepted": list(receipt.accepted),
            "rejected": [{"address": who, "message": words} for who, words in receipt.rejected.items()],
            "sentAt": clock.to_iso(clock.now()),
        }
        async with self._database.session(call.workspace) as db:
            await outcomes.keep(db, call.workspace, call.key, output)
            await db.commit()
        return _done(output, call)


def _not_taken(call: Call, error: EmailFailed) -> Outcome:
    meta = cast("dict[str, Any]", call.meta or {})
    tries = int(meta.get("tries", 0))
    if error.transient and tries < (len(WAITS) if error.answered else UNREACHABLE_TRIES):
        return Later(WAITS[tries], {"tries": tries + 1}, str(error))
    return Failed(str(error), transient=error.transient)


def _done(output: dict[str, Any], call: Call) -> Done:
    warnings = [f"{one['address']} was refused: {one['message']}" for one in output["rejected"]]
    if call.config.get("mailboxUuid"):
        warnings.append(f"There are no mailboxes on this server: the e-mail was sent from {output['from']}.")
    accepted: list[str] = output["accepted"]
    people = accepted[0] if len(accepted) == 1 else f"{len(accepted)} recipients"
    return Done(output, f"✅ Sent to {people}", warnings=tuple(warnings))


def _performer(services: Services) -> Perform:
    return EmailSender(services.database, services.settings, Mailer(services.settings)).perform


SEND_EMAIL: Action[Call] = Action(
    slug="sendEmail",
    name="Send an e-mail",
    description="Sends an e-mail through the mail server that this installation is set up with.",
    does="acts",
    category="sales",
    icon="mail",
    config_schema=schema(
        {
            "to": {**_PEOPLE, "description": "To whom: ann@example.com, with commas or as a list for several."},
            "cc": {**_PEOPLE, "description": "Who gets a copy."},
            "bcc": {**_PEOPLE, "description": "Who gets a copy that the others do not see."},
            "replyTo": {**_PEOPLE, "description": "Where replies go; the sender's address by default."},
            "subject": {"type": "string", "minLength": 1, "maxLength": MAX_SUBJECT},
            "bodyHtml": {"type": "string", "description": "The e-mail as HTML."},
            "bodyText": {"type": "string", "description": "The e-mail as plain text; made from bodyHtml by default."},
            "inReplyTo": {"type": "string", "description": "The Message-ID of the e-mail that this one answers."},
            "references": {**_PEOPLE, "description": "The Message-IDs of the conversation so far."},
            "mailboxUuid": {"type": ["string", "null"], "description": "Not used: e-mails are sent from the server's own address."},
        },
        ("to", "subject"),
    ),
    output_schema=output(
        {
            "messageId": {"type": "string"},
            "from": {"type": "string"},
            "accepted": {"type": "array", "items": {"type": "string"}},
            "rejected": {"type": "array", "items": schema({"address": {"type": "string"}, "message": {"type": "string"}})},
            "sentAt": {"type": "string", "format": "date-time"},
        },
        ("messageId", "accepted", "rejected", "sentAt"),
    ),
    idempotency="key",
    check=check,
    inspect=inspect,
    performer=_performer,
)
ACTIONS = (SEND_EMAIL, replace(SEND_EMAIL, slug="send_email", description="The same as sendEmail, as some documents spell it."))
