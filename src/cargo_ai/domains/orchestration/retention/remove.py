"""Remove what is old: the outputs of nodes first, archived before, then runs and batches with their reviews, webhooks, graphs and files."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg

from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.batches.batch_data import records_key
from cargo_ai.domains.orchestration.retention import archive_files, archive_forget, archive_removal, archived_spans
from cargo_ai.domains.orchestration.retention.archive_removal import remove_and_uncount
from cargo_ai.domains.orchestration.retention.rules import of_all
from cargo_ai.engine.journal import graphs
from cargo_ai.engine.retention import kept
from cargo_ai.engine.retention import runs as retention
from cargo_ai.engine.retention.bodies import drop as drop_bodies
from cargo_ai.kernel import clock, ids, log
from cargo_ai.ledger import folding
from cargo_ai.store.driver import Connection
from cargo_ai.store.session import ALL_WORKSPACES, with_options

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
    """As the rules of each workspace say. Metrics stay: they count what was removed, too. So does which records have entered a workflow."""
    now = clock.now_ms()
    async with services.database.session(ALL_WORKSPACES) as db:
        rules = await of_all(db, services.settings)
    bodies, runs = rules.bodies(now), rules.runs(now)
    url = with_options(services.database.url, application_name="cargo-ai retention")
    async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True, connect_timeout=5) as connection:
        locked = await (await connection.execute(LOCK)).fetchone()
        if not locked or not locked[0]:
            return
        await archived_spans.forget_unused(connection)
        await archive_forget.prune(connection)
        await kept.part_off(connection, max(bodies.latest, runs.latest))
        remove_files = partial(remove_and_uncount, services.files, connection, "outputs")
        archive = archive_files.archive(services.files)
        dropped = await drop_bodies(connection, bodies, lambda workspace: rules.of(workspace).is_archiving, archive, remove_files)
        if dropped.runs:
            _log.info("what nodes of old runs gave was dropped", runs=dropped.runs, archived=dropped.archived)
        if runs.latest:
            removed = await retention.remove(connection, runs, remove_files, held=dropped.held)
            await _remove_what_belonged(services, connection, removed, runs.latest)
        await archive_removal.remove_old(connection, services.files, rules.archive(now))


async def _remove_what_belonged(services: Services, connection: Connection, removed: retention.Removed, cutoff: int) -> None:
    # What is still there of them costs what it did, however it is kept.
    await folding.fold_charges(connection, ids.first_at(cutoff / 1000))
    await connection.execute("delete from webhooks where batch_uuid = any(%s)", ([batch for _, batch in removed.batches],))
    await remove_and_uncount(services.files, connection, "batches", [records_key(*batch) for batch in removed.batches])
    while (await connection.execute(REVIEWS, (cutoff,))).rowcount:
        pass
    if not (removed.months or removed.runs or removed.batches):
        return
    unused = await graphs.remove_unused(connection)
    await graphs.remove_unused_paths(connection)
    _log.info("old runs removed", months=removed.months, runs=removed.runs, batches=len(removed.batches), graphs=unused)
