"""Run tail: stream the runs of a workflow or a batch, or the nodes of one run, as they happen, one line each.

It polls in short transactions, less often the more there is to read; no connection is held in between.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.downloads import exports
from cargo_ai.context.downloads.exports import Export, Record
from cargo_ai.context.handlers import handles
from cargo_ai.context.process import Services
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.orchestration.insight import run_errors as contract
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.session import ALL_WORKSPACES, Database

POLL_SECONDS = 0.5
SHARE = 20
"""Each poll is followed by a pause of at least this many times its duration."""
ALIVE_SECONDS = 60.0
LATE_MS = 3_000
"""How long after its timestamp a row may still appear: it is committed after it was written."""
LOOKBACK_SECONDS = 86_400
"""Runs of a workflow that began longer ago are not followed."""
PAGE = 5_000
NIL = uuid.UUID(int=0)

_RUNS = """
select r.uuid, r.record_id, r.record_title, r.status, r.error_message, r.updated_ms as at, r.finished_ms,
    (select e.node_slug from executions e where e.run_uuid = r.uuid order by e.seq desc limit 1) as node
from runs r
where r.workspace_uuid = :workspace and (r.updated_ms, r.uuid) > (:at, :last) and r.status <> 'pending' and {scope}
order by r.updated_ms, r.uuid limit :limit
"""
_NODES = """
select e.seq, e.node_slug, e.status, e.title, e.error_message, e.finished_ms as at from executions e
where e.workspace_uuid = :workspace and e.run_uuid = :run and e.seq >= :seq order by e.seq
"""
_RUN = "select status, error_message, updated_ms, finished_ms from runs where workspace_uuid = :workspace and uuid = :run"
_BATCH = "select status, error_message, updated_ms, finished_ms from batches where workspace_uuid = :workspace and uuid = :batch"


@handles(contract.tail)
async def tail(ctx: Context, request: contract.TailRuns) -> DownloadReply:
    """The URL of lines that come as runs end, wait or fail."""
    params: JsonObject = {"seconds": request.seconds}
    if request.run_uuid is not None:
        run = ids.parse(request.run_uuid)
        if run is None or await ctx.db.scalar(text(_RUN), {"workspace": ctx.workspace, "run": run}) is None:
            contract.tail.refuse("runNotFound", uuid=request.run_uuid)
        params["run"] = str(run)
    elif request.batch_uuid is not None:
        batch = ids.parse(request.batch_uuid)
        if batch is None or await ctx.db.scalar(text(_BATCH), {"workspace": ctx.workspace, "batch": batch}) is None:
            contract.tail.refuse("batchNotFound", uuid=request.batch_uuid)
        params["batch"] = str(batch)
    elif request.workflow_uuid is not None:
        workflow = await lookup.workflow_or_refuse(ctx.db, contract.tail, request.workflow_uuid)
        params["workflow"] = str(workflow)
    else:
        contract.tail.refuse("nothingToFollow")
    return DownloadReply.of(exports.sign(ctx, "tail", params, "ndjson"))


async def produce(services: Services, workspace: uuid.UUID, params: dict[str, Any]) -> Export:
    """The lines. The first one comes at once, so that the reader knows that it follows."""
    follower = _NodesOf(workspace, uuid.UUID(params["run"])) if "run" in params else _RunsOf(workspace, params)
    return Export(_lines(services.database, follower, float(params["seconds"])), None, "tail")


async def _lines(database: Database, follower: _NodesOf | _RunsOf, seconds: float) -> AsyncIterator[list[Record]]:
    ends = clock.seconds() + seconds
    last_line_at = clock.seconds()
    yield [{"event": "following", **follower.what, "at": clock.to_iso(clock.now())}]
    while True:
        began = clock.seconds()
        async with database.session(ALL_WORKSPACES) as db:
            lines, over, more = await follower.look(db)
        took = clock.seconds() - began
        if lines:
            last_line_at = clock.seconds()
            yield lines
        if over:
            return
        if clock.seconds() >= ends:
            yield [{"event": "stopped", "reason": "timeIsUp", **follower.what, "at": clock.to_iso(clock.now())}]
            return
        if clock.seconds() - last_line_at > ALIVE_SECONDS:
            last_line_at = clock.seconds()
            yield [{"event": "waiting", **follower.what, "at": clock.to_iso(clock.now())}]
        if not more:
            await asyncio.sleep(min(max(POLL_SECONDS, SHARE * took), max(0.0, ends - clock.seconds())))


def _wire(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else clock.to_iso(run_response.timestamp(milliseconds))


class _NodesOf:
    """Follows one run: a line per node, then one about its end."""

    def __init__(self, workspace: uuid.UUID, run: uuid.UUID) -> None:
        self._values: dict[str, Any] = {"workspace": workspace, "run": run, "seq": 0}
        self._state: tuple[str, int] | None = None
        self.what: JsonObject = {"runUuid": str(run)}

    async def look(self, db: AsyncSession) -> tuple[list[Record], bool, bool]:
        """What is new, whether the run has ended, and whether there is more to read right now."""
        # The run first: what it did before it ended is then in the journal.
        run = (await db.execute(text(_RUN), self._values)).mappings().one_or_none()
        lines: list[Record] = []
        for row in (await db.execute(text(_NODES), self._values)).mappings():
            self._values["seq"] = row["seq"] + 1
            line = {"nodeSlug": row["node_slug"], "status": row["status"], "title": row["title"], "errorMessage": row["error_message"]}
            lines.append({"event": "node", **self.what, **line, "at": _wire(row["at"])})
        state = (run["status"], run["updated_ms"]) if run else ("gone", 0)
        if state != self._state and (run is None or run["status"] != "pending"):
            self._state = state
            error = run["error_message"] if run else None
            lines.append({"event": "run", **self.what, "status": state[0], "errorMessage": error, "at": _wire(state[1])})
        return lines, run is None or run["finished_ms"] is not None, False


class _RunsOf:
    """Follows the runs of a batch until it ends, or those of a workflow: a line whenever one waits or ends."""

    def __init__(self, workspace: uuid.UUID, params: dict[str, Any]) -> None:
        self._batch = uuid.UUID(params["batch"]) if "batch" in params else None
        self._values: dict[str, Any] = {"workspace": workspace, "limit": PAGE, "batch": self._batch, "last": NIL}
        self._seen: dict[uuid.UUID, tuple[str, int]] = {}
        if self._batch is not None:
            self._scope, self._values["at"] = "r.batch_uuid = :batch", 0
            self.what: JsonObject = {"batchUuid": params["batch"]}
        else:
            self._scope, self._values["at"] = "r.workflow_uuid = :workflow and r.uuid >= :low", clock.now_ms()
            self._values |= {"workflow": uuid.UUID(params["workflow"]), "low": ids.first_at(clock.unix_seconds() - LOOKBACK_SECONDS)}
            self.what = {"workflowUuid": params["workflow"]}
        self._from = int(self._values["at"])

    async def look(self, db: AsyncSession) -> tuple[list[Record], bool, bool]:
        """What is new, a page at most; whether the batch has ended, and whether there is more to read right now."""
        now = clock.now_ms()
        # The batch first: what its runs did before it ended is then there to be read.
        batch = (await db.execute(text(_BATCH), self._values)).mappings().one_or_none() if self._batch else None
        rows = (await db.execute(text(_RUNS.format(scope=self._scope)), self._values)).mappings().all()
        lines: list[Record] = [self._line(row) for row in rows if self._seen.get(row["uuid"]) != (row["status"], row["at"])]
        self._seen |= {row["uuid"]: (row["status"], row["at"]) for row in rows}
        if len(rows) == PAGE:
            self._values |= {"at": rows[-1]["at"], "last": rows[-1]["uuid"]}
            return lines, False, True
        # What may still be committed late is read again next time, and known by then.
        since = max(self._from, now - LATE_MS)
        self._values |= {"at": since, "last": NIL}
        self._seen = {run: seen for run, seen in self._seen.items() if seen[1] >= since}
        over = batch is not None and batch["finished_ms"] is not None
        if over and batch is not None:
            lines.append({"event": "batch", **self.what, **_end(batch["status"], batch["error_message"]), "at": _wire(batch["updated_ms"])})
        return lines, over, False

    @staticmethod
    def _line(row: Any) -> Record:
        record = {"runUuid": str(row["uuid"]), "recordId": row["record_id"], "recordTitle": row["record_title"]}
        return {"event": "run", **record, **_end(row["status"], row["error_message"]), "nodeSlug": row["node"], "at": _wire(row["at"])}


def _end(status: str, error: str | None) -> JsonObject:
    return {"status": status, "errorMessage": error}
