"""The capability `webSearch`: an action of a connector that searches the web; the release names it, or a connected service has one."""

from __future__ import annotations

from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling.offer import Opening
from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel.wire import JsonObject

NAME = "web_search"
SLUGS = ("webSearch", "searchWeb")
"""Actions that are taken to search the web where the release names none."""
SET_UP = (
    "This workspace has no connector that searches the web. Connect a service that does (`cargo-ai connection custom-integration --help` "
    "registers one of yours), and name its action in the capability: "
    '{"slug":"webSearch","config":{"integrationSlug":"...","actionSlug":"..."}}.'
)


async def action_of(opening: Opening, db: AsyncSession) -> JsonObject | None:
    """The action that searches; None without one: `SET_UP` says what to do."""
    config = opening.plan.capabilities["webSearch"]
    named = {
        "slug": NAME,
        "kind": "connector",
        "description": "Searches the web.",
        "config": cast("JsonObject", config.get("config") or {}),
    }
    if config.get("integrationSlug") and config.get("actionSlug"):
        return named | {name: config.get(name) for name in ("integrationSlug", "actionSlug", "connectorUuid")}
    known = await connection.integrations(opening.services, opening.workspace)
    for account in await connection.accounts(db):
        integration = known.get(account.integration_slug)
        action = next((slug for slug in SLUGS if integration is not None and integration.action(slug) is not None), None)
        if action is not None:
            return named | {"integrationSlug": account.integration_slug, "actionSlug": action, "connectorUuid": str(account.uuid)}
    return None
