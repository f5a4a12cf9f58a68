"""Bodies: drop what nodes of old runs gave, with configs and logs, month by month, and archive it before where a workspace says so.

Runs and their executions stay, with states, times and errors. Of each month and workspace, runs are gone through once, a page in a
transaction that also says how far it came; those that must stay are noted and looked at again later. Bodies that many runs share go at
the end, and all at once where none of the month must stay.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.retention import archive_rows, kept, runs
from cargo_ai.engine.retention.kept import OTHER, Connection, Cutoffs, Due
from cargo_ai.engine.retention.runs import RemoveFiles
from cargo_ai.kernel import clock, log
from cargo_ai.store import quotas

PAGE_RUNS = 20_000
AGAIN_MS = 86_400_000
"""How long what must stay of a month is left alone before it is looked at again."""
START = uuid.UUID(int=0)

_log = log.get(__name__)

# What goes through its runs for the first time is `first`, what looks at those that had to stay `again`; then `kept` or `done`.
STATE = "select state, last_run, looked_ms, writing from bodies_dropped where month = %(month)s and workspace_uuid = %(workspace)s"
SET_STATE = """
insert into bodies_dropped (month, workspace_uuid, state, last_run, looked_ms)
values (%(month)s, %(workspace)s, %(state)s, %(last)s, %(now)s)
on conflict (month, workspace_uuid) do update set state = excluded.state, last_run = excluded.last_run, looked_ms = excluded.looked_ms,
    writing = null
"""
SET_WRITING = "update bodies_dropped set writing = %(key)s where month = %(month)s and workspace_uuid = %(workspace)s"
NOTE_KEPT = """
insert into bodies_kept (month, workspace_uuid, run_uuid)
select %(month)s, r.workspace_uuid, r.uuid from runs_{month} r
where r.workspace_uuid = %(workspace)s and r.uuid > %(last)s and r.uuid < %(end)s and r.trace_uuid in (select uuid from kept_traces)
on conflict do nothing
"""
PAGE_TABLES = """
create temp table if not exists page_runs (uuid uuid primary key);
create temp table if not exists left_out (uuid uuid primary key);
truncate page_runs, left_out;
"""
PAGES = {
    "first": """
insert into page_runs select r.uuid from runs_{month} r
where r.workspace_uuid = %(workspace)s and r.uuid > %(last)s and r.uuid < %(end)s
    and not exists (select from bodies_kept k where k.run_uuid = r.uuid) order by r.uuid limit %(most)s
""",
    "again": """
insert into page_runs select r.uuid from bodies_kept k join runs_{month} r on r.uuid = k.run_uuid
where k.month = %(month)s and k.workspace_uuid = %(workspace)s and r.uuid > %(last)s
    and r.trace_uuid not in (select uuid from kept_traces) order by r.uuid limit %(most)s
""",
}
BOUNDS = "select min(uuid::text)::uuid, max(uuid::text)::uuid from page_runs"
# Runs that a forgotten record has started are left out, too, as far as their parents are still known.
LEAVE_OUT = """
with recursive ancestors as (
    select g.uuid as run, r.parent_uuid as parent, r.record_id, r.created_ms from page_runs g join runs_{month} r on r.uuid = g.uuid
    union all
    select a.run, p.parent_uuid, p.record_id, p.created_ms from ancestors a join runs p on p.uuid = a.parent
)
insert into left_out select distinct a.run from ancestors a join forgotten_records f
    on f.workspace_uuid = %(workspace)s and f.digest = sha256(convert_to(a.record_id, 'UTF8')) and a.created_ms <= f.forgotten_ms
"""
FORGOTTEN = "select count(*), max(forgotten_ms) from forgotten_records where workspace_uuid = %(workspace)s"
# Who forgets a record takes it alone (see archive_forget): either it sees the file that is noted here, or is seen here.
FORGET_LOCK = "select pg_advisory_xact_lock_shared(hashtextextended('forget ' || %(workspace)s::text, 0))"
ALL_LEFT_OUT = "insert into left_out select uuid from page_runs"
FILES = runs.FILES.replace("any(%(runs)s)", "any(select uuid from left_out)").replace("all(%(runs)s)", "all(select uuid from page_runs)")
NOTE_OUTPUTS = """
insert into archived_outputs (workspace_uuid, month, output_file)
select distinct %(workspace)s::uuid, %(month)s, e.output_file from page_runs g join executions_{month} e on e.run_uuid = g.uuid
where e.output_file is not null and not e.is_dropped and g.uuid not in (select uuid from left_out) on conflict do nothing
"""
EMPTY_ROWS = """
update executions_{month} e set output = null, config = null, log = null, is_dropped = true,
    output_file = case when e.run_uuid not in (select uuid from left_out) then e.output_file end
from page_runs g where e.run_uuid = g.uuid and not e.is_dropped
"""
NO_LONGER_KEPT = "delete from bodies_kept k using page_runs g where k.run_uuid = g.uuid"
ADD_FILE = """
insert into archived_files (key, workspace_uuid, month, executions, bytes, archived_ms)
values (%(key)s, %(workspace)s, %(month)s, %(executions)s, %(bytes)s, %(now)s)
on conflict (key) do update set executions = excluded.executions, bytes = excluded.bytes, archived_ms = excluded.archived_ms,
    removed_ms = null
"""
COUNTED = "select bytes from archived_files where key = %(key)s and removed_ms is null"
IS_NOTED = "select exists (select from archived_files where key = %(key)s)"
ANY_KEPT = "select exists (select from bodies_kept where month = %(month)s and workspace_uuid = %(workspace)s)"
# Bodies of runs that must stay, or that are younger than the last one that was gone through, stay.
UNUSED = """
create temp table unused_bodies as
select b.uuid from packed_bodies_{month} b where b.workspace_uuid = %(workspace)s and not exists (
    select from packed_executions_{month} p where p.body_uuid = b.uuid
        and (p.run_uuid > %(last)s or exists (select from bodies_kept k where k.run_uuid = p.run_uuid))
)
"""
ANY_BODY = "select exists (select from packed_bodies_{month})"


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """A file of the archive: its key, how many executions are in it, its size."""

    key: str
    executions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Archive:
    """Where files of the archive are written. `key`: of (workspace, month, first run). `write` takes the key and lines of CSV as
    `archive_rows` has them; written again, a file replaces itself. `discard` removes one that was begun and does not belong to it."""

    key: Callable[[uuid.UUID, str, uuid.UUID], str]
    write: Callable[[str, AsyncGenerator[bytes]], Awaitable[ArchivedPage]]
    discard: Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many runs have no bodies any longer, how many executions were archived, and of which months and workspaces the runs must wait:
    what they gave is not archived yet."""

    runs: int
    archived: int
    held: frozenset[tuple[str, uuid.UUID]]


async def drop(
    connection: Connection, cutoffs: Cutoffs, archiving: Callable[[uuid.UUID], bool], archive: Archive, remove_files: RemoveFiles
) -> Dropped:
    """Drop the bodies of runs that ended before the cutoff, of all months that had ended by then.

    The connection is in autocommit mode, and one of this alone. It may be ended at any time, and goes on with the next call: what was
    archived twice is the same file, and what was dropped had been archived.
    """
    count, archived, held = 0, 0, set[tuple[str, uuid.UUID]]()
    for due in await kept.due_months(connection, cutoffs):
        if due.month == OTHER:
            # What it had of months that are over has partitions of their own by now.
            continue
        month = _Month(connection, due, archiving, archive, remove_files)
        await month.go_through()
        count, archived, held = count + month.count, archived + month.archived, held | month.held
    return Dropped(count, archived, frozenset(held))


class _Month:
    """One month of the journal."""

    def __init__(
        self, connection: Connection, due: Due, archiving: Callable[[uuid.UUID], bool], archive: Archive, remove_files: RemoveFiles
    ) -> None:
        self._connection, self._due, self._month = connection, due, due.month
        self._archiving, self._archive, self._remove_files = archiving, archive, remove_files
        self.count = self.archived = 0
        self.held: set[tuple[str, uuid.UUID]] = set()

    async def go_through(self) -> None:
        """Drop what may go of each workspace for which something may be left."""
        open_ = {uid for uid in self._due.workspaces if await self._is_open(uid)}
        if not open_:
            return
        groups = {cutoff: [uid for uid in some if uid in open_] for cutoff, some in self._due.groups.items()}
        due = replace(self._due, groups={cutoff: some for cutoff, some in groups.items() if some})
        repeating = await kept.find_kept(self._connection, due)
        through: list[tuple[uuid.UUID, uuid.UUID]] = []
        for cutoff, workspaces in due.groups.items():
            for workspace in workspaces:
                if workspace in repeating:
                    # Its batch may read any of them.
                    self.held.add((self._month, workspace))
                    continue
                through.append((workspace, await self._pages(workspace, due.end(cutoff), due.workspaces)))
        if not await self._drop_all_bodies(open_, through):
            for workspace, last in through:
                await self._drop_unused_bodies(workspace, last)
        for workspace, last in through:
            await self._close(workspace, last)

    async def _is_open(self, workspace: uuid.UUID) -> bool:
        state = await self._one(STATE, {"workspace": workspace})
        return state is None or state[0] in PAGES or (state[0] == "kept" and state[2] < clock.now_ms() - AGAIN_MS)

    async def _pages(self, workspace: uuid.UUID, end: uuid.UUID, due: Sequence[uuid.UUID]) -> uuid.UUID:
        """Go through the runs of a workspace, from where it was left; returns the last one."""
        state, last, _, writing = await self._one(STATE, {"workspace": workspace}) or ("first", START, 0, None)
        if writing is not None and not (await self._one(IS_NOTED, {"key": writing}) or (False,))[0]:
            # What must stay may be another today, so that nothing would replace it.
            await self._archive.discard(writing)
        if state == "kept":
            state, last = "again", START
        values: dict[str, Any] = {"workspace": workspace, "end": end, "most": PAGE_RUNS, "due": list(due), "repeating": []}
        values |= {"archiving": self._archiving(workspace)}
        while True:
            await kept.find_replayed(self._connection)
            if state == "first":
                async with self._connection.transaction():
                    await self._do(NOTE_KEPT, values | {"last": last})
                    await self._do(SET_STATE, values | {"state": state, "last": last})
            bounds = await self._next_page(state, values | {"last": last})
            if bounds is None:
                return last if state == "first" else uuid.UUID(int=(1 << 128) - 1)
            while not await self._drop_page(state, values, *bounds):
                pass
            last = bounds[1]

    async def _next_page(self, state: str, values: dict[str, Any]) -> tuple[uuid.UUID, uuid.UUID] | None:
        await self._connection.execute(PAGE_TABLES)
        if not (await self._do(PAGES[state], values)).rowcount:
            return None
        await self._connection.execute("analyze page_runs")
        bounds = await self._one(BOUNDS, {})
        assert bounds is not None
        return bounds[0], bounds[1]

    async def _drop_page(self, state: str, values: dict[str, Any], first: uuid.UUID, last: uuid.UUID) -> bool:
        """Archive a page of runs, then drop what they gave, as far as no others share it. False where a record was forgotten meanwhile."""
        page, forgotten = None, await self._leave_out(values)
        if values["archiving"]:
            key = self._archive.key(values["workspace"], self._month, first)
            await self._do(SET_WRITING, values | {"key": key})
            page = await self._archive.write(key, self._lines())
            crash_points.point("between archive and drop")
        await self._remove_files_left_out(values)
        async with self._connection.transaction():
            await self._do(FORGET_LOCK, values)
            if await self._one(FORGOTTEN, values) != forgotten:
                return False
            if page is not None:
                await self._note(values, page)
            await self._do(EMPTY_ROWS, values)
            await self._do(NO_LONGER_KEPT, values)
            self.count += int((await self._one("select count(*) from page_runs", {}) or (0,))[0])
            await self._do(SET_STATE, values | {"state": state, "last": last})
        self.archived += page.executions if page is not None else 0
        crash_points.point("between pages of bodies")
        return True

    async def _leave_out(self, values: dict[str, Any]) -> tuple[Any, ...] | None:
        """Find the runs of the page that must not come into the archive; returns how many records are forgotten, and when the last was."""
        forgotten = await self._one(FORGOTTEN, values)
        await self._connection.execute("truncate left_out")
        if not values["archiving"]:
            await self._do(ALL_LEFT_OUT, {})
        elif forgotten and forgotten[0]:
            await self._do(LEAVE_OUT, values)
        return forgotten

    async def _note(self, values: dict[str, Any], page: ArchivedPage) -> None:
        """The file belongs to the archive from now on, and counts."""
        file = {"key": page.key, "executions": page.executions, "bytes": page.bytes}
        counted = await self._one(COUNTED, file)
        await quotas.add(self._connection, values["workspace"], "storedBytes", "archive", page.bytes - (counted[0] if counted else 0))
        await self._do(ADD_FILE, values | file)
        await self._do(NOTE_OUTPUTS, values)

    async def _lines(self) -> AsyncGenerator[bytes]:
        async with self._connection.cursor() as cursor, cursor.copy(archive_rows.COPY.format(month=self._month).encode()) as copy:
            async for lines in copy:
                yield bytes(lines)

    async def _remove_files_left_out(self, values: dict[str, Any]) -> None:
        rows = await (await self._do(FILES, values)).fetchall()
        if rows:
            await self._remove_files([row[0] for row in rows])

    async def _drop_all_bodies(self, open_: Collection[uuid.UUID], through: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> bool:
        """Drop all bodies of the month at once, where none must stay; whether that was so."""
        if not self._due.all or self.held or len(through) < len(open_):
            return False
        row = await self._one("select exists (select from bodies_kept where month = %(month)s)", {})
        if row is None or row[0]:
            return False
        if not (await self._one(ANY_BODY, {}) or (False,))[0]:
            return True
        try:
            async with self._connection.transaction():
                await self._connection.execute(f"set local lock_timeout = '{kept.LOCK_TIMEOUT}'".encode())
                await self._do("truncate packed_bodies_{month}", {})
        except psycopg.errors.LockNotAvailable:
            _log.info("the journal is busy; the bodies of a month go one by one", month=self._month)
            return False
        return True

    async def _drop_unused_bodies(self, workspace: uuid.UUID, last: uuid.UUID) -> None:
        await self._do(UNUSED, {"workspace": workspace, "last": last})
        delete = runs.DELETE_BODIES.format(month=self._month).encode()
        while (await self._connection.execute(delete)).rowcount:
            pass
        await self._connection.execute("drop table unused_bodies")

    async def _close(self, workspace: uuid.UUID, last: uuid.UUID) -> None:
        """Say that the month is done for this workspace, or what of it must stay."""
        left = await self._one(ANY_KEPT, {"workspace": workspace})
        state = "kept" if left and left[0] else "done"
        await self._do(SET_STATE, {"workspace": workspace, "state": state, "last": last})

    async def _one(self, query: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        return await (await self._do(query, values)).fetchone()

    async def _do(self, query: str, values: dict[str, Any]) -> psycopg.AsyncCursor[Any]:
        named = {"month": self._month, "now": clock.now_ms(), **values}
        return await self._connection.execute(query.format(month=self._month).encode(), named)
