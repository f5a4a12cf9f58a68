"""Bounded reads: count and list runs without looking at many more of them than are shown."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.runs import run_filter
from cargo_ai.domains.orchestration.runs.run_filter import Condition
from cargo_ai.engine.journal.tables import runs


class Count(NamedTuple):
    """How many match; unless it is exact, there may be more."""

    total: int
    is_exact: bool


async def count_runs(db: AsyncSession, where: Sequence[Condition], up_to: int, *, floor: uuid.UUID | None = None) -> Count:
    """The runs that meet the conditions, at most `up_to`; `floor`: no older ones than this."""
    conditions = list(where) if floor is None else [*where, runs.c.uuid >= run_filter.literal_id(floor)]
    few = select(literal(1)).select_from(run_filter.joined).where(*conditions).limit(up_to + 1).subquery()
    total = int(await db.scalar(select(func.count()).select_from(few)) or 0)
    return Count(min(total, up_to), total <= up_to and floor is None)


async def newest_runs(
    db: AsyncSession, query: Select[Any], where: Sequence[Condition], page: tuple[int, int], *, floor: uuid.UUID | None = None
) -> Sequence[RowMapping]:
    """A page (limit and offset) of the runs that meet the conditions, newest first: of those from `floor` on, if there are enough.

    Without it, a month in which nothing matches would be gone through before the first run of a newer one is shown.
    """
    limit, offset = page
    chosen = query.where(*where).order_by(runs.c.uuid.desc()).limit(limit).offset(offset)
    if floor is not None:
        rows = (await db.execute(chosen.where(runs.c.uuid >= run_filter.literal_id(floor)))).mappings().all()
        if len(rows) == limit:
            return rows
    return (await db.execute(chosen)).mappings().all()


async def floor_of(db: AsyncSession, workspace: uuid.UUID, filters: Mapping[str, Any], at_most: int) -> uuid.UUID | None:
    """Where to stop, for filters that no index answers: `at_most` runs back among those that the other filters leave. None: no need."""
    by_index = {name: value for name, value in filters.items() if name not in run_filter.UNINDEXED}
    if all(filters.get(name) is None for name in run_filter.UNINDEXED):
        return None
    return await nth_run(db, run_filter.matching(workspace, by_index), at_most)


async def nth_run(db: AsyncSession, where: Sequence[Condition], number: int) -> uuid.UUID | None:
    """The run that has `number` newer ones that meet the conditions; None when there are fewer."""
    query = select(runs.c.uuid).select_from(run_filter.joined).where(*where).order_by(runs.c.uuid.desc()).offset(number).limit(1)
    return await db.scalar(query)
