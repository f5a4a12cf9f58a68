"""Drive one run from step to step, wait out its pauses or park it, and journal what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from cargo_ai.engine.dispatch import claim
from cargo_ai.engine.graph import unknown_outcome
from cargo_ai.engine.graph.action import Call, Failed, Later, Outcome
from cargo_ai.engine.graph.graph import Node
from cargo_ai.engine.graph.interpret import advance, cancel, fail, refuse_output, settle, stop
from cargo_ai.engine.graph.walk import Act, EngineAnswers, Evaluate, Execution, Pause, Walk
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.shard_flush import MetricScope, RunUpdate
from cargo_ai.engine.journal.writer import ShardLost, Writer
from cargo_ai.engine.worker import spans
from cargo_ai.engine.worker.child_runs import ChildRuns, WaitForFanout
from cargo_ai.engine.worker.driven_shard import CAREFUL_TRIES, MAXIMUM_TRIES, UNFINISHED, DrivenRun, DrivenShard, RunExit, Step, now
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.engine.worker.output_quota import OutputQuota
from cargo_ai.expression import evaluator
from cargo_ai.expression.requests import AskedBy
from cargo_ai.kernel import log, metrics, traces
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.files import FileStore

PARK_SECONDS = 2.0
LARGE_OUTPUT = 64 * 1024
POISON_TRIES = 5
EFFECT_SECONDS = 900.0
YIELD_SECONDS = 0.005

_log = log.get(__name__)


class Runner:
    """Walks runs of the shards of this process. `draining` makes it stop at the next node boundaries."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        writers: Mapping[str, Writer],
        files: FileStore,
        quota: OutputQuota,
        child_runs: ChildRuns,
        in_flight: InFlight,
    ) -> None:
        self._pool, self._writers, self._files, self._quota, self._child_runs = pool, writers, files, quota, child_runs
        self._in_flight = in_flight
        self.draining = asyncio.Event()
        self._urgent_shards = 0

    def start(self, drive: DrivenShard, row: DrivenRun, walk: Walk) -> Step | None:
        """Walk a run as far as it goes without waiting: None when that was to its end, which pure graphs need no task for."""
        if drive.is_cancelled(row, walk):
            cancel(walk)
        elif drive.claimed.tries > MAXIMUM_TRIES and walk.status is None:
            # Whatever stands in the way, a batch must end: these runs say that they could not be finished.
            stop(walk, "error", UNFINISHED)
        if walk.status is not None:
            return None
        walk.is_unsure = drive.claimed.epoch > 1 and not row["fresh"]
        crash_points.point("walking")
        return advance(walk, now())

    def end_at_once(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope) -> bool:
        """Journal a run that `start` brought to its end; False when that takes waiting, for files or for runs below it."""
        if walk.stopped_at is not None and walk.stopped_at.action.runs_children:
            return False
        if any(len(entry.output) > LARGE_OUTPUT for entry in walk.entries):
            return False
        self._put(drive, walk, origin, [(entry, None) for entry in walk.entries], self._end(row, walk))
        return True

    async def drive_run(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, step: Step | None) -> RunExit:
        """Continue from a step until the run ends, is parked, or is left because this process drains."""
        with self._in_flight.moving():
            return await self._drive_run(drive, row, walk, origin, step)

    async def _drive_run(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, step: Step | None) -> RunExit:
        if drive.is_quarantined and await self.fail_poison(drive, walk):
            step = None
        while step is not None and await self._may_keep_outputs(drive, walk):
            if isinstance(step, Pause):
                run_exit = await self._paused(drive, row, walk, origin, step)
                if run_exit is not None:
                    return run_exit
                step = advance(walk, now())
                continue
            if isinstance(step, Evaluate):
                step = await self._evaluate(drive, row, walk, step)
                continue
            if walk.entries and step.node.action.has_effects:
                unsafe = any(entry.effect for entry in walk.entries)
                await self._hand_over(drive, walk, origin, None)
                if unsafe:
                    await self._writers[drive.shard.lane].durable(drive.shard)
            if self.draining.is_set():
                drive.left = True
                return "left"
            await self.refresh(drive)
            if drive.is_cancelled(row, walk):
                cancel(walk)
                break
            if step.node.action.runs_children:
                outcome = await self._run_children(drive, row, walk, origin, step)
                if isinstance(outcome, str):
                    return outcome
                step = outcome
                continue
            if drive.is_quarantined:
                await self._mark(drive, walk, step.node)
            step = await self._act(drive, row, walk, step)
        if step is None:
            await self._may_keep_outputs(drive, walk)
        await self._end_of(drive, row, walk, origin)
        return "ended"

    async def _end_of(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope) -> None:
        if walk.stopped_at is not None and walk.stopped_at.action.runs_children:
            # First what is below it: after a crash in between, the run is still there to do it again.
            await self._writers[drive.shard.lane].durable(drive.shard)
            await retry_until_available("cancelling what is below a run", partial(self._child_runs.cancel_below, row))
        await self._hand_over(drive, walk, origin, self._end(row, walk))

    async def _evaluate(self, drive: DrivenShard, row: DrivenRun, walk: Walk, asked: Evaluate) -> Step | None:
        """Have the JavaScript engine answer, and go on. Computes only: nothing need be durable before."""
        await self.refresh(drive)
        if drive.is_cancelled(row, walk):
            cancel(walk)
            return None
        if drive.is_quarantined:
            await self._mark(drive, walk, asked.node)
        batch = row["batch_uuid"] or row["parent_batch_uuid"]
        by = AskedBy(row["created_ms"], row["workflow_uuid"], row["trace_uuid"], batch, row["user_uuid"])
        answers = await evaluator.shared().ask(row["workspace_uuid"], asked.scope, asked.questions, by)
        walk.answered = EngineAnswers({**asked.before, **answers}, asked.now)
        return advance(walk, now())

    async def _run_children(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, act: Act) -> Step | RunExit | None:
        """Carry out a node that starts runs below this one: the next step, or what became of this run meanwhile."""
        with self._in_flight.resting():
            outcome = await self._child_runs.perform(self, drive, row, walk, act)
        if outcome == "left":
            drive.left = True
            return "left"
        if outcome == "cancelled":
            cancel(walk)
            return None
        if isinstance(outcome, WaitForFanout):
            walk.began = walk.began or act.started
            await self._park(drive, row, walk, origin, wake=None, waiting=outcome)
            return "parked"
        config = {name: value for name, value in act.config.items() if name != "_nodes"}
        moment = now()
        return settle(walk, act.node, config, outcome, act.warnings, act.started, moment) or advance(walk, moment)

    async def _act(self, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> Step | None:
        await self._writers[drive.shard.lane].wait_for_effects()
        if act.node.action.is_unrepeatable(act.meta):
            outcome = await self._act_once(drive, row, walk, act)
        else:
            outcome = await self._perform(drive, row, walk, act)
        crash_points.point("after effect")
        moment = now()
        pause = settle(walk, act.node, act.config, outcome, act.warnings, act.started, moment)
        if pause is not None and act.key in drive.shard.begun:
            self._writers[drive.shard.lane].forget(drive.shard, act.key)
        return pause or advance(walk, moment)

    async def _act_once(self, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> Outcome:
        """Perform what nothing makes harmless to repeat: that it begins is durable before, and what a dead worker has begun has failed."""
        if act.key in drive.claimed.begun:
            return await self._died(drive, row, walk, act)
        await self._writers[drive.shard.lane].begin(drive.shard, act.key)
        crash_points.point("begun")
        return await self._perform(drive, row, walk, act)

    async def _died(self, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> Outcome:
        """What a dead worker has begun counts as spent where it costs credits: no one knows whether the service was asked."""
        if act.node.action.spent is None:
            return unknown_outcome.DIED
        spent = await act.node.action.spent(self._call(drive, row, walk, act))
        return replace(unknown_outcome.DIED, credits=spent.credits, connector=spent.connector)

    def _call(self, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> Call:
        return Call(
            workspace=row["workspace_uuid"],
            workflow=row["workflow_uuid"],
            run=row["uuid"],
            batch=row["batch_uuid"] or row["parent_batch_uuid"],
            trace=row["trace_uuid"],
            node=act.node.raw,
            config=act.config,
            context=walk.context,
            key=act.key,
            attempt=act.attempt,
            meta=act.meta,
            parent=walk.parent,
            stands=partial(self._stands, drive, row, walk),
            repeated=act.attempt > 1 or walk.throttled > 0 or walk.is_unsure or row["replay_of"] is not None,
        )

    async def _perform(self, drive: DrivenShard, row: DrivenRun, walk: Walk, act: Act) -> Outcome:
        call = self._call(drive, row, walk, act)
        walk.is_unsure = False
        crash_points.point("before effect")
        crash_points.point(f"effect {act.node.slug}")
        # Runs below others leave that alone: several of them act at once, and their shard is in a hurry once.
        idle = row["fanout_uuid"] is None
        self.set_urgent(drive, -1 if idle else 0)
        try:
            # What is logged meanwhile, also by services and libraries, says to which run it belongs.
            with (
                log.about(run=str(call.run), batch=str(call.batch) if call.batch else None, node=act.node.slug),
                traces.within(spans.place_of(call.trace, act)) if traces.are_sent() else nullcontext(),
            ):
                return await _execute(act, call)
        finally:
            self.set_urgent(drive, 1 if idle else 0)

    async def _stands(self, drive: DrivenShard, row: DrivenRun, walk: Walk) -> bool:
        await self.refresh(drive)
        return not (drive.shard.lost or drive.is_cancelled(row, walk))

    async def _paused(self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, pause: Pause) -> RunExit | None:
        """Sit out a short pause here (None); park the run for a long one, so that it holds no worker."""
        if pause.seconds <= PARK_SECONDS and not self.draining.is_set():
            try:
                await asyncio.wait_for(self.draining.wait(), pause.seconds)
            except TimeoutError:
                return None
        await self.refresh(drive)
        if drive.is_cancelled(row, walk):
            cancel(walk)
            await self._end_of(drive, row, walk, origin)
            return "ended"
        await self._park(drive, row, walk, origin, wake=now() + int(pause.seconds * 1000), waiting=None)
        return "parked"

    async def _park(
        self, drive: DrivenShard, row: DrivenRun, walk: Walk, origin: MetricScope, *, wake: int | None, waiting: WaitForFanout | None
    ) -> None:
        state = RunUpdate(
            walk.run,
            "idle",
            now(),
            credits=walk.credits,
            position=walk.node.uuid if walk.node else None,
            wake=wake,
            pending=walk.pending(),
            waiting=waiting.fanout if waiting else None,
            fanout=row["fanout_uuid"],
        )
        await self._hand_over(drive, walk, origin, state)

    async def _may_keep_outputs(self, drive: DrivenShard, walk: Walk) -> bool:
        """Whether there is place for the large outputs of the run; where there is not, the run has ended in error."""
        for number, entry in enumerate(walk.entries):
            if len(entry.output) > LARGE_OUTPUT:
                refusal = await self._quota.refusal(drive.shard.workspace, len(entry.output))
                if refusal is not None:
                    refuse_output(walk, number, refusal)
                    return False
        return True

    async def _hand_over(self, drive: DrivenShard, walk: Walk, origin: MetricScope, state: RunUpdate | None) -> None:
        entries: list[tuple[Execution, str | None]] = []
        for entry in walk.entries:
            file = None
            if len(entry.output) > LARGE_OUTPUT:
                file = f"{drive.shard.workspace}/outputs/{walk.run}/{entry.seq}.json"
                await self._files.put(file, entry.output)
            entries.append((entry, file))
        await self._writers[drive.shard.lane].wait_for_capacity()
        self._put(drive, walk, origin, entries, state)

    def _put(
        self, drive: DrivenShard, walk: Walk, origin: MetricScope, entries: list[tuple[Execution, str | None]], state: RunUpdate | None
    ) -> None:
        walk.entries = []
        if drive.shard.lost:
            raise ShardLost
        self._writers[drive.shard.lane].put(drive.shard, walk.run, origin, entries, state)
        if metrics.is_collected():
            for entry, _ in entries:
                node = walk.program.nodes.get(entry.node)
                metrics.count("executions", (node.kind if node else "", entry.status))
        if traces.are_sent():
            spans.send_executions(walk, origin, [entry for entry, _ in entries])

    def _end(self, row: DrivenRun, walk: Walk) -> RunUpdate:
        if traces.are_sent():
            spans.send_run(row, walk)
        return RunUpdate(walk.run, walk.status or "error", now(), walk.error, walk.credits, fanout=row["fanout_uuid"])

    def set_urgent(self, drive: DrivenShard, change: int) -> None:
        """A user waits for this shard and it needs the event loop (1), or no longer does (-1)."""
        if drive.shard.lane == "interactive":
            self._urgent_shards += change

    async def yield_to_others(self, drive: DrivenShard) -> None:
        """Other shards share this event loop: yield every few milliseconds, and for longer while a user waits for a single run."""
        await self._writers[drive.shard.lane].wait_for_capacity()
        await asyncio.sleep(YIELD_SECONDS if self._urgent_shards and drive.shard.lane == "batch" else 0)

    async def refresh(self, drive: DrivenShard) -> None:
        """Look which runs were cancelled when a flush brought a new signal."""
        if drive.shard.signal != drive.seen_signal:
            drive.seen_signal = drive.shard.signal
            drive.cancelled |= await retry_until_available("reading what was cancelled", partial(self._cancelling, drive))

    async def _cancelling(self, drive: DrivenShard) -> set[str]:
        async with self._pool.connection() as connection:
            return await claim.cancelling_runs(connection, drive.claimed)

    async def _mark(self, drive: DrivenShard, walk: Walk, node: Node) -> None:
        """In a shard whose workers keep dying: note the step before taking it, so that a later worker knows which step killed this one."""
        step = f"{walk.run}:{node.uuid}"
        drive.shard.suspect = f"{step}:{_deaths(drive.claimed.suspect, step) + 1}"
        await self._writers[drive.shard.lane].durable(drive.shard, urgent=True)

    async def approach(self, drive: DrivenShard, walk: Walk) -> None:
        """In a shard whose workers keep dying, before a run takes its first step here: walking over pure nodes may be what hangs."""
        if walk.node is not None and walk.status is None and not await self.fail_poison(drive, walk):
            await self._mark(drive, walk, walk.node)

    async def fail_poison(self, drive: DrivenShard, walk: Walk) -> bool:
        """Whether the present node has killed its worker too often; it has then failed."""
        poison = self._is_poison(drive, walk)
        if poison:
            await retry_until_available("resetting the tries of a shard", partial(self._reset_tries, drive))
        return poison

    def _is_poison(self, drive: DrivenShard, walk: Walk) -> bool:
        """Whether the present node has killed its worker too often; then it fails, so that its batch can continue."""
        if drive.claimed.tries <= POISON_TRIES or walk.node is None:
            return False
        if _deaths(drive.claimed.suspect, f"{walk.run}:{walk.node.uuid}") <= POISON_TRIES - CAREFUL_TRIES:
            return False
        fail(walk, f"The worker died {drive.claimed.tries - 1} times in or around node {walk.node.slug}; it is not tried again.", now())
        drive.shard.suspect = None
        return True

    async def _reset_tries(self, drive: DrivenShard) -> None:
        async with self._pool.connection() as connection:
            await claim.set_tries(connection, drive.claimed, CAREFUL_TRIES)


def _deaths(suspect: str | None, step: str) -> int:
    """How often in a row careful workers died after they had written down this step."""
    former, _, count = (suspect or "").rpartition(":")
    return int(count) if former == step else 0


async def _execute(act: Act, call: Call) -> Outcome:
    """One attempt. Whatever is raised is an outcome; of what must not be repeated, one that is unknown."""
    unrepeatable = act.node.action.is_unrepeatable(act.meta)
    try:
        async with asyncio.timeout(EFFECT_SECONDS):
            return await act.node.action.execute(call)
    except DATABASE_UNAVAILABLE as error:
        if unrepeatable:
            return Failed("The database was unavailable while this was in progress.", sent=True)
        _log.warning("an action found the database away; it is tried again", cause=str(error).strip()[:200])
        return Later(1.0, call.meta, "the database is unavailable")
    except TimeoutError:
        return Failed(f"No answer within {EFFECT_SECONDS:.0f} seconds.", transient=True, sent=True)
    except Exception as error:
        _log.exception("an action raised", action=act.node.action.slug)
        message = f"The action broke ({type(error).__name__}); the server's log has the details."
        return Failed(message, sent=unrepeatable)
