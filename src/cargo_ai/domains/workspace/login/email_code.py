"""Codes by e-mail: send one, and check what a person typed. A code works for ten minutes, once, and for five tries."""

from __future__ import annotations

import secrets as randomness
import uuid
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.login import admission
from cargo_ai.domains.workspace.tables import LoginCode
from cargo_ai.email.email_address import parse_address
from cargo_ai.email.smtp import Email, EmailFailed, Mailer
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "sendLoginCode"
LIFE = timedelta(minutes=10)
TRIES = 5
PER_HOUR = 5
DIGITS = 8
_NO_ROW = uuid.UUID(int=0)
_log = log.get(__name__)


async def request(db: AsyncSession, key: SecretKey, email: str) -> None:
    """Have a code sent to this address, if its person may sign in. Nothing that the caller sees says whether; the job finds out.

    Refusal (429) for more codes than five in an hour. The caller commits.
    """
    now = clock.now()
    await db.execute(delete(LoginCode).where(LoginCode.created_at < now - timedelta(days=1)))
    recent = select(func.count()).select_from(LoginCode).where(LoginCode.email == email, LoginCode.created_at > now - timedelta(hours=1))
    if (await db.scalar(recent) or 0) >= PER_HOUR:
        sentence = f"{email} got {PER_HOUR} codes within an hour, which is the most. Try again later, or use an invitation or a token."
        raise Refusal(429, "tooManyRequests", sentence, headers={"Retry-After": "3600"})
    uid, code = ids.new(), f"{randomness.randbelow(10**DIGITS):0{DIGITS}d}"
    db.add(
        LoginCode(
            uuid=uid,
            email=email,
            hash=_hash(key, uid, code),
            sealed_code=key.seal(code.encode()),
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    await db.flush()
    await producer().defer(await driver_connection(db), TASK, "interactive", login=str(uid))


def _hash(key: SecretKey, uid: uuid.UUID, code: str) -> str:
    # Eight digits could be guessed from a plain hash: this one needs the installation's key.
    return key.sign("login code", str(uid), code)


async def try_code(db: AsyncSession, key: SecretKey, email: str, code: str) -> LoginCode | None:
    """The newest code of this address where this is it, locked; None for a wrong one. The try counts: the caller commits in any case."""
    query = select(LoginCode).where(LoginCode.email == email, LoginCode.used_at.is_(None), LoginCode.expires_at > clock.now())
    row = await db.scalar(query.order_by(LoginCode.uuid.desc()).limit(1).with_for_update())
    typed = "".join(character for character in code if character.isdigit())
    # The same work for an address without a code, so that the time says nothing.
    matches = key.verify(row.hash if row is not None else "", "login code", str(row.uuid if row is not None else _NO_ROW), typed)
    if row is None or row.tries >= TRIES:
        return None
    row.tries += 1
    await db.flush()
    return row if matches else None


class LoginMailer:
    """The queue's job. The code is kept sealed until its e-mail was sent, and no longer."""

    def __init__(self, database: Database, key: SecretKey, settings: Settings, mailer: Mailer) -> None:
        self._database, self._key, self._settings, self._mailer = database, key, settings, mailer

    async def send(self, login: str) -> None:
        """Send one code, unless its person may not sign in. It is sent once: who gets none asks again."""
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(LoginCode).where(LoginCode.uuid == uuid.UUID(login)).with_for_update())
            sealed = None if row is None else row.sealed_code
            if row is None or sealed is None:
                return
            row.sealed_code = None
            may_enter = await admission.may_enter(db, self._settings, row.email)
            await db.commit()
        if not may_enter or row.expires_at <= clock.now():
            return
        try:
            message_id = f"<{row.uuid.hex}@{self._mailer.server().sender.domain}>"
            text = _body(self._key.open(sealed).decode(), row.email)
            await self._mailer.send(Email((parse_address(row.email),), "Your code for cargo-ai", message_id, text))
        except (EmailFailed, ValueError) as error:
            _log.warning("a code to sign in could not be sent", cause=str(error))


def _body(code: str, email: str) -> str:
    lines = [
        f"Your code to sign in to cargo-ai is {code}.",
        "",
        "Type this in the terminal in which you asked for it:",
        f"cargo-ai login --email {email} --code {code}",
        "",
        f"It works once, for {int(LIFE.total_seconds() // 60)} minutes. If you did not ask for it, ignore this e-mail.",
    ]
    return "\n".join(lines) + "\n"
