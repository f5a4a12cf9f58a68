"""Load the runs of a shard with everything that walking them needs: graph, journal, the context of their parent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine.dispatch import claim
from cargo_ai.engine.graph.action import Json
from cargo_ai.engine.graph.graph import Graph
from cargo_ai.engine.graph.interpret import Walk, begin, resume
from cargo_ai.engine.journal import children, crash_points
from cargo_ai.engine.journal.flush import HOUR, MetricScope
from cargo_ai.engine.worker.driven_shard import UNFINISHED, DrivenShard
from cargo_ai.engine.worker.graph_cache import GraphCache
from cargo_ai.store.files import FileMissing, FileStore

PAGE = 100
GONE = b'{"errorMessage": "The file with this output no longer exists."}'
"""A shard must end, whatever happened to its files: later nodes see what they see of a node that failed."""

Row = dict[str, Any]


class Loader:
    """Reads runs. Beside the columns, a row has `program`, `entries` when the run was begun before, `fresh` when it surely was not, and for
    a run below another one `fan` (its fan-out) and `parent` (what its expressions know as parentNodes)."""

    def __init__(self, pool: AsyncConnectionPool[Any], programs: GraphCache, files: FileStore) -> None:
        self._pool, self.programs, self._files = pool, programs, files

    async def page(self, drive: DrivenShard, after: uuid.UUID | None) -> list[Row]:
        """The next unfinished runs of a shard that are not driven by their parents, in order of their ids."""
        async with self._pool.connection() as connection:
            rows = await claim.unfinished_runs(connection, drive.claimed, after, PAGE)
            for row in rows:
                # Not by `tries`: a shard that was given back in order has a journal, too.
                row["fresh"] = drive.claimed.epoch == 1 and row["position"] is None and not row["taken"]
            if drive.is_unreadable:
                for row in rows:
                    row["program"] = UNFINISHED
            else:
                await self._complete(connection, rows)
            await self._parents(connection, drive, rows)
        await self._files_of(rows)
        return rows

    async def inline(self, fan: Mapping[str, Any], parent: Json) -> list[Row]:
        """The unfinished runs of a fan-out that their parent drives, taken up again."""
        async with self._pool.connection() as connection:
            rows = await children.unfinished_children(connection, fan)
            for row in rows:
                row["fresh"], row["fan"], row["parent"] = False, fan, parent if fan["kind"] == "group" else None
            await self._complete(connection, rows)
        await self._files_of(rows)
        return rows

    async def output(self, row: Mapping[str, Any]) -> bytes:
        """The JSON of an execution's output, wherever it is kept."""
        return await self._large(row["output_file"]) if row["output_file"] else row["output"].encode()

    async def _complete(self, connection: psycopg.AsyncConnection[Any], rows: Sequence[Row]) -> None:
        crash_points.point("reading")
        await self.programs.fill(connection, rows)
        started = [row["uuid"] for row in rows if not row["fresh"]]
        if started:
            entries = await claim.executions_of(connection, started)
            for row in rows:
                row["entries"] = entries.get(row["uuid"], [])

    async def _parents(self, connection: psycopg.AsyncConnection[Any], drive: DrivenShard, rows: Sequence[Row]) -> None:
        uuids = {row["fanout_uuid"] for row in rows if row["fanout_uuid"] is not None}
        fans = await children.fanouts_by_id(connection, uuids) if uuids else {}
        drive.contexts = {uid: context for uid, context in drive.contexts.items() if uid in uuids}
        for uid, fan in fans.items():
            if fan["kind"] == "group" and uid not in drive.contexts:
                drive.contexts[uid] = await self._context(await children.parent_outputs(connection, fan))
        for row in rows:
            row["fan"], row["parent"] = fans.get(row["fanout_uuid"]), drive.contexts.get(row["fanout_uuid"])

    async def _context(self, entries: Iterable[Row]) -> Json:
        return {entry["node_slug"]: from_json(await self.output(entry)) for entry in entries}

    async def _files_of(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for entry in row.get("entries", ()):
                if entry["output_file"]:
                    entry["output"] = await self._large(entry["output_file"])

    async def _large(self, key: str) -> bytes:
        try:
            return await self._files.read(key)
        except FileMissing:
            return GONE


def restore_walk(row: Mapping[str, Any]) -> tuple[Walk, MetricScope]:
    """The run as its journal left it, and where its executions count: those of runs below others with the batch at the top."""
    program: Graph | str = row["program"]
    batch = row["batch_uuid"] or row["parent_batch_uuid"]
    origin = MetricScope(row["workflow_uuid"], row["release_uuid"], batch, row["created_ms"] // HOUR)
    if isinstance(program, str):
        broken = Walk(str(row["uuid"]), Graph({}, None), row["record"], None)  # pyright: ignore[reportArgumentType]
        broken.status, broken.error = "error", program
        return broken, origin
    walk = begin(str(row["uuid"]), program, row["record"], row.get("parent"))
    if row["replay_root"] is not None:
        walk.split_seed = str(row["replay_root"])
    if row.get("entries") or row["pending"]:
        resume(walk, row.get("entries", ()), row["pending"])
    return walk, origin
