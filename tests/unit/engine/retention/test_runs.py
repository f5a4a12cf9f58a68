"""Old runs are removed by months and traces, and what is unfinished, recent or still read stays."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.journal import failures
from cargo_ai.engine.retention import kept
from cargo_ai.engine.retention import runs as retention
from cargo_ai.engine.retention.kept import Cutoffs

WORKSPACE, OTHER_WORKSPACE = uuid.UUID(int=1), uuid.UUID(int=2)
OLD_MONTHS = ("2025_01", "2025_02")
CUTOFF = int(datetime(2025, 3, 15, tzinfo=UTC).timestamp() * 1000)


def ms(month: int, day: int = 10) -> int:
    """A day of a month, counted from January 2025 on, which is 1."""
    return int(datetime(2025 + (month - 1) // 12, (month - 1) % 12 + 1, day, tzinfo=UTC).timestamp() * 1000)


class Journal:
    """A journal with months of the past."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.connection = connection
        self.removed: list[str] = []
        self._numbers = iter(range(1, 100_000))

    async def rows(self, query: str, *values: Any) -> list[Any]:
        return [row[0] for row in await (await self.connection.execute(query.encode(), values)).fetchall()]

    async def insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        await self.connection.execute(f"insert into {table} ({names}) values ({places})".encode(), list(values.values()))

    def id(self, month: int) -> uuid.UUID:
        return uuid.UUID(int=(ms(month) << 80) + next(self._numbers))

    async def run(self, month: int, *, file: str | None = None, **values: Any) -> uuid.UUID:
        """A run that ended in its month, with one execution; `values` replace its columns."""
        run = self.id(month)
        row: dict[str, Any] = {"uuid": run, "workspace_uuid": WORKSPACE, "workflow_uuid": run, "shard_uuid": run, "graph_uuid": run}
        row |= {"trace_uuid": run, "record_id": "a", "record_title": "a", "record": "{}", "status": "success"}
        row |= {"created_ms": ms(month), "updated_ms": ms(month), "finished_ms": ms(month), **values}
        await self.insert("runs", **row)
        execution = {"run_uuid": run, "seq": 0, "workspace_uuid": row["workspace_uuid"], "node_uuid": "n", "node_slug": "n", "visit": 0}
        execution |= {"status": "success", "title": "n", "output_file": file, "credits": 0, "started_ms": 0, "finished_ms": 0}
        await self.insert("execution_rows", **execution)
        return run

    async def pack(self, run: uuid.UUID, body: uuid.UUID) -> None:
        """Executions of a run that are packed in that body."""
        row = {"run_uuid": run, "seq": 1, "item": 1, "workspace_uuid": WORKSPACE, "path_uuid": run, "body_uuid": body}
        await self.insert("packed_executions", **row, started_ms=0, times=[0, 0])

    async def body(self, month: int) -> uuid.UUID:
        body = self.id(month)
        await self.insert("packed_bodies", uuid=body, workspace_uuid=WORKSPACE, titles=["n"], outputs=["{}"], configs=["{}"])
        return body

    async def batch(self, month: int, **values: Any) -> uuid.UUID:
        batch = self.id(month)
        row: dict[str, Any] = {"uuid": batch, "workspace_uuid": WORKSPACE, "workflow_uuid": batch, "graph_uuid": batch, "trace_uuid": batch}
        row |= {"data": "{}", "status": "success", "shard_size": 1, "created_ms": ms(month), "updated_ms": ms(month)}
        await self.insert("batches", **row | {"finished_ms": ms(month), **values})
        return batch

    async def fanout(self, run: uuid.UUID, children: Sequence[uuid.UUID], fanout: uuid.UUID) -> None:
        row: dict[str, Any] = {"uuid": fanout, "workspace_uuid": WORKSPACE, "run_uuid": run, "node_uuid": "n", "visit": 0, "attempt": 0}
        row |= {"seq": 0, "kind": "group", "lane": "batch", "depth": 1, "root_uuid": run, "top_uuid": fanout, "size": 1, "left_count": 0}
        row |= {"fail_fast": False, "digest": b"", "first_run": children[0], "last_run": children[-1], "created_ms": 0}
        await self.insert("fanouts", **row)

    async def remove(self, others: Mapping[uuid.UUID, int] | None = None) -> retention.Removed:
        async def remove_files(keys: Sequence[str]) -> None:
            self.removed += keys

        return await retention.remove(self.connection, Cutoffs(CUTOFF, others or {}), remove_files)

    async def runs(self) -> list[uuid.UUID]:
        assert await self.rows("select run_uuid from executions order by 1") == await self.rows("select uuid from runs order by 1")
        return await self.rows("select uuid from runs order by 1")

    async def months(self) -> list[str]:
        names = await self.rows("select relname::text from pg_class where relkind = 'r' and relname ~ '^(runs|executions)_2025' order by 1")
        return [name.removeprefix("runs_") for name in names if name.startswith("runs_")]


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Journal]:
    async with await psycopg.AsyncConnection[Any].connect(database_url, autocommit=True) as connection:
        for month in (*OLD_MONTHS, "2025_03"):
            number = int(month[-2:])
            tables = {
                "runs": "runs",
                "executions": "execution_rows",
                "packed_executions": "packed_executions",
                "packed_bodies": "packed_bodies",
            }
            for name, table in tables.items():
                bounds = [uuid.UUID(int=ms(at, 1) << 80) for at in (number, number + 1)]
                statement = f"create table {name}_{month} partition of {table} for values from ('{bounds[0]}') to ('{bounds[1]}')"
                await connection.execute(statement.encode())
        yield Journal(connection)


async def test_months_in_which_nothing_must_stay_are_dropped_with_their_files_and_batches(journal: Journal) -> None:
    await journal.run(1, file="ws/outputs/1")
    batch = await journal.batch(2)
    await journal.run(2, trace_uuid=batch, batch_uuid=batch, file="ws/outputs/2")
    parent, fanout = await journal.run(2), journal.id(2)
    child = await journal.run(2, trace_uuid=parent, parent_uuid=parent, fanout_uuid=fanout)
    await journal.fanout(parent, [child], fanout)
    recent = await journal.run(3)
    assert await journal.remove() == retention.Removed(2, 0, [(WORKSPACE, batch)])
    assert await journal.runs() == [recent]
    assert await journal.months() == ["2025_03"]
    assert sorted(journal.removed) == ["ws/outputs/1", "ws/outputs/2"]
    assert await journal.rows("select count(*) from fanouts") == [0]
    assert await journal.remove() == retention.Removed(0, 0, [])


async def test_unfinished_runs_and_batches_stay_with_all_of_their_trace(journal: Journal) -> None:
    parked = await journal.run(1, finished_ms=None, status="idle")
    paused = await journal.batch(1, finished_ms=None)
    ended = await journal.run(1, trace_uuid=paused, batch_uuid=paused)
    late = await journal.run(1, finished_ms=CUTOFF)
    await journal.run(1, file="gone")
    parent, fanout = await journal.run(2), journal.id(2)
    child = await journal.run(3, trace_uuid=parent, parent_uuid=parent, fanout_uuid=fanout, finished_ms=None)
    await journal.fanout(parent, [child], fanout)
    assert await journal.remove() == retention.Removed(0, 1, [])
    assert await journal.runs() == sorted([parked, ended, late, parent, child])
    assert await journal.rows("select uuid from batches") == [paused]
    assert await journal.rows("select count(*) from fanouts") == [1]
    assert journal.removed == ["gone"]


async def test_packed_executions_go_with_their_runs_and_bodies_with_the_last_of_them(journal: Journal) -> None:
    shared, gone = await journal.body(1), await journal.body(1)
    kept = await journal.run(1, finished_ms=None, status="idle")
    await journal.pack(kept, shared)
    for body in (shared, gone):
        await journal.pack(await journal.run(1), body)
    await journal.pack(await journal.run(2), await journal.body(2))
    assert await journal.remove() == retention.Removed(1, 2, [])
    assert await journal.rows("select run_uuid from packed_executions") == [kept]
    assert await journal.rows("select uuid from packed_bodies") == [shared]


async def test_what_an_unfinished_replay_reads_stays_until_it_has_ended(journal: Journal) -> None:
    former = await journal.run(1, file="shared")
    replay = await journal.run(3, replay_of=former, replay_root=former, finished_ms=None, status="pending", file="shared")
    assert await journal.remove() == retention.Removed(1, 0, [])
    assert await journal.runs() == sorted([former, replay])
    await journal.connection.execute("update runs set finished_ms = %s where uuid = %s", (CUTOFF, replay))
    assert (await journal.remove()).months == 1
    assert await journal.runs() == [replay]
    assert journal.removed == [], "the replay shares the file"


async def test_a_batch_that_repeats_runs_keeps_those_of_its_workspace(journal: Journal) -> None:
    batch = await journal.batch(3, finished_ms=None, data='{"kind": "runs"}')
    mine = await journal.run(1)
    await journal.run(1, workspace_uuid=OTHER_WORKSPACE)
    assert (await journal.remove()).runs == 1
    assert await journal.runs() == [mine]
    await journal.connection.execute("update batches set finished_ms = %s where uuid = %s", (CUTOFF, batch))
    assert (await journal.remove()).months == 1


async def test_what_a_clock_far_off_has_written_gets_partitions_of_its_months(journal: Journal) -> None:
    await journal.connection.execute("drop table runs_2025_01, executions_2025_01, packed_executions_2025_01, packed_bodies_2025_01")
    old, ancient, future = await journal.run(1), await journal.run(-23), await journal.run(120)
    await journal.pack(old, body := await journal.body(1))
    before = await journal.rows("select row_to_json(e)::text from executions e order by 1")
    assert await kept.part_off(journal.connection, CUTOFF)
    assert await journal.rows("select uuid from only runs_other") == [future]
    assert await journal.rows("select uuid from only runs_2025_01 union all select uuid from only runs_2023_01") == [old, ancient]
    assert await journal.rows("select uuid from only packed_bodies_2025_01") == [body]
    assert await journal.rows("select row_to_json(e)::text from executions e order by 1") == before
    assert await journal.remove() == retention.Removed(3, 0, [])
    assert await journal.runs() == [future]


async def test_a_month_gets_its_partition_though_a_clock_that_was_ahead_has_written_into_it(journal: Journal) -> None:
    (number,) = await journal.rows("select (extract(year from n) * 12 + extract(month from n) + 4 - 24300)::int from (select now() as n) t")
    ahead = await journal.run(number)
    await journal.rows("select cargo_month_partitions(3)")  # the database may have been made last month
    assert await journal.rows("select uuid from only runs_other") == [ahead]
    assert await journal.rows("select cargo_month_partitions(5)") == [2]
    assert await journal.rows("select count(*) from only runs_other") == [0]
    assert await journal.runs() == [ahead]


async def test_a_busy_journal_is_not_waited_for(journal: Journal, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LOCK_TIMEOUT", "50ms")
    old = await journal.run(1)
    async with await psycopg.AsyncConnection[Any].connect(database_url) as other:
        await other.execute("select 1 from runs limit 1")
        assert (await journal.remove()).months == 0
        assert await journal.runs() == [old]
    assert (await journal.remove()).months == 2


async def test_a_workspace_may_keep_its_runs_longer_than_the_others_or_for_ever(journal: Journal) -> None:
    await journal.run(1)
    theirs = await journal.run(1, workspace_uuid=OTHER_WORKSPACE)
    await journal.run(2)
    assert await journal.remove({OTHER_WORKSPACE: 0}) == retention.Removed(1, 1, [])
    assert await journal.runs() == [theirs]
    assert await journal.remove({OTHER_WORKSPACE: ms(2, 2)}) == retention.Removed(1, 0, [])
    assert await journal.runs() == []


async def test_a_workspace_may_keep_its_runs_for_less_long(journal: Journal) -> None:
    mine, theirs = await journal.run(3), await journal.run(3, workspace_uuid=OTHER_WORKSPACE)
    assert await journal.runs() == sorted([mine, theirs])
    await journal.remove({OTHER_WORKSPACE: ms(4, 1)})
    assert await journal.runs() == [mine]


async def test_failures_of_removed_runs_are_counted_no_longer(journal: Journal) -> None:
    workflow = uuid.UUID(int=5)

    async def counted() -> list[tuple[int, uuid.UUID]]:
        while await failures.fold(journal.connection):
            pass
        query = "select runs, latest_run from failure_counts where scope_uuid = %s order by hour"
        return [(row[0], row[1]) for row in await (await journal.connection.execute(query, (workflow,))).fetchall()]

    def failed(month: int, **values: Any) -> Awaitable[uuid.UUID]:
        failure: dict[str, Any] = {"status": "error", "rare_status": "error", "error_message": "No", "workflow_uuid": workflow, **values}
        return journal.run(month, **failure)

    late = await failed(1, finished_ms=CUTOFF)
    gone, dropped, recent = await failed(1), await failed(2), await failed(3)
    for run in (late, gone, dropped, recent):
        await journal.insert("failed_runs", workflow_uuid=workflow, run_uuid=run, workspace_uuid=WORKSPACE)
    assert await counted() == [(2, max(late, gone)), (1, dropped), (1, recent)]
    assert await journal.remove() == retention.Removed(1, 1, [])
    assert await journal.rows("select run_uuid from failed_runs") == [late]
    assert await counted() == [(1, late), (1, recent)]
    assert await journal.rows("select count(*) from failed_runs") == [0]
