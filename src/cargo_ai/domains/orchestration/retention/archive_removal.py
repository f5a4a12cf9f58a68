"""Archive removal: take months out of the archive, by age or because a person says so, then remove their files and what these name."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration import archive as contract
from cargo_ai.domains.orchestration.retention import archive_files
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.retention import kept
from cargo_ai.engine.retention.kept import Cutoffs
from cargo_ai.kernel import clock, log
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.files import FileMissing, FileStore
from cargo_ai.store.session import with_options

TASK = "removeArchive"

# One process at a time, so that no file is counted twice; the lock ends with the connection.
LOCK = "select pg_advisory_lock(x'636172676f11'::int8)"
MONTHS = "select distinct workspace_uuid, month from archived_files where removed_ms is null"
MARK = """
with gone as (
    update archived_files set removed_ms = %(now)s where workspace_uuid = %(workspace)s and month = %(month)s and removed_ms is null
    returning bytes
) select coalesce(sum(bytes), 0)::int8 from gone
"""
MARKED = "select distinct workspace_uuid, month from archived_files where removed_ms is not null order by 1, 2"
KEYS = """
select key from archived_files where removed_ms is not null and workspace_uuid = %(workspace)s and month = %(month)s order by key
"""
ANY_LEFT = """
select exists (select from archived_files where removed_ms is null and workspace_uuid = %(workspace)s and month = %(month)s),
    exists (select from archived_outputs where workspace_uuid = %(workspace)s and month = %(month)s),
    to_regclass('executions_' || %(month)s) is not null
"""
UNNAME: LiteralString = """
update executions_{month} set output_file = null where workspace_uuid = %(workspace)s and is_dropped and output_file is not null
"""
# Replays share the files of what they reuse.
STILL_NAMED = """
create temp table still_named as
select distinct output_file from execution_rows where workspace_uuid = %(workspace)s and output_file is not null
union select output_file from archived_outputs where workspace_uuid = %(workspace)s and month <> %(month)s
"""
OUTPUTS = """
select o.output_file, exists (select from still_named n where n.output_file = o.output_file) from archived_outputs o
where o.workspace_uuid = %(workspace)s and o.month = %(month)s order by 1 limit 1000
"""
FORGET_OUTPUTS = "delete from archived_outputs where workspace_uuid = %(workspace)s and month = %(month)s and output_file = any(%(files)s)"
CLEAR_SPANS = "delete from archived_spans where key = %s"
FORGET_FILE = "delete from archived_files where key = %s and removed_ms is not null"

_log = log.get(__name__)


@handles(contract.remove)
async def remove(ctx: Context, request: contract.NamedMonth) -> contract.MonthReply:
    """The month is out of the archive at once; a job removes its files."""
    months = await archive_files.months_of(ctx.db, ctx.workspace)
    month = next((each for each in months if each.month == request.month), None)
    if month is None:
        contract.remove.refuse("monthNotFound", month=request.month, months=archive_files.shown(months))
    connection = await driver_connection(ctx.db)
    await _mark(connection, ctx.workspace, archive_files.stored_month(request.month))
    await producer().defer(connection, TASK, "batch")
    return contract.MonthReply(month=month)


class RemoveJob:
    """The queue's job that removes the files of what is out of the archive. One that is ended midway goes on by the next, or by age."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self) -> None:
        """Remove them."""
        url = with_options(self._services.database.url, application_name="cargo-ai archive removal")
        async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5) as connection:
            await remove_files(connection, self._services.files)


async def remove_old(connection: Connection, files: FileStore, cutoffs: Cutoffs) -> None:
    """Take out of the archive what was over before the cutoff of its workspace, and remove all files that are out of it. The connection is
    in autocommit mode."""
    if cutoffs.latest:
        for workspace, month in await (await connection.execute(MONTHS)).fetchall():
            cutoff = cutoffs.of(workspace)
            if cutoff and kept.end_ms(month, cutoff) <= cutoff:
                async with connection.transaction():
                    await _mark(connection, workspace, month)
    await remove_files(connection, files)


async def _mark(connection: Connection, workspace: uuid.UUID, month: str) -> None:
    values = {"workspace": workspace, "month": month, "now": clock.now_ms()}
    row = await (await connection.execute(MARK, values)).fetchone()
    await quotas.add(connection, workspace, "storedBytes", "archive", -(row[0] if row else 0))


async def remove_files(connection: Connection, files: FileStore) -> None:
    """Remove the files of what is out of the archive, with the large outputs that nothing else names; then the rows that say so, so that
    it may be ended at any time and goes on with the next call."""
    marked = await (await connection.execute(MARKED)).fetchall()
    if not marked:
        return
    await connection.execute(LOCK)
    try:
        for workspace, month in marked:
            await _remove_month(connection, files, {"workspace": workspace, "month": month})
    finally:
        await connection.execute(LOCK.replace("lock(", "unlock("))


async def _remove_month(connection: Connection, files: FileStore, values: dict[str, Any]) -> None:
    left = await (await connection.execute(ANY_LEFT, values)).fetchone()
    assert left is not None
    if left[1] and not left[0]:
        await _remove_outputs(connection, files, values, has_runs=left[2])
    keys = [row[0] for row in await (await connection.execute(KEYS, values)).fetchall()]
    for key in keys:
        await connection.execute(CLEAR_SPANS, (key,))
        await files.remove(key)
        crash_points.point("between a file of the archive and its row")
        await connection.execute(FORGET_FILE, (key,))
    _log.info("removed from the archive", workspace=str(values["workspace"]), month=values["month"], files=len(keys))


async def _remove_outputs(connection: Connection, files: FileStore, values: dict[str, Any], *, has_runs: bool) -> None:
    if has_runs:
        await connection.execute(UNNAME.format(month=values["month"]).encode(), values)
    await connection.execute("drop table if exists still_named")
    await connection.execute(STILL_NAMED, values)
    while rows := await (await connection.execute(OUTPUTS, values)).fetchall():
        await remove_and_uncount(files, connection, "outputs", [file for file, is_named in rows if not is_named])
        await connection.execute(FORGET_OUTPUTS, values | {"files": [file for file, _ in rows]})
    await connection.execute("drop table still_named")


async def remove_and_uncount(files: FileStore, connection: Connection, subject: str, keys: Sequence[str]) -> None:
    """Remove files, as far as they are there, and no longer count them against their workspaces' quota of outputs."""
    sizes: Counter[uuid.UUID] = Counter()
    for key in keys:
        try:
            size = await files.size(key)
        except FileMissing:
            continue
        await files.remove(key)
        sizes[uuid.UUID(key.partition("/")[0])] += size
    for workspace, size in sizes.items():
        await quotas.add(connection, workspace, "outputBytes", subject, -size)
