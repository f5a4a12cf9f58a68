"""Run responses: convert rows of runs, their executions, contexts and configs to the wire."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.runs import execution, run
from cargo_ai.domains.orchestration.nodes import node_connectors
from cargo_ai.domains.orchestration.nodes.node_connectors import DefaultConnectors
from cargo_ai.domains.orchestration.runs import one_run
from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.engine.journal.shard_flush import NIL
from cargo_ai.engine.journal.tables import executions, graphs, runs
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.files import FileMissing, FileStore

Row = RowMapping | Mapping[str, Any]
Graph = Mapping[str, JsonObject]
ToolRuns = Mapping[tuple[uuid.UUID, str], str]
"""By run and node: the run that the node has started."""
DROPPED: JsonObject = {
    "reason": "bodyDropped",
    "errorMessage": "This has been removed by age: see `orchestration retention get`. Where the workspace archives, it is in "
    "`orchestration archive download`.",
}
"""What is shown instead of outputs and configs that retention has dropped."""
_LARGE = {"output", "output_file", "config", "log"}
_HAS_LOG = executions.c.log.is_not(None).label("has_log")
EXECUTION_COLUMNS = [*(column for column in executions.c if column.name not in {*_LARGE, "workspace_uuid", "visit"}), _HAS_LOG]


def timestamp(milliseconds: int) -> datetime:
    """A timestamp from the engine's milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def timestamp_or_none(milliseconds: int | None) -> datetime | None:
    """The same of a column that may be null."""
    return None if milliseconds is None else timestamp(milliseconds)


def query(workspace: uuid.UUID, *, record: bool = False):
    """The select of run rows with the status that the wire shows; `record`: with the input record."""
    columns = [column for column in runs.c if column.name not in {"status", "record", "pending"} or (record and column.name == "record")]
    return select(*columns, run_filter.status.label("status")).select_from(run_filter.joined).where(runs.c.workspace_uuid == workspace)


async def graphs_of(db: AsyncSession, workspace: uuid.UUID, uuids: set[uuid.UUID]) -> dict[uuid.UUID, list[JsonObject]]:
    """The nodes of graphs by id."""
    if not uuids:
        return {}
    rows = await db.execute(select(graphs.c.uuid, graphs.c.nodes).where(graphs.c.uuid.in_(uuids), graphs.c.workspace_uuid == workspace))
    return {row.uuid: cast("list[JsonObject]", row.nodes) for row in rows}


async def to_responses(db: AsyncSession, workspace: uuid.UUID, rows: Sequence[Row]) -> list[run.Run]:
    """Runs with their executions, in the order of the rows. A few more statements, however many rows."""
    if not rows:
        return []
    uuids = sorted(row["uuid"] for row in rows)
    entries = await db.execute(
        select(*EXECUTION_COLUMNS)
        .where(
            executions.c.workspace_uuid == workspace, executions.c.run_uuid.in_(uuids), executions.c.run_uuid.between(uuids[0], uuids[-1])
        )
        .order_by(executions.c.run_uuid, executions.c.seq)
    )
    by_run: dict[uuid.UUID, list[RowMapping]] = {}
    for entry in entries.mappings():
        by_run.setdefault(entry["run_uuid"], []).append(entry)
    nodes = await graphs_of(db, workspace, {row["graph_uuid"] for row in rows})
    started = await tool_runs(db, workspace, uuids, nodes.values())
    defaults = await node_connectors.defaults_of(db, nodes.values())
    return [to_response(row, nodes.get(row["graph_uuid"], []), by_run.get(row["uuid"], []), started, defaults) for row in rows]


async def tool_runs(db: AsyncSession, workspace: uuid.UUID, uuids: Sequence[uuid.UUID], graphs: Iterable[Sequence[JsonObject]]) -> ToolRuns:
    """What tool nodes of these runs have started. One statement, and none where no graph has such a node."""
    tools = {str(node["uuid"]) for nodes in graphs for node in nodes if node.get("kind") == "tool"}
    if not tools or not uuids:
        return {}
    query = select(runs.c.parent_uuid, runs.c.parent_node_uuid, runs.c.uuid).where(
        runs.c.workspace_uuid == workspace, runs.c.parent_uuid.in_(uuids), runs.c.parent_node_uuid.in_(tools), runs.c.uuid >= min(uuids)
    )
    return {(row.parent_uuid, row.parent_node_uuid): str(row.uuid) for row in await db.execute(query.order_by(runs.c.uuid))}


def to_response(
    row: Row,
    nodes: Sequence[JsonObject],
    entries: Sequence[Row],
    tool_runs: ToolRuns | None = None,
    defaults: DefaultConnectors | None = None,
) -> run.Run:
    """A run on the wire. What a run waits at is shown as a pending execution after those that are done. `tool_runs`: see the function."""
    graph = {str(node["uuid"]): _with_connector(node, defaults or {}) for node in nodes}
    executions = [_execution(entry, graph) for entry in entries]
    if row["position"] is not None and row["status"] == "idle":
        executions.append(_waiting(row, graph))
    started = {node: child for (parent, node), child in (tool_runs or {}).items() if parent == row["uuid"]}
    if started:
        executions = [each.model_copy(update={"node_run_uuid": started.get(each.node_uuid)}) for each in executions]
    return run.Run(
        uuid=row["uuid"],
        workspace_uuid=row["workspace_uuid"],
        workflow_uuid=row["workflow_uuid"],
        user_uuid=row["user_uuid"],
        release_uuid=row["release_uuid"],
        nodes=list(nodes) if row["release_uuid"] is None else None,
        batch_uuid=row["batch_uuid"],
        trace_uuid=row["trace_uuid"],
        temporal_workflow_id=str(row["uuid"]),
        record_id=row["record_id"],
        record_title=row["record_title"],
        contextS3Filename=f"runs/{row['uuid']}/context.json",
        computedConfigsS3Filename=f"runs/{row['uuid']}/computed-configs.json",
        parent_uuid=row["parent_uuid"],
        parent_node_uuid=row["parent_node_uuid"],
        parent_batch_uuid=row["parent_batch_uuid"],
        parent_agent_uuid=row["parent_agent_uuid"],
        parent_chat_uuid=row["parent_chat_uuid"],
        parent_message_uuid=row["parent_message_uuid"],
        is_group_parent=row["is_group_parent"],
        replay_of_uuid=row["replay_of"],
        reused_executions_count=row["taken"],
        status=row["status"],
        error_message=row["error_message"],
        executions=executions,
        created_at=timestamp(row["created_ms"]),
        updated_at=timestamp(row["updated_ms"]),
        finished_at=timestamp_or_none(row["finished_ms"]),
        deleted_at=None,
    )


def _with_connector(node: JsonObject, defaults: DefaultConnectors) -> JsonObject:
    if not node_connectors.is_default_used(node):
        return node
    return {**node, "connectorUuid": node_connectors.connector_of(node, defaults)}


def _execution(entry: Row, graph: Graph) -> execution.Execution:
    node = graph.get(entry["node_uuid"], {})
    finished = timestamp_or_none(entry["finished_ms"])
    shared: dict[str, Any] = {
        "node_uuid": entry["node_uuid"],
        "node_slug": entry["node_slug"],
        "node_child_index": entry["child_index"],
        "next_node_uuid": entry["next_node_uuid"],
        "status": entry["status"],
        "error_message": entry["error_message"],
        "reason": entry["reason"],
        "title": entry["title"],
        "credits_used_count": number(entry["credits"]),
        "started_at": timestamp_or_none(entry["started_ms"]),
        "updated_at": finished,
        "finished_at": finished,
        "warnings": entry["warnings"] or [],
        "has_log": entry["has_log"],
        "is_body_dropped": entry["is_dropped"],
        **_attempts(entry["attempts"]),
    }
    return _of_kind(node, shared)


def _attempts(kept: Mapping[str, Any] | None) -> dict[str, Any]:
    if kept is None:
        return {}
    failed = [
        execution.FailedAttempt(started_at=timestamp(started), finished_at=timestamp(finished), error_message=message)
        for started, finished, message in kept["failed"]
    ]
    return {"attempts_count": kept["count"], "failed_attempts": failed}


def _waiting(row: Row, graph: Graph) -> execution.Execution:
    node = graph.get(row["position"], {})
    due = timestamp_or_none(row["wake_ms"])
    below = "⏳ Waiting for the runs that it has started" if row["waiting_for"] else "⏳ Waiting"
    title = f"⏳ Waiting until {due:%Y-%m-%d %H:%M:%S} UTC" if due and not row["waiting_for"] else below
    shared: dict[str, Any] = {
        "node_uuid": row["position"],
        "node_slug": str(node.get("slug", "")),
        "status": "pending",
        "title": title,
        "started_at": timestamp(row["updated_ms"]),
        "updated_at": timestamp(row["updated_ms"]),
    }
    return _of_kind(node, shared)


def _of_kind(node: JsonObject, shared: dict[str, Any]) -> execution.Execution:
    if node.get("kind") == "connector":
        return execution.ConnectorExecution(
            node_action_slug=str(node.get("actionSlug", "")),
            node_connector_uuid=str(node.get("connectorUuid") or NIL),
            node_integration_slug=str(node.get("integrationSlug", "")),
            **shared,
        )
    if node.get("kind") == "tool":
        return execution.ToolExecution(
            # A template has no uuid of its own.
            node_tool_uuid=str(node.get("toolUuid") or NIL),
            node_release_uuid=node.get("releaseUuid"),
            node_wait_until_finished=node.get("waitUntilFinished") is not False,
            **shared,
        )
    return execution.NativeExecution(node_action_slug=str(node.get("actionSlug", "")), **shared)


def number(value: float) -> int | float:
    """A count of credits without a needless `.0`."""
    exact = round(value, 6)
    return int(exact) if exact == int(exact) else exact


async def details(
    db: AsyncSession, files: FileStore, workspace: uuid.UUID, run_uuid: uuid.UUID
) -> tuple[list[Mapping[str, Any]], JsonObject, JsonObject]:
    """The executions of a run in order, its context (output by slug) and its resolved configs (by slug)."""
    entries, outputs = await journal(db, files, workspace, run_uuid)
    slugs = [str(entry["node_slug"]) for entry in entries]
    configs = [DROPPED if entry["is_dropped"] else entry["config"] for entry in entries]
    return entries, dict(zip(slugs, outputs, strict=True)), dict(zip(slugs, configs, strict=True))


async def journal(
    db: AsyncSession, files: FileStore, workspace: uuid.UUID, run_uuid: uuid.UUID
) -> tuple[list[Mapping[str, Any]], list[Any]]:
    """The executions of a run in order, and what each gave."""
    entries = await one_run.executions_of(db, workspace, run_uuid)
    return entries, [await _output(files, entry) for entry in entries]


async def _output(files: FileStore, entry: Mapping[str, Any]) -> Any:
    if entry["output_file"] is not None:
        return await _large(files, entry["output_file"])
    return DROPPED if entry["is_dropped"] else entry["output"]


async def _large(files: FileStore, key: str) -> Any:
    from pydantic_core import from_json

    try:
        return from_json(await files.read(key))
    except FileMissing:
        return {"errorMessage": "The file with this output no longer exists."}
