"""Run filters: convert the filters of a request to conditions on the engine's tables."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import FromClause

from cargo_ai.contract.orchestration.runs.execution import ExecutionsFilter, ExecutionsFilterConditionNode
from cargo_ai.domains.orchestration.runs.filters import run_bounds
from cargo_ai.engine.journal.tables import batches, execution_rows, executions, runs, shards
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import Wire

joined: FromClause = runs.outerjoin(shards, shards.c.uuid == runs.c.shard_uuid)
"""Runs with the shard that drives them: its state says which of the pending ones are running."""

status = case((and_(runs.c.status == "pending", shards.c.state == "running"), "running"), else_=runs.c.status)
"""A run's status as the wire has it."""

Condition = ColumnElement[bool]
RARE = frozenset({"idle", "cancelling", "error", "cancelled", "skipped"})
"""The statuses that have an index: see `rare_status`."""
UNINDEXED = frozenset({"user_uuid", "release_uuid", "executions_filter", "updated_after", "updated_before", "is_finished"})
"""Filters by which runs are gone through one by one."""
_SPLIT = frozenset({"updated_after", "executions_filter"})
"""Filters of which `alternatives` makes conditions of its own."""
_PARKED, _FINAL = ("idle", "cancelling"), frozenset({"success", "error", "cancelled", "skipped"})
_UUIDS = {"workflow_uuid": "workflow_uuid", "user_uuid": "user_uuid", "batch_uuid": "batch_uuid", "release_uuid": "release_uuid"}
_PARENTS = {"parent_batch_uuid": "parent_batch_uuid", "parent_uuid": "parent_uuid"}


def conditions(workspace: uuid.UUID, request: Wire) -> list[Condition]:
    """All conditions of a request that has some of the run filters; always within the workspace."""
    return matching(workspace, filters_of(request))


def filters_of(request: Wire) -> dict[str, Any]:
    """The filters of a request by name."""
    return {name: getattr(request, name) for name in type(request).model_fields}


def matching(workspace: uuid.UUID, filters: Mapping[str, Any], *, known: bool = False) -> list[Condition]:
    """The same for filters by name; a name that is not a filter of runs is left out.

    `known`: the workflow that the filters name, if any, is known to be the workspace's. So are its runs: an index by workflow finds them
    without a look at each.
    """
    of_workflow, of_batch = (filters.get(name) is not None for name in ("workflow_uuid", "batch_uuid"))
    within = [] if of_batch or (known and of_workflow) else [runs.c.workspace_uuid == literal_id(workspace)]
    where: list[Condition] = [*within, runs.c.uuid < literal_id(run_bounds.ceiling())]
    for field, column in (_UUIDS | _PARENTS).items():
        if filters.get(field) is not None and not (of_batch and field == "workflow_uuid"):
            where.append(_is(runs.c[column], filters[field]))
    if of_batch:
        where += _within_batch(workspace, filters)
    if filters.get("parent_node_uuid") is not None:
        where += [runs.c.parent_node_uuid == filters["parent_node_uuid"], runs.c.parent_uuid.is_not(None)]
    if filters.get("uuids") is not None:
        where.append(runs.c.uuid.in_([uid for text in filters["uuids"] if (uid := ids.parse(text))]))
    if filters.get("is_group_parent"):
        # Of runs that have a parent there is an index.
        where += [runs.c.is_group_parent, runs.c.parent_uuid.is_not(None)]
    elif filters.get("is_group_parent") is not None:
        where.append(not_(func.coalesce(runs.c.is_group_parent, false())))
    where += _record(filters)
    where += _states(workspace, filters, within)
    where += _times(filters)
    if filters.get("executions_filter") is not None:
        where.append(_executions(workspace, filters["executions_filter"]))
    return where


def alternatives(
    workspace: uuid.UUID, filters: Mapping[str, Any], *, known: bool = False, floor: uuid.UUID | None = None
) -> list[list[Condition]]:
    """The same as conditions of which a run meets those of one list at most: each has an index, which "one or the other" has not.

    `floor`: only of runs that are not older than this one.
    """
    unfinished = filters.get("is_finished") is False
    common = {name: value for name, value in filters.items() if name not in _SPLIT and not (unfinished and name == "is_finished")}
    statuses: list[str] | None = filters.get("statuses")
    by_status = [common] if statuses is None else [{**common, "statuses": [name]} for name in _disjoint(statuses)]
    bounds = [] if floor is None else [runs.c.uuid >= literal_id(floor)]
    if filters.get("executions_filter") is not None:
        bounds.append(_executions(workspace, filters["executions_filter"], floor))
    parts = [[*matching(workspace, each, known=known), *bounds] for each in by_status]
    if filters.get("updated_after") is not None:
        parts = [[*part, *more] for part in parts for more in _updated_after(filters["updated_after"], floor)]
    if unfinished:
        # What is driven is young, what is parked may be of any age.
        driven = [runs.c.rare_status.is_(None), runs.c.uuid >= _oldest_driven(workspace)]
        ways = [driven, *([runs.c.rare_status == name] for name in _PARKED)]
        parts = [[*part, runs.c.finished_ms.is_(None), *way] for part in parts for way in ways]
    return parts


def _updated_after(moment: datetime, floor: uuid.UUID | None) -> list[list[Condition]]:
    """What was created after a moment was updated after it: only of what was created before it, its update has to be looked at."""
    first = literal_id(ids.first_at(moment.timestamp() + 60))
    # Among the newest runs it is looked at in their order: the index of updates would bring pages of all that happened since.
    updated = runs.c.updated_ms if floor is None else runs.c.updated_ms + 0
    return [[runs.c.uuid >= first], [runs.c.uuid < first, updated >= milliseconds(moment)]]


def _disjoint(statuses: Sequence[str]) -> list[str]:
    names = dict.fromkeys(statuses)
    return [name for name in names if "finished" not in names or name not in _FINAL]


def _within_batch(workspace: uuid.UUID, filters: Mapping[str, Any]) -> list[Condition]:
    """Whether the batch is the workspace's, and the workflow's, which its runs then are: looked at once. Of the indexes, that by batch is
    left. The planner takes a batch's runs for spread over all time, so that it would go through those of a month for them: their bounds
    say where they are."""
    batch = ids.parse(filters["batch_uuid"])
    if batch is None:
        return [false()]
    where = [_batch.c.workspace_uuid == workspace, _batch.c.uuid == literal_id(batch)]
    if filters.get("workflow_uuid") is not None:
        where.append(_is(_batch.c.workflow_uuid, filters["workflow_uuid"]))
    last = select(literal_column(run_bounds.LAST_OF_BATCH, Uuid())).select_from(_batch).where(*where).scalar_subquery()
    return [runs.c.uuid >= literal_id(run_bounds.first_of_batch(batch)), runs.c.uuid <= last]


_batch = batches.alias("b")


def source(where: Sequence[Condition]) -> FromClause:
    """What to select from under these conditions: runs alone, which an index alone may answer, unless one is about their shards."""
    asked = {element.table for condition in where for element in visitors.iterate(condition) if isinstance(element, Column)}
    return joined if shards in asked else runs


def literal_id(uid: uuid.UUID) -> ColumnElement[uuid.UUID]:
    """An id as part of the statement, not bound to it: a plan for any id at all would be one for a third of the journal."""
    return cast(bindparam(None, str(uid), Text(), unique=True, literal_execute=True), Uuid())


def _is(column: ColumnElement[Any], text: str) -> Condition:
    uid = ids.parse(text)
    return column == literal_id(uid) if uid else false()


def _record(filters: Mapping[str, Any]) -> list[Condition]:
    where: list[Condition] = []
    if filters.get("record_ids") is not None:
        where.append(runs.c.record_id.in_(filters["record_ids"]))
    if filters.get("record_id") is not None:
        where.append(runs.c.record_id == filters["record_id"])
    if filters.get("record_title") is not None:
        where += [*_indexed(filters, filters["record_title"]), _contains(runs.c.record_title, filters["record_title"])]
    if filters.get("record_title_or_id") is not None:
        text = filters["record_title_or_id"]
        where += [*_indexed(filters, text), or_(_contains(runs.c.record_title, text), _contains(runs.c.record_id, text))]
    return where


TEXT = runs.c.record_title.op("||")(literal_column("' '")).op("||")(runs.c.record_id)
"""What the index of texts is on: it finds the candidates, among which the columns themselves decide."""


def _indexed(filters: Mapping[str, Any], text: str) -> list[Condition]:
    """What the index of texts is asked for: see `text_search`."""
    words: Mapping[str, Sequence[str]] = filters.get("rare_words") or {}
    return [_contains(TEXT, part) for part in words.get(text, (text,))]


def _contains(column: ColumnElement[str], text: str) -> Condition:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(f"%{escaped}%")


def _states(workspace: uuid.UUID, filters: Mapping[str, Any], within: Sequence[Condition]) -> list[Condition]:
    where: list[Condition] = []
    statuses, is_finished = filters.get("statuses"), filters.get("is_finished")
    if statuses is not None:
        where.append(or_(false(), *(_state(workspace, name, within) for name in statuses)))
    if is_finished is not None:
        finished = runs.c.finished_ms.is_not(None)
        where += [finished] if is_finished else [runs.c.finished_ms.is_(None), runs.c.uuid >= _oldest_unfinished(workspace)]
    return where


def _state(workspace: uuid.UUID, name: str, within: Sequence[Condition]) -> Condition:
    if name == "finished":
        return runs.c.finished_ms.is_not(None)
    if name in RARE:
        return and_(runs.c.rare_status == name, *within)
    if name == "success":
        return runs.c.status == name
    # A pending run is in a shard that has not ended, and those are few.
    states = ("running",) if name == "running" else ("waiting", "queued")
    return and_(runs.c.status == "pending", shards.c.workspace_uuid == workspace, shards.c.state.in_(states))


def _oldest_unfinished(workspace: uuid.UUID) -> ColumnElement[uuid.UUID]:
    """Where the scan for unfinished runs may end; null when there is no such run, and then none matches."""
    parts = [_oldest_driven(workspace)]
    for name in _PARKED:
        parked = select(_parked.c.uuid).where(_parked.c.workspace_uuid == workspace, _parked.c.rare_status == name)
        parts.append(parked.order_by(_parked.c.uuid).limit(1).scalar_subquery())
    return func.least(*parts)


def _oldest_driven(workspace: uuid.UUID) -> ColumnElement[uuid.UUID]:
    first = select(shards.c.first_run).where(shards.c.workspace_uuid == workspace, shards.c.state != "done")
    return first.order_by(shards.c.first_run).limit(1).scalar_subquery()


_parked = runs.alias("parked")


def _times(filters: Mapping[str, Any]) -> list[Condition]:
    where: list[Condition] = []
    after, before = filters.get("created_after"), filters.get("created_before")
    # The id begins with the time of creation: its bounds leave out whole months of partitions.
    if after is not None:
        where += [runs.c.created_ms >= milliseconds(after), runs.c.uuid >= literal_id(ids.first_at(after.timestamp() - 60))]
    if before is not None:
        where += [runs.c.created_ms < milliseconds(before), runs.c.uuid <= literal_id(ids.first_at(before.timestamp() + 60))]
    if filters.get("updated_after") is not None:
        where.append(runs.c.updated_ms >= milliseconds(filters["updated_after"]))
    if filters.get("updated_before") is not None:
        # What was updated before was created before.
        latest = ids.first_at(filters["updated_before"].timestamp() + 60)
        where += [runs.c.updated_ms < milliseconds(filters["updated_before"]), runs.c.uuid <= literal_id(latest)]
    return where


def milliseconds(timestamp: datetime) -> int:
    """Milliseconds since 1970, as the engine's tables have them."""
    return int(timestamp.timestamp() * 1000)


def _executions(workspace: uuid.UUID, filter: ExecutionsFilter, floor: uuid.UUID | None = None) -> Condition:
    groups = [_join(group.conjonction, [_node(workspace, each, floor) for each in group.conditions]) for group in filter.groups]
    return _join(filter.conjonction, groups)


def _join(conjonction: str, parts: list[Condition]) -> Condition:
    return and_(true(), *parts) if conjonction == "and" else or_(false(), *parts)


def _node(workspace: uuid.UUID, condition: ExecutionsFilterConditionNode, floor: uuid.UUID | None) -> Condition:
    if condition.status == "error":
        return _failed_at(workspace, condition, floor)
    seen = select(executions.c.seq).where(
        executions.c.run_uuid == runs.c.uuid,
        executions.c.workspace_uuid == runs.c.workspace_uuid,
        executions.c.node_slug == condition.node_slug,
    )
    # Run by run, where packed executions may be among them: a join would unpack all of these first.
    each = seen.offset(0)
    if condition.status == "absent":
        return not_(each.exists())
    if condition.status == "pending":
        return and_(not_(each.exists()), runs.c.finished_ms.is_(None))
    seen = seen.where(executions.c.status == condition.status)
    if condition.value is not None:
        seen = seen.where(cast(cast(executions.c.output, Text), String).icontains(condition.value, autoescape=True))
    return seen.offset(0).exists()


def _failed_at(workspace: uuid.UUID, condition: ExecutionsFilterConditionNode, floor: uuid.UUID | None) -> Condition:
    """Whether a node failed: what is packed did not, and of what failed there is an index."""
    rows = execution_rows.c
    seen = select(rows.run_uuid).where(
        rows.workspace_uuid == literal_id(workspace),
        rows.node_slug == condition.node_slug,
        rows.status != "success",
        rows.status == "error",
    )
    if condition.value is not None:
        seen = seen.where(rows.error_message.icontains(condition.value, autoescape=True))
    return runs.c.uuid.in_(seen if floor is None else seen.where(rows.run_uuid >= literal_id(floor)))
