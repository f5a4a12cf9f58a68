"""Spans of runs and of their nodes, for traces: ids and times, none of what they were given or gave.

A worker may end thousands of nodes a second, so that what spans have in common is encoded once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache

from cargo_ai.engine.graph.walk import Act, Execution, Walk
from cargo_ai.engine.journal.shard_flush import MetricScope
from cargo_ai.engine.worker.driven_shard import DrivenRun, now
from cargo_ai.kernel import span_encoding, traces
from cargo_ai.kernel.traces import Place

AT_ONCE = 8
"""Spans that wait as one to be sent: what waits is bounded by their number."""
REMEMBERED = 4096
"""How many nodes and batches, each with what ends it has come to, are encoded once."""


def send_executions(walk: Walk, origin: MetricScope, entries: Sequence[Execution]) -> None:
    """One span for each node that was visited, below that of its run."""
    if not entries or not traces.are_wanted(origin.trace):
        return
    run, trace = walk.run, origin.trace.bytes
    parent, of_run = _ids_of(run)
    spans = [
        span_encoding.span(
            trace,
            traces.span_bytes(f"{run}:{entry.node}:{entry.visit}"),
            parent,
            traces.nanoseconds(entry.started),
            traces.nanoseconds(entry.finished),
            (_of_execution(walk, entry), of_run),
        )
        for entry in entries
    ]
    for first in range(0, len(spans), AT_ONCE):
        traces.send_encoded(b"".join(spans[first : first + AT_ONCE]))


def send_run(row: DrivenRun, walk: Walk) -> None:
    """The span of a run that has ended: below the run that it belongs to, else below what has begun it."""
    fan, trace = row["fan"], row["trace_uuid"]
    if not traces.are_wanted(trace):
        return
    above = _id_of_first(trace.int) if fan is None else traces.span_bytes(f"{fan['run_uuid']}:{fan['node_uuid']}:{fan['visit']}")
    times = traces.nanoseconds(row["created_ms"]), traces.nanoseconds(now())
    of_what = (row["workflow_uuid"].int, row["workspace_uuid"].int, _whole(row["batch_uuid"]), _whole(row["release_uuid"]))
    common = _about_run(*of_what, walk.status or "error", float(walk.credits))
    uid, of_run = _ids_of(walk.run)
    traces.send_encoded(span_encoding.span(trace.bytes, uid, above, *times, (common, of_run)))


def _whole(uid: uuid.UUID | None) -> int | None:
    """A uuid as what is compared faster."""
    return None if uid is None else uid.int


@lru_cache(maxsize=REMEMBERED)
def _ids_of(run: str) -> tuple[bytes, bytes]:
    """The id of a run's span, and the attribute that its spans have: asked for at the end of the run, and with what it journals."""
    return traces.span_bytes(run), span_encoding.attribute("cargo.run", run)


@lru_cache(maxsize=REMEMBERED)
def _id_of_first(trace: int) -> bytes:
    """The id of the first span of a trace, which all runs of a batch are below."""
    return traces.first_span(uuid.UUID(int=trace)).to_bytes(8)


def _of_execution(walk: Walk, entry: Execution) -> bytes:
    node = walk.program.nodes.get(entry.node)
    kind, action = (None, None) if node is None else (node.kind, node.action.slug)
    integration = None if entry.service is None else entry.service[0]
    return _about_execution(entry.slug, kind, action, integration, entry.status, entry.reason, entry.visit, float(entry.credits))


@lru_cache(maxsize=REMEMBERED)
def _about_execution(
    slug: str, kind: str | None, action: str | None, integration: str | None, status: str, reason: str | None, visit: int, credits: float
) -> bytes:
    named = {"cargo.node": slug, "cargo.status": status, "cargo.node.kind": kind, "cargo.action": action}
    named |= {"cargo.integration": integration, "cargo.reason": reason}
    attributes = {name: value for name, value in named.items() if value is not None}
    return span_encoding.about(slug, "internal", {**attributes, "cargo.visit": visit, "cargo.credits": credits}, failed=status == "error")


@lru_cache(maxsize=REMEMBERED)
def _about_run(workflow: int, workspace: int, batch: int | None, release: int | None, status: str, credits: float) -> bytes:
    ids = {"cargo.workflow": workflow, "cargo.workspace": workspace, "cargo.batch": batch, "cargo.release": release}
    attributes = {name: str(uuid.UUID(int=uid)) for name, uid in ids.items() if uid is not None}
    return span_encoding.about(
        "run", "internal", {**attributes, "cargo.status": status, "cargo.credits": credits}, failed=status == "error"
    )


def place_of(trace: uuid.UUID, act: Act) -> Place:
    """The span of a node that is about to act: its key is `<run>:<node>:<visit>`."""
    return Place(trace.int, traces.span_id(act.key))
