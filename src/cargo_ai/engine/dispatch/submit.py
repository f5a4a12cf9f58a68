"""Submit: runs and batches are born here, in the caller's transaction, together with the job that will drive them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from cargo_ai.engine.dispatch import concurrency
from cargo_ai.engine.dispatch.admission import Rule
from cargo_ai.engine.dispatch.pace import Pace
from cargo_ai.engine.dispatch.queue import Queue
from cargo_ai.engine.journal import replay
from cargo_ai.engine.journal.replay import ReplayRecord
from cargo_ai.kernel import clock, ids
from cargo_ai.store.driver import Connection

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
    for field in TITLE_FIELDS:
        value = record.get(field)
        if isinstance(value, str | int | float) and value != "":
            return str(value).replace("\x00", "")[:200]
    return ""


def _name(digest: bytes) -> uuid.UUID:
    """A UUIDv8 of a digest (this Python's uuid module knows versions up to 5)."""
    value = int.from_bytes(digest[:16], "big")
    return uuid.UUID(int=value & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62)


async def store_graph(connection: Connection, workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> uuid.UUID:
    """Store a graph once per workspace and content; returns its id."""
    name, text = graph_id(workspace, nodes)
    await insert_graph(connection, name, workspace, text)
    return name


def graph_id(workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> tuple[uuid.UUID, bytes]:
    """The id of a graph, and its JSON."""
    text = to_json(list(nodes))
    return _name(hashlib.sha256(workspace.bytes + text).digest()), text


async def insert_graph(connection: Connection, name: uuid.UUID, workspace: uuid.UUID, text: bytes) -> None:
    """Store a graph under its id, unless it is there."""
    await connection.execute(
        "insert into graphs (uuid, workspace_uuid, nodes) values (%s, %s, %s) on conflict (uuid) do nothing",
        (name, workspace, text.decode()),
    )


RUN = """
insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, release_uuid, user_uuid, trace_uuid, record_id, record_title,
    record, created_ms, updated_ms, replay_of, replay_root, taken, replay_path)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SHARD = """
insert into shards (uuid, workspace_uuid, lane, state, first_run, last_run, touched_ms) values (%s, %s, 'interactive', %s, %s, %s, %s)
"""
BATCH = """
insert into batches (uuid, workspace_uuid, workflow_uuid, user_uuid, release_uuid, graph_uuid, trace_uuid, data, status, shard_size,
    created_ms, updated_ms, cause, enrolment, urgent, at_end, finished_ms, enumerated, pace)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def submit_run(connection: Connection, queue: Queue, origin: RunSpec, record: Mapping[str, Any]) -> uuid.UUID:
    """One run on the interactive lane, a shard of its own. A record that is `Again` goes on where its seed says.

    Where `queue.most_runs` is reached, the run waits until others of its workspace have ended.
    """
    uid, shard, now = ids.new(), ids.new(), clock.now_ms()
    graph_uuid = await store_graph(connection, origin.workspace, origin.nodes)
    values = (uid, origin.workspace, origin.workflow, shard, graph_uuid, origin.release, origin.user, uid)
    await connection.execute(
        RUN,
        (*values, record_id(record, uid), record_title(record), to_json(record, inf_nan_mode="null").decode(), now, now, *_replay(record)),
    )
    if isinstance(record, ReplayRecord):
        await replay.copy_executions(connection, [(uid, record.seed)])
    waits = bool(queue.most_runs) and await concurrency.is_limit_reached(connection, origin.workspace, queue.most_runs)
    await connection.execute(SHARD, (shard, origin.workspace, "waiting" if waits else "queued", uid, uid, now))
    if not waits:
        await queue.defer(connection, "drive", "interactive", shard=str(shard))
    return uid


def _replay(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        (record.seed.run, record.seed.root, record.seed.taken, record.seed.path)
        if isinstance(record, ReplayRecord)
        else (None, None, 0, None)
    )


async def submit_batch(
    connection: Connection,
    queue: Queue,
    origin: RunSpec,
    data: Mapping[str, Any],
    *,
    shard_size: int = 200,
    uid: uuid.UUID | None = None,
    enrolment: Rule | None = None,
    cause: str | None = None,
    urgent: bool = False,
    skip: bool = False,
    at_end: str | None = None,
    pace: Pace | None = None,
) -> uuid.UUID:
    """A batch whose records a worker will enumerate. `data` says where they are (see enumerate.Sources).

    `enrolment`: the rule of a play, by which its records enter. `cause`: what made the play start it, once only. `urgent`: its first runs
    wait behind no other batch. `skip`: there is nothing to do, and the batch is over as it begins. `at_end`: the job that
    is called for, with the batch's uuid, when it has ended. `pace`: its records are enrolled in stages.
    """
    uid, now = uid or ids.new(), clock.now_ms()
    graph_uuid = await store_graph(connection, origin.workspace, origin.nodes)
    values = (uid, origin.workspace, origin.workflow, origin.user, origin.release, graph_uuid, uid, to_json(data).decode())
    status, finished = ("skipped", now) if skip else ("pending", None)
    kept = to_json(pace.kept()).decode() if pace else None
    await connection.execute(BATCH, (*values, status, shard_size, now, now, cause, enrolment, urgent, at_end, finished, skip, kept))
    if skip and at_end is not None:
        await queue.defer(connection, at_end, "interactive", batch=str(uid))
    if not skip:
        await queue.defer(connection, "enumerate", "interactive" if urgent else "batch", batch=str(uid))
    return uid
