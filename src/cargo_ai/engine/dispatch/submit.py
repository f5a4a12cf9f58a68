"""Submit: runs and batches are born here, in the caller's transaction, together with what lets a worker drive them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic_core import to_json

from cargo_ai.engine.dispatch import concurrency
from cargo_ai.engine.dispatch.admission import Rule
from cargo_ai.engine.dispatch.credits import FREE, RunCosts
from cargo_ai.engine.dispatch.pace import Pace
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.dispatch.singles import NOTIFY
from cargo_ai.engine.journal import replay
from cargo_ai.engine.journal.graphs import STORE_PARTS, graph_values, store_graph
from cargo_ai.engine.journal.replay import ReplayRecord
from cargo_ai.engine.journal.rows import BatchRow, NewRun, rows_of
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import clock, ids, traces
from cargo_ai.ledger import reservations
from cargo_ai.store import quotas
from cargo_ai.store.driver import Connection, Params

R = TypeVar("R")
TITLE_FIELDS = ("_title", "name", "email", "domain")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What a run or a batch walks and who asked for it. `nodes` is the graph; `release` is None for inline nodes."""

    workspace: uuid.UUID
    workflow: uuid.UUID
    user: uuid.UUID | None
    release: uuid.UUID | None
    nodes: Sequence[Mapping[str, Any]]


def record_id(record: Mapping[str, Any], run: uuid.UUID) -> str:
    """The id of the record that a run is about: `_id`, else the run's own uuid; of a repetition what it was then."""
    if isinstance(record, ReplayRecord):
        return record.record_id
    value = record.get("_id")
    if value in (None, ""):
        return str(run)
    text = value if isinstance(value, str) else to_json(value, inf_nan_mode="null").decode()
    return text.replace("\x00", "")


def record_title(record: Mapping[str, Any]) -> str:
    """A line for people: `_title`, else the first of name, email, domain."""
    if isinstance(record, ReplayRecord):
        return record.record_title
    for name in TITLE_FIELDS:
        value = record.get(name)
        if isinstance(value, str | int | float) and value != "":
            return str(value).replace("\x00", "")[:200]
    return ""


_LIGHT = ", ".join(column.name for column in runs.c if column.name not in {"record", "pending", "rare_status"})
# One statement instead of four. A part that only reads is done where something asks for it: hence the row of the run comes from the part
# that notifies the workers.
RUN = (
    f"""
with {STORE_PARTS}, shard as (
    insert into shards (uuid, workspace_uuid, lane, state, first_run, last_run, touched_ms)
    values (%(shard)s, %(workspace)s, 'interactive', %(state)s, %(uuid)s, %(uuid)s, %(now)s)
)
insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, release_uuid, user_uuid, trace_uuid, record_id, record_title,
    record, created_ms, updated_ms, replay_of, replay_root, taken, replay_path)
select %(uuid)s, %(workspace)s, %(workflow)s, %(shard)s, %(graph)s, %(release)s, %(user)s, %(uuid)s, %(record_id)s, %(record_title)s,
    %(record)s, %(now)s, %(now)s, %(replay_of)s, %(replay_root)s, %(taken)s, %(replay_path)s
from {{job}} returning """  # noqa: S608 - constants of this module
    + _LIGHT
)
QUEUED = RUN.format(job=f"(select {NOTIFY}) as notified")
WAITING = RUN.format(job="(select) as none_notified")
LARGE_RECORD = 64 * 1024
"""A record that a single run brings counts among the workspace's outputs when it is larger."""
BATCH = """
insert into batches (uuid, workspace_uuid, workflow_uuid, user_uuid, release_uuid, graph_uuid, trace_uuid, data, status, shard_size,
    created_ms, updated_ms, cause, enrolment, urgent, at_end, finished_ms, enumerated, pace)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
returning *
"""


async def submit_run(connection: Connection, queue: Queue, spec: RunSpec, record: Mapping[str, Any], costs: RunCosts = FREE) -> NewRun:
    """Create one run on the interactive lane, in a shard of its own; returns its row. NotEnoughCredits where the workspace cannot pay what
    it may cost, which is reserved until it ends.

    A record that is a `ReplayRecord` goes on where its seed says. Where `queue.most_runs` is reached, the run waits until others of its
    workspace have ended.
    """
    uid, shard, now = ids.new(), ids.new(), clock.now_ms()
    await reservations.require(connection, spec.workspace, uid, costs.needed)
    document = _document(record)
    if len(document) > LARGE_RECORD:
        await quotas.add(connection, spec.workspace, "outputBytes", "records", len(document))
    waits = bool(queue.most_runs) and await concurrency.is_limit_reached(connection, spec.workspace, queue.most_runs)
    values = {
        **graph_values(spec.workspace, spec.nodes, now),
        "uuid": uid,
        "workflow": spec.workflow,
        "shard": shard,
        "state": "waiting" if waits else "queued",
        "release": spec.release,
        "user": spec.user,
        "record": document,
        "record_id": record_id(record, uid),
        "record_title": record_title(record),
        **dict(zip(("replay_of", "replay_root", "taken", "replay_path"), _replay(record), strict=True)),
    }
    row = await _insert(NewRun, connection, WAITING if waits else QUEUED, values)
    if isinstance(record, ReplayRecord):
        await replay.copy_executions(connection, [(uid, record.seed)])
    traces.begin("run", uid, spec.workspace)
    return row


def is_large(record: Mapping[str, Any]) -> bool:
    """Whether a record counts among the workspace's outputs."""
    return len(_document(record)) > LARGE_RECORD


def _document(record: Mapping[str, Any]) -> str:
    return to_json(record, inf_nan_mode="null").decode()


async def _insert(kind: type[R], connection: Connection, statement: str, values: Params) -> R:
    async with connection.cursor(row_factory=rows_of(kind)) as cursor:
        await cursor.execute(statement.encode(), values)
        (row,) = await cursor.fetchall()
    return row


def _replay(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        (record.seed.run, record.seed.root, record.seed.taken, record.seed.path)
        if isinstance(record, ReplayRecord)
        else (None, None, 0, None)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """A batch to create. `data` says where a worker finds its records (see enumerate.Sources).

    `enrolment`: the rule by which its records are admitted. `cause`: what made it start, once only. `urgent`: its first runs
    wait behind no other batch. `skip`: there is nothing to do, and the batch is over as it begins. `at_end`: the job that
    is called for, with the batch's uuid, when it has ended. `pace`: its records are enrolled in stages. `costs`: what one of its runs may
    cost.
    """

    spec: RunSpec
    data: Mapping[str, Any]
    uid: uuid.UUID = field(default_factory=ids.new)
    shard_size: int = 200
    enrolment: Rule | None = None
    cause: str | None = None
    urgent: bool = False
    skip: bool = False
    at_end: str | None = None
    pace: Pace | None = None
    costs: RunCosts = FREE


async def submit_batch(connection: Connection, queue: Queue, request: BatchRequest) -> BatchRow:
    """Create a batch, whose records a worker will enumerate; returns its row. NotEnoughCredits where the workspace cannot pay for one
    of its runs."""
    spec, uid, now = request.spec, request.uid, clock.now_ms()
    if not request.skip:
        await reservations.check(connection, spec.workspace, request.costs.needed)
    graph_uuid = await store_graph(connection, spec.workspace, spec.nodes)
    values = (uid, spec.workspace, spec.workflow, spec.user, spec.release, graph_uuid, uid, to_json(request.data).decode())
    status, finished = ("skipped", now) if request.skip else ("pending", None)
    policy = (request.cause, request.enrolment, request.urgent, request.at_end)
    pace = to_json(request.pace.to_stored()).decode() if request.pace else None
    row = await _insert(BatchRow, connection, BATCH, (*values, status, request.shard_size, now, now, *policy, finished, request.skip, pace))
    if request.skip and request.at_end is not None:
        await queue.defer(connection, request.at_end, "interactive", batch=str(uid))
    if not request.skip:
        await queue.defer(connection, "enumerate", "interactive" if request.urgent else "batch", batch=str(uid))
    traces.begin("batch", uid, spec.workspace)
    return row
