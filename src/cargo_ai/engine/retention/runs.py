"""Retention: remove what the journal holds of runs that ended long ago, month by month, and never what unfinished work still needs.

The journal is partitioned by months. A month that is over for long enough is dropped whole; where some of its runs must stay, the others
are deleted a thousand at a time. Runs of one trace (a batch or single run with all that it has started) stay and go together.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from cargo_ai.engine.dispatch.submit import LARGE_RECORD
from cargo_ai.engine.journal import failures
from cargo_ai.engine.retention import kept
from cargo_ai.engine.retention.kept import OTHER, STAYS, Connection, Cutoffs, Due
from cargo_ai.kernel import log
from cargo_ai.store import quotas

RemoveFiles = Callable[[Sequence[str]], Awaitable[None]]

AT_ONCE = 1_000

_log = log.get(__name__)

ANY_KEPT = f"select exists (select 1 from {{part}} r where {STAYS})"  # noqa: S608 - our own texts
EXPIRED = f"""
select r.uuid from {{part}} r where r.workspace_uuid = %(workspace)s and r.uuid < %(end)s and r.uuid > %(after)s and not {STAYS}
order by r.uuid limit {AT_ONCE}
"""  # noqa: S608 - our own texts
# Replays share the files of what they reuse: all that repeat each other have one root.
FILES = f"""
select distinct e.output_file from execution_rows e join runs r on r.uuid = e.run_uuid
where e.run_uuid = any(%(runs)s) and e.output_file is not null and not exists (
    select 1 from archived_outputs a where a.output_file = e.output_file
) and not exists (
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
FORGET = "delete from bodies_dropped where month = %s"
# From now on SQL finds them in the archive only. What was read of it before has no runs that are gone since.
ARCHIVED_ONLY = """
with files as (
    update archived_files set are_runs_removed = true, read_ms = null
    where month = %s and workspace_uuid = any(%s) and (not are_runs_removed or read_ms is not null) returning key
)
delete from archived_spans where key in (select key from files)
"""
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


async def remove(
    connection: Connection,
    cutoffs: Cutoffs,
    remove_files: RemoveFiles,
    *,
    held: frozenset[tuple[str, uuid.UUID]] = frozenset(),
) -> Removed:
    """Remove the traces that ended before the cutoff, of all months that had ended by then. `remove_files` gets keys of the file store,
    but not of what the archive names. `held`: months and workspaces that must wait.

    The connection is in autocommit mode, and one of this alone: every step is a short transaction, so that it may be ended at any time and
    goes on with the next call. Files go before the rows that name them.
    """
    dropped, deleted, batches = 0, 0, list[tuple[uuid.UUID, uuid.UUID]]()
    for each in await kept.due_months(connection, cutoffs):
        due = _without(each, held)
        if not due.groups and not due.all:
            continue
        step = _Month(connection, due, max(due.groups, default=cutoffs.latest), remove_files)
        await step.look()
        if due.month != OTHER and due.all and not await step.any_kept():
            await step.remove_all_files()
            dropped += await step.drop()
        elif due.month != OTHER:
            deleted += sum([await step.delete(cutoff, workspaces) for cutoff, workspaces in due.groups.items()])
        batches += await step.delete_batches()
    return Removed(dropped, deleted, batches)


def _without(due: Due, held: frozenset[tuple[str, uuid.UUID]]) -> Due:
    """The same without workspaces that must wait."""
    groups = {cutoff: [each for each in some if (due.month, each) not in held] for cutoff, some in due.groups.items()}
    left = {cutoff: some for cutoff, some in groups.items() if some}
    return Due(due.month, left, due.all and sum(map(len, left.values())) == len(due.workspaces))


class _Month:
    """One month of the journal."""

    def __init__(self, connection: Connection, due: Due, cutoff: int, remove_files: RemoveFiles) -> None:
        self._connection, self._due, self._month, self._remove_files = connection, due, due.month, remove_files
        self._values: dict[str, Any] = {"end": due.end(cutoff), "cutoff": cutoff, "due": due.workspaces, "repeating": []}

    async def look(self) -> None:
        """Find out what must stay."""
        self._values["repeating"] = await kept.find_kept(self._connection, self._due)

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
                await self._connection.execute(f"set local lock_timeout = '{kept.LOCK_TIMEOUT}'".encode())
                # Before those of the journal, in the order of what counts failures.
                await self._connection.execute(failures.LOCK)
                # No run can be written while these are held, so nothing slow may happen here.
                await self._connection.execute(LOCK.encode())
                replayed = await kept.find_replayed(self._connection)
                if replayed or not set(await kept.repeating(self._connection)) <= set(self._values["repeating"]):
                    return 0
                await self._connection.execute(DROP.format(month=self._month).encode())
                await self._connection.execute(FORGET, (self._month,))
                await self._connection.execute(ARCHIVED_ONLY, (self._month, self._due.workspaces))
                await self._recount(self._values["cutoff"], self._due.workspaces)
                await self._uncount(large)
        except psycopg.errors.LockNotAvailable:
            _log.info("the journal is busy; the month is dropped later", month=self._month)
            return 0
        while (await self._connection.execute(FANOUTS.encode(), self._values)).rowcount:
            pass
        return 1

    async def delete(self, cutoff: int, workspaces: Sequence[uuid.UUID]) -> int:
        """Delete the runs of the month that need not stay, a thousand in a transaction; returns how many."""
        query, deleted = EXPIRED.format(part=f"runs_{self._month}").encode(), 0
        self._values |= {"end": self._due.end(cutoff), "cutoff": cutoff}
        for workspace in workspaces:
            values, after, removed = self._values | {"workspace": workspace}, uuid.UUID(int=0), 0
            while runs := [row[0] for row in await (await self._connection.execute(query, values | {"after": after})).fetchall()]:
                if not removed:
                    async with self._connection.transaction():
                        await self._connection.execute(failures.LOCK)
                        await self._recount(cutoff, [workspace])
                await self._remove_files_of(runs)
                large = await self._large_records("runs", "r.uuid = any(%s)", (runs,))
                async with self._connection.transaction():
                    await self._uncount(large)
                    await self._connection.execute(ARCHIVED_ONLY, (self._month, [workspace]))
                    for table, column in JOURNAL:
                        await self._connection.execute(f"delete from {table} where {column} = any(%s)".encode(), (runs,))  # noqa: S608 - constants
                after, removed = runs[-1], removed + len(runs)
            deleted += removed
        if deleted:
            await self._delete_bodies()
        return deleted

    async def _recount(self, cutoff: int, workspaces: Sequence[uuid.UUID]) -> None:
        """Count failures of these workspaces again from the runs that stay."""
        stays = f"(r.uuid >= %(end)s or {STAYS})"
        await failures.recount(self._connection, *self._due.times(cutoff), workspaces, stays, self._values)

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
        for cutoff, workspaces in self._due.groups.items():
            values = self._values | {"end": self._due.end(cutoff), "cutoff": cutoff, "due": workspaces}
            while batches := await (await self._connection.execute(BATCHES.encode(), values)).fetchall():
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
