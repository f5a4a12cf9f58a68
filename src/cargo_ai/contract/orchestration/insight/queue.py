"""Queue: what waits in the workspace, for how long and why, and the workers that serve it."""

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
    "connectorStopped",
    "connectorDisconnected",
    "retry",
    "service",
    "review",
    "cancelling",
    "filling",
    "refreshing",
    "indexing",
    "comparing",
    "undoing",
]
AlertCode = Literal["noWorker", "slowStart", "lostWorker", "diskFull"]


class QueueWorker(Wire):
    """A worker process and its last heartbeat. Workers serve all workspaces."""

    uuid: Uuid
    host: str
    pid: int
    slots: int
    is_alive: bool
    started_at: Timestamp
    last_seen_at: Timestamp


class QueueItem(Wire):
    """Runs that wait for the same reason, or work on the records of a model. `ageSeconds`: the longest wait. `isCountExact`: false where
    very many runs are parked and some of them were looked at: `runsCount` is then about right for those of a batch, and the least that
    there are otherwise.

    `dueAt`: when the first of them continues by itself. `fix`: the command that ends the wait, or shows more. `connectorUuid`: the
    connector that has to be started or connected. Of work on a model:
    `storageRunUuid`, its columns, and how many of how many records are done; `segmentUuid`: the segment that is compared.
    """

    reason: Waiting
    sentence: str
    runs_count: int
    is_count_exact: bool = True
    age_seconds: int
    due_at: Timestamp | None
    workflow_uuid: Uuid | None
    batch_uuid: Uuid | None
    run_uuid: Uuid | None
    node_slug: str | None
    fix: str | None = None
    connector_uuid: Uuid | None = None
    model_uuid: Uuid | None = None
    storage_run_uuid: Uuid | None = None
    segment_uuid: Uuid | None = None
    column_slugs: list[str] | None = None
    records_done: int | None = None
    records_total: int | None = None


class QueueAlert(Wire):
    """A problem that needs action; `fix`: the command to run."""

    code: AlertCode
    sentence: str
    fix: str | None


class QueueReply(Wire):
    """Waiting runs and work on models, the longest wait first; alerts where they will not continue by themselves."""

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
        summary="Show all waiting runs and all work on models: for how long, what for, how far, and whether a worker serves them.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration queue get",)),
    )
)
