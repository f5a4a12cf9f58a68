"""Welcome: the credits that a new workspace is given where CARGO_AI_NEW_WORKSPACE_CREDITS says so."""

from __future__ import annotations

import uuid
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.kernel import settings
from cargo_ai.ledger import transfers
from cargo_ai.store.driver import driver_connection


async def give_credits(db: AsyncSession, workspace: uuid.UUID) -> None:
    """In the transaction that creates the workspace: it is limited to these until it buys or is given more."""
    credits = settings.read().new_workspace_credits
    if credits is None:
        return
    connection = await driver_connection(db)
    await transfers.set_limit(connection, workspace, "deny")
    if credits > 0:
        await transfers.grant(connection, workspace, "promotional", Decimal(str(credits)), f"welcome:{workspace}", cause="welcome")
