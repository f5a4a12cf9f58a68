"""What retention must keep: traces with unfinished or recent runs, and executions that an unfinished replay reads."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from cargo_ai.kernel import log

Connection = psycopg.AsyncConnection[Any]

_log = log.get(__name__)

OTHER = "other"
"""The name of the default partition, which holds what a clock that is far off has written, until `part_off`. It is never dropped."""
LOCK_TIMEOUT = "2s"

MONTHS = """
select substr(c.relname, 6) from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'public.runs'::regclass and c.relname ~ '^runs_(other|[0-9]{4}_[0-9]{2})$' order by 1
"""
# From one workspace to the next by the index: none of their rows are gone through.
WORKSPACES = """
with recursive present as (
    (select workspace_uuid from {part} order by workspace_uuid limit 1)
    union all
    select (select n.workspace_uuid from {part} n where n.workspace_uuid > p.workspace_uuid order by n.workspace_uuid limit 1)
    from present p where p.workspace_uuid is not null
) select workspace_uuid from present where workspace_uuid is not null
"""
PART_OFF = "select cargo_past_partition(to_timestamp(%s / 1000.0))"
TABLE = """
create temp table if not exists kept_traces (uuid uuid primary key);
truncate kept_traces;
"""
UNFINISHED = """
insert into kept_traces
select trace_uuid from runs
where uuid < %(end)s and workspace_uuid = any(%(due)s) and (finished_ms is null or finished_ms >= %(cutoff)s)
union select trace_uuid from batches
where uuid < %(end)s and workspace_uuid = any(%(due)s) and (finished_ms is null or finished_ms >= %(cutoff)s)
union select r.trace_uuid from fanouts f join runs r on r.fanout_uuid = f.uuid and r.uuid between f.first_run and f.last_run
    where f.run_uuid < %(end)s and f.last_run >= %(end)s and f.workspace_uuid = any(%(due)s)
        and (r.finished_ms is null or r.finished_ms >= %(cutoff)s)
on conflict do nothing
"""
REPLAYED = """
insert into kept_traces
select o.trace_uuid from runs n join runs o on o.uuid = n.replay_of where n.replay_root is not null and n.finished_ms is null
on conflict do nothing
"""
# A batch that repeats runs reads them while it is enumerated, whichever they are.
REPEATING = "select distinct workspace_uuid from batches where finished_ms is null and data ->> 'kind' = 'runs'"
STAYS = "(not r.workspace_uuid = any(%(due)s) or r.workspace_uuid = any(%(repeating)s) or r.trace_uuid in (select uuid from kept_traces))"


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What ended before these times, in milliseconds since 1970, is old; 0: nothing is. `others`: of workspaces that say it themselves."""

    usual: int
    others: Mapping[uuid.UUID, int] = field(default_factory=dict[uuid.UUID, int])

    def of(self, workspace: uuid.UUID) -> int:
        """That of a workspace."""
        return self.others.get(workspace, self.usual)

    @property
    def latest(self) -> int:
        """The latest of all."""
        return max(self.usual, *self.others.values(), 0)


@dataclass(frozen=True, slots=True)
class Due:
    """A month, and which workspaces it is old for, by cutoff. `all`: it is for every workspace that has anything in it."""

    month: str
    groups: Mapping[int, Sequence[uuid.UUID]]
    all: bool

    @property
    def workspaces(self) -> list[uuid.UUID]:
        """The workspaces that it is old for."""
        return [workspace for group in self.groups.values() for workspace in group]

    def end(self, cutoff: int) -> uuid.UUID:
        """The lowest id of runs that are younger than those in question."""
        return _first_id(end_ms(self.month, cutoff))

    def times(self, cutoff: int) -> tuple[int, int]:
        """When the runs in question were created: from, and before, in milliseconds since 1970."""
        return _begin_ms(self.month), end_ms(self.month, cutoff)


async def part_off(connection: Connection, before_ms: int) -> bool:
    """Give the months that have rows in the default partition, and were over by then, partitions of their own; whether none is left.

    A transaction for each. It waits for none that reads or writes the journal: what is busy now is done the next time.
    """
    while True:
        try:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
                made = await (await connection.execute(PART_OFF, (before_ms,))).fetchone()
        except psycopg.errors.LockNotAvailable:
            _log.info("the journal is busy; what the default partition holds waits")
            return False
        if not made or not made[0]:
            return True


async def due_months(connection: Connection, cutoffs: Cutoffs) -> list[Due]:
    """The months that had ended by the cutoff of any workspace, oldest first."""
    if not cutoffs.latest:
        return []
    months = [row[0] for row in await (await connection.execute(MONTHS)).fetchall()]
    old = [month for month in months if end_ms(month, cutoffs.latest) <= cutoffs.latest]
    if not old:
        return []
    with_batches = await _workspaces(connection, "batches")
    return [await _due(connection, month, cutoffs, with_batches) for month in old]


async def _due(connection: Connection, month: str, cutoffs: Cutoffs, with_batches: set[uuid.UUID]) -> Due:
    with_runs = await _workspaces(connection, f"runs_{month}")
    groups: dict[int, list[uuid.UUID]] = {}
    for workspace in sorted(with_runs | with_batches):
        cutoff = cutoffs.of(workspace)
        if cutoff and end_ms(month, cutoff) <= cutoff:
            groups.setdefault(cutoff, []).append(workspace)
    return Due(month, groups, with_runs <= {workspace for group in groups.values() for workspace in group})


async def _workspaces(connection: Connection, part: str) -> set[uuid.UUID]:
    return {row[0] for row in await (await connection.execute(WORKSPACES.format(part=part).encode())).fetchall()}


async def find_kept(connection: Connection, due: Due) -> list[uuid.UUID]:
    """Fill `kept_traces` with what must stay of the workspaces in question; returns those of which everything must."""
    await connection.execute(TABLE.encode())
    for cutoff, workspaces in due.groups.items():
        await connection.execute(UNFINISHED, {"end": due.end(cutoff), "cutoff": cutoff, "due": workspaces})
    await find_replayed(connection)
    return await repeating(connection)


async def find_replayed(connection: Connection) -> int:
    """Add to `kept_traces` what unfinished replays read; how many traces were new."""
    return (await connection.execute(REPLAYED)).rowcount


async def repeating(connection: Connection) -> list[uuid.UUID]:
    """The workspaces in which a batch repeats runs, and may read any of them."""
    return [row[0] for row in await (await connection.execute(REPEATING)).fetchall()]


def end_ms(month: str, cutoff_ms: int) -> int:
    """When the month ends, in milliseconds since 1970; the default partition: by the cutoff."""
    if month == OTHER:
        return cutoff_ms
    year, number = (int(part) for part in month.split("_"))
    return int(datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _begin_ms(month: str) -> int:
    if month == OTHER:
        return 0
    year, number = (int(part) for part in month.split("_"))
    return int(datetime(year, number, 1, tzinfo=UTC).timestamp() * 1000)


def _first_id(ms: int) -> uuid.UUID:
    """The lowest id of runs that are created at that time or later: an id begins with 48 bits of milliseconds."""
    return uuid.UUID(int=ms << 80)
