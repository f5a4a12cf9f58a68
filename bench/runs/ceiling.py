"""The upper bound: one asyncio process with the same interpreter, graph and records, and no durability."""

from __future__ import annotations

import asyncio
import time
import uuid

import psycopg

from bench.report import Json
from cargo_ai.actions import native_actions
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import compile_graph
from cargo_ai.engine.graph.interpret import advance, begin
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal import flush
from cargo_ai.kernel import clock, ids

ROWS = 500
TABLE = "bench_ceiling"


async def _walk(url: str, nodes: list[Json], records: list[Json]) -> float:
    program = compile_graph(nodes, Actions(native_actions()))
    workspace = uuid.UUID(int=0)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"drop table if exists {TABLE}")
        await connection.execute(f"create unlogged table {TABLE} (like execution_rows including defaults)")
        await connection.commit()
        began = time.perf_counter()
        async with (
            connection.cursor() as cursor,
            cursor.copy(flush.EXECUTIONS.replace(b"copy execution_rows", f"copy {TABLE}".encode(), 1)) as copy,
        ):
            rows: list[tuple[str, Execution, str | None]] = []
            for record in records:
                walk = begin(str(ids.new()), program, record)
                advance(walk, clock.now_ms())
                assert walk.status == "success"
                rows += [(walk.run, entry, None) for entry in walk.entries]
                if len(rows) >= ROWS:
                    await copy.write(flush.execution_lines(rows, workspace))
                    rows.clear()
            await copy.write(flush.execution_lines(rows, workspace))
        await connection.commit()
        took = time.perf_counter() - began
        counted = await (await connection.execute(f"select count(*) from {TABLE}")).fetchone()
        assert counted is not None and counted[0] >= 5 * len(records)
        await connection.execute(f"drop table {TABLE}")
    return took


def seconds(url: str, nodes: list[Json], records: list[Json]) -> float:
    """How long it takes to walk the records and copy what happened into one unlogged table of the columns of `execution_rows`."""
    return asyncio.run(_walk(url, nodes, records))
