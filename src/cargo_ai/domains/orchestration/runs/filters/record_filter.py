"""Record filters: conditions for the latest run of each record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select, tuple_

from cargo_ai.domains.orchestration.runs.filters import run_bounds, run_filter
from cargo_ai.domains.orchestration.runs.filters.run_filter import Condition
from cargo_ai.engine.journal.tables import fanouts, runs
from cargo_ai.kernel.wire import Wire

_NAMES = {
    "ids": "record_ids",
    "title": "record_title",
    "title_or_id": "record_title_or_id",
    "parent_run_uuid": "parent_uuid",
    "run_uuids": "uuids",
}
"""What the filters of runs are called where records call them otherwise."""

_newer, _mine, _later = runs.alias("newer"), fanouts.alias("mine"), fanouts.alias("later")


def latest(before: uuid.UUID | None = None, floor: uuid.UUID | None = None) -> Condition:
    """Whether a run is the latest of its record in its workflow, or was it before the run with this id. Skipped runs do not count.
    `floor`: only runs that are not older than this one are asked about, so that only such are newer than they.

    An item of a group is a record of its own, whatever its id: each is shown that was started when the record went through last, at the
    last attempt. A few looks into indexes for each run, however many runs the record has.
    """
    at_top = runs.c.parent_uuid.is_(None)
    # Items have the record's id, thousands of them maybe: for none of these the others are gone through.
    former = _former(before, floor)
    top = ~_newer_at_top(case((at_top, runs.c.record_id)), former)
    return and_(runs.c.status != "skipped", top, or_(at_top, _is_latest_below(former)))


def latest_by_level(floor: uuid.UUID | None) -> tuple[Condition, Condition]:
    """The same, for top-level runs alone and for child runs alone: to count many is faster with both, one after the other."""
    at_top, there, former = runs.c.parent_uuid.is_(None), runs.c.status != "skipped", _former(None, floor)
    return and_(there, at_top, ~_newer_at_top(runs.c.record_id, former)), and_(there, ~at_top, _is_latest_below(former))


def _former(before: uuid.UUID | None, floor: uuid.UUID | None) -> list[Condition]:
    former = [_newer.c.workflow_uuid == runs.c.workflow_uuid, _newer.c.status != "skipped"]
    former += [] if floor is None else [_newer.c.uuid >= run_filter.literal_id(floor)]
    return [*former, _newer.c.uuid < (run_filter.literal_id(run_bounds.ceiling()) if before is None else before)]


def _newer_at_top(record: ColumnElement[str], former: Sequence[Condition]) -> Condition:
    there = [_newer.c.record_id == record, _newer.c.parent_uuid.is_(None), _newer.c.uuid > runs.c.uuid]
    return select(_newer.c.uuid).where(*former, *there).exists()


def _is_latest_below(former: Sequence[Condition]) -> Condition:
    """Whether a run below others was started when its record went through last, and no later attempt has started the same item."""
    last = select(_newer.c.trace_uuid).where(*former, _newer.c.record_id == runs.c.record_id)
    again = (
        select(_later.c.uuid)
        .join(_mine, and_(_mine.c.run_uuid == _later.c.run_uuid, _mine.c.node_uuid == _later.c.node_uuid))
        .join(_newer, and_(_newer.c.uuid.between(_later.c.first_run, _later.c.last_run), _newer.c.fanout_uuid == _later.c.uuid))
        .where(
            _mine.c.uuid == runs.c.fanout_uuid,
            tuple_(_later.c.visit, _later.c.attempt) > tuple_(_mine.c.visit, _mine.c.attempt),
            _newer.c.item == runs.c.item,
        )
        .exists()
    )
    return and_(runs.c.trace_uuid == last.order_by(_newer.c.uuid.desc()).limit(1).scalar_subquery(), ~again)


def conditions(workspace: uuid.UUID, request: Wire) -> list[Condition]:
    """All conditions of a request that has some of the record filters: they are about the latest run of each record."""
    return [*run_filter.matching(workspace, run_filters(request)), latest()]


def run_filters(request: Wire) -> dict[str, Any]:
    """The filters of a request by the names that runs have for them."""
    filters: dict[str, Any] = {_NAMES.get(name, name): getattr(request, name) for name in type(request).model_fields}
    statuses = filters.get("statuses")
    if statuses is not None and "pending" in statuses:
        # Records know no idle: what waits is pending.
        filters["statuses"] = [*statuses, "idle"]
    return filters
