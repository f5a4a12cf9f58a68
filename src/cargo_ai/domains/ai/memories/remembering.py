"""Remember: store what was learned without duplicates, find memories relevant to a text, forget them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.memory import Scope
from cargo_ai.domains.ai.tables import AgentMemory
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection

MAX_MEMORIES = 500
"""Of one owner: a user, an agent, or the workspace."""
MAX_QUERY = 1_000
"""Characters of a text, its last ones, by which memories are looked for."""
COVERED = 0.7
_WORD = re.compile(r"\w+")

# A word counts the more, the fewer memories have it; a long memory counts a little less than a short one with the same words.
_RELEVANT = text("""
with mine as (
    select uuid, tsvector_to_array(to_tsvector('english', content)) as words from agent_memories
    where workspace_uuid = :workspace and (scope || ' ' || owner) = any(:owners)
),
said as (select distinct unnest(tsvector_to_array(to_tsvector('english', :said))) as word),
hits as (select mine.uuid, word from mine cross join unnest(mine.words) as word where word in (select word from said)),
weights as (select word, ln(1 + (select count(*) from mine)::float / count(*)) as weight from hits group by word)
select hits.uuid, sum(weights.weight) / ln(3 + cardinality(mine.words)) as score
from hits join weights using (word) join mine using (uuid)
group by hits.uuid, mine.words order by score desc, hits.uuid desc limit :most
""")


class MemoriesFull(Exception):
    """The owner has as many memories as go; the message is for the language model."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memories: of a user, an agent, or the workspace."""

    scope: Scope
    uuid: uuid.UUID

    @property
    def key(self) -> str:
        """As the statement compares it."""
        return f"{self.scope} {self.uuid}"


async def remember(db: AsyncSession, workspace: uuid.UUID, owner: Owner, content: str, replaces: uuid.UUID | None = None) -> AgentMemory:
    """Store what was learned; in place of the memory that it replaces, or of those whose words it all has. MemoriesFull.

    LookupError where the one to be replaced is not there.
    """
    await _take_turns(db, owner)
    rows = list(await db.scalars(_of(owner)))
    said = _words(content)
    if replaces is not None:
        row = next((row for row in rows if row.uuid == replaces), None)
        if row is None:
            raise LookupError
    else:
        # Whatever is said in other words is a memory of its own: the model knows better than we do what it replaces.
        covered = [row for row in rows if _is_covered(_words(row.content), said)]
        row = covered[0] if covered else None
        for former in covered[1:]:
            await db.delete(former)
    if row is None:
        if len(rows) >= MAX_MEMORIES:
            raise MemoriesFull(f"There are {MAX_MEMORIES} memories in the scope {owner.scope}, which is the most: forget or replace some.")
        row = AgentMemory(workspace_uuid=workspace, scope=owner.scope, owner=owner.uuid, content=content)
        db.add(row)
    row.content, row.updated_at = content, clock.now()
    await db.flush()
    return row


async def relevant(db: AsyncSession, workspace: uuid.UUID, owners: Sequence[Owner], said: str, most: int) -> list[AgentMemory]:
    """Memories that have words of the text, the most telling first."""
    given = {
        "workspace": workspace,
        "owners": [owner.key for owner in owners],
        "said": said[-MAX_QUERY:].replace("\x00", ""),
        "most": most,
    }
    uuids = [row.uuid for row in await db.execute(_RELEVANT, given)]
    by_uuid = {row.uuid: row for row in await db.scalars(select(AgentMemory).where(AgentMemory.uuid.in_(uuids)))} if uuids else {}
    return [by_uuid[uid] for uid in uuids if uid in by_uuid]


async def latest(db: AsyncSession, owners: Sequence[Owner], most: int) -> list[AgentMemory]:
    """What was learned last."""
    rows: list[AgentMemory] = []
    for owner in owners:
        rows += await db.scalars(_of(owner).limit(most))
    return sorted(rows, key=lambda row: row.updated_at, reverse=True)[:most]


async def forget(db: AsyncSession, owners: Sequence[Owner], memory: uuid.UUID) -> bool:
    """Remove a memory of one of these owners; whether it was there."""
    for owner in owners:
        gone = delete(AgentMemory).where(AgentMemory.uuid == memory, AgentMemory.scope == owner.scope, AgentMemory.owner == owner.uuid)
        if await db.scalar(gone.returning(AgentMemory.uuid)) is not None:
            return True
    return False


async def find(db: AsyncSession, owner: Owner, memory: uuid.UUID | None) -> AgentMemory | None:
    """A memory of this owner."""
    return await db.scalar(_of(owner).where(AgentMemory.uuid == memory).with_for_update())


def _of(owner: Owner):  # the type of a select is long, and follows
    where = (AgentMemory.scope == owner.scope, AgentMemory.owner == owner.uuid)
    return select(AgentMemory).where(*where).order_by(AgentMemory.updated_at.desc(), AgentMemory.uuid.desc())


def _is_covered(former: frozenset[str], said: frozenset[str]) -> bool:
    """Whether a memory has nothing that the new one lacks, and little less than that: a short one says something else in a longer one."""
    return former <= said and len(former) >= COVERED * len(said)


def _words(content: str) -> frozenset[str]:
    return frozenset(_WORD.findall(content.casefold()))


async def _take_turns(db: AsyncSession, owner: Owner) -> None:
    """Wait until no other transaction changes the memories of this owner."""
    connection = await driver_connection(db)
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 17))", (f"agent memories {owner.key}",))
