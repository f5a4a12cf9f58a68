"""The engine on a real PostgreSQL: one database for all tests of this folder, and a workspace of its own for each."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine.dispatch import claim, singles, submit
from cargo_ai.engine.dispatch.claim import ClaimedShard
from cargo_ai.engine.dispatch.enumerate import Chunks, Enumerator, Sources
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph.action import Usage
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.flush import new_flush_id, write
from cargo_ai.engine.journal.shard_flush import HOUR, HeldShard, MetricScope, RunUpdate, ShardFlush
from cargo_ai.kernel import clock, ids
from tests.kit.data.databases import Databases
from tests.kit.graphs import node
from tests.unit.engine.graphs import Body, variables

LINE = [node("start", children=["v"]), variables("v", {"x": 1}, ["end"]), node("end")]


@dataclass
class EngineHarness:
    """A workspace in the engine's tables: runs and batches are born in it, and what became of them can be looked up."""

    pool: AsyncConnectionPool[Any]
    queue: Queue
    sources: Sources
    workspace: uuid.UUID = field(default_factory=ids.new)
    workflow: uuid.UUID = field(default_factory=ids.new)
    release: uuid.UUID | None = field(default_factory=ids.new)
    nodes: list[Body] = field(default_factory=lambda: LINE)

    @property
    def origin(self) -> submit.RunSpec:
        """Who asks for runs here."""
        return submit.RunSpec(self.workspace, self.workflow, None, self.release, self.nodes)

    async def rows(self, statement: str, *values: Any) -> list[Body]:
        """What a select gives."""
        async with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()

    async def row(self, statement: str, *values: Any) -> Body:
        """The one row that a select gives."""
        (found,) = await self.rows(statement, *values)
        return found

    async def do(self, statement: str, *values: Any) -> None:
        """Carry out a statement."""
        async with self.pool.connection() as connection:
            await connection.execute(statement, values)

    async def jobs(self) -> list[str]:
        """The shards that wait for a worker: single runs that no one has claimed, then those that a job waits for, in the order of the
        queue; only those of this workspace."""
        statement = (
            "select s.uuid::text as shard from procrastinate_jobs j join shards s on s.uuid::text = j.args ->> 'shard' "
            "where s.workspace_uuid = %s and j.status = 'todo' order by j.priority desc, j.id"
        )
        queued = [row["shard"] for row in await self.rows(statement, self.workspace)]
        async with self.pool.connection() as connection:
            single = {payload.partition(" ")[0] for payload in await singles.left_over(connection)}
        mine = "select uuid::text as shard from shards where workspace_uuid = %s and uuid::text = any(%s) order by uuid"
        return [row["shard"] for row in await self.rows(mine, self.workspace, list(single))] + queued

    async def run(self, record: Body | None = None) -> uuid.UUID:
        """A single run, queued."""
        async with self.pool.connection() as connection:
            run: uuid.UUID = (await submit.submit_run(connection, self.queue, self.origin, record or {}))["uuid"]
            return run

    async def batch(self, records: Sequence[Body] | int, *, shard_size: int = 200, enumerated: bool = True) -> uuid.UUID:
        """A batch of these records, or of this many."""
        uid = ids.new()
        self.sources.kinds[str(uid)] = listed([{"_id": str(at)} for at in range(records)] if isinstance(records, int) else records)
        async with self.pool.connection() as connection:
            request = submit.BatchRequest(spec=self.origin, data={"kind": str(uid)}, shard_size=shard_size, uid=uid)
            await submit.submit_batch(connection, self.queue, request)
        if enumerated:
            await self.enumerator().enumerate(str(uid))
        return uid

    def enumerator(self) -> Enumerator:
        """Another worker's."""
        return Enumerator(self.pool, self.queue, self.sources)

    async def shards(self, batch: uuid.UUID) -> list[Body]:
        """A batch's shards in the order of its records."""
        return await self.rows("select * from shards where batch_uuid = %s order by no, uuid", batch)

    async def runs(self, batch: uuid.UUID) -> list[Body]:
        """A batch's runs in the order of its records."""
        return await self.rows("select * from runs where batch_uuid = %s order by uuid", batch)

    async def shard_of(self, run: uuid.UUID) -> uuid.UUID:
        """The shard that a run is in now."""
        found: uuid.UUID = (await self.row("select shard_uuid from runs where uuid = %s", run))["shard_uuid"]
        return found

    async def claimed(self, shard: uuid.UUID, owner: str = "me") -> tuple[ClaimedShard, HeldShard]:
        """Take a shard, as a worker does."""
        async with self.pool.connection() as connection:
            taken = await claim.claim(connection, shard, owner, clock.now_ms())
        assert taken is not None
        return taken, HeldShard(taken.uuid, taken.epoch, taken.workspace, taken.batch, taken.lane, signal=taken.signal)

    async def held(self, run: uuid.UUID) -> HeldShard:
        """The claimed shard of a single run."""
        return (await self.claimed(await self.shard_of(run)))[1]

    def counts_for(self, batch: uuid.UUID | None = None) -> MetricScope:
        """Where executions of this workspace's runs count."""
        return MetricScope(self.workflow, self.release, batch, clock.now_ms() // HOUR)


def now() -> int:
    return clock.now_ms()


async def end(link: psycopg.AsyncConnection[Any], shard: HeldShard, *runs: uuid.UUID, status: str = "success") -> None:
    """Write the end of runs."""
    made = ShardFlush(shard)
    made.updates += [RunUpdate(str(run), status, now(), credits=1.0) for run in runs]
    scope = MetricScope(ids.new(), None, shard.batch, 0)
    for _ in runs:
        entry = Execution(0, "v", "v", 1, "success", 0, None, "", None, (), b"{}", b"{}", 1.0, now(), now(), False)
        made.count(scope, entry._replace(usage=Usage("native.v")))
    await write(link, [made], new_flush_id(), 0, now())
    assert not shard.lost


async def park(
    link: psycopg.AsyncConnection[Any],
    harness: EngineHarness,
    shard: HeldShard,
    *runs: uuid.UUID,
    wake_at: int = 1,
    batch: uuid.UUID | None = None,
) -> None:
    """Write that runs wait at node v."""
    made = ShardFlush(shard)
    for run in runs:
        made.updates.append(RunUpdate(str(run), "idle", now(), position="v", wake=wake_at))
        made.count_parked(harness.counts_for(batch), "v")
    await write(link, [made], new_flush_id(), 0, now())
    assert not shard.lost


async def batch_of(harness: EngineHarness, batch: uuid.UUID) -> dict[str, Any]:
    return await harness.row("select * from batches where uuid = %s", batch)


def listed(records: Sequence[Body], size: int = 1_000) -> Any:
    """A source that reads a list."""

    async def read(_workspace: uuid.UUID, _data: Any, skip: int, _batch: uuid.UUID) -> Chunks:
        for begin in range(skip, len(records), size):
            yield list(records[begin : begin + size])

    return read


@pytest.fixture(scope="module")
def engine_url(databases: Databases) -> Generator[str]:
    """A migrated database for the tests of a module."""
    with databases.lent() as url:
        yield url


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    set_json_loads(from_json, connection)


@pytest.fixture
async def harness(engine_url: str) -> AsyncIterator[EngineHarness]:
    """A workspace of this test alone."""
    async with AsyncConnectionPool[Any](engine_url, min_size=1, max_size=4, open=False, configure=_configure) as pool:
        yield EngineHarness(pool, Queue(), Sources())


@pytest.fixture
async def connection(engine_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection like the writer's."""
    async with await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True) as made:
        yield made
