"""Ending answers to nodes: those that end at the same time are stored in one statement."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.chats.nodes.groups import Groups
from cargo_ai.domains.ai.live import notes
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

Json = Any
# In the order in which leases are renewed, so that the two never wait for each other.
LOCK = "select uuid from messages where uuid = any(%s) and owner = %s and finished_at is null order by uuid for update"
END = """
with given as (
    select * from unnest(
        %(messages)s::uuid[], %(statuses)s::text[], %(errors)s::text[], %(steps)s::text[], %(parts)s::text[], %(usages)s::text[],
        %(tokens)s::bigint[], %(afterwards)s::timestamptz[]
    ) as given(message, status, error, steps, parts, usage, tokens, afterwards)
), ended as (
    update messages m set
        status = case when m.status = 'cancelling' then 'cancelled' else given.status end,
        error_message = case when m.status = 'cancelling' then null else given.error end,
        steps = given.steps::json, parts = given.parts::json, usage = coalesce(given.usage::json, m.usage),
        afterwards_at = given.afterwards, finished_at = %(now)s, updated_at = %(now)s, owner = null, leased_until = null
    from given where m.uuid = given.message
    returning m.uuid, m.workspace_uuid, m.agent_uuid, m.status, given.tokens
), counted as (
    insert into agent_usage as u (agent_uuid, day, slot, workspace_uuid, tokens, credits)
    select agent_uuid, %(day)s, %(slot)s, workspace_uuid, sum(tokens), 0 from ended
    where agent_uuid is not null and tokens > 0 group by agent_uuid, workspace_uuid order by agent_uuid
    on conflict (agent_uuid, day, slot) do update set tokens = u.tokens + excluded.tokens
), announced as (
    select pg_notify('cargo_done', uuid::text) from ended
)
select uuid, status, (select count(*) from announced) from ended
"""
ANNOUNCE = "select pg_notify(%s, note) from unnest(%s::text[]) as note"


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ends. tokens: of its last step, which `usage` counts already. is_watched: it is announced to those who watch it."""

    message: uuid.UUID
    status: str
    error: str | None
    steps: Sequence[JsonObject]
    parts: Sequence[JsonObject]
    usage: Mapping[str, Any]
    tokens: int
    afterwards: datetime | None
    is_watched: bool


class Ending:
    """Ends answers of one process, which cost no credits and are not limited by the day."""

    def __init__(self, database: Database, owner: uuid.UUID) -> None:
        self._database, self._owner = database, owner
        self._slot = owner.int % daily_limit.SLOTS
        self._groups = Groups[End, str | None]("answers to nodes that end", self._store)
        database.before_close(self._groups.end)

    async def end(self, end: End) -> str | None:
        """Store an end; the status, which is `cancelled` where that was asked for meanwhile. None: nothing was stored, since the answer is
        another process's now or at an end."""
        return await self._groups.add(end)

    async def _store(self, ends: Sequence[End]) -> Sequence[str | None]:
        async with self._database.session(ALL_WORKSPACES) as db:
            connection = await driver_connection(db)
            locked = await (await connection.execute(LOCK, ([end.message for end in ends], self._owner))).fetchall()
            mine = {uid for (uid,) in locked}
            statuses = await self._end(connection, [end for end in ends if end.message in mine])
            await db.commit()
        return [statuses.get(end.message) for end in ends]

    async def _end(self, connection: Connection, ends: Sequence[End]) -> Mapping[uuid.UUID, str]:
        """Store the ends of answers that are this process's, and locked; their statuses."""
        if not ends:
            return {}
        now = clock.now()
        values: dict[str, Any] = {
            "slot": self._slot,
            "now": now,
            "day": now.date(),
            "messages": [end.message for end in ends],
            "statuses": [end.status for end in ends],
            "errors": [end.error for end in ends],
            "steps": [json.dumps(end.steps) for end in ends],
            "parts": [json.dumps(end.parts) for end in ends],
            "usages": [json.dumps(end.usage) if end.usage else None for end in ends],
            "tokens": [end.tokens for end in ends],
            "afterwards": [end.afterwards for end in ends],
        }
        statuses = {row[0]: row[1] for row in await (await connection.execute(END, values)).fetchall()}
        watched = [notes.changed_note(str(end.message)) for end in ends if end.is_watched]
        if watched:
            await connection.execute(ANNOUNCE, (notes.SAID, watched))
        return statuses
