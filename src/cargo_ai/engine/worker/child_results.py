"""Collect the results of a node's child runs: from memory where they ended here just now, else from the journal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine.graph.action import Failed, Json
from cargo_ai.engine.graph.graph import Graph, is_end
from cargo_ai.engine.graph.group import ItemResult
from cargo_ai.engine.graph.interpret import MAXIMUM_OUTPUT
from cargo_ai.engine.graph.walk import Status
from cargo_ai.engine.journal import children
from cargo_ai.engine.journal.rows import ChildRow, FanoutRow
from cargo_ai.engine.worker.load import Loader

TOO_LARGE = f"The outputs of its items have more than {MAXIMUM_OUTPUT:,} bytes together; that is the limit."


class ChildResults:
    """Reads results. Every run below a node is counted for its credits once, also those of attempts that failed."""

    def __init__(self, pool: AsyncConnectionPool[Any], loader: Loader) -> None:
        self._pool, self._loader = pool, loader

    async def results(self, fans: Sequence[FanoutRow], here: Mapping[int, ItemResult]) -> dict[int, ItemResult] | Failed:
        """The results by item: `here` has some of the last fan-out; the others are in the journal. Of several attempts the last counts.

        Failed when the outputs are too large together; its credits are what was spent.
        """
        if len(fans) == 1 and len(here) == fans[0]["size"]:
            return dict(here)
        results: dict[int, ItemResult] = {}
        spent, size = 0.0, 0
        async with self._pool.connection() as connection:
            for fan in fans:
                known: Mapping[int, ItemResult] = here if fan is fans[-1] else {}
                rows = await children.children_of(connection, fan)
                ended = {row["item"]: row for row in rows if row["finished_ms"] is not None and row["item"] not in known}
                if fan["digest"] != fans[-1]["digest"]:
                    spent += sum(row["credits"] for row in ended.values())
                    continue
                outputs, length = await self._outputs(connection, list(ended.values()), MAXIMUM_OUTPUT - size)
                size += length
                for item, row in ended.items():
                    status = cast("Status", row["status"])  # It has ended.
                    result = ItemResult(status, outputs.get(row["uuid"]), row["error_message"], row["credits"], row["is_unknown"])
                    results[item] = _merged(results.get(item), result)
                for item, result in known.items():
                    results[item] = _merged(results.get(item), result)
        if size > MAXIMUM_OUTPUT:
            return Failed(TOO_LARGE, credits=spent + sum(result.credits for result in results.values()))
        if results and spent:
            first = min(results)
            results[first] = results[first]._replace(credits=results[first].credits + spent)
        return results

    async def _outputs(
        self, connection: psycopg.AsyncConnection[Any], rows: list[ChildRow], capacity: int
    ) -> tuple[dict[uuid.UUID, Json], int]:
        """The `end` outputs of the runs that went well, and their bytes; no more once they exceed the capacity that is left, in bytes."""
        good = [row for row in rows if row["status"] == "success"]
        graphs = await self._loader.programs.programs(connection, {row["graph_uuid"] for row in good})
        programs = {row["uuid"]: graphs[row["graph_uuid"]] for row in good}
        outputs: dict[uuid.UUID, Json] = {}
        size = 0
        async for piece in children.last_executions(connection, sorted(programs)):
            for entry in piece:
                if _ends(programs[entry["run_uuid"]], entry["node_uuid"]):
                    text = await self._loader.output(entry)
                    size += len(text)
                    outputs[entry["run_uuid"]] = from_json(text) if size <= capacity else None
            if size > capacity:
                break
        return outputs, size


def _ends(program: Graph | str, node: str) -> bool:
    last = None if isinstance(program, str) else program.nodes.get(node)
    return last is not None and is_end(last.raw)


def _merged(before: ItemResult | None, result: ItemResult) -> ItemResult:
    return result if before is None else result._replace(credits=result.credits + before.credits)
