"""Single runs: workers hear of each when it is created and claim it directly, without a job of the queue; here is what is claimed and how.

The commit that creates a run notifies the workers. Each worker looks at the runs that are its share at once, and a moment later at those
that others should have claimed by then. Whatever is missed is found by looking: when a worker begins or has lost its notifications, when it
reaps a dead one, and from time to time (see housekeeping).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from cargo_ai.engine.dispatch.claim import ClaimedShard
from cargo_ai.engine.journal.rows import RunRow
from cargo_ai.store.driver import Connection

CHANNEL = "cargo_single"
"""The payload is the uuid of the shard and, after a space, that of its workspace."""
NOTIFY = f"pg_notify('{CHANNEL}', %(shard)s::text || ' ' || %(workspace)s::text)"

_RUN = [
    "uuid",
    "workspace_uuid",
    "workflow_uuid",
    "batch_uuid",
    "graph_uuid",
    "release_uuid",
    "trace_uuid",
    "record",
    "status",
    "position",
    "pending",
    "created_ms",
    "user_uuid",
    "record_id",
    "record_title",
    "parent_batch_uuid",
    "fanout_uuid",
    "item",
    "replay_of",
    "replay_root",
    "taken",
    "replay_path",
]
# That a claim need not be on the disk before the run begins: were it lost with the database, the run would be claimed again, and the former
# owner's flush refused. What must not be repeated says that it begins in a commit of its own, after this one.
_CLAIM = f"""
with free as (
    select uuid from shards where uuid = any(%(shards)s) and state = 'queued' order by uuid for update skip locked
), claimed as (
    update shards s set epoch = epoch + 1, tries = tries + 1, state = 'running', owner = %(owner)s, touched_ms = %(now)s
    from free where s.uuid = free.uuid
    returning s.uuid, s.epoch, s.tries, s.workspace_uuid, s.lane, s.suspect, s.first_run, s.last_run, s.signal, s.width, s.begun
)
select c.uuid, c.epoch, c.tries, c.workspace_uuid, c.lane, c.suspect, c.first_run, c.last_run, c.signal, c.width, c.begun,
    r.finished_ms is null and r.status <> 'idle' and not r.inline as is_unfinished, {", ".join(f"r.{name} as run_{name}" for name in _RUN)},
    set_config('synchronous_commit', 'off', true)
from claimed c join runs r on r.uuid = c.first_run order by c.uuid
"""  # noqa: S608 - constants of this module
_LEFT = """
select s.uuid::text || ' ' || s.workspace_uuid::text from shards s
where s.state = 'queued' and s.lane = 'interactive' and s.batch_uuid is null and not s.children
    and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'shard' = s.uuid::text)
"""
_GIVE_BACK = """
with mine as (
    select uuid from shards s where state = 'running' and lane = 'interactive' and batch_uuid is null and owner = any(%s)
        and not exists (select 1 from procrastinate_jobs j where j.status in ('todo', 'doing') and j.args ->> 'shard' = s.uuid::text)
    order by uuid for update
)
update shards s set state = 'queued' from mine where s.uuid = mine.uuid
returning pg_notify('cargo_single', s.uuid::text || ' ' || s.workspace_uuid::text)
"""


class ClaimedRun:
    """A single run that was claimed, and its row, unless that has ended, waits, or belongs to another run."""

    def __init__(self, shard: ClaimedShard, row: RunRow | None) -> None:
        self.shard, self.row = shard, row


async def claim_runs(connection: Connection, shards: Sequence[uuid.UUID], owner: str, now: int) -> list[ClaimedRun]:
    """Claim the single runs of these shards that no other worker has claimed."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CLAIM.encode(), {"shards": list(shards), "owner": owner, "now": now}, prepare=True)
        return [_claimed(row) for row in await cursor.fetchall()]


def _claimed(row: dict[str, Any]) -> ClaimedRun:
    shard = ClaimedShard(
        row["uuid"],
        row["epoch"],
        row["tries"],
        row["workspace_uuid"],
        None,
        row["lane"],
        row["suspect"],
        row["first_run"],
        row["last_run"],
        row["signal"],
        cancelling=False,
        width=row["width"],
        begun=frozenset(row["begun"] or ()),
    )
    run: Any = {name: row[f"run_{name}"] for name in _RUN}
    return ClaimedRun(shard, run if row["is_unfinished"] and shard.first == shard.last else None)


async def left_over(connection: Connection) -> list[str]:
    """The shards of single runs that wait for a worker and have no job, as they are notified: those that were just created, and those of
    which no one heard."""
    return [shard for (shard,) in await (await connection.execute(_LEFT)).fetchall()]


async def give_back(connection: Connection, owners: Sequence[str]) -> int:
    """Let other workers claim the single runs of workers that are dead."""
    return (await connection.execute(_GIVE_BACK, (list(owners),))).rowcount
