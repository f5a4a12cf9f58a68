"""Notify reviewers: send each assignee an e-mail with a link to the review."""

from __future__ import annotations

import hashlib
import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import review_link, review_text
from cargo_ai.email.email_address import EmailAddress
from cargo_ai.email.smtp import Email, EmailFailed, Mailer, configuration_status
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.expression import to_text
from cargo_ai.kernel import clock, log
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "tellReviewers"
WAITS = (10, 60, 300, 900, 3600)
"""Seconds before the next attempt for those whose e-mail was not accepted."""
MAX_SHOWN = 500

_log = log.get(__name__)


async def notify_assignees(db: AsyncSession, settings: Settings, review: uuid.UUID) -> None:
    """Have the assignees of a review of this transaction notified, where this server can send e-mail."""
    if configuration_status(settings) == "configured":
        await producer().defer(await driver_connection(db), TASK, "interactive", review=str(review))


class ReviewNotifier:
    """The queue's job. An assignee who was notified is not notified again."""

    def __init__(self, database: Database, secrets: SecretKey, settings: Settings, mailer: Mailer) -> None:
        self._database, self._secrets, self._settings, self._mailer = database, secrets, settings, mailer

    async def tell(self, review: str) -> None:
        """Send an e-mail to each assignee not yet notified; a later job retries those whose e-mail was not accepted."""
        row = await self._row(review)
        if row is None or row.status != "pending":
            return
        for person in [assignee for assignee in row.assignees if assignee not in row.notified]:
            problem = await self._write(row, str(person))
            await self._note(row.uuid, str(person), problem)
        await self._retry_later(row.uuid)

    async def _row(self, review: str) -> Review | None:
        async with self._database.session(ALL_WORKSPACES) as db:
            return await db.scalar(select(Review).where(Review.uuid == uuid.UUID(review)))

    async def _write(self, row: Review, person: str) -> str | None:
        """What went wrong; None for nothing."""
        try:
            domain = self._mailer.server().sender.domain
            digest = hashlib.sha256(f"{row.key} {person}".encode()).hexdigest()
            body = _body(row, self._link(row, person))
            subject = " ".join(f"Please review: {row.title}".split())
            await self._mailer.send(Email((EmailAddress(person),), subject, f"<{digest[:40]}@{domain}>", body))
        except EmailFailed as error:
            return str(error)
        return None

    def _link(self, row: Review, person: str) -> str | None:
        # Only the public URL leads from a mailbox to this server.
        base = self._settings.public_url
        return review_link.make(self._secrets, base, row, email=person, maker=None)[0] if base else None

    async def _note(self, review: uuid.UUID, person: str, problem: str | None) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Review).where(Review.uuid == review).with_for_update())
            if row is None:
                return
            if problem is None and person not in row.notified:
                row.notified = [*row.notified, person]
            row.notify_problem = problem or row.notify_problem
            await db.commit()

    async def _retry_later(self, review: uuid.UUID) -> None:
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Review).where(Review.uuid == review).with_for_update())
            if row is None or row.status != "pending" or set(row.assignees) <= set(row.notified):
                return
            if row.notify_attempts >= len(WAITS):
                _log.warning("reviewers could not be notified", review=str(review), cause=row.notify_problem)
                return
            wait = WAITS[row.notify_attempts]
            row.notify_attempts += 1
            await producer().defer_later(await driver_connection(db), TASK, "interactive", wait, review=str(review))
            await db.commit()


def _body(row: Review, link: str | None) -> str:
    lines = [" ".join(review_text.lines_of(row.title)), ""]
    if row.instructions:
        lines += [review_text.block(row.instructions), ""]
    for field in row.fields:
        lines.append(f"{field['label'] or field['name']}: {review_text.block(_shorten(field['value']))}")
    lines.append("")
    if row.expires_at is not None:
        lines += [f"It waits until {clock.to_iso(row.expires_at)}.", ""]
    if link:
        lines += ["Look at it here; the page also says how to decide:", link, ""]
    lines += ["Or decide on the command line:", f"cargo-ai orchestration review approve {row.uuid}"]
    lines.append(f"cargo-ai orchestration review reject {row.uuid} --comment 'Why not'")
    return "\n".join(lines) + "\n"


def _shorten(value: object) -> str:
    text = to_text(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
