"""Span filters: executions with their runs, and the nodes that runs wait at, with the conditions of a request."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.insight.span import CountSpans
from cargo_ai.domains.orchestration.runs.filters import run_bounds
from cargo_ai.domains.orchestration.runs.filters.run_filter import milliseconds
from cargo_ai.kernel import ids

_RUN = (
    "r.workspace_uuid, r.workflow_uuid, r.user_uuid, r.batch_uuid, r.trace_uuid, r.record_id, r.record_title, r.graph_uuid, r.parent_uuid,"
    " r.parent_node_uuid, r.parent_batch_uuid, r.parent_agent_uuid, r.parent_chat_uuid, r.parent_message_uuid, r.is_group_parent"
)
# Runs that ended before `after` are left out before any of their executions is read.
_ALIVE = "{within} and (r.finished_ms is null or r.updated_ms >= :after)"

_EXECUTED = f"""
(
    select r.uuid as run_uuid, e.seq, e.node_uuid, e.node_slug, e.status, e.child_index, e.next_node_uuid, e.title, e.error_message,
        e.credits, e.started_ms, e.finished_ms, {_RUN}
    from {{source}} where e.started_ms >= :after and {_ALIVE}{{bounds}}
) s
"""  # noqa: S608 - put together from our own texts
# To be counted by what their runs are, executions need not be unpacked: for each there are two times. One of a run that was created later
# began later.
_NUMBERED = f"""
(
    select r.uuid as run_uuid, {_RUN} from runs r cross join lateral (
        select (select coalesce(sum(cardinality(p.times)) / 2, 0) from packed_executions p where p.run_uuid = r.uuid{{packed}})
            + (select count(*) from execution_rows x where x.run_uuid = r.uuid{{own}}) as number offset 0
    ) e cross join lateral generate_series(1, e.number) where r.created_ms >= :after and {{within}}{{bounds}}
) s
"""  # noqa: S608 - put together from our own texts
_OLDER = " and r.created_ms < :after and r.uuid <= {0}"
# Packed executions are asked for run by run: a join would unpack all of them first.
_OF_EACH_RUN = "runs r cross join lateral (select * from executions x where x.run_uuid = r.uuid{bounds} offset 0) e"
# The words of the index, whatever statuses are bound.
_FAILED = (
    "(select * from execution_rows x where x.status <> 'success' and x.workspace_uuid = {workspace}{bounds}) e"
    " join runs r on r.uuid = e.run_uuid"
)
_WAITING = f"""
(
    select r.uuid as run_uuid, (select count(*)::int from executions x where x.run_uuid = r.uuid{{own}}) as seq, r.position as node_uuid,
        (select n.value ->> 'slug' from graphs g, json_array_elements(g.nodes) n
            where g.uuid = r.graph_uuid and n.value ->> 'uuid' = r.position limit 1) as node_slug,
        'pending' as status, null::int as child_index, null as next_node_uuid, null as title, null as error_message, 0 as credits,
        r.updated_ms as started_ms, null::bigint as finished_ms, {_RUN}
    from runs r where r.rare_status = 'idle' and r.position is not null and r.updated_ms >= :after and {_ALIVE}{{bounds}}
) s
"""  # noqa: S608 - put together from our own texts

# Only the graph knows what kind of node it was.
_NODE = """
exists (select from graphs g, json_array_elements(g.nodes) n
    where g.uuid = s.graph_uuid and n.value ->> 'uuid' = s.node_uuid and {condition})
"""
# A node that names no connector uses the default one of its integration.
_BY_DEFAULT = """
(n.value ->> 'connectorUuid' = :node_connector_uuid or (n.value ->> 'kind' = 'connector'
    and coalesce(n.value ->> 'connectorUuid', '') = '' and n.value ->> 'integrationSlug' = :default_of))
"""
# A trace is a run, or a batch, with all that is below it. Each has an index, which "one or the other" has not; a second condition that
# says the same would make the planner expect next to nothing.
_OF_TRACE = (
    "r.uuid = {0} and r.batch_uuid is null and r.parent_uuid is null",
    "r.batch_uuid = {0} and r.parent_uuid is null",
    "r.trace_uuid = {0} and r.parent_uuid is not null",
)
MAX_GRAPHS, MAX_NAMED = 500, 50
"""How many graphs are looked at for a node, and how many of them may have it."""
_UUIDS = ("workflow_uuid", "user_uuid", "batch_uuid", "run_uuid", "parent_agent_uuid")
_TEXTS = ("record_id", "parent_node_uuid", "node_uuid", "node_slug")
_OF_RUNS = {
    *("workflow_uuid", "user_uuid", "batch_uuid", "run_uuid", "trace_uuid", "parent_agent_uuid", "parent_run_uuid", "parent_node_uuid"),
    *("record_id", "record_title", "record_title_or_id", "execution_started_after", "count_up_to"),
}
"""Filters that say of which runs spans are."""
_PARTS = {
    "record_title": ("s.record_title",),
    "record_title_or_id": ("s.record_title", "s.record_id"),
    "execution_title": ("s.title",),
    "execution_title_or_error_message": ("s.title", "s.error_message"),
}
_OF_NODE = {
    "node_kind": "kind",
    "node_integration_slug": "integrationSlug",
    "node_connector_uuid": "connectorUuid",
    "node_action_slug": "actionSlug",
    "node_tool_uuid": "toolUuid",
    "node_agent_uuid": "agentUuid",
    "node_release_uuid": "releaseUuid",
}


_NAMED = {"node_uuid": "uuid", "node_slug": "slug"}
_GRAPHS = f"""
select g.uuid, exists (select from json_array_elements(g.nodes) n where {{conditions}}) as has_node
from (select * from graphs where workspace_uuid = :workspace limit {MAX_GRAPHS + 1}) g
"""  # noqa: S608 - our own texts


def parts(
    workspace: uuid.UUID, request: CountSpans, floor: uuid.UUID | None, graphs: Sequence[uuid.UUID] | None = None, *, counted: bool = False
) -> list[str]:
    """What nodes did since `after` (milliseconds) in a workspace, and the nodes that runs wait at. `floor`: of no older runs than this.
    `graphs`: only of runs that walk one of these; None: any. `counted`: rows are only counted, and need not say what the nodes did."""
    source = _FAILED if is_indexed(request) else _OF_EACH_RUN
    ends = [f"< {_literal(run_bounds.ceiling())}"]
    if floor is not None:
        ends.append(f">= {_literal(floor)}")
    if request.run_uuid is not None:
        ends.append(f"= {_literal(ids.parse(request.run_uuid))}")
    # What is of a batch or below a trace is not older than these.
    ends += [
        f">= {_literal(run_bounds.first_of_batch(uid))}"
        for uid in map(ids.parse, (request.batch_uuid or "", request.trace_uuid or ""))
        if uid
    ]
    if request.execution_started_before is not None:
        # What starts before then is of a run that was created before.
        ends.append(f"<= {_literal(ids.first_at(request.execution_started_before.timestamp() + 60))}")
    mine = _literal(workspace)
    within = f"r.workspace_uuid = {mine}" if request.batch_uuid is None else _of_batch(request.batch_uuid, mine)
    traces = [("", within)]
    if request.trace_uuid is not None:
        own = [f" and {part.format(_literal(ids.parse(request.trace_uuid)))}" for part in _OF_TRACE]
        traces = [(part, _of_batch(request.trace_uuid, mine) if "r.batch_uuid =" in part else within) for part in own]
    bounds, own_bounds = ("".join(f" and {name} {end}" for end in ends) for name in ("r.uuid", "x.run_uuid"))
    if graphs is not None:
        bounds += f" and r.graph_uuid in ({', '.join(_literal(graph) for graph in graphs)})"
    source = source.format(workspace=mine, bounds=own_bounds)
    # No execution is stored while its run waits at the node.
    kinds = [(_WAITING, "")] if request.execution_statuses == ["pending"] else [(_EXECUTED, ""), (_WAITING, "")]
    if counted and _is_about_runs(request):
        older = _OLDER.format(_literal(ids.first_at(request.execution_started_after.timestamp() + 60)))
        kinds = [(_NUMBERED, ""), (_EXECUTED, older), (_WAITING, "")]
    packed = own_bounds.replace("x.run_uuid", "p.run_uuid")
    return [
        kind.format(source=source, within=whose, bounds=bounds + trace + more, own=own_bounds, packed=packed)
        for kind, more in kinds
        for trace, whose in traces
    ]


def _of_batch(text: str, workspace: str) -> str:
    """Whether a batch is the workspace's, which its runs then are: looked at once. Of the indexes, that by batch is left; between these
    bounds its runs are (see `run_filter`)."""
    batch = ids.parse(text)
    if batch is None:
        return "false"
    mine = f"b.uuid = {_literal(batch)} and b.workspace_uuid = {workspace}"
    last = f"select {run_bounds.LAST_OF_BATCH} from batches b where {mine}"  # noqa: S608 - our own texts
    return f"r.uuid >= {_literal(run_bounds.first_of_batch(batch))} and r.uuid <= ({last})"


def _literal(uid: uuid.UUID | None) -> str:
    """An id as part of the statement, not bound to it: a plan for any id at all would be one for a third of the journal."""
    return "null::uuid" if uid is None else f"'{uid}'::uuid"


async def graphs_with_node(db: AsyncSession, workspace: uuid.UUID, request: CountSpans, default_of: str | None) -> list[uuid.UUID] | None:
    """The graphs of the workspace that have a node as the request asks for one; None where it does not ask, or there are too many graphs
    to look at. Runs with other graphs need not be looked at. `default_of`: see `where`."""
    asked = {name: getattr(request, name) for name in (_NAMED | _OF_NODE) if getattr(request, name) is not None}
    if not asked:
        return None
    query = _GRAPHS.format(conditions=" and ".join(_condition(name, default_of) for name in asked))
    rows = (await db.execute(text(query), {"workspace": workspace, "default_of": default_of, **asked})).all()
    found = [row.uuid for row in rows if row.has_node]
    return None if len(rows) > MAX_GRAPHS or len(found) > MAX_NAMED else found


def _condition(name: str, default_of: str | None) -> str:
    """What a node of a graph has to be for a filter; its value is bound by the filter's name."""
    if name == "node_connector_uuid" and default_of is not None:
        return _BY_DEFAULT
    return f"n.value ->> '{(_NAMED | _OF_NODE)[name]}' = :{name}"


def is_indexed(request: CountSpans) -> bool:
    """Whether only executions are asked for that have an index: those that did not go well, and nodes that runs wait at."""
    return request.execution_statuses is not None and "success" not in request.execution_statuses


def _is_about_runs(request: CountSpans) -> bool:
    """Whether a filter is met by all executions of a run that began after the time, or by none."""
    return all(getattr(request, name) is None for name in CountSpans.model_fields if name not in _OF_RUNS)


def is_selective(request: CountSpans) -> bool:
    """Whether an index finds the runs in question, so that few are gone through in vain."""
    return any(getattr(request, name) is not None for name in ("run_uuid", "trace_uuid", "parent_run_uuid", "record_id"))


def where(request: CountSpans, default_of: str | None) -> tuple[str, dict[str, Any]]:
    """The conditions on the parts and the values that are bound to them. No text of the request becomes SQL.

    `default_of`: the integration whose nodes use the connector that the request names where they name none.
    """
    filters: dict[str, Any] = {name: getattr(request, name) for name in CountSpans.model_fields}
    values: dict[str, Any] = {"after": milliseconds(request.execution_started_after)}
    conditions: list[str] = ["true"]
    for name in (*_UUIDS, "parent_run_uuid"):
        if filters[name] is not None:
            # What is not a uuid matches nothing.
            conditions.append(f"s.{'parent_uuid' if name == 'parent_run_uuid' else name} = {_literal(ids.parse(filters[name]))}")
    for name in _TEXTS:
        if filters[name] is not None:
            conditions.append(f"s.{name} = :{name}")
            values[name] = filters[name]
    for name, columns in _PARTS.items():
        if filters[name] is not None:
            conditions.append(f"({' or '.join(f'strpos(lower({column}), lower(:{name})) > 0' for column in columns)})")
            values[name] = filters[name]
    for name in _OF_NODE:
        if filters[name] is not None:
            conditions.append(_NODE.format(condition=_condition(name, default_of)))
            values[name] = filters[name]
    if filters["node_connector_uuid"] is not None and default_of is not None:
        values["default_of"] = default_of
    if request.execution_statuses is not None:
        conditions.append("s.status = any(:statuses)")
        values["statuses"] = list(request.execution_statuses)
    if request.execution_started_before is not None:
        conditions.append("s.started_ms < :before")
        values["before"] = milliseconds(request.execution_started_before)
    return " and ".join(conditions), values
