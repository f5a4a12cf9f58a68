"""Response cache: give again what an action of a connector answered, for as long as the connector's cache lasts."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from cargo_ai.domains.connection.tables import action_cache
from cargo_ai.engine.graph.action import Done
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

SWEEP_SECONDS = 60.0


class ResponseCache:
    """The responses of all connectors to actions and forms; those that are too old are deleted now and then when new ones are stored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._swept: dict[tuple[uuid.UUID, bool], float] = {}

    @staticmethod
    def hash_of(config: dict[str, Any]) -> bytes:
        """SHA-256 of a config; the order of its keys does not matter."""
        text = json.dumps(config, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    async def find(self, workspace: uuid.UUID, connector: uuid.UUID, action: str, config: bytes, ttl: timedelta) -> Done | None:
        """The response that this config got within `ttl`, at no cost."""
        row = action_cache.c
        query = select(row.output, row.title, row.child).where(
            row.workspace_uuid == workspace,
            row.connector_uuid == connector,
            row.action_slug == action,
            row.config_hash == config,
            row.at > clock.now() - ttl,
        )
        async with self._database.engine.connect() as connection:
            response = (await connection.execute(query)).one_or_none()
        if response is None:
            return None
        return Done(response.output, f"{response.title} (stored answer)".strip(), child=response.child)

    async def store(self, workspace: uuid.UUID, connector: uuid.UUID, action: str, config: bytes, ttl: timedelta, done: Done) -> None:
        """Store a response; it replaces an older one."""
        values = {"output": done.output, "title": done.title, "child": done.child, "at": clock.now()}
        statement = insert(action_cache).values(
            workspace_uuid=workspace, connector_uuid=connector, action_slug=action, config_hash=config, **values
        )
        async with self._database.engine.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=list(action_cache.primary_key), set_=values))
            if self._swept.get((connector, ":" in action), 0.0) <= clock.seconds():
                self._swept[connector, ":" in action] = clock.seconds() + SWEEP_SECONDS
                # What forms were answered (their names have a colon) is kept for another time than what actions were.
                same = action_cache.c.action_slug.contains(":") == (":" in action)
                old = (action_cache.c.connector_uuid == connector) & (action_cache.c.at <= clock.now() - ttl)
                await connection.execute(delete(action_cache).where(old, same))
