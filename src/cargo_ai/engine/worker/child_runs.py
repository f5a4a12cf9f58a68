"""Child runs: perform group and tool nodes, which start runs below their own: few in the parent's shard, many in others."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from cargo_ai.engine.dispatch import cancel as cancels
from cargo_ai.engine.dispatch import claim
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Done, Failed
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import Graph, is_group
from cargo_ai.engine.graph.tool_graph import ToolMissing
from cargo_ai.engine.graph.walk import Act, Walk
from cargo_ai.engine.journal import children, crash_points, replay
from cargo_ai.engine.journal.fanout import ChildRun, Fanout, FanoutKind, SharedFields, to_row
from cargo_ai.engine.journal.rows import ChildRow, FanoutRow
from cargo_ai.engine.journal.writer import Writer
from cargo_ai.engine.worker.child_results import ChildResults
from cargo_ai.engine.worker.driven_shard import DrivenRun, DrivenShard, now
from cargo_ai.engine.worker.inline_children import InlineChildren
from cargo_ai.engine.worker.load import Loader
from cargo_ai.engine.worker.run_driver import RunDriver
from cargo_ai.kernel import ids
from cargo_ai.store.availability import retry_until_available

MAX_INLINE = 50
SHARD_RUNS = 200
LARGE_GROUP, LARGE_SHARD = 2_000, 500


class WaitForFanout(NamedTuple):
    """The run must be parked until the runs of this fan-out have ended."""

    fanout: uuid.UUID


class _Plan(NamedTuple):
    """A fan-out that is about to be written, its graph, and the inputs of its runs."""

    fanout: Fanout
    program: Graph


class _Visit(NamedTuple):
    """One visit of a node: the run, its row, and the fan-outs of its attempts so far."""

    drive: DrivenShard
    row: DrivenRun
    walk: Walk
    act: Act
    number: int
    fans: list[FanoutRow]

    @property
    def is_group(self) -> bool:
        return is_group(self.act.node.raw)

    @property
    def fail_fast(self) -> bool:
        return self.is_group and group.fails_fast(self.act.config)

    @property
    def above(self) -> FanoutRow | None:
        """The fan-out that this run itself belongs to."""
        return self.row["fan"]

    @property
    def depth(self) -> int:
        return (self.above["depth"] if self.above else 0) + 1

    @property
    def root(self) -> uuid.UUID:
        return self.above["root_uuid"] if self.above else self.row["uuid"]


ChildOutcome = Done | Failed | WaitForFanout | Literal["left", "cancelled"]


class ChildRuns:
    """Starts runs below others, drives or awaits them, and makes the node's outcome of what became of them. Whatever it did before a crash
    is found again by run, node, visit and attempt."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], writers: Mapping[str, Writer], queue: Queue, actions: Actions, loader: Loader
    ) -> None:
        self._pool, self._writers, self._queue, self._actions, self._loader = pool, writers, queue, actions, loader
        self._child_results = ChildResults(pool, loader)

    async def perform(self, runner: RunDriver, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> ChildOutcome:
        """Carry out one attempt: its outcome; or that the run must wait, was cancelled, or is left because this process drains."""
        number = walk.visits.get(act.node.uuid, 0) + 1
        fans: list[FanoutRow] = []
        if act.attempt > 1:
            await self._durable(drive)
        if act.attempt > 1 or not row["fresh"]:
            fans = await retry_until_available("reading fan-outs", partial(self._fans, walk.run, act.node.uuid, number))
        visit = _Visit(drive, row, walk, act, number, fans)
        if fans and fans[-1]["attempt"] == act.attempt:
            return await self._continue(runner, visit, fans[-1])
        if not fans or fans[-1]["attempt"] < act.attempt:
            plan = await (self._plan_group(visit) if visit.is_group else self._plan_tool(visit))
            return await self._begin(runner, visit, plan) if isinstance(plan, _Plan) else plan
        # A later attempt had begun when a worker died: this one is known to have failed.
        earlier = [fan for fan in fans if fan["attempt"] <= act.attempt]
        return await self._outcome(visit, earlier, {}) if earlier else Failed("An earlier attempt failed.", transient=True)

    async def _begin(self, runner: RunDriver, visit: _Visit, plan: _Plan) -> ChildOutcome:
        fanout, drive = plan.fanout, visit.drive
        crash_points.point("before fan-out")
        self._writers[drive.shard.lane].put_fanout(drive.shard, fanout)
        # Pure runs need no ids that outlive a crash: they, their input and their end go into the journal with the next flush.
        if fanout.shards is not None or plan.program.has_effects or fanout.depth > 1 or fanout.takes_over:
            await self._durable(drive)
            crash_points.point("after fan-out")
        if fanout.refused:
            return Failed(group.TOO_MANY)
        if fanout.at_once:
            await retry_until_available("starting a tool", partial(self._defer, fanout))
        elif fanout.shards is not None:
            await retry_until_available("admitting shards", partial(self._admit, fanout.head.workspace))
        if fanout.kind == "alone":
            return _started(fanout.children[0].uuid)
        if fanout.shards is not None:
            return WaitForFanout(fanout.uuid)
        fan = to_row(fanout)
        if fanout.takes_over:
            return await self._continue(runner, visit, fan)
        return await self._drive_inline(runner, visit, fan, _rows(visit, plan, fan), waiting=False, failed=False)

    async def _continue(self, runner: RunDriver, visit: _Visit, fan: FanoutRow) -> ChildOutcome:
        """Take up a fan-out that is in the journal."""
        if fan["kind"] == "alone":
            return _started(fan["first_run"])
        runs = await retry_until_available("reading runs", partial(self._all_of, fan))
        rows: list[DrivenRun] = []
        if any(child["here"] for child in runs):
            rows = await retry_until_available("reading runs", partial(self._loader.inline, fan, visit.walk.context))
            above = _above(visit)
            for row in rows:
                row["above"] = above
        waiting = any(child["finished_ms"] is None and not child["here"] for child in runs)
        if waiting and fan["lane"] == "batch":
            await retry_until_available("admitting shards", partial(self._admit, visit.row["workspace_uuid"]))
        failed = any(child["finished_ms"] is not None and child["status"] != "success" for child in runs)
        return await self._drive_inline(runner, visit, fan, rows, waiting=waiting, failed=failed)

    async def _drive_inline(
        self, runner: RunDriver, visit: _Visit, fan: FanoutRow, rows: Sequence[DrivenRun], *, waiting: bool, failed: bool
    ) -> ChildOutcome:
        inline = InlineChildren(runner, visit.drive, fan, rows, fail_fast=visit.fail_fast)
        if failed and visit.fail_fast:
            inline.give_up()
        await inline.drive()
        await runner.refresh(visit.drive)
        if visit.drive.is_cancelled(visit.row, visit.walk):
            return "cancelled"
        if inline.left:
            return "left"
        if waiting or inline.parked:
            if not (visit.fail_fast and (failed or inline.failed)):
                return WaitForFanout(fan["uuid"])
            await self._durable(visit.drive)
            await retry_until_available("cancelling the other items", partial(self.cancel_below, visit.row))
        earlier = [other for other in visit.fans if other["uuid"] != fan["uuid"]]
        return await self._outcome(visit, [*earlier, fan], inline.results)

    async def _outcome(self, visit: _Visit, fans: Sequence[FanoutRow], here: Mapping[int, group.ItemResult]) -> Done | Failed:
        results = await retry_until_available("reading results", partial(self._child_results.results, fans, here))
        if isinstance(results, Failed):
            return results
        if visit.is_group:
            size = max(fan["size"] for fan in fans if fan["digest"] == fans[-1]["digest"])
            return group.collect_results(results, size, fail_fast=visit.fail_fast)
        result = results.get(0, group.ItemResult("cancelled"))
        if result.status == "success":
            return Done(result.output, credits=result.credits)
        message = "The run of the tool was cancelled." if result.status == "cancelled" else result.error or "The tool failed."
        return Failed(message, transient=True, credits=result.credits, sent=result.is_unknown)

    async def _plan_group(self, visit: _Visit) -> _Plan | Done | Failed:
        config = visit.act.config
        items = group.read_items(config)
        if isinstance(items, Failed):
            return items
        if not items:
            return Done([], "0 items")
        records = group.to_records(items)
        if isinstance(records, Failed):
            return records
        digest = hashlib.sha256(b"\n".join(records)).digest() if visit.act.node.retry.maximum_attempts > 1 else b""
        same = [fan for fan in visit.fans if fan["digest"] == digest]
        # What went well at an earlier attempt is not done again.
        good = await retry_until_available("reading runs", partial(self._good, same)) if same else set[int]()
        runs = [ChildRun(ids.new(), item, record) for item, record in enumerate(records) if item not in good]
        if not runs:
            return await self._outcome(visit, same, {})
        origin = (visit.row["workflow_uuid"], visit.row["release_uuid"])
        return await self._plan(visit, "group", runs, config.get("_nodes") or [], origin, digest)

    async def _plan_tool(self, visit: _Visit) -> _Plan | Done | Failed:
        records = group.to_records([visit.act.config])
        if isinstance(records, Failed):
            return records
        if self._actions.tools is None:
            return Failed("This server has no tools.")
        raw = visit.act.node.raw
        try:
            tool = await retry_until_available("finding a tool", partial(self._actions.tools, visit.row["workspace_uuid"], raw))
        except ToolMissing as error:
            return Failed(str(error))
        kind: FanoutKind = "alone" if raw.get("waitUntilFinished") is False else "tool"
        return await self._plan(visit, kind, [ChildRun(ids.new(), 0, records[0])], tool.nodes, (tool.workflow, tool.release), b"")

    async def _plan(
        self,
        visit: _Visit,
        kind: FanoutKind,
        runs: list[ChildRun],
        nodes: Sequence[Mapping[str, Any]],
        origin: tuple[uuid.UUID, Any],
        digest: bytes,
    ) -> _Plan | Failed:
        if visit.depth > group.MAXIMUM_DEPTH:
            return Failed(group.TOO_DEEP)
        if await retry_until_available("counting runs", partial(self._below, visit)) + len(runs) > group.MAXIMUM_DESCENDANTS:
            return Failed(group.TOO_MANY)
        row = visit.row
        graph, program = await retry_until_available("storing a graph", partial(self._take, row["workspace_uuid"], nodes))
        if isinstance(program, str):
            return Failed(program)
        uid, large = ids.new(), len(runs) > MAX_INLINE
        fanout = Fanout(
            uuid=uid,
            run=row["uuid"],
            node=visit.act.node.uuid,
            visit=visit.number,
            attempt=visit.act.attempt,
            seq=visit.walk.seq,
            kind=kind,
            lane="batch" if large else visit.drive.shard.lane,
            depth=visit.depth,
            root=visit.root,
            top=visit.above["top_uuid"] if visit.above else uid,
            fail_fast=visit.fail_fast,
            digest=digest,
            head=SharedFields(
                workspace=row["workspace_uuid"],
                workflow=origin[0],
                graph=graph,
                release=origin[1],
                user=row["user_uuid"],
                trace=row["trace_uuid"],
                batch=row["batch_uuid"] or row["parent_batch_uuid"],
                record_id=row["record_id"],
                record_title=row["record_title"],
            ),
            children=runs,
            shards=_cut(runs) if large or kind == "alone" else None,
            at_once=kind == "alone" and not self._queue.most_runs,
            now=now(),
        )
        if row["replay_of"] is not None:
            await retry_until_available("reading what was done before", partial(self._link, visit, row["replay_of"], fanout, program))
        return _Plan(fanout, program)

    async def _link(self, visit: _Visit, original: uuid.UUID, fanout: Fanout, program: Graph) -> None:
        """In a run that repeats another one: which runs did the same items then, and how much of what they did is taken over."""
        row, node = visit.row, visit.act.node
        async with self._pool.connection() as connection:
            originals = await replay.original_items(connection, original, node.uuid, node.slug)
        fanout.children = [
            replace(child, former=former)
            if (former := originals.get(child.item)) is not None and former.record == from_json(child.record)
            else child
            for child in fanout.children
        ]
        if fanout.shards is not None:
            fanout.shards = _cut(fanout.children)
        if row["replay_path"] and visit.walk.seq == row["taken"] and visit.act.attempt == 1:
            fanout.path = row["replay_path"]
            slug = fanout.path.partition(".")[0]
            fanout.node_inside = next((inside.uuid for inside in program.nodes.values() if inside.slug == slug), None)

    async def _below(self, visit: _Visit) -> int:
        """How many runs were ever started below the run at the top; none when this is the first node that could."""
        nodes = visit.walk.program.nodes
        if visit.depth == 1 and not visit.fans and not any(nodes[uid].action.runs_children for uid in visit.walk.visits if uid in nodes):
            return 0
        async with self._pool.connection() as connection:
            return await children.count_descendants(connection, visit.root)

    async def _durable(self, drive: DrivenShard) -> None:
        await self._writers[drive.shard.lane].durable(drive.shard)

    async def _fans(self, run: str, node: str, visit: int) -> list[FanoutRow]:
        async with self._pool.connection() as connection:
            return await children.fanouts_of_node(connection, run, node, visit)

    async def _all_of(self, fan: FanoutRow) -> list[ChildRow]:
        async with self._pool.connection() as connection:
            return await children.children_of(connection, fan)

    async def _good(self, fans: Sequence[FanoutRow]) -> set[int]:
        async with self._pool.connection() as connection:
            attempts = [await children.children_of(connection, fan) for fan in fans]
        return {child["item"] for runs in attempts for child in runs if child["status"] == "success"}

    async def _take(self, workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> tuple[uuid.UUID, Graph | str]:
        async with self._pool.connection() as connection:
            return await self._loader.programs.take(connection, workspace, nodes)

    async def _admit(self, workspace: uuid.UUID) -> None:
        async with self._pool.connection() as connection:
            await claim.admit_shards(connection, self._queue, workspace)

    async def _defer(self, fanout: Fanout) -> None:
        async with self._pool.connection() as connection:
            for shard, _ in fanout.shards or ():
                await self._queue.defer(connection, "drive", "interactive" if fanout.lane == "interactive" else "batch", shard=str(shard))

    async def cancel_below(self, row: DrivenRun) -> None:
        """Cancel everything below a run that its driver is about to end, or whose node has failed; may be repeated."""
        async with self._pool.connection() as connection:
            await cancels.cancel_descendants(connection, row["workspace_uuid"], row["uuid"])
        # Shards that were locked just now were passed over when the next ones were admitted.
        await self._admit(row["workspace_uuid"])


def _started(run: uuid.UUID) -> Done:
    return Done({"runUuid": str(run)}, "Started")


def _cut(runs: list[ChildRun]) -> list[tuple[uuid.UUID, Sequence[ChildRun]]]:
    size = SHARD_RUNS if len(runs) <= LARGE_GROUP else LARGE_SHARD
    return [(ids.new(), runs[begin : begin + size]) for begin in range(0, len(runs), size)]


def _rows(visit: _Visit, plan: _Plan, fan: FanoutRow) -> list[DrivenRun]:
    """The runs as the journal would give them back."""
    head, fanout = plan.fanout.head, plan.fanout
    parent, above = visit.walk.context if fanout.kind == "group" else None, _above(visit)
    return [
        {
            "uuid": run.uuid,
            "workspace_uuid": head.workspace,
            "workflow_uuid": head.workflow,
            "batch_uuid": None,
            "graph_uuid": head.graph,
            "release_uuid": head.release,
            "trace_uuid": head.trace,
            "record": from_json(run.record),
            "status": "pending",
            "position": None,
            "pending": None,
            "created_ms": fanout.now,
            "user_uuid": head.user,
            "record_id": head.record_id,
            "record_title": head.record_title,
            "parent_batch_uuid": head.batch,
            "fanout_uuid": fanout.uuid,
            "item": run.item,
            "replay_of": run.former.uuid if run.former else None,
            "replay_root": run.former.root if run.former else None,
            "taken": 0,
            "replay_path": None,
            "program": plan.program,
            "fresh": True,
            "fan": fan,
            "parent": parent,
            "above": above,
        }
        for run in fanout.children
    ]


def _above(visit: _Visit) -> tuple[str, ...]:
    """The runs above those that a visit starts."""
    return (*visit.row.get("above", ()), visit.walk.run)
