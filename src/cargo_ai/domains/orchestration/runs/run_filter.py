"""Run filter: which runs a list, a count, a download or a cancellation is about, as conditions on the engine's tables."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, Text, and_, case, cast, false, func, not_, or_, select, true
from sqlalchemy.sql.selectable import FromClause

from cargo_ai.contract.orchestration.execution import ExecutionsFilter, ExecutionsFilterConditionNode
from cargo_ai.engine.journal.tables import executions, runs, shards
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import Wire

joined: FromClause = runs.outerjoin(shards, shards.c.uuid == runs.c.shard_uuid)
"""Runs with the shard that drives them: its state says which of the pending ones are running."""

status = case((and_(runs.c.status == "pending", shards.c.state == "running"), "running"), else_=runs.c.status)
"""A run's status as the wire has it."""

Condition = ColumnElement[bool]
_UUIDS = {"workflow_uuid": "workflow_uuid", "user_uuid": "user_uuid", "batch_uuid": "batch_uuid", "release_uuid": "release_uuid"}
_PARENTS = {"parent_batch_uuid": "parent_batch_uuid", "parent_uuid": "parent_uuid"}


def conditions(workspace: uuid.UUID, request: Wire) -> list[Condition]:
    """All conditions of a request that has some of the run filters; always within the workspace."""
    return matching(workspace, {name: getattr(request, name) for name in type(request).model_fields})


def matching(workspace: uuid.UUID, given: Mapping[str, Any]) -> list[Condition]:
    """The same for filters by name; a name that is no filter of runs is left out."""
    found: list[Condition] = [runs.c.workspace_uuid == workspace]
    for field, column in (_UUIDS | _PARENTS).items():
        if given.get(field) is not None:
            found.append(_is(runs.c[column], given[field]))
    if given.get("parent_node_uuid") is not None:
        found.append(runs.c.parent_node_uuid == given["parent_node_uuid"])
    if given.get("uuids") is not None:
        found.append(runs.c.uuid.in_([uid for text in given["uuids"] if (uid := ids.parse(text))]))
    if given.get("is_group_parent") is not None:
        found.append(func.coalesce(runs.c.is_group_parent, false()) == given["is_group_parent"])
    found += _record(given)
    found += _states(given.get("statuses"), given.get("is_finished"))
    found += _times(given)
    if given.get("executions_filter") is not None:
        found.append(_executions(given["executions_filter"]))
    return found


def _is(column: ColumnElement[Any], text: str) -> Condition:
    uid = ids.parse(text)
    return column == uid if uid else false()


def _record(given: Mapping[str, Any]) -> list[Condition]:
    found: list[Condition] = []
    if given.get("record_ids") is not None:
        found.append(runs.c.record_id.in_(given["record_ids"]))
    if given.get("record_id") is not None:
        found.append(runs.c.record_id == given["record_id"])
    if given.get("record_title") is not None:
        found.append(runs.c.record_title.icontains(given["record_title"], autoescape=True))
    if given.get("record_title_or_id") is not None:
        text = given["record_title_or_id"]
        found.append(or_(runs.c.record_title.icontains(text, autoescape=True), runs.c.record_id.icontains(text, autoescape=True)))
    return found


def _states(wanted: Sequence[str] | None, is_finished: bool | None) -> list[Condition]:
    found: list[Condition] = []
    if wanted is not None:
        found.append(or_(false(), *(_state(name) for name in wanted)))
    if is_finished is not None:
        found.append(runs.c.finished_ms.is_not(None) if is_finished else runs.c.finished_ms.is_(None))
    return found


def _state(name: str) -> Condition:
    driven = func.coalesce(shards.c.state, "") == "running"
    if name == "finished":
        return runs.c.finished_ms.is_not(None)
    if name == "running":
        return and_(runs.c.status == "pending", driven)
    if name == "pending":
        return and_(runs.c.status == "pending", not_(driven))
    return runs.c.status == name


def _times(given: Mapping[str, Any]) -> list[Condition]:
    found: list[Condition] = []
    after, before = given.get("created_after"), given.get("created_before")
    # The id begins with the time of creation: its bounds leave out whole months of partitions.
    if after is not None:
        found += [runs.c.created_ms >= milliseconds(after), runs.c.uuid >= ids.first_at(after.timestamp() - 60)]
    if before is not None:
        found += [runs.c.created_ms < milliseconds(before), runs.c.uuid <= ids.first_at(before.timestamp() + 60)]
    if given.get("updated_after") is not None:
        found.append(runs.c.updated_ms >= milliseconds(given["updated_after"]))
    if given.get("updated_before") is not None:
        found.append(runs.c.updated_ms < milliseconds(given["updated_before"]))
    return found


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as the engine's tables have them."""
    return int(moment.timestamp() * 1000)


def _executions(wanted: ExecutionsFilter) -> Condition:
    groups = [_join(group.conjonction, [_node(one) for one in group.conditions]) for group in wanted.groups]
    return _join(wanted.conjonction, groups)


def _join(conjonction: str, parts: list[Condition]) -> Condition:
    return and_(true(), *parts) if conjonction == "and" else or_(false(), *parts)


def _node(condition: ExecutionsFilterConditionNode) -> Condition:
    seen = select(executions.c.seq).where(executions.c.run_uuid == runs.c.uuid, executions.c.node_slug == condition.node_slug)
    if condition.status == "absent":
        return not_(seen.exists())
    if condition.status == "pending":
        return and_(not_(seen.exists()), runs.c.finished_ms.is_(None))
    seen = seen.where(executions.c.status == condition.status)
    if condition.value is not None:
        text = executions.c.error_message if condition.status == "error" else cast(executions.c.output, Text)
        seen = seen.where(cast(text, String).icontains(condition.value, autoescape=True))
    return seen.exists()
