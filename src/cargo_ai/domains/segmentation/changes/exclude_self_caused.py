"""Self-caused changes: exclude the records of a change that only the play's own runs have written since the comparison before."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.domains.segmentation.changes import change_records, comparison, comparison_sql, dependencies
from cargo_ai.domains.segmentation.tables import SegmentChange
from cargo_ai.records.ddl import bucket_of, log_table_name
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection

RECENT_CHANGES = 100
"""How many changes back `last_excluded_at` looks."""

_ANY_OWN_WRITE = """
select 1 from own_writes where workflow_uuid = %(workflow)s and model_uuid = %(model)s
    and xid >= pg_snapshot_xmin(%(since)s::pg_snapshot) limit 1
"""
_SINCE = "l.xid >= pg_snapshot_xmin(%(since)s::pg_snapshot) and not pg_visible_in_snapshot(l.xid, %(since)s::pg_snapshot)"
_MARK = """
update public.segment_change_records as c set own = true from (
    select distinct l.record_id from public.own_writes as l where l.workflow_uuid = %(workflow)s and l.model_uuid = %(model)s and {since}
) as o
where c.segment_uuid = %(segment)s and c.no = %(no)s and c.record_id = o.record_id and c.kind::text = any(%(kinds)s)
    and not exists (
        select 1 from {log} as l where {since} and l._id = c.record_id and not exists (
            select 1 from public.own_writes as w where w.workflow_uuid = %(workflow)s and w.model_uuid = %(model)s and w.xid = l.xid
                and w.record_id = l._id
        )
    )
    and not exists (
        select 1 from {log} as l where {since} and l.bucket is not null and l.bucket = {bucket} and c.record_id = any(l.ids)
            and not exists (
                select 1 from public.own_writes as w where w.workflow_uuid = %(workflow)s and w.model_uuid = %(model)s and w.xid = l.xid
                    and w.record_id = c.record_id
            )
    )
returning c.kind::text
"""
_LAST_EXCLUDED = """
select max(h.created_at) from segment_changes as h join public.segment_change_records as c
    on c.segment_uuid = h.segment_uuid and c.no = h.no and c.record_id = %s and c.own
where h.segment_uuid = %s and h.no > (select coalesce(max(no), 0) - %s from segment_changes where segment_uuid = %s)
"""


async def exclude_self_caused(db: AsyncSession, change: uuid.UUID, workflow: uuid.UUID) -> Mapping[str, int]:
    """Mark the records of a change that only runs of this workflow have written since the comparison before; returns how many of each
    kind. A record stays in the change when something else may have changed it."""
    row = await db.scalar(select(SegmentChange).where(SegmentChange.uuid == change))
    if row is None or row.since is None:
        return {}
    try:
        locked = await comparison.lock_segment(db, row.segment_uuid)
    except InvalidFilter:
        return {}
    if locked is None:
        return {}
    relation, connection = locked.selection.relation, await driver_connection(db)
    values: dict[str, Any] = {"workflow": workflow, "model": relation.model, "since": row.since}
    if not await driver.fetch(connection, _ANY_OWN_WRITE, values) or await _has_other_writes(connection, locked, values):
        return {}
    kinds = ["u", "a", "r"] if _depends_on_records_only(locked) else ["u"]
    mark = _MARK.format(since=_SINCE, log=log_table_name(relation), bucket=bucket_of("c.record_id"))
    marked = await driver.fetch(connection, mark, values | {"segment": row.segment_uuid, "no": row.no, "kinds": kinds})
    return Counter(change_records.KINDS_BY_CODE[code] for (code,) in marked)


async def _has_other_writes(connection: driver.Connection, locked: comparison.LockedSegment, values: Mapping[str, Any]) -> bool:
    """Whether something else was written since: in another model that decides, or in this one without naming the records."""
    used = [column.slug for column in locked.tracked.columns] + [order.column_slug for order in locked.saved.sort]
    deciding = dependencies.deciding_models(
        locked.selection.catalog, locked.selection.relation, [locked.saved.filter], locked.selection.scope.segments, used
    )
    for model in deciding:
        relation = locked.selection.catalog.by_model(model)
        if relation is None:
            continue
        unnamed = "l._id is null and l.ids is null and " if model == locked.selection.relation.model else ""
        query = f"select 1 from {log_table_name(relation)} as l where {unnamed}{_SINCE} limit 1"  # noqa: S608 - our own name, quoted
        if await driver.fetch(connection, query, values):
            return True
    return False


def _depends_on_records_only(locked: comparison.LockedSegment) -> bool:
    """Whether records alone decide which are in the segment: no limit, no relative date, no condition on runs."""
    filters: list[Filter] = [locked.saved.filter, *(inner.filter for inner in locked.selection.scope.segments.values())]
    kinds = {condition.kind for filter in filters for group in filter.groups for condition in comparison_sql.all_conditions(group)}
    return locked.selection.limit is None and not locked.selection.scope.relative and "enrollment" not in kinds


async def last_excluded_at(db: AsyncSession, segment: uuid.UUID, record: str) -> datetime | None:
    """When a record of a segment was last excluded; None when not within the recent changes."""
    return await driver.value(await driver_connection(db), _LAST_EXCLUDED, [record, segment, RECENT_CHANGES, segment])
