"""Spans of runs and of their nodes, for traces: ids and times, none of what they were given or gave."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from cargo_ai.engine.graph.walk import Act, Execution, Walk
from cargo_ai.engine.journal.shard_flush import MetricScope
from cargo_ai.engine.worker.driven_shard import DrivenRun, now
from cargo_ai.kernel import traces
from cargo_ai.kernel.traces import Place, Span


def send_executions(walk: Walk, origin: MetricScope, entries: Iterable[Execution]) -> None:
    """One span for each node that was visited, below that of its run."""
    for entry in entries:
        node = walk.program.nodes.get(entry.node)
        about: dict[str, str | int | float] = {
            "cargo.run": walk.run,
            "cargo.node": entry.slug,
            "cargo.status": entry.status,
            "cargo.credits": entry.credits,
            "cargo.visit": entry.visit,
        }
        if node is not None:
            about |= {"cargo.node.kind": node.kind, "cargo.action": node.action.slug}
        if entry.service is not None:
            about["cargo.integration"] = entry.service[0]
        if entry.reason is not None:
            about["cargo.reason"] = entry.reason
        place = Place(origin.trace.int, node_span(walk.run, entry.node, entry.visit))
        times = traces.nanoseconds(entry.started), traces.nanoseconds(entry.finished)
        traces.send(Span(entry.slug, "internal", place, traces.span_id(walk.run), *times, about, failed=entry.status == "error"))


def send_run(row: DrivenRun, walk: Walk) -> None:
    """The span of a run that has ended: below the run that it belongs to, else below what has begun it."""
    fan, trace = row["fan"], row["trace_uuid"]
    about: dict[str, str | int | float] = {
        "cargo.run": walk.run,
        "cargo.workflow": str(row["workflow_uuid"]),
        "cargo.workspace": str(row["workspace_uuid"]),
        "cargo.status": walk.status or "error",
        "cargo.credits": walk.credits,
    }
    for name, uid in (("cargo.batch", row["batch_uuid"]), ("cargo.release", row["release_uuid"])):
        if uid is not None:
            about[name] = str(uid)
    above = traces.first_span(trace) if fan is None else node_span(str(fan["run_uuid"]), fan["node_uuid"], fan["visit"])
    place = Place(trace.int, traces.span_id(walk.run))
    times = traces.nanoseconds(row["created_ms"]), traces.nanoseconds(now())
    traces.send(Span("run", "internal", place, above, *times, about, failed=walk.status == "error"))


def node_span(run: str, node: str, visit: int) -> int:
    """The id of the span of a node of a run."""
    return traces.span_id(run, node, visit)


def place_of(trace: uuid.UUID, act: Act) -> Place:
    """The span of a node that is about to act: its key is `<run>:<node>:<visit>`."""
    return Place(trace.int, traces.span_id(act.key))
