"""Events: the outbox, written in the transaction of what happened, read at least once by every subscriber."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.store.tables import Event


def publish(db: AsyncSession, workspace: uuid.UUID, kind: str, payload: dict[str, Any]) -> None:
    """Put an event into the outbox; it exists exactly when the transaction commits."""
    db.add(Event(workspace_uuid=workspace, kind=kind, payload=payload))
