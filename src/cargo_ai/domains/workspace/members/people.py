"""People: find or create users of the installation by e-mail address."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.tables import User
from cargo_ai.kernel import clock, ids


async def find_or_create_user(db: AsyncSession, email: str) -> uuid.UUID:
    """The uuid of the user with this e-mail address in any case, created when missing; two callers at once get the same."""
    email, now = email.lower(), clock.now()
    new_user = insert(User).values(uuid=ids.opaque(), email=email, created_at=now, updated_at=now)
    await db.execute(new_user.on_conflict_do_nothing(index_elements=["email"]))
    return (await db.scalars(select(User.uuid).where(User.email == email))).one()
