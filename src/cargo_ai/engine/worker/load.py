"""Load the runs of a shard with everything that walking them needs: graph, journal, the context of their parent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine.dispatch import claim
from cargo_ai.engine.graph.action import Json
from cargo_ai.engine.graph.graph import Graph
from cargo_ai.engine.graph.interpret import begin, resume
from cargo_ai.engine.graph.walk import Walk
from cargo_ai.engine.journal import children, crash_points
from cargo_ai.engine.journal.rows import ContextRow, FanoutRow, OutputRow, RunRow
from cargo_ai.engine.journal.shard_flush import HOUR, MetricScope, scope_of
from cargo_ai.engine.worker.driven_shard import UNFINISHED, DrivenRun, DrivenShard
from cargo_ai.engine.worker.graph_cache import GraphCache
from cargo_ai.store.driver import Single
from cargo_ai.store.files import FileMissing, FileStore

PAGE = 100
GONE = b'{"errorMessage": "The file with this output no longer exists."}'
"""A shard must end, whatever happened to its files: later nodes see what they see of a node that failed."""


class Loader:
    """Reads runs, and puts what a `DrivenRun` has beside its columns into their rows."""

    def __init__(self, pool: AsyncConnectionPool[Any], programs: GraphCache, files: FileStore) -> None:
        self._pool, self.programs, self._files = Single(pool), programs, files

    async def page(self, drive: DrivenShard, after: uuid.UUID | None) -> list[DrivenRun]:
        """The next unfinished runs of a shard that are not driven by their parents, in order of their ids."""
        async with self._pool.connection() as connection:
            rows = _to_be_completed(await claim.unfinished_runs(connection, drive.claimed, after, PAGE))
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

    def complete_at_once(self, drive: DrivenShard, row: RunRow) -> DrivenRun | None:
        """A run that was read with its claim, where nothing more need be read for it: it was not begun before, belongs to no other run,
        and its graph is known here."""
        program = self.programs.known(row["graph_uuid"])
        is_new = drive.claimed.epoch == 1 and drive.claimed.tries == 1 and row["position"] is None and not row["taken"]
        if program is None or not is_new or row["pending"] or row["fanout_uuid"] is not None:
            return None
        (run,) = _to_be_completed([row])
        run["fresh"], run["program"], run["fan"], run["parent"] = True, program, None, None
        return run

    async def inline(self, fan: FanoutRow, parent: Json) -> list[DrivenRun]:
        """The unfinished runs of a fan-out that their parent drives, taken up again."""
        async with self._pool.connection() as connection:
            rows = _to_be_completed(await children.unfinished_children(connection, fan))
            for row in rows:
                row["fresh"], row["fan"], row["parent"] = False, fan, parent if fan["kind"] == "group" else None
            await self._complete(connection, rows)
        await self._files_of(rows)
        return rows

    async def output(self, row: OutputRow) -> bytes:
        """The JSON of an execution's output, wherever it is kept."""
        output = await self._large(row["output_file"]) if row["output_file"] else row["output"]
        return output.encode() if isinstance(output, str) else output

    async def _complete(self, connection: psycopg.AsyncConnection[Any], rows: Sequence[DrivenRun]) -> None:
        crash_points.point("reading")
        programs = await self.programs.programs(connection, {row["graph_uuid"] for row in rows})
        for row in rows:
            row["program"] = programs[row["graph_uuid"]]
        started = [row["uuid"] for row in rows if not row["fresh"]]
        if started:
            entries = await claim.executions_of(connection, started)
            for row in rows:
                row["entries"] = entries.get(row["uuid"], [])

    async def _parents(self, connection: psycopg.AsyncConnection[Any], drive: DrivenShard, rows: Sequence[DrivenRun]) -> None:
        uuids = {row["fanout_uuid"] for row in rows if row["fanout_uuid"] is not None}
        fans = await children.fanouts_by_id(connection, uuids) if uuids else {}
        drive.contexts = {uid: context for uid, context in drive.contexts.items() if uid in uuids}
        for uid, fan in fans.items():
            if fan["kind"] == "group" and uid not in drive.contexts:
                drive.contexts[uid] = await self._context(await children.parent_outputs(connection, fan))
        for row in rows:
            fanout = row["fanout_uuid"]
            row["fan"], row["parent"] = (fans.get(fanout), drive.contexts.get(fanout)) if fanout is not None else (None, None)

    async def _context(self, entries: Iterable[ContextRow]) -> Json:
        return {entry["node_slug"]: from_json(await self.output(entry)) for entry in entries}

    async def _files_of(self, rows: Iterable[DrivenRun]) -> None:
        for row in rows:
            for entry in row.get("entries", ()):
                if entry["output_file"]:
                    entry["output"] = await self._large(entry["output_file"])

    async def _large(self, key: str) -> bytes:
        try:
            return await self._files.read(key)
        except FileMissing:
            return GONE


def _to_be_completed(rows: list[RunRow]) -> list[DrivenRun]:
    """The same rows, into which the Loader puts what they lack."""
    return cast("list[DrivenRun]", rows)


def restore_walk(row: DrivenRun) -> tuple[Walk, MetricScope]:
    """The run as its journal left it, and where its executions count: those of runs below others with the batch at the top."""
    program = row["program"]
    batch = row["batch_uuid"] or row["parent_batch_uuid"]
    hour = row["created_ms"] // HOUR
    origin = scope_of(row["workflow_uuid"], row["release_uuid"], batch, hour, row["user_uuid"], row["trace_uuid"])
    if isinstance(program, str):
        broken = Walk(str(row["uuid"]), Graph({}, None), row["record"], None)  # pyright: ignore[reportArgumentType]
        broken.status, broken.error = "error", program
        return broken, origin
    walk = begin(str(row["uuid"]), program, row["record"], row["parent"])
    if row["replay_root"] is not None:
        walk.split_seed = str(row["replay_root"])
    if row.get("entries") or row["pending"]:
        resume(walk, row.get("entries", ()), row["pending"])
    return walk, origin
