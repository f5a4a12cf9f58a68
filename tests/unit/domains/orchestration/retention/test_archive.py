"""What nodes gave goes before the runs, is archived before, and executions are found by SQL when their runs are gone; also after kills."""

from __future__ import annotations

import asyncio
import csv
import io
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio

from cargo_ai.domains.orchestration.retention import archived_spans, remove
from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.kit.backend import Backend, running_backend
from tests.kit.databases import Databases
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_MS = 86_400_000
GRAPH = [
    node("start", children=("fit",)),
    node("fit", "variables", ("end",), config={"variables": [{"name": "n", "type": "any", "value": "{{nodes.start.n}}"}]}),
    node("end"),
]
PARKING = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": 60}), node("end")]
BY_NODE = "SELECT node_slug, count() AS n FROM spans WHERE workflow_uuid = '{workflow}' GROUP BY node_slug ORDER BY node_slug"
# A process of its own, which a crash point may kill: it has pages of few runs, and a clock that is ahead.
PASS = """
import asyncio, sys
from pathlib import Path
from cargo_ai.domains.orchestration.retention import remove
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.retention import bodies
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from tests.kit.application import make_state

url, folder, point, days = sys.argv[1:]
settings = Settings({"CARGO_AI_DATA_DIR": folder, "CARGO_AI_CRASH_AT": point})
crash_points.arm(settings)
bodies.PAGE_RUNS = 35
now = clock.now_ms
clock.now_ms = lambda: now() + int(days) * 86_400_000

async def main():
    state = make_state(url, settings)
    await remove.remove_old_runs(state.services)
    await state.database.close()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Past:
    """A batch of 60 records and a single run of one workflow, a parked run of another, and a batch of another workspace."""

    backend: Backend
    workflow: str
    batch: str
    single: str
    parked: str
    theirs: str

    async def later(self, days: int) -> None:
        """Retention, that many days from now."""
        with pytest.MonkeyPatch.context() as patch:
            now = clock.now_ms
            patch.setattr(clock, "now_ms", lambda: now() + days * DAY_MS)
            await remove.remove_old_runs(self.backend.state.services)

    async def by_node(self) -> dict[str, int]:
        """How many spans of the workflow SQL finds, by node."""
        reply = await self.backend.admin.call("orchestration.query.execute", query=BY_NODE.format(workflow=self.workflow))
        return {row["node_slug"]: row["n"] for row in reply["rows"]}

    async def archived(self) -> list[dict[str, str]]:
        """All executions of the archive."""
        (month,) = (await self.backend.admin.call("orchestration.archive.list"))["months"]
        reply = await self.backend.admin.call("orchestration.archive.download", month=month["month"], format="csv")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.backend.app), base_url="http://test") as http:
            file = await http.get(reply["url"])
        assert file.status_code == 200, file.text
        return list(csv.DictReader(io.StringIO(file.text)))


@pytest.fixture
def backend_url(databases: Databases) -> Iterator[str]:
    """A database whose past is this test's alone."""
    with databases.lent() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def backend(backend_url: str, tmp_path: Path) -> AsyncIterator[Backend]:
    """The whole application and a worker on it."""
    async with running_backend(backend_url, tmp_path) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def past(backend: Backend) -> Past:
    """What has run."""
    tool, _ = await backend.admin.deployed(GRAPH)
    batch = await backend.batch([{"_id": f"r{n}", "n": n} for n in range(60)], workflowUuid=tool["workflowUuid"])
    single = await backend.run({"_id": "alone", "n": 60}, workflowUuid=tool["workflowUuid"])
    waiting, _ = await backend.admin.deployed(PARKING)
    parked = await backend.admin.call("orchestration.run.create", workflowUuid=waiting["workflowUuid"], data={"_id": "p"})
    await backend.parked(parked["run"]["uuid"])
    other, _ = await backend.other_api.deployed(GRAPH)
    records = {"kind": "records", "records": [{"_id": f"secret{n}", "n": n} for n in range(30)]}
    made = await backend.other_api.call("orchestration.batch.create", workflowUuid=other["workflowUuid"], data=records)
    await backend.ended("batches", made["batch"]["uuid"], backend.other_api)
    theirs = (await backend.other_api.call("orchestration.run.list", workflowUuid=other["workflowUuid"]))["runs"][0]["uuid"]
    return Past(backend, tool["workflowUuid"], batch["uuid"], single["run"]["uuid"], parked["run"]["uuid"], theirs)


def shown_values(rows: list[dict[str, str]], slug: str) -> list[str]:
    """What the nodes of this slug gave."""
    return sorted(row["output"] for row in rows if row["node_slug"] == slug)


async def test_bodies_go_before_runs_and_both_are_still_found(past: Past) -> None:
    backend, api = past.backend, past.backend.admin
    await backend.other_api.call("orchestration.retention.update", bodiesDays=0, runsDays=0)
    await past.later(100)

    # What nodes gave is gone, and says so; that they did it is not.
    details = await api.call("orchestration.run.get", uuid=past.single)
    assert [each["isBodyDropped"] for each in details["run"]["executions"]] == [True, True, True]
    assert details["runContext"]["fit"]["reason"] == details["runComputedConfigs"]["fit"]["reason"] == "bodyDropped"
    of_batch = (await api.call("orchestration.run.list", batchUuid=past.batch))["runs"]
    assert len(of_batch) == 60
    assert all(each["isBodyDropped"] for run in of_batch for each in run["executions"])
    context = (await api.call("orchestration.run.get", uuid=of_batch[0]["uuid"]))["runContext"]
    assert context["end"]["errorMessage"].startswith("This has been removed by age")
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    assert "removed by age" in (await api.warnings("orchestration.run.getLog", uuid=past.single))[0]

    # What is unfinished, and what another workspace keeps, has all that it had.
    waiting = await api.call("orchestration.run.get", uuid=past.parked)
    assert not waiting["run"]["executions"][0]["isBodyDropped"]
    theirs = await backend.other_api.call("orchestration.run.get", uuid=past.theirs)
    assert theirs["runContext"]["fit"] == {"n": theirs["runContext"]["start"]["n"]}

    # It cannot be repeated from where its outputs are needed, but from the start.
    _, refused = await api.refusal("orchestration.run.replay", uuid=past.single, fromNode="end")
    assert refused["reason"] == "nodeNotReached"
    assert "from its first node only" in refused["errorMessage"]
    again = await api.call("orchestration.run.replay", uuid=past.single, fromNode="start")
    await backend.ended("runs", again["run"]["uuid"])

    rows = await past.archived()
    assert len(rows) == 61 * 3
    assert shown_values(rows, "fit") == sorted(f'{{"n":{n}}}' for n in range(61))
    assert not any("secret" in row["record_id"] for row in rows)
    await past.later(101)
    assert len(await past.archived()) == 61 * 3, "archived twice"

    # The runs are gone a year later, their spans are not.
    await past.later(500)
    assert (await api.http.get(f"/v1/orchestration/runs/{past.single}")).status_code == 404
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}
    stolen = await backend.other_api.call("orchestration.query.execute", query=BY_NODE.format(workflow=past.workflow))
    assert stolen["rows"] == []
    assert (await backend.other_api.call("orchestration.archive.list"))["months"] == []
    assert (await backend.other_api.call("orchestration.run.get", uuid=past.theirs))["run"]["uuid"] == past.theirs
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert (month["areRunsRemoved"], month["isInSql"]) == (True, True)


async def test_months_that_are_too_large_for_a_query_are_loaded_by_a_job(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    api = past.backend.admin
    await past.later(500)
    monkeypatch.setattr(archived_spans, "AT_ONCE", 10)
    warnings = await api.warnings("orchestration.query.execute", query=BY_NODE.format(workflow=past.workflow))
    assert await past.by_node() == {}
    (month,) = (await api.call("orchestration.archive.list"))["months"]
    assert f"archive load --month {month['month']}" in warnings[0]
    assert "must be a month, such as 2026-01" in await api.refusal_message("orchestration.archive.load", month="2026-13")
    assert await api.refused("orchestration.archive.load", month="2001-01") == (404, "monthNotFound")
    await api.call("orchestration.archive.load", month=month["month"])
    for _ in range(600):
        (month,) = (await api.call("orchestration.archive.list"))["months"]
        if month["isInSql"]:
            break
        await asyncio.sleep(0.05)
    assert await past.by_node() == {"start": 61, "fit": 61, "end": 61}


async def test_a_kill_between_archive_and_drop_neither_loses_nor_doubles(past: Past, backend_url: str) -> None:
    folder = str(past.backend.state.settings.data_dir)

    for point in ("between archive and drop:2", "between pages of bodies:1"):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", PASS, backend_url, folder, point, "100")
        assert await process.wait() == -signal.SIGKILL
    await past.later(100)
    rows = await past.archived()
    mine = [row for row in rows if row["workflow_uuid"] == past.workflow]
    assert shown_values(mine, "fit") == sorted(f'{{"n":{n}}}' for n in range(61))
    assert len({(row["run_uuid"], row["execution_index"]) for row in rows}) == len(rows)
    async with await psycopg.AsyncConnection[Any].connect(backend_url) as connection:
        left = await (await connection.execute("select distinct run_uuid::text from executions where not is_dropped")).fetchall()
    assert left == [(past.parked,)]


async def test_rules_refuse_nonsense(backend: Backend) -> None:
    api = backend.admin
    wrong: list[Body] = [{"bodiesDays": -1}, {"runsDays": 36_501}, {"bodiesDays": "soon"}]
    for values in wrong:
        assert (await api.refused("orchestration.retention.update", **values))[0] == 400
    assert await api.refused("orchestration.retention.update", bodiesDays=31, runsDays=30) == (400, "bodiesOutliveRuns")
    assert (await api.call("orchestration.retention.get"))["retention"]["own"] == []
    reply = await api.call("orchestration.retention.update", runsDays=7)
    assert reply["retention"] == {"bodiesDays": 7, "runsDays": 7, "isArchiving": True, "own": ["runsDays"]}
    reply = await api.call("orchestration.retention.update", runsDays=None)
    assert reply["retention"] == {"bodiesDays": 30, "runsDays": 365, "isArchiving": True, "own": []}
