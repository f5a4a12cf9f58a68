"""Installation: its id, and the sealed probe by which a wrong secret key is detected at the start."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import PROBE, SecretKey, WrongKey
from cargo_ai.store.tables import Installation

_LOCK = 0x6361_7267_6F03


async def verify_key(db: AsyncSession, secrets: SecretKey) -> uuid.UUID:
    """The id of this installation; the first call creates it and seals a probe. WrongKey when the probe was sealed with another key.

    Several starters at once agree on one installation. The caller commits.
    """
    installation = await db.scalar(select(Installation))
    if installation is None:
        await db.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        installation = await db.scalar(select(Installation))
    if installation is None:
        created = Installation(id=ids.new(), sealed_probe=secrets.seal(PROBE), created_at=clock.now())
        db.add(created)
        await db.flush()
        return created.id
    if not _opens_probe(secrets, installation.sealed_probe):
        raise WrongKey(
            "This database was set up with another secret key, so its stored secrets cannot be opened: "
            "start with the key it was set up with (CARGO_AI_SECRET_KEY, or the key file in the data folder)."
        )
    return installation.id


def _opens_probe(secrets: SecretKey, probe: bytes) -> bool:
    try:
        return secrets.open(probe) == PROBE
    except WrongKey:
        return False
