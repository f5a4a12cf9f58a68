"""Remove runs and batches that ended longer ago than CARGO_AI_KEEP_RUNS_DAYS, with their reviews, webhooks, graphs and files."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg

from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.batches.batch_data import records_key
from cargo_ai.engine.journal import graphs
from cargo_ai.engine.worker import retention
from cargo_ai.kernel import clock, ids, log
from cargo_ai.ledger import folding
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection
from cargo_ai.store.files import FileMissing, FileStore
from cargo_ai.store.session import with_options

DAY_MS = 86_400_000
# One process at a time; the lock ends with the connection.
LOCK = "select pg_try_advisory_lock(x'636172676f0b'::int8)"
REVIEWS = """
delete from reviews where uuid in (
    select v.uuid from reviews v where v.status <> 'pending' and v.updated_at < to_timestamp(%s / 1000.0)
        and not exists (select 1 from runs r where r.uuid = v.run_uuid) limit 1000
)
"""

_log = log.get(__name__)


async def remove_old_runs(services: Services) -> None:
    """Nothing without the setting. Metrics stay: they keep counting what was removed. So does which records have entered a workflow."""
    days = services.settings.keep_runs_days
    if not days:
        return
    cutoff = clock.now_ms() - days * DAY_MS

    url = with_options(services.database.url, application_name="cargo-ai retention")
    async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5) as connection:
        locked = await (await connection.execute(LOCK)).fetchone()
        if not locked or not locked[0]:
            return
        removed = await retention.remove(connection, cutoff, partial(_remove_files, services.files, connection, "outputs"))
        # What is still there of them costs what it did, however it is kept.
        await folding.fold_charges(connection, ids.first_at(cutoff / 1000))
        await connection.execute("delete from webhooks where batch_uuid = any(%s)", ([batch for _, batch in removed.batches],))
        await _remove_files(services.files, connection, "batches", [records_key(*batch) for batch in removed.batches])
        while (await connection.execute(REVIEWS, (cutoff,))).rowcount:
            pass
        if not (removed.months or removed.runs or removed.batches):
            return
        unused = await graphs.remove_unused(connection)
        await graphs.remove_unused_paths(connection)
        _log.info("old runs removed", days=days, months=removed.months, runs=removed.runs, batches=len(removed.batches), graphs=unused)


async def _remove_files(files: FileStore, connection: Connection, subject: str, keys: Sequence[str]) -> None:
    """Remove files, as far as they are there, and no longer count them against their workspaces' quota."""
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
