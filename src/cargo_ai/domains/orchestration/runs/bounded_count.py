"""Bounded reads: count and list runs without looking at many more of them than are shown."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import RowMapping, Select, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.record import ListRecords
from cargo_ai.contract.orchestration.runs.run import ListRuns
from cargo_ai.domains.orchestration.runs.filters import run_bounds, run_filter
from cargo_ai.domains.orchestration.runs.filters.run_filter import Condition
from cargo_ai.engine.journal.tables import runs

Alternatives = Sequence[Sequence[Condition]]
"""Lists of conditions: a run meets those of one at most (see `run_filter.alternatives`)."""


class Count(NamedTuple):
    """How many match; unless it is exact, there may be more."""

    total: int
    is_exact: bool


class ListedRows(Protocol):
    """A request for some rows of a list; no limit is all of them."""

    @property
    def limit(self) -> int | None: ...
    @property
    def offset(self) -> int: ...


class Page(NamedTuple):
    """Which runs of a list: `limit` of them after `offset` others; `behind`: of those that are older than this one."""

    limit: int
    offset: int = 0
    behind: uuid.UUID | None = None


async def count_runs(db: AsyncSession, alternatives: Alternatives, up_to: int, *, is_all: bool = True) -> Count:
    """The runs that meet the conditions, at most `up_to`; `is_all`: the conditions leave no older ones out."""
    parts = [
        select(select(literal(1)).select_from(run_filter.source(where)).where(*where).limit(up_to + 1).subquery()) for where in alternatives
    ]
    if not parts:
        return Count(0, is_exact=True)
    few = union_all(*parts).limit(up_to + 1).subquery()
    total = int(await db.scalar(select(func.count()).select_from(few)) or 0)
    return Count(min(total, up_to), total <= up_to and is_all)


async def count_of_file(db: AsyncSession, where: Sequence[Condition], request: ListedRows, most: int) -> int:
    """How many runs go into a file of those that match: at most one more than `most`."""
    up_to = request.offset + min(most + 1, request.limit or most + 1)
    return max(0, (await count_runs(db, [where], up_to)).total - request.offset)


async def without_helpers(db: AsyncSession) -> None:
    """From here on the transaction has no parallel processes: to start them takes longer than what is read here."""
    await db.execute(text("set local max_parallel_workers_per_gather = 0"))


async def newest_runs(
    db: AsyncSession, query: Select[Any], alternatives: Callable[[uuid.UUID | None], Alternatives], page: Page, floor: uuid.UUID | None
) -> Sequence[RowMapping]:
    """A page of the runs that meet the conditions, newest first: of those from `floor` on, if there are enough.

    `alternatives`: the conditions for runs from a floor on.

    Without it, a month in which nothing matches would be gone through before the first run of a newer one is shown. What is skipped is
    read from an index alone, where the conditions allow it.
    """
    behind = [] if page.behind is None else [runs.c.uuid < run_filter.literal_id(page.behind)]
    if floor is not None:
        near = query.where(runs.c.uuid >= run_filter.literal_id(floor))
        rows = await _page(db, near, alternatives(floor), behind, page)
        if len(rows) == page.limit:
            return rows
    return await _page(db, query, alternatives(None), behind, page)


async def _page(
    db: AsyncSession, query: Select[Any], alternatives: Alternatives, bounds: Sequence[Condition], page: Page
) -> Sequence[RowMapping]:
    if not alternatives:
        return []
    newest, most = runs.c.uuid.desc(), page.limit + page.offset
    parts = [select(runs.c.uuid).select_from(run_filter.source(where)).where(*where, *bounds).order_by(newest) for where in alternatives]
    if len(parts) == 1:
        chosen = parts[0].limit(page.limit).offset(page.offset)
    else:
        merged = union_all(*(select(part.limit(most).subquery()) for part in parts)).subquery()
        chosen = select(merged.c.uuid).order_by(merged.c.uuid.desc()).limit(page.limit).offset(page.offset)
    shown = query.where(runs.c.uuid.in_(chosen), runs.c.uuid < run_filter.literal_id(run_bounds.ceiling()))
    return (await db.execute(shown.order_by(newest))).mappings().all()


def of_last_page(request: ListRuns | ListRecords, rows: Sequence[RowMapping]) -> Count | None:
    """How many match, where this page of `newest_runs` says it; None: they have to be counted. Behind a run that is named, it is the page
    that is counted."""
    if getattr(request, "after", None) is not None:
        return Count(len(rows), is_exact=True)
    is_last = len(rows) < request.limit and (bool(rows) or request.offset == 0)
    return Count(request.offset + len(rows), is_exact=True) if is_last else None


async def floor_of(db: AsyncSession, workspace: uuid.UUID, filters: Mapping[str, Any], at_most: int) -> uuid.UUID | None:
    """Where to stop, for filters that no index answers: `at_most` runs back among those that the other filters leave. None: no need.
    The workflow is known to be the workspace's."""
    by_index = {name: value for name, value in filters.items() if name not in run_filter.UNINDEXED or value is False}
    if all(filters.get(name) is None for name in filters.keys() - by_index.keys()):
        return None
    return await nth_run(db, run_filter.matching(workspace, by_index, known=True), at_most)


async def nth_run(db: AsyncSession, where: Sequence[Condition], number: int) -> uuid.UUID | None:
    """The run that has `number` newer ones that meet the conditions; None when there are fewer."""
    query = select(runs.c.uuid).select_from(run_filter.source(where)).where(*where).order_by(runs.c.uuid.desc()).offset(number).limit(1)
    return await db.scalar(query)
