"""The queue: what waits in the workspace, for how long and why, and which workers serve it."""

from __future__ import annotations

from typing import Literal, Never

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Nothing, Timestamp, Uuid, Wire

Waiting = Literal[
    "batchToRead",
    "turn",
    "concurrencyLimit",
    "worker",
    "beingDriven",
    "lostWorker",
    "time",
    "children",
    "rateLimit",
    "retry",
    "service",
    "review",
    "cancelling",
]
AlertCode = Literal["noWorker", "slowStart", "lostWorker"]


class QueueWorker(Wire):
    """A worker process and when it was last heard of. It works for all workspaces."""

    uuid: Uuid
    host: str
    pid: int
    slots: int
    is_alive: bool
    started_at: Timestamp
    last_seen_at: Timestamp


class QueueItem(Wire):
    """Runs that wait for the same thing. `ageSeconds`: of the one that has waited longest. `dueAt`: when the first goes on by itself."""

    reason: Waiting
    sentence: str
    runs_count: int
    age_seconds: int
    due_at: Timestamp | None
    workflow_uuid: Uuid | None
    batch_uuid: Uuid | None
    run_uuid: Uuid | None
    node_slug: str | None


class QueueAlert(Wire):
    """Something that needs action: `fix` is the command."""

    code: AlertCode
    sentence: str
    fix: str | None


class QueueReply(Wire):
    """What waits, the oldest first; alerts when it will not go on by itself."""

    alerts: list[QueueAlert]
    workers: list[QueueWorker]
    items: list[QueueItem]


get: Operation[Nothing, QueueReply, Never] = operations.add(
    Operation(
        "orchestration.queue.get",
        "GET",
        "/orchestration/queue",
        request=Nothing,
        response=QueueReply,
        summary="Show everything that waits: how long, what for, and whether a worker serves it.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration queue get",)),
    )
)
