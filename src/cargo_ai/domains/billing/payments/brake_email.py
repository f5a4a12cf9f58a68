"""E-mail the admins of a workspace whose top-ups were stopped, where this server has a mail server."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.workspace import public as workspaces
from cargo_ai.email.email_address import InvalidAddress, parse_address
from cargo_ai.email.smtp import Email, EmailFailed, Mailer, configuration_status
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, log
from cargo_ai.store.driver import driver_connection

TASK = "billing.topupsStopped"
WAITS = (10, 60, 300, 900, 3600)
"""Seconds before the next attempt after a temporary refusal."""
Cause = Literal["declined", "tooFast"]

_log = log.get(__name__)


async def enqueue(db: AsyncSession, workspace: uuid.UUID, cause: Cause, until: datetime, problem: str) -> None:
    """Have the admins hear of it when this transaction is committed. problem: a sentence that says what happened."""
    values = {"workspace": str(workspace), "cause": cause, "until": clock.to_iso(until), "problem": problem[:500]}
    await producer().defer(await driver_connection(db), TASK, "interactive", **values, attempt=0)


class BrakeMailer:
    """The queue's job. One e-mail to each admin, with an id that is the same when it is sent again."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._mailer = services.once(Mailer, lambda: Mailer(services.settings))

    async def send(self, workspace: str, cause: str, until: str, problem: str, attempt: int, admins: Sequence[str] = ()) -> None:
        """Send it to these admins, or to all; a later job retries those whose mail server refused it for now."""
        if configuration_status(self._services.settings) != "configured":
            return
        uid, again = uuid.UUID(workspace), list[str]()
        async with self._services.database.session(uid) as db:
            name, everyone = await workspaces.name_and_admins(db, uid)
        for admin in admins or everyone:
            try:
                await self._mailer.send(self._compose(name, admin, uid, cause, until, problem))
            except InvalidAddress as error:
                _log.warning("an admin could not be written to that top-ups stopped", workspace=workspace, cause=str(error)[:300])
            except EmailFailed as error:
                again += [admin] if error.transient else []
                _log.warning("an admin could not be written to that top-ups stopped", workspace=workspace, cause=str(error)[:300])
        if again and attempt < len(WAITS):
            values = {"workspace": workspace, "cause": cause, "until": until, "problem": problem, "attempt": attempt + 1}
            async with self._services.database.session(uid) as db:
                link = await driver_connection(db)
                await producer().defer_later(link, TASK, "interactive", WAITS[attempt], **values, admins=again)
                await db.commit()

    def _compose(self, name: str, admin: str, workspace: uuid.UUID, cause: str, until: str, problem: str) -> Email:
        digest = hashlib.sha256(f"{workspace} {cause} {until} {admin}".encode()).hexdigest()[:40]
        message_id = f"<{digest}@{self._mailer.server().sender.domain}>"
        return Email((parse_address(admin),), f"Top-ups of credits have stopped in {name}", message_id, _body(name, cause, until, problem))


def _body(name: str, cause: str, until: str, problem: str) -> str:
    lines = [f"The workspace {name} on cargo-ai buys no more credits by itself until {until}.", "", problem, ""]
    if cause == "declined":
        lines += [
            "Give another card, and they go on at once:",
            "cargo-ai billing subscription update-payment-method --payment-method-id pm_...",
        ]
    else:
        lines += ["See what uses them:", "cargo-ai billing usage get-metrics --group-by workflow_uuid --chart"]
    lines += ["", "Whether top-ups are on, and how many credits are left:", "cargo-ai billing subscription get"]
    return "\n".join(lines) + "\n"
