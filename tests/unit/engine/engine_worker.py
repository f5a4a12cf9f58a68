"""A worker inside the test: it takes this workspace's jobs from the queue and drives them, wakes what is due, and can be killed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from obstore.store import MemoryStore

from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.timers import wake
from cargo_ai.engine.graph.action import Call, Done, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.tool_graph import ToolGraph, ToolMissing
from cargo_ai.engine.journal.writer import Writer
from cargo_ai.engine.worker.driver import Driver
from cargo_ai.kernel import ids, tasks
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.files import FileStore
from tests.unit.engine.conftest import EngineHarness
from tests.unit.engine.graphs import Body
from tests.unit.engine.graphs import actions as native

FILES = FileStore(MemoryStore())
Perform = Callable[[Call], Outcome]


@dataclass
class Effects:
    """What is outside: how the effects answer, which tools there are, and every call that was made (by key)."""

    perform: Perform = lambda _call: Done({})
    tools: Mapping[str, Sequence[Body]] = field(default_factory=dict[str, Sequence[Body]])
    calls: list[Call] = field(default_factory=list[Call])
    workflows: dict[str, uuid.UUID] = field(default_factory=dict[str, uuid.UUID])

    def actions(self) -> Actions:
        """The actions of a worker with these effects."""

        async def act(call: Call) -> Outcome:
            self.calls.append(call)
            await asyncio.sleep(0)
            return self.perform(call)

        async def find(_workspace: uuid.UUID, node: Mapping[str, Any]) -> ToolGraph:
            named = str(node.get("toolUuid"))
            if named not in self.tools:
                raise ToolMissing(f"There is no tool {named}.")
            workflow = self.workflows.setdefault(named, ids.new())
            return ToolGraph(workflow, workflow, self.tools[named])

        return native(act, find)


class EngineWorker:
    """One worker's engine. `kill` ends it as SIGKILL would: what was not committed is gone."""

    def __init__(self, harness: EngineHarness, url: str, effects: Effects, settings: Settings | None = None) -> None:
        async def connect() -> psycopg.AsyncConnection[Any]:
            return await psycopg.AsyncConnection[Any].connect(url, autocommit=True)

        self.harness, self._due = harness, asyncio.Event()
        self.writers = {lane: Writer(connect, number) for number, lane in enumerate(("interactive", "batch"))}
        for writer in self.writers.values():
            writer.parked = lambda _due: self._due.set()
        self.driver = Driver(harness.pool, self.writers, harness.queue, effects.actions(), FILES, settings or Settings(), str(ids.new()))
        self.most_at_once = 0
        self._claiming: set[str] = set()
        self.draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    def drain(self) -> None:
        """Be reported to stop, as by SIGTERM."""
        self.draining = True
        self.driver.drain()

    async def work(self, seconds: float = 60) -> None:
        """Until nothing of the workspace is left to do but to wait for a time that has not come, or until it has drained."""
        async with asyncio.timeout(seconds):
            while self._tasks or not self.draining:
                for shard in [] if self.draining else await self._take():
                    self._tasks.add(asyncio.create_task(self._drive(shard)))
                self.most_at_once = max(self.most_at_once, len(self._tasks))
                if (
                    not self._tasks
                    and not await wake.wake_due_runs(self.harness.pool, self.harness.queue)
                    and not await self.harness.jobs()
                ):
                    return
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=0.005, return_when=asyncio.FIRST_COMPLETED)
                    for task in [task for task in self._tasks if task.done()]:
                        self._tasks.discard(task)
                        task.result()
                if self._due.is_set():
                    self._due.clear()
                    await wake.wake_due_runs(self.harness.pool, self.harness.queue)

    async def _drive(self, shard: str) -> None:
        try:
            await self.driver.drive(shard)
        finally:
            self._claiming.discard(shard)

    async def _take(self) -> list[str]:
        shards = [shard for shard in await self.harness.jobs() if shard not in self._claiming]
        self._claiming.update(shards)
        if shards:
            await self.harness.do("delete from procrastinate_jobs where args ->> 'shard' = any(%s)", shards)
        return shards

    async def kill(self) -> None:
        """End without a word; the jobs of its shards go back to the queue, as another worker's housekeeping would see to."""
        writing = (writer._task for writer in self.writers.values())  # pyright: ignore[reportPrivateUsage]
        await tasks.cancel(*self._tasks, *writing)
        for writer in self.writers.values():
            if (link := writer._connection) is not None:  # pyright: ignore[reportPrivateUsage]
                await link.close()
        statement = "select uuid, lane from shards where workspace_uuid = %s and state in ('queued', 'running')"
        queued = set(await self.harness.jobs())
        for row in await self.harness.rows(statement, self.harness.workspace):
            if str(row["uuid"]) not in queued:
                async with self.harness.pool.connection() as connection:
                    await self.harness.queue.defer(connection, "drive", row["lane"], shard=str(row["uuid"]))

    async def close(self) -> None:
        """End in order."""
        for writer in self.writers.values():
            await writer.close()


async def submit_run(harness: EngineHarness, nodes: Sequence[Body], record: Body) -> uuid.UUID:
    """A single run of these nodes, queued."""
    origin = submit.RunSpec(harness.workspace, harness.workflow, None, harness.release, nodes)
    async with harness.pool.connection() as connection:
        run: uuid.UUID = (await submit.submit_run(connection, harness.queue, origin, record))["uuid"]
        return run


async def context_of(harness: EngineHarness, run: uuid.UUID) -> Body:
    """What the nodes of a run gave, by slug."""
    rows = await harness.rows("select node_slug, output, output_file from executions where run_uuid = %s order by seq", run)
    from pydantic_core import from_json

    return {row["node_slug"]: from_json(await FILES.read(row["output_file"])) if row["output_file"] else row["output"] for row in rows}
