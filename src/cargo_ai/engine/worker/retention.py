"""Retention: remove what the journal holds of runs that ended long ago, month by month, and never what unfinished work still needs.

The journal is partitioned by months. A month that is over for long enough is dropped whole; where some of its runs must stay, the others
are deleted a thousand at a time. Runs of one trace (a batch or single run with all that it has started) stay and go together.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from cargo_ai.engine.dispatch.submit import LARGE_RECORD
from cargo_ai.kernel import log
from cargo_ai.store import quotas

Connection = psycopg.AsyncConnection[Any]
RemoveFiles = Callable[[Sequence[str]], Awaitable[None]]

AT_ONCE = 1_000
LOCK_TIMEOUT = "2s"
OTHER = "other"
"""The name of the default partition, which holds what a clock that is far off has written. It is never dropped."""

_log = log.get(__name__)

MONTHS = """
select substr(c.relname, 6) from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'public.runs'::regclass and c.relname ~ '^runs_(other|[0-9]{4}_[0-9]{2})$' order by 1
"""
# What must stay: traces with anything unfinished or recent, and those that an unfinished replay still reads.
KEPT = """
create temp table if not exists kept_traces (uuid uuid primary key);
truncate kept_traces;
"""
KEEP_TRACES = """
insert into kept_traces
select trace_uuid from runs where uuid < %(end)s and (finished_ms is null or finished_ms >= %(cutoff)s)
union select trace_uuid from batches where uuid < %(end)s and (finished_ms is null or finished_ms >= %(cutoff)s)
union select r.trace_uuid from fanouts f join runs r on r.fanout_uuid = f.uuid and r.uuid between f.first_run and f.last_run
    where f.run_uuid < %(end)s and f.last_run >= %(end)s and (r.finished_ms is null or r.finished_ms >= %(cutoff)s)
"""
KEEP_REPLAYED = """
insert into kept_traces
select o.trace_uuid from runs n join runs o on o.uuid = n.replay_of where n.replay_root is not null and n.finished_ms is null
on conflict do nothing
"""
# A batch that repeats runs reads them while it is enumerated, whichever they are.
REPEATING = "select distinct workspace_uuid from batches where finished_ms is null and data ->> 'kind' = 'runs'"
STAYS = "(r.workspace_uuid = any(%(repeating)s) or r.trace_uuid in (select uuid from kept_traces))"
ANY_KEPT = f"select exists (select 1 from {{part}} r where {STAYS})"  # noqa: S608 - our own texts
EXPIRED = f"""
select r.uuid from {{part}} r where r.uuid < %(end)s and r.uuid > %(after)s and not {STAYS} order by r.uuid limit {AT_ONCE}
"""  # noqa: S608 - our own texts
# Replays share the files of what they reuse: all that repeat each other have one root.
FILES = f"""
select distinct e.output_file from execution_rows e join runs r on r.uuid = e.run_uuid
where e.run_uuid = any(%(runs)s) and e.output_file is not null and not exists (
    select 1 from runs o join execution_rows c on c.run_uuid = o.uuid
    where (o.replay_root = coalesce(r.replay_root, r.uuid) or o.uuid = r.replay_root) and o.uuid <> all(%(runs)s)
        and c.output_file = e.output_file and (o.uuid >= %(end)s or {STAYS.replace("r.", "o.")})
)
"""  # noqa: S608 - our own texts
WITH_FILES = """
select distinct run_uuid from executions_{month} where output_file is not null and run_uuid > %(after)s and run_uuid < %(end)s
order by run_uuid limit 1000
"""
FANOUTS = f"""
delete from fanouts where uuid in (
    select f.uuid from fanouts f where f.run_uuid < %(end)s and not exists (select 1 from runs r where r.uuid = f.run_uuid) limit {AT_ONCE}
)
"""  # noqa: S608 - our own texts
# Large records of single runs were counted when the runs were created.
JOURNAL = (("execution_rows", "run_uuid"), ("packed_executions", "run_uuid"), ("fanouts", "run_uuid"), ("runs", "uuid"))
LOCK = "lock table only runs, only execution_rows, only packed_executions, only packed_bodies in access exclusive mode"
DROP = "drop table runs_{month}, executions_{month}, packed_executions_{month}, packed_bodies_{month}"
# A body is written together with all that is in it.
UNUSED_BODIES = """
create temp table unused_bodies as
select b.uuid from packed_bodies_{month} b where not exists (select from packed_executions_{month} p where p.body_uuid = b.uuid)
"""
DELETE_BODIES = f"""
with chosen as (delete from unused_bodies where uuid in (select uuid from unused_bodies limit {AT_ONCE}) returning uuid)
delete from packed_bodies_{{month}} where uuid in (select uuid from chosen)
"""  # noqa: S608 - our own texts
LARGE_RECORDS = f"""
select r.workspace_uuid, sum(length(r.record::text))::int8 from {{part}} r
where r.batch_uuid is null and r.parent_uuid is null and length(r.record::text) > {LARGE_RECORD} and {{which}} group by 1
"""  # noqa: S608 - our own texts
BATCHES = f"""
delete from batches where uuid in (
    select r.uuid from batches r where r.uuid < %(end)s and r.finished_ms < %(cutoff)s and not {STAYS}
        and not exists (select 1 from runs n where n.batch_uuid = r.uuid) limit {AT_ONCE}
) returning workspace_uuid, uuid
"""  # noqa: S608 - our own texts


@dataclass(frozen=True, slots=True)
class Removed:
    """How many months were dropped, how many runs were deleted one by one, and which batches of which workspaces."""

    months: int
    runs: int
    batches: list[tuple[uuid.UUID, uuid.UUID]]


async def remove(connection: Connection, cutoff_ms: int, remove_files: RemoveFiles) -> Removed:
    """Remove the traces that ended before the cutoff, of all months that had ended by then. `remove_files` gets keys of the file store.

    The connection is in autocommit mode, and one of this alone: every step is a short transaction, so that it may be ended at any time and
    goes on with the next call. Files go before the rows that name them.
    """
    months = [row[0] for row in await (await connection.execute(MONTHS)).fetchall()]
    old = [(month, end) for month in months if (end := _end_ms(month, cutoff_ms)) <= cutoff_ms]
    if not old:
        return Removed(0, 0, [])
    await connection.execute(KEPT.encode())
    dropped, deleted, batches = 0, 0, list[tuple[uuid.UUID, uuid.UUID]]()
    for month, end_ms in old:
        step = _Month(connection, month, _first_id(end_ms), cutoff_ms, remove_files)
        await step.look()
        if month != OTHER and not await step.any_kept():
            await step.remove_all_files()
            dropped += await step.drop()
        else:
            deleted += await step.delete()
        batches += await step.delete_batches()
    return Removed(dropped, deleted, batches)


class _Month:
    """One month of the journal."""

    def __init__(self, connection: Connection, month: str, end: uuid.UUID, cutoff_ms: int, remove_files: RemoveFiles) -> None:
        self._connection, self._month, self._remove_files = connection, month, remove_files
        self._values: dict[str, Any] = {"end": end, "cutoff": cutoff_ms, "repeating": []}

    async def look(self) -> None:
        """Find out what must stay."""
        await self._connection.execute("truncate kept_traces")
        await self._connection.execute(KEEP_TRACES, self._values)
        await self._connection.execute(KEEP_REPLAYED)
        self._values["repeating"] = await self._repeating()

    async def _repeating(self) -> list[uuid.UUID]:
        return [row[0] for row in await (await self._connection.execute(REPEATING)).fetchall()]

    async def any_kept(self) -> bool:
        """Whether any run of the month must stay."""
        row = await (await self._connection.execute(ANY_KEPT.format(part=f"runs_{self._month}").encode(), self._values)).fetchone()
        return bool(row and row[0])

    async def remove_all_files(self) -> None:
        """Remove the files of large outputs of the month."""
        query = WITH_FILES.format(month=self._month).encode()
        after = uuid.UUID(int=0)
        while runs := [row[0] for row in await (await self._connection.execute(query, self._values | {"after": after})).fetchall()]:
            await self._remove_files_of(runs)
            after = runs[-1]

    async def drop(self) -> int:
        """Drop the month, unless a replay began since `look`, or the journal is too busy right now. How many months were dropped."""
        large = await self._large_records(f"runs_{self._month}", "true", ())
        try:
            async with self._connection.transaction():
                await self._connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
                # No run can be written while these are held, so nothing slow may happen here.
                await self._connection.execute(LOCK.encode())
                replayed = (await self._connection.execute(KEEP_REPLAYED)).rowcount
                if replayed or not set(await self._repeating()) <= set(self._values["repeating"]):
                    return 0
                await self._connection.execute(DROP.format(month=self._month).encode())
                await self._uncount(large)
        except psycopg.errors.LockNotAvailable:
            _log.info("the journal is busy; the month is dropped later", month=self._month)
            return 0
        while (await self._connection.execute(FANOUTS.encode(), self._values)).rowcount:
            pass
        return 1

    async def delete(self) -> int:
        """Delete the runs of the month that need not stay, a thousand in a transaction; returns how many."""
        query, after, deleted = EXPIRED.format(part=f"runs_{self._month}").encode(), uuid.UUID(int=0), 0
        while runs := [row[0] for row in await (await self._connection.execute(query, self._values | {"after": after})).fetchall()]:
            await self._remove_files_of(runs)
            large = await self._large_records("runs", "r.uuid = any(%s)", (runs,))
            async with self._connection.transaction():
                await self._uncount(large)
                for table, column in JOURNAL:
                    await self._connection.execute(f"delete from {table} where {column} = any(%s)".encode(), (runs,))  # noqa: S608 - constants
            after, deleted = runs[-1], deleted + len(runs)
        if deleted:
            await self._delete_bodies()
        return deleted

    async def _delete_bodies(self) -> None:
        """Delete the bodies of the month that no packed execution is in any longer."""
        await self._connection.execute(UNUSED_BODIES.format(month=self._month).encode())
        delete = DELETE_BODIES.format(month=self._month).encode()
        while (await self._connection.execute(delete)).rowcount:
            pass
        await self._connection.execute("drop table unused_bodies")

    async def delete_batches(self) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """Delete the batches whose runs are gone; returns which."""
        gone: list[tuple[uuid.UUID, uuid.UUID]] = []
        while batches := await (await self._connection.execute(BATCHES.encode(), self._values)).fetchall():
            gone += [(row[0], row[1]) for row in batches]
        return gone

    async def _large_records(self, part: str, which: str, values: Sequence[object]) -> list[tuple[uuid.UUID, int]]:
        query = LARGE_RECORDS.format(part=part, which=which).encode()
        return [(row[0], row[1]) for row in await (await self._connection.execute(query, values)).fetchall()]

    async def _uncount(self, large: Sequence[tuple[uuid.UUID, int]]) -> None:
        for workspace, size in large:
            await quotas.add(self._connection, workspace, "outputBytes", "records", -size)

    async def _remove_files_of(self, runs: Sequence[uuid.UUID]) -> None:
        rows = await (await self._connection.execute(FILES.encode(), self._values | {"runs": list(runs)})).fetchall()
        if rows:
            await self._remove_files([row[0] for row in rows])


def _end_ms(month: str, cutoff_ms: int) -> int:
    """When the month ends, in milliseconds since 1970."""
    if month == OTHER:
        return cutoff_ms
    year, number = (int(part) for part in month.split("_"))
    return int(datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _first_id(ms: int) -> uuid.UUID:
    """The lowest id of runs that are created at that time or later: an id begins with 48 bits of milliseconds."""
    return uuid.UUID(int=ms << 80)
