"""Devices: a terminal that waits until a person has signed in at the OpenID provider, in a browser anywhere."""

from __future__ import annotations

import hmac
import secrets as randomness
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.tables import DeviceLogin
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import SecretKey, hash_token

LIFE = timedelta(minutes=10)
INTERVAL = 2
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of codes that people type: no vowels, so that no word comes of them, and none that look alike."""


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that begins to wait. `code`: its secret, known only now. `user_code`: what a person compares or types."""

    code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person takes to the provider, and the browser keeps to prove that it is the same one."""

    state: str
    nonce: str
    verifier: str
    browser: str


async def begin(db: AsyncSession) -> NewDevice:
    """A new device. The caller commits."""
    now = clock.now()
    await db.execute(delete(DeviceLogin).where(DeviceLogin.created_at < now - timedelta(days=1)))
    letters = "".join(randomness.choice(_LETTERS) for _ in range(8))
    device = NewDevice(randomness.token_urlsafe(32), f"{letters[:4]}-{letters[4:]}")
    db.add(
        DeviceLogin(uuid=ids.new(), device_hash=hash_token(device.code), user_code=device.user_code, created_at=now, expires_at=now + LIFE)
    )
    await db.flush()
    return device


async def by_user_code(db: AsyncSession, user_code: str) -> DeviceLogin | None:
    """The device that shows this code, locked, while it waits."""
    letters = "".join(character for character in user_code.upper() if character in _LETTERS)
    shown = f"{letters[:4]}-{letters[4:]}"
    return await db.scalar(select(DeviceLogin).where(DeviceLogin.user_code == shown, *_waiting()).with_for_update())


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return DeviceLogin.expires_at > clock.now(), DeviceLogin.email.is_(None), DeviceLogin.problem.is_(None)


def consent(row: DeviceLogin, key: SecretKey) -> Consent:
    """What the person who looks at this device takes to the provider. A former one of the same device is worth nothing then."""
    taken = Consent(*(randomness.token_urlsafe(32) for _ in range(4)))
    row.state_hash, row.browser_hash = hash_token(taken.state), hash_token(taken.browser)
    row.sealed_verifier = key.seal(f"{taken.nonce} {taken.verifier}".encode())
    return taken


async def take(db: AsyncSession, key: SecretKey, state: str, browser: str) -> tuple[DeviceLogin, str, str] | None:
    """The device whose person comes back with this state in the same browser, with nonce and verifier; each state is good once."""
    row = await db.scalar(select(DeviceLogin).where(DeviceLogin.state_hash == hash_token(state), *_waiting()).with_for_update())
    if row is None or row.sealed_verifier is None or not hmac.compare_digest(row.browser_hash or "", hash_token(browser)):
        return None
    nonce, _, verifier = key.open(row.sealed_verifier).decode().partition(" ")
    row.state_hash = row.browser_hash = row.sealed_verifier = None
    return row, nonce, verifier


async def settle(db: AsyncSession, uid: uuid.UUID, email: str | None, problem: str | None) -> None:
    """Let a device know for whom the provider vouches, or why no one is signed in."""
    await db.execute(update(DeviceLogin).where(DeviceLogin.uuid == uid).values(email=email, problem=problem))


async def by_device_code(db: AsyncSession, code: str) -> DeviceLogin | None:
    """The device with this secret, locked, if it has neither a token yet nor expired."""
    mine = DeviceLogin.device_hash == hash_token(code)
    return await db.scalar(
        select(DeviceLogin).where(mine, DeviceLogin.used_at.is_(None), DeviceLogin.expires_at > clock.now()).with_for_update()
    )
