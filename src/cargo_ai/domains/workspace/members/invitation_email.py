"""Send invitations by e-mail, where this server has a mail server and a public URL."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.workspace.members.invitation import EmailStatus
from cargo_ai.domains.workspace.members.invitation_link import OPEN, command_of, link_of
from cargo_ai.domains.workspace.tables import Invitation, Membership, Role, User, Workspace
from cargo_ai.email.email_address import parse_address
from cargo_ai.email.smtp import Email, EmailFailed, Mailer, configuration_status
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import PREFIX, Settings
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "sendInvitation"
WAITS = (10, 60, 300, 900, 3600)
"""Seconds before the next attempt after a temporary refusal."""
MAX_PER_HOUR = 100
MAX_TO_ONE_PER_HOUR = 5
MAX_SHOWN = 200

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether an e-mail will be sent, and why not."""

    status: EmailStatus
    problem: str | None = None


async def delivery(db: AsyncSession, settings: Settings, user: uuid.UUID) -> Delivery:
    """How a new invitation of this user reaches the person. What is sent is limited: the addresses come from users."""
    configured = configuration_status(settings)
    if configured == "notConfigured":
        return Delivery("off", f"{PREFIX}SMTP_HOST is not set.")
    if configured != "configured":
        return Delivery("off", configured)
    # Only the public URL leads from a mailbox to this server: the host of a request may be anything.
    if not settings.public_url:
        return Delivery("off", f"{PREFIX}PUBLIC_URL is not set.")
    recent = Invitation.created_at > clock.now() - timedelta(hours=1), Invitation.email_status.in_(("waiting", "sent"))
    count = select(func.count(), func.count().filter(Invitation.user_uuid == user)).select_from(Invitation).where(*recent)
    total, to_user = (await db.execute(count)).one()
    if to_user >= MAX_TO_ONE_PER_HOUR:
        return Delivery("failed", f"This person got {to_user} invitations within an hour.")
    if total >= MAX_PER_HOUR:
        return Delivery("failed", f"This workspace sent {total} invitations within an hour.")
    return Delivery("waiting")


async def enqueue(db: AsyncSession, uid: uuid.UUID) -> None:
    """Have an invitation of this transaction sent."""
    await producer().defer(await driver_connection(db), TASK, "interactive", invitation=str(uid))


class InvitationMailer:
    """The queue's job. The code is kept sealed until its e-mail was sent, and no longer."""

    def __init__(self, database: Database, secrets: SecretKey, settings: Settings, mailer: Mailer) -> None:
        self._database, self._secrets, self._settings, self._mailer = database, secrets, settings, mailer

    async def send(self, invitation: str) -> None:
        """Send one invitation; a later job retries after a temporary refusal."""
        uid = uuid.UUID(invitation)
        email = await self._compose(uid)
        if email is None:
            return
        try:
            await self._mailer.send(email)
        except EmailFailed as error:
            await self._note_problem(uid, error)
            return
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Invitation).where(Invitation.uuid == uid).with_for_update())
            if row is not None:
                row.email_status, row.email_problem, row.sealed_code = "sent", None, None
            await db.commit()

    async def _compose(self, uid: uuid.UUID) -> Email | None:
        query = (
            select(Invitation, User.email, Workspace.name, Role.slug)
            .join(User, User.uuid == Invitation.user_uuid)
            .join(Workspace, Workspace.uuid == Invitation.workspace_uuid)
            .join(Membership, (Membership.user_uuid == Invitation.user_uuid) & (Membership.workspace_uuid == Invitation.workspace_uuid))
            .join(Role, Role.uuid == Membership.role_uuid)
            .where(Invitation.uuid == uid, OPEN, Invitation.expires_at > clock.now())
        )
        async with self._database.session(ALL_WORKSPACES) as db:
            invited = (await db.execute(query)).one_or_none()
            sealed = None if invited is None else invited[0].sealed_code
            if invited is None or sealed is None:
                return None
            inviter = await db.scalar(select(User.email).where(User.uuid == invited[0].created_by_uuid))
        row, address, workspace, role = invited[0], invited[1], _shorten(invited[2]), invited[3]
        link = link_of(self._settings.public_url, self._secrets.open(sealed).decode())
        digest = hashlib.sha256(row.uuid.bytes).hexdigest()[:40]
        try:
            message_id = f"<{digest}@{self._mailer.server().sender.domain}>"
            text = _body(inviter or "An admin", workspace, role, link, clock.to_iso(row.expires_at))
            return Email((parse_address(address),), f"Your invitation to {workspace} on cargo-ai", message_id, text)
        except (EmailFailed, ValueError) as error:
            await self._note_problem(uid, EmailFailed(str(error), transient=False))
            return None

    async def _note_problem(self, uid: uuid.UUID, error: EmailFailed) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Invitation).where(Invitation.uuid == uid).with_for_update())
            if row is None or row.sealed_code is None:
                return
            row.email_problem = str(error)
            if error.transient and row.email_attempts < len(WAITS):
                wait = WAITS[row.email_attempts]
                row.email_attempts += 1
                await producer().defer_later(await driver_connection(db), TASK, "interactive", wait, invitation=str(uid))
            else:
                row.email_status, row.sealed_code = "failed", None
                _log.warning("an invitation could not be sent", invitation=str(uid), cause=str(error))
            await db.commit()


def _body(inviter: str, workspace: str, role: str, link: str, until: str) -> str:
    lines = [
        f"{inviter} has invited you to the workspace {workspace} on cargo-ai, as {role}.",
        "",
        "To sign in, type this in a terminal:",
        command_of(link),
        "",
        "Or open the link; the page says what to do:",
        link,
        "",
        f"It works once, until {until}. If you do not know {inviter}, ignore this e-mail: nothing happens.",
    ]
    return "\n".join(lines) + "\n"


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1] + "…"
