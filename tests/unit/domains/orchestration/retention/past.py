"""What has run, and retention some days from now."""

from __future__ import annotations

import asyncio
import csv
import io
import signal
import sys
from dataclasses import dataclass

import httpx
import pytest

from cargo_ai.domains.orchestration.retention import remove
from cargo_ai.kernel import clock
from tests.kit.backend import Backend
from tests.kit.graphs import node

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

    async def killed(self, url: str, point: str, days: int = 100) -> None:
        """Retention in a process that a crash point kills."""
        folder = str(self.backend.state.settings.data_dir)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", PASS, url, folder, point, str(days))
        assert await process.wait() == -signal.SIGKILL


def shown_values(rows: list[dict[str, str]], slug: str) -> list[str]:
    """What the nodes of this slug gave."""
    return sorted(row["output"] for row in rows if row["node_slug"] == slug)
