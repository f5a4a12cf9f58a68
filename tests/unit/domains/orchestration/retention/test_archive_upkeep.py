"""The archive counts as stored files, goes by age or by hand with what only it names, and forgets records; also after kills."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from cargo_ai.domains.orchestration.retention import archive_forget
from cargo_ai.engine.retention import bodies
from tests.kit.api_client import ApiClient
from tests.unit.domains.orchestration.retention.past import Past, shown_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = (
    "SELECT * FROM archived_spans",
    "SELECT * FROM public.archived_spans",
    "SELECT node_slug FROM spans UNION ALL SELECT key FROM public.archived_files",
    "SELECT s.node_slug FROM spans s, LATERAL (SELECT key FROM archived_files) f",
    "SELECT (SELECT count(*) FROM public.forgotten_records) FROM spans",
    "SELECT pg_read_file('{key}') FROM spans",
    "SELECT * FROM read_parquet('{key}')",
)
FORGET = """
import asyncio, sys
from cargo_ai.domains.orchestration.retention.archive_forget import ForgetJob
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel.settings import Settings
from tests.kit.application import make_state

url, folder, point, workspace = sys.argv[1:]
settings = Settings({"CARGO_AI_DATA_DIR": folder, "CARGO_AI_CRASH_AT": point})
crash_points.arm(settings)

async def main():
    state = make_state(url, settings)
    await ForgetJob(state.services).run(workspace)
    await state.database.close()

asyncio.run(main())
"""


@pytest_asyncio.fixture(loop_scope="module")
async def journal(backend_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection to the database."""
    async with await psycopg.AsyncConnection[Any].connect(backend_url, autocommit=True) as connection:
        yield connection


async def files_of(past: Past, purpose: str, workspace: str = "") -> list[str]:
    """The keys in the file store, whether anything names them or not."""
    every = past.backend.state.files.keys()
    return sorted([key async for key in every if f"/{purpose}/" in key and workspace in key])


async def counted(api: ApiClient, name: str, kind: str) -> int:
    """What `workspace usage` says of a part of a quota."""
    (quota,) = [quota for quota in (await api.call("workspaceManagement.workspace.getUsage"))["quotas"] if quota["kind"] == kind]
    return sum(part["used"] for part in quota["largest"] if part["name"] == name)


async def bytes_of(api: ApiClient) -> int:
    """What the months of the archive take."""
    return sum(month["bytes"] for month in (await api.call("orchestration.archive.list"))["months"])


async def ended(journal: psycopg.AsyncConnection[Any], what: str) -> None:
    """The table has no such row any longer: a job has seen to it."""
    for _ in range(1_200):
        row = await (await journal.execute(f"select exists (select from {what})".encode())).fetchone()
        if row == (False,):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"there still are {what}")


@pytest.mark.slow
async def test_the_archive_counts_and_goes_by_hand_and_by_age_with_what_only_it_names(
    past: Past, journal: psycopg.AsyncConnection[Any]
) -> None:
    api, theirs = past.backend.admin, past.backend.other_api
    large = (await past.backend.run({"_id": "large", "n": "x" * 100_000}, workflowUuid=past.workflow))["run"]["uuid"]
    await past.later(100)
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert await counted(api, "archived runs", "storedBytes") == month["bytes"] > 0
    assert (await api.call("orchestration.run.get", uuid=large))["runContext"]["start"]["n"] == "x" * 100_000
    await past.later(500)
    assert (await past.by_node())["start"] == 62
    assert await files_of(past, "outputs"), "the archive names them"

    # Another workspace neither reads the archive nor removes from it.
    mine = await files_of(past, "archive", past.backend.workspace)
    for query in HOSTILE:
        status, refused = await theirs.refusal("orchestration.query.execute", query=query.format(key=mine[0]))
        assert (status, refused["reason"]) == (400, "invalidQuery"), (query, refused)
    before = await bytes_of(theirs)
    await theirs.call("orchestration.archive.forget", recordIds=["r1"])
    await theirs.call("orchestration.archive.remove", month=month["month"])
    await ended(journal, "archived_files where removed_ms is not null")
    assert before > 0 == await counted(theirs, "archived runs", "storedBytes")
    assert await files_of(past, "archive") == mine

    await api.call("orchestration.archive.remove", month=month["month"])
    assert (await api.call("orchestration.archive.list"))["months"] == []
    assert await api.refused("orchestration.archive.remove", month=month["month"]) == (404, "monthNotFound")
    await ended(journal, "archived_files where removed_ms is not null")
    assert await past.by_node() == {}
    assert await files_of(past, "archive") == await files_of(past, "outputs") == []
    assert await counted(api, "archived runs", "storedBytes") == 0
    assert await counted(api, "outputs of nodes above 64 KB", "outputBytes") == 0


@pytest.mark.slow
async def test_a_forgotten_record_is_in_no_file_and_its_former_runs_come_into_none(
    past: Past, journal: psycopg.AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = past.backend.admin
    monkeypatch.setattr(bodies, "PAGE_RUNS", 35)
    child = "update runs set parent_uuid = (select uuid from runs where record_id = %s limit 1) where record_id = %s"
    await journal.execute(child, ("r7", "r17"))
    await journal.execute(child, ("r8", "r18"))
    reply = await api.call("orchestration.archive.forget", recordIds=["r7"])
    assert (reply["recordsCount"], reply["filesCount"]) == (1, 0)
    again = await past.backend.run({"_id": "r7", "n": 7}, workflowUuid=past.workflow)
    await past.later(100)
    rows = await past.archived()
    assert len(rows) == 60 * 3, "two of the batch are left out, the later run is not"
    assert {row["run_uuid"] for row in rows if row["record_id"] in {"r7", "r17"}} == {again["run"]["uuid"]}

    before = await bytes_of(api)
    reply = await api.call("orchestration.archive.forget", recordIds=["r8", "alone", "no one"])
    assert (reply["recordsCount"], reply["filesCount"]) == (3, 2)
    await ended(journal, "forgotten_records where cleared_ms is null")
    rows = await past.archived()
    assert len(rows) == 60 * 3, "that something ran is still there"
    assert not {"r8", "r18", "alone"} & {row["record_id"] for row in rows}
    assert shown_values(rows, "fit") == sorted(["", "", "", *(f'{{"n":{n}}}' for n in range(60) if n not in {8, 17, 18})])
    assert before != await bytes_of(api) == await counted(api, "archived runs", "storedBytes")
    assert (await api.call("orchestration.archive.list"))["forgettingCount"] == 0
    await past.later(500)
    assert (await past.by_node())["start"] == 60
    await archive_forget.prune(journal)
    row = await (await journal.execute("select count(*)::int from forgotten_records")).fetchone()
    assert row == (4,), "a run that is parked is older, and is archived when it has ended"
    await journal.execute("delete from runs where uuid = %s", (past.parked,))
    await archive_forget.prune(journal)
    await ended(journal, "forgotten_records")


@pytest.mark.slow
async def test_kills_while_records_are_forgotten_and_months_removed_leave_nothing_behind(
    past: Past, journal: psycopg.AsyncConnection[Any], backend_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, workspace, folder = past.backend.admin, past.backend.workspace, str(past.backend.state.settings.data_dir)
    monkeypatch.setattr(bodies, "PAGE_RUNS", 35)
    await past.killed(backend_url, "between archive and drop:1")
    (begun,) = await files_of(past, "archive")
    orphan = begun.replace(".parquet", "0.parquet")
    await past.backend.state.files.put(orphan, b"written by a pass that was killed, of other runs than those of the next")
    await journal.execute("update bodies_dropped set writing = %s where writing = %s", (orphan, begun))
    await past.later(100)
    assert orphan not in await files_of(past, "archive")
    assert len(await past.archived()) == 61 * 3

    records = [archive_forget.digest(record) for record in ("r3", "r50", "alone")]
    values = {"workspace": workspace, "now": 1 << 44, "digests": records}
    await journal.execute(archive_forget.NOTE.encode(), values)
    for point in ("between a cleared file and its size:1", "between files of the archive:1"):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", FORGET, backend_url, folder, point, workspace)
        assert await process.wait() == -signal.SIGKILL
    await archive_forget.ForgetJob(past.backend.state.services).run(workspace)
    rows = await past.archived()
    assert len(rows) == 61 * 3
    assert shown_values(rows, "fit") == sorted(["", "", "", *(f'{{"n":{n}}}' for n in range(60) if n not in {3, 50})])
    await ended(journal, "forgotten_records where cleared_ms is null")
    await ended(journal, "forgotten_runs")
    assert await bytes_of(api) == await counted(api, "archived runs", "storedBytes")

    await api.call("orchestration.retention.update", archiveDays=200)
    await past.killed(backend_url, "between a file of the archive and its row:1", 300)
    await past.later(300)
    assert await files_of(past, "archive", workspace) == []
    assert await counted(api, "archived runs", "storedBytes") == 0
    await ended(journal, f"archived_files where workspace_uuid = '{workspace}'")
    assert len(await files_of(past, "archive")) > 0, "the other workspace keeps its own"
