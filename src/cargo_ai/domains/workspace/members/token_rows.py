"""Rows of tokens: create one, and tell which work."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.tables import Token
from cargo_ai.kernel import ids
from cargo_ai.kernel.secrets import hash_token, new_token


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new token. `value` is the plain token, known only now."""

    uuid: uuid.UUID
    value: str


def working(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions on tokens that authenticate at this time: neither removed nor expired. A removal may lie ahead (see rotate)."""
    return (or_(Token.deleted_at.is_(None), Token.deleted_at > now), or_(Token.expires_at.is_(None), Token.expires_at > now))


async def create_token(
    db: AsyncSession,
    *,
    workspace_uuid: uuid.UUID,
    user_uuid: uuid.UUID,
    name: str = "CLI",
    description: str | None = None,
    permissions: Sequence[dict[str, Any]] | None = None,
    expires_at: datetime | None = None,
) -> NewToken:
    """Create a token of a user for a workspace. `permissions`: stored rules that narrow the user's rights; None: all of them."""
    value = new_token()
    row = Token(
        uuid=ids.new(),
        workspace_uuid=workspace_uuid,
        user_uuid=user_uuid,
        hash=hash_token(value),
        last_four=value[-4:],
        name=name,
        description=description,
        permissions=None if permissions is None else list(permissions),
        expires_at=expires_at,
    )
    db.add(row)
    await db.flush()
    return NewToken(row.uuid, value)
