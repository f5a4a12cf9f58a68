"""Setting aside: the records of a change that only the runs of one play have written since the comparison before."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.domains.segmentation import change_records, comparison, comparison_sql, dependencies
from cargo_ai.domains.segmentation.tables import SegmentChange
from cargo_ai.records.ddl import log_table_name
from cargo_ai.records.filter.terms import InvalidFilter
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection

RECENT_CHANGES = 100
"""So many changes back somebody is told that a record was set aside."""

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
returning c.kind::text
"""
_LAST_EXCLUDED = """
select max(h.created_at) from segment_changes as h join public.segment_change_records as c
    on c.segment_uuid = h.segment_uuid and c.no = h.no and c.record_id = %s and c.own
where h.segment_uuid = %s and h.no > (select coalesce(max(no), 0) - %s from segment_changes where segment_uuid = %s)
"""


async def exclude_self_caused(db: AsyncSession, change: uuid.UUID, workflow: uuid.UUID) -> Mapping[str, int]:
    """Mark the records of a change that runs of this workflow, and nobody else, have written since the comparison before; how many of
    each kind. Where it cannot be told that nothing else has changed them, they are left."""
    row = await db.scalar(select(SegmentChange).where(SegmentChange.uuid == change))
    if row is None or row.since is None:
        return {}
    try:
        one = await comparison.lock_segment(db, row.segment_uuid)
    except InvalidFilter:
        return {}
    if one is None:
        return {}
    relation, connection = one.found.relation, await driver_connection(db)
    values: dict[str, Any] = {"workflow": workflow, "model": relation.model, "since": row.since}
    if not await driver.fetch(connection, _ANY_OWN_WRITE, values) or await _has_other_writes(connection, one, values):
        return {}
    kinds = ["u", "a", "r"] if _depends_on_records_only(one) else ["u"]
    mark = _MARK.format(since=_SINCE, log=log_table_name(relation))
    marked = await driver.fetch(connection, mark, values | {"segment": row.segment_uuid, "no": row.no, "kinds": kinds})
    return Counter(change_records.KINDS_BY_CODE[letter] for (letter,) in marked)


async def _has_other_writes(connection: driver.Connection, one: comparison.LockedSegment, values: Mapping[str, Any]) -> bool:
    """Whether anything was written since that no log names by record, or in other models that decide, too."""
    used = [column.slug for column in one.tracked.columns] + [order.column_slug for order in one.kept.sort]
    decide = dependencies.deciding_models(one.found.catalog, one.found.relation, [one.kept.filter], one.found.scope.segments, used)
    for model in decide:
        relation = one.found.catalog.by_model(model)
        if relation is None:
            continue
        unnamed = "l._id is null and " if model == one.found.relation.model else ""
        query = f"select 1 from {log_table_name(relation)} as l where {unnamed}{_SINCE} limit 1"  # noqa: S608 - our own name, quoted
        if await driver.fetch(connection, query, values):
            return True
    return False


def _depends_on_records_only(one: comparison.LockedSegment) -> bool:
    """Whether records alone decide who is in the segment: no limit, no time that passes, nothing that runs have done."""
    filters: list[Filter] = [one.kept.filter, *(inner.filter for inner in one.found.scope.segments.values())]
    kinds = {condition.kind for filter in filters for group in filter.groups for condition in comparison_sql.all_conditions(group)}
    return one.found.limit is None and not one.found.scope.relative and "enrollment" not in kinds


async def last_excluded_at(db: AsyncSession, segment: uuid.UUID, record: str) -> datetime | None:
    """When a record of a segment was last set aside; None when it was not lately."""
    return await driver.value(await driver_connection(db), _LAST_EXCLUDED, [record, segment, RECENT_CHANGES, segment])
