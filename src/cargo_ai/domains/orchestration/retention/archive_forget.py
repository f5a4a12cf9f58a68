"""Archive forget: erase records from archived executions, for people's right to erasure, and keep their former runs out from then on."""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration import archive as contract
from cargo_ai.domains.orchestration.retention import archive_files
from cargo_ai.domains.orchestration.retention.archive_removal import remove_and_uncount
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.retention.tables import archived_files
from cargo_ai.files import parquet
from cargo_ai.kernel import clock
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.files import FileMissing, FileStore, require_owner
from cargo_ai.store.session import with_options

TASK = "forgetArchived"
CLEARED = (
    *("record_id", "record_title", "execution_title", "execution_error_message", "external_id", "output", "output_file", "config", "log"),
)
"""The columns that say something of a record. That it was there, when, and what became of it stays."""

# Who archives a page of runs takes it with others (see bodies).
LOCK = "select pg_advisory_xact_lock(hashtextextended('forget ' || %(workspace)s::text, 0))"
# One job at a time; the lock ends with the connection.
ALONE = "select pg_advisory_lock(hashtextextended('forgetting ' || %s, 0))"
NOTE = """
insert into forgotten_records (workspace_uuid, digest, forgotten_ms) select %(workspace)s, d, %(now)s from unnest(%(digests)s::bytea[]) d
on conflict (workspace_uuid, digest) do update set forgotten_ms = excluded.forgotten_ms, cleared_ms = null
"""
OPEN = "select digest, forgotten_ms from forgotten_records where workspace_uuid = %s and cleared_ms is null"
DONE = """
update forgotten_records set cleared_ms = %(now)s
where workspace_uuid = %(workspace)s and cleared_ms is null and forgotten_ms <= %(latest)s
"""
KEYS = "select key from archived_files where workspace_uuid = %s and removed_ms is null order by key"
RUNS = "select run_uuid::text from forgotten_runs where workspace_uuid = %s"
NOTE_RUNS = "insert into forgotten_runs (workspace_uuid, run_uuid) select %s, unnest(%s::uuid[]) on conflict do nothing"
FORGET_RUNS = "delete from forgotten_runs where workspace_uuid = %s"
FILE = "select bytes from archived_files where key = %s and workspace_uuid = %s and removed_ms is null for update"
SET_BYTES = "update archived_files set bytes = %s where key = %s"
SPANS = """
update archived_spans set record_id = null, record_title = null, execution_title = null, execution_error_message = null
where key = %s and run_uuid = any(%s::uuid[])
"""
ROWS = "update execution_rows set output_file = null where run_uuid = any(%s::uuid[]) and is_dropped and output_file is not null"
OUTPUTS = "delete from archived_outputs where workspace_uuid = %s and output_file = any(%s)"
# What was there when a record was forgotten must be gone before it can be forgotten that it was.
PRUNE = """
delete from forgotten_records f where f.cleared_ms is not null and not exists (
    select from runs r where r.workspace_uuid = f.workspace_uuid
        and r.uuid < (lpad(to_hex(f.forgotten_ms + 1), 12, '0') || '00000000000000000000')::uuid
)
"""


@handles(contract.forget)
async def forget(ctx: Context, request: contract.ForgetArchived) -> contract.ForgettingReply:
    """Note the records, and have a job erase them from the files."""
    records = list(dict.fromkeys(request.record_ids))
    connection = await driver_connection(ctx.db)
    values = {"workspace": ctx.workspace, "now": clock.now_ms(), "digests": [digest(record) for record in records]}
    await connection.execute(LOCK, values)
    await connection.execute(NOTE, values)
    files = await ctx.db.scalar(select(func.count()).select_from(archived_files).where(*archive_files.present(ctx.workspace))) or 0
    await producer().defer(connection, TASK, "batch", workspace=str(ctx.workspace))
    if files:
        ctx.warn("They are erased in the background: `forgettingCount` of cargo-ai orchestration archive list is 0 when that is done.")
    ctx.warn("Runs that are still kept hold what they held until that goes by age: see cargo-ai orchestration retention get.")
    return contract.ForgettingReply(records_count=len(records), files_count=files)


def digest(record: str) -> bytes:
    """By which a record is known that must not be named any more."""
    return hashlib.sha256(record.encode()).digest()


class ForgetJob:
    """The queue's job that erases what was noted. Taken over by another worker, it searches again, and finds the files that are left."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, workspace: str) -> None:
        """Erase the records from all files of the workspace."""
        uid = uuid.UUID(workspace)
        url = with_options(self._services.database.url, application_name="cargo-ai archive forget")
        async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5) as connection:
            await _Workspace(connection, self._services.files, uid).clear()


class _Workspace:
    """The archive of a workspace."""

    def __init__(self, connection: Connection, files: FileStore, workspace: uuid.UUID) -> None:
        self._connection, self._files, self._workspace = connection, files, workspace

    async def clear(self) -> None:
        """Find the runs of the records and what these started, note them, for the files will not say it any more, and clear them."""
        await self._connection.execute(ALONE, (str(self._workspace),))
        forgotten = {bytes(row[0]): int(row[1]) for row in await self._rows(OPEN, self._workspace)}
        if not forgotten:
            return
        keys = [row[0] for row in await self._rows(KEYS, self._workspace)]
        chosen = {row[0] for row in await self._rows(RUNS, self._workspace)}
        runs_of = dict[str, dict[str, str]]()
        for key in keys:
            # What is missing holds nothing of anybody.
            with suppress(FileMissing):
                runs_of[key] = await self._look(key, forgotten, chosen)
        _add_children(chosen, runs_of.values())
        await self._connection.execute(NOTE_RUNS, (self._workspace, list(chosen)))
        for key, parents in runs_of.items():
            if mine := parents.keys() & chosen:
                await self._clear_file(key, sorted(mine))
                crash_points.point("between files of the archive")
        async with self._connection.transaction():
            await self._connection.execute(FORGET_RUNS, (self._workspace,))
            values = {"workspace": self._workspace, "now": clock.now_ms(), "latest": max(forgotten.values())}
            await self._connection.execute(DONE, values)

    async def _look(self, key: str, forgotten: Mapping[bytes, int], chosen: set[str]) -> dict[str, str]:
        """The runs of a file that are in question, with the run that started each: those of the records are added to `chosen`."""
        found = dict[str, str]()
        async with parquet.temporary_file(self._files.stream(require_owner(key, self._workspace))) as path:
            async for _, _, rows in parquet.read_lists(path, parquet.Limits(), ("run_uuid", "parent_run_uuid", "record_id")):
                for run, parent, record in rows:
                    if record and _milliseconds(run) <= forgotten.get(digest(record), -1):
                        chosen.add(run)
                    if parent or run in chosen:
                        found[run] = parent
        return found

    async def _clear_file(self, key: str, runs: Sequence[str]) -> None:
        """Clear the rows of these runs: files of large outputs first, then the file, then what is noted of it."""
        async with parquet.temporary_file(self._files.stream(key)) as path:
            outputs = await _outputs(path, runs)
        await remove_and_uncount(self._files, self._connection, "outputs", sorted(outputs))
        async with self._connection.transaction():
            row = await (await self._connection.execute(FILE, (key, self._workspace))).fetchone()
            if row is None:
                return
            async with parquet.temporary_file(self._files.stream(key)) as path:
                size = await self._files.put(key, parquet.clear(path, "run_uuid", runs, CLEARED))
            crash_points.point("between a cleared file and its size")
            await self._connection.execute(SET_BYTES, (size, key))
            await quotas.add(self._connection, self._workspace, "storedBytes", "archive", size - row[0])
            await self._connection.execute(SPANS, (key, list(runs)))
            await self._connection.execute(ROWS, (list(runs),))
            await self._connection.execute(OUTPUTS, (self._workspace, sorted(outputs)))

    async def _rows(self, query: str, *values: Any) -> list[Any]:
        return await (await self._connection.execute(query.encode(), values)).fetchall()


def _milliseconds(run: str) -> int:
    return uuid.UUID(run).int >> 80


def _add_children(chosen: set[str], files: Collection[Mapping[str, str]]) -> None:
    """Add the runs that chosen ones have started, and what these have."""
    children = defaultdict[str, list[str]](list)
    for parents in files:
        for run, parent in parents.items():
            if parent:
                children[parent].append(run)
    waiting = list(chosen)
    while waiting:
        new = [run for run in children.get(waiting.pop(), ()) if run not in chosen]
        chosen.update(new)
        waiting += new


async def _outputs(path: Path, runs: Sequence[str]) -> set[str]:
    wanted, found = set(runs), set[str]()
    async for _, _, rows in parquet.read_lists(path, parquet.Limits(), ("run_uuid", "output_file")):
        found |= {file for run, file in rows if file and run in wanted}
    return found


async def prune(connection: Connection) -> None:
    """Forget which records were forgotten, where the journal has no run any longer that is older."""
    await connection.execute(PRUNE)
