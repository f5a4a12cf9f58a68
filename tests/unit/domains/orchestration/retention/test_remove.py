"""Old runs of the application are removed with their files and counted no more; without the setting nothing is."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.retention import remove
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from cargo_ai.store import quotas
from cargo_ai.store.files import FileMissing

OLD_MS = int(datetime(2025, 1, 10, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection[Any].connect(database_url, autocommit=True) as opened:
        yield opened


def services(state: State, days: str, archive: str = "off") -> Services:
    """The services of a worker with these settings."""
    days_kept = {"CARGO_AI_KEEP_BODIES_DAYS": days, "CARGO_AI_KEEP_RUNS_DAYS": days}
    return dataclasses.replace(state.services, settings=Settings({**days_kept, "CARGO_AI_ARCHIVE_RUNS": archive}))


async def add_old_run(connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, file: str, record: str) -> uuid.UUID:
    """A run of January 2025 that has ended, in the default partition."""
    run = uuid.UUID(int=(OLD_MS << 80) + 7)
    await connection.execute(
        "insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, trace_uuid, record_id, record_title, record, "
        "status, created_ms, updated_ms, finished_ms) "
        "values (%(r)s, %(w)s, %(r)s, %(r)s, %(r)s, %(r)s, 'a', 'a', %(j)s, 'success', %(m)s, %(m)s, %(m)s)",
        {"r": run, "w": workspace, "j": record, "m": OLD_MS},
    )
    await connection.execute("insert into graphs (uuid, workspace_uuid, nodes, stored_ms) values (%s, %s, '[]', 0)", (run, workspace))
    await connection.execute(
        "insert into execution_rows (run_uuid, seq, workspace_uuid, node_uuid, node_slug, visit, status, title, output_file, credits, "
        "started_ms, finished_ms) values (%s, 0, %s, 'n', 'n', 0, 'success', 'n', %s, 0, 0, 0)",
        (run, workspace, file),
    )
    return run


async def test_files_and_quota_of_old_runs_are_given_back(connection: psycopg.AsyncConnection[Any], state: State) -> None:
    workspace = uuid.uuid4()
    key, record = f"{workspace}/outputs/1/output.json", '{"text": "' + "x" * 100_000 + '"}'
    await state.files.put(key, b"x" * 1_000)
    await add_old_run(connection, workspace, key, record)
    await quotas.add(connection, workspace, "outputBytes", "outputs", 1_000)
    await quotas.add(connection, workspace, "outputBytes", "records", len(record))
    await remove.remove_old_runs(services(state, "0"))
    assert await quotas.used_of(connection, workspace, "outputBytes") == 1_000 + len(record)
    await remove.remove_old_runs(services(state, "30"))
    with pytest.raises(FileMissing):
        await state.files.size(key)
    assert await quotas.used_of(connection, workspace, "outputBytes") == 0
    left = await (
        await connection.execute("select (select count(*) from runs) + (select count(*) from executions) + (select count(*) from graphs)")
    ).fetchone()
    assert left == (0,)


async def test_what_a_clock_far_off_has_written_is_archived_too(connection: psycopg.AsyncConnection[Any], state: State) -> None:
    workspace = uuid.uuid4()
    key = f"{workspace}/outputs/1/output.json"
    await state.files.put(key, b"x" * 1_000)
    run = await add_old_run(connection, workspace, key, "{}")
    await remove.remove_old_runs(services(state, "30", "on"))
    file = await (await connection.execute("select key, executions, bytes, are_runs_removed from archived_files")).fetchone()
    assert file is not None
    assert file == (f"{workspace}/archive/executions/2025_01/{run}.parquet", 1, await state.files.size(file[0]), True)
    assert await quotas.used_of(connection, workspace, "storedBytes") == file[2]
    assert await state.files.size(key) == 1_000, "the archive names it"
