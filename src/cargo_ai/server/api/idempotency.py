"""Idempotency keys: the same key gets the first response again, for 24 hours, stored in the transaction of the work."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import IdempotencyKey

RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Claim:
    """One key of one token, bound to one request. Responses are stored encrypted: one may hold a new token."""

    token_uuid: uuid.UUID
    key: str
    request_hash: str
    secrets: SecretKey

    async def take(self, db: AsyncSession) -> bytes | None:
        """None: the key was free and is taken now. Bytes: the stored response. While another request holds the key, this waits for its end.

        Refusal (409) when the key belongs to another request.
        """
        row = insert(IdempotencyKey).values(
            token_uuid=self.token_uuid, key=self.key, request_hash=self.request_hash, reply=None, at=clock.now()
        )
        fresh = {"request_hash": row.excluded.request_hash, "reply": None, "at": row.excluded.at}
        claimed = row.on_conflict_do_update(
            index_elements=["token_uuid", "key"], set_=fresh, where=IdempotencyKey.at < clock.now() - RETENTION
        ).returning(IdempotencyKey.key)
        if (await db.execute(claimed)).first() is not None:
            return None
        stored = (
            await db.execute(
                select(IdempotencyKey.request_hash, IdempotencyKey.reply).where(
                    IdempotencyKey.token_uuid == self.token_uuid, IdempotencyKey.key == self.key
                )
            )
        ).one()
        if stored.request_hash != self.request_hash or stored.reply is None:
            raise Refusal(
                409,
                "idempotencyKeyReused",
                "This Idempotency-Key was used for another request. Send a new key, or exactly the first request again.",
            )
        return self.secrets.open(stored.reply)

    async def store(self, db: AsyncSession, reply: bytes) -> None:
        """Store the response with the key."""
        await db.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.token_uuid == self.token_uuid, IdempotencyKey.key == self.key)
            .values(reply=self.secrets.seal(reply))
        )


async def prune(database: Database) -> None:
    """Delete keys of more than 24 hours ago."""
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(delete(IdempotencyKey).where(IdempotencyKey.at < clock.now() - RETENTION))
        await db.commit()
