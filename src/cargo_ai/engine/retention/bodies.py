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

PAGE_RUNS = 20_000
AGAIN_MS = 86_400_000
"""How long what must stay of a month is left alone before it is looked at again."""
START = uuid.UUID(int=0)

_log = log.get(__name__)

# What goes through its runs for the first time is `first`, what looks at those that had to stay `again`; then `kept` or `done`.
STATE = "select state, last_run, looked_ms from bodies_dropped where month = %(month)s and workspace_uuid = %(workspace)s"
SET_STATE = """
insert into bodies_dropped (month, workspace_uuid, state, last_run, looked_ms)
values (%(month)s, %(workspace)s, %(state)s, %(last)s, %(now)s)
on conflict (month, workspace_uuid) do update set state = excluded.state, last_run = excluded.last_run, looked_ms = excluded.looked_ms
"""
NOTE_KEPT = """
insert into bodies_kept (month, workspace_uuid, run_uuid)
select %(month)s, r.workspace_uuid, r.uuid from runs_{month} r
where r.workspace_uuid = %(workspace)s and r.uuid > %(last)s and r.uuid < %(end)s and r.trace_uuid in (select uuid from kept_traces)
on conflict do nothing
"""
PAGE_TABLE = "create temp table if not exists page_runs (uuid uuid primary key)"
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
FILES = runs.FILES.replace("any(%(runs)s)", "any(select uuid from page_runs)").replace("all(%(runs)s)", "all(select uuid from page_runs)")
EMPTY_ROWS = """
update executions_{month} e set output = null, config = null, log = null, is_dropped = true,
    output_file = case when %(archiving)s then e.output_file end
from page_runs g where e.run_uuid = g.uuid and not e.is_dropped
"""
NO_LONGER_KEPT = "delete from bodies_kept k using page_runs g where k.run_uuid = g.uuid"
ADD_FILE = """
insert into archived_files (key, workspace_uuid, month, executions, bytes, archived_ms)
values (%(key)s, %(workspace)s, %(month)s, %(executions)s, %(bytes)s, %(now)s)
on conflict (key) do update set executions = excluded.executions, bytes = excluded.bytes, archived_ms = excluded.archived_ms
"""
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


Write = Callable[[uuid.UUID, str, uuid.UUID, AsyncGenerator[bytes]], Awaitable[ArchivedPage]]
"""(workspace, month, first run, lines of CSV as `archive_rows` has them) → the file. Written again, it replaces itself."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many runs have no bodies any longer, how many executions were archived, and of which months and workspaces the runs must wait:
    what they gave is not archived yet."""

    runs: int
    archived: int
    held: frozenset[tuple[str, uuid.UUID]]


async def drop(
    connection: Connection, cutoffs: Cutoffs, archiving: Callable[[uuid.UUID], bool], write: Write, remove_files: RemoveFiles
) -> Dropped:
    """Drop the bodies of runs that ended before the cutoff, of all months that had ended by then.

    The connection is in autocommit mode, and one of this alone. It may be ended at any time, and goes on with the next call: what was
    archived twice is the same file, and what was dropped had been archived.
    """
    count, archived, held = 0, 0, set[tuple[str, uuid.UUID]]()
    for due in await kept.due_months(connection, cutoffs):
        if due.month == OTHER:
            # There are no bodies of a month in it: they go with their runs.
            continue
        month = _Month(connection, due, archiving, write, remove_files)
        await month.go_through()
        count, archived, held = count + month.count, archived + month.archived, held | month.held
    return Dropped(count, archived, frozenset(held))


class _Month:
    """One month of the journal."""

    def __init__(
        self, connection: Connection, due: Due, archiving: Callable[[uuid.UUID], bool], write: Write, remove_files: RemoveFiles
    ) -> None:
        self._connection, self._due, self._month = connection, due, due.month
        self._archiving, self._write, self._remove_files = archiving, write, remove_files
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
        state, last, _ = await self._one(STATE, {"workspace": workspace}) or ("first", START, 0)
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
            await self._drop_page(state, values, *bounds)
            last = bounds[1]

    async def _next_page(self, state: str, values: dict[str, Any]) -> tuple[uuid.UUID, uuid.UUID] | None:
        await self._connection.execute(PAGE_TABLE)
        await self._connection.execute("truncate page_runs")
        if not (await self._do(PAGES[state], values)).rowcount:
            return None
        await self._connection.execute("analyze page_runs")
        bounds = await self._one(BOUNDS, {})
        assert bounds is not None
        return bounds[0], bounds[1]

    async def _drop_page(self, state: str, values: dict[str, Any], first: uuid.UUID, last: uuid.UUID) -> None:
        """Archive a page of runs, then drop what they gave, as far as no others share it."""
        workspace, page = values["workspace"], None
        if values["archiving"]:
            page = await self._write(workspace, self._month, first, self._lines())
            crash_points.point("between archive and drop")
        else:
            await self._remove_files_of_page(values)
        async with self._connection.transaction():
            if page is not None:
                file = {"key": page.key, "executions": page.executions, "bytes": page.bytes}
                await self._do(ADD_FILE, values | file)
            await self._do(EMPTY_ROWS, values)
            await self._do(NO_LONGER_KEPT, values)
            self.count += int((await self._one("select count(*) from page_runs", {}) or (0,))[0])
            await self._do(SET_STATE, values | {"state": state, "last": last})
        self.archived += page.executions if page is not None else 0
        crash_points.point("between pages of bodies")

    async def _lines(self) -> AsyncGenerator[bytes]:
        async with self._connection.cursor() as cursor, cursor.copy(archive_rows.COPY.format(month=self._month).encode()) as copy:
            async for lines in copy:
                yield bytes(lines)

    async def _remove_files_of_page(self, values: dict[str, Any]) -> None:
        rows = await (await self._do(FILES, values | {"archiving": []})).fetchall()
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
                await self._connection.execute(f"set local lock_timeout = '{runs.LOCK_TIMEOUT}'".encode())
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
