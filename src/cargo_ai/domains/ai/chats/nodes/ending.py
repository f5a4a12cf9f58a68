"""End answers to nodes: store, count and charge together those that end at the same time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from cargo_ai.domains.ai.agents import daily_limit
from cargo_ai.domains.ai.asking import charging
from cargo_ai.domains.ai.asking.groups import Groups
from cargo_ai.domains.ai.live import notes
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger import charges
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

Json = Any
# In the order in which leases are renewed, so that the two never wait for each other.
LOCK = """
select uuid, json_array_length(steps) from messages where uuid = any(%s) and owner = %s and finished_at is null
order by uuid for update
"""
END = """
with given as (
    select * from unnest(
        %(messages)s::uuid[], %(statuses)s::text[], %(errors)s::text[], %(steps)s::text[], %(parts)s::text[], %(usages)s::text[],
        %(tokens)s::bigint[], %(credits)s::numeric[], %(afterwards)s::timestamptz[]
    ) as given(message, status, error, steps, parts, usage, tokens, credits, afterwards)
), ended as (
    update messages m set
        status = case when m.status = 'cancelling' then 'cancelled' else given.status end,
        error_message = case when m.status = 'cancelling' then null else given.error end,
        steps = given.steps::json, parts = given.parts::json, usage = coalesce(given.usage::json, m.usage),
        afterwards_at = given.afterwards, finished_at = %(now)s, updated_at = %(now)s, owner = null, leased_until = null
    from given where m.uuid = given.message
    returning m.uuid, m.workspace_uuid, m.agent_uuid, m.status, given.tokens, given.credits, m.usage
), counted as (
    insert into agent_usage as u (agent_uuid, day, slot, workspace_uuid, tokens, credits)
    select agent_uuid, %(day)s, %(slot)s, workspace_uuid, sum(tokens), sum(credits) from ended
    where agent_uuid is not null and tokens > 0 group by agent_uuid, workspace_uuid order by agent_uuid
    on conflict (agent_uuid, day, slot) do update set tokens = u.tokens + excluded.tokens, credits = u.credits + excluded.credits
), released as (
    delete from agent_reservations r using ended where r.message_uuid = ended.uuid
), announced as (
    select pg_notify('cargo_done', uuid::text) from ended
)
select uuid, status, coalesce((usage->>'creditsUsedCount')::float, 0), (select count(*) from announced) from ended
"""
ANNOUNCE = "select pg_notify(%s, note) from unnest(%s::text[]) as note"


@dataclass(frozen=True, slots=True)
class LastStep:
    """What the last step of an answer took. number: which one it is, from 1 on. usage: that of the answer, with it."""

    number: int
    usage: Mapping[str, Any]
    tokens: int
    spent: charging.Spent


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ends. last: None where there is nothing left to count. is_watched: it is announced to those who watch it."""

    message: uuid.UUID
    status: str
    error: str | None
    steps: Sequence[JsonObject]
    parts: Sequence[JsonObject]
    last: LastStep | None
    afterwards: datetime | None
    is_watched: bool


class Stored(NamedTuple):
    """An end as it was stored. credits: of the whole answer."""

    status: str
    credits: float


class Ending:
    """Ends answers of one process."""

    def __init__(self, database: Database, owner: uuid.UUID) -> None:
        self._database, self._owner = database, owner
        self._slot = owner.int % daily_limit.SLOTS
        self._groups = Groups[End, Stored | None]("answers to nodes that end", self._store)
        database.before_close(self._groups.end)

    async def end(self, end: End) -> Stored | None:
        """Store an end, with what its last step cost; the status is `cancelled` where that was asked for meanwhile. None: nothing was
        stored, since the answer is another process's now or at an end."""
        return await self._groups.add(end)

    async def _store(self, ends: Sequence[End]) -> Sequence[Stored | None]:
        async with self._database.session(ALL_WORKSPACES) as db:
            driver = await driver_connection(db)
            locked = dict(await (await driver.execute(LOCK, ([end.message for end in ends], self._owner))).fetchall())
            # A step that is stored was counted with that: by a commit of which no one heard.
            counted = {end.message for end in ends if end.last is not None and locked.get(end.message, 0) >= end.last.number}
            mine = [replace(end, last=None) if end.message in counted else end for end in ends if end.message in locked]
            stored = await self._end(driver, mine)
            await charging.charge_nodes(driver, [end.last.spent for end in mine if end.last is not None])
            await db.commit()
        return [stored.get(end.message) for end in ends]

    async def _end(self, driver: Connection, ends: Sequence[End]) -> Mapping[uuid.UUID, Stored]:
        """Store the ends of answers that are this process's, and locked."""
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
            "usages": [None if end.last is None else json.dumps(end.last.usage) for end in ends],
            "tokens": [0 if end.last is None else end.last.tokens for end in ends],
            "credits": [ZERO if end.last is None else charges.exact(end.last.spent.credits) for end in ends],
            "afterwards": [end.afterwards for end in ends],
        }
        stored = {row[0]: Stored(row[1], row[2]) for row in await (await driver.execute(END, values)).fetchall()}
        watched = [notes.changed_note(str(end.message)) for end in ends if end.is_watched]
        if watched:
            await driver.execute(ANNOUNCE, (notes.SAID, watched))
        return stored
