"""Unfinished work on models, for the queue: refreshes, fills of columns, undos and indexes being built."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.storage.models import index
from cargo_ai.domains.storage.tables import Model, StaleLookup, StorageRun
from cargo_ai.store import driver
from cargo_ai.store.driver import driver_connection

_INDEX_JOBS = """
select j.args, (select min(e.at) from procrastinate_events as e where e.job_id = j.id and e.type = 'deferred')
from procrastinate_jobs as j
where j.task_name = %s and j.status in ('todo', 'doing') and j.args ->> 'workspace' = %s order by j.id limit %s
"""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One piece of work. `done` of `total` records, where it counts them."""

    kind: Literal["refresh", "fill", "undo", "index", "lookups"]
    model: uuid.UUID
    name: str
    columns: tuple[str, ...]
    since: datetime | None
    run: uuid.UUID | None = None
    done: int | None = None
    total: int | None = None


async def unfinished(db: AsyncSession, workspace: uuid.UUID, most: int) -> list[Unfinished]:
    """The work of a workspace on its models, at most `most` of runs and of indexes each."""
    query = select(StorageRun, Model.name).join(Model, Model.uuid == StorageRun.model_uuid).where(StorageRun.finished_at.is_(None))
    work = [_of_run(run, name) for run, name in await db.execute(query.order_by(StorageRun.uuid).limit(most))]
    jobs = await driver.fetch(await driver_connection(db), _INDEX_JOBS, [index.TASK, str(workspace), most])
    stale = await db.execute(select(StaleLookup.model_uuid, func.count()).group_by(StaleLookup.model_uuid).limit(most))
    counts = {row[0]: int(row[1]) for row in stale}
    names = await _names(db, {uuid.UUID(str(args["model"])) for args, _ in jobs} | counts.keys())
    work += [Unfinished("lookups", model, names.get(model, str(model)), (), None, total=count) for model, count in counts.items()]
    return work + [_of_job(args, since, names) for args, since in jobs]


async def _names(db: AsyncSession, models: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    rows = await db.execute(select(Model.uuid, Model.name).where(Model.uuid.in_(models)))
    return {row[0]: row[1] for row in rows}


def _of_run(run: StorageRun, name: str) -> Unfinished:
    columns = tuple(run.unfilled_slugs)
    kinds: dict[str, Literal["fill", "undo"]] = {"fill": "fill", "undo": "undo"}
    return Unfinished(
        kinds.get(run.kind, "refresh"), run.model_uuid, name, columns, run.created_at, run.uuid, run.records_done, run.records_total
    )


def _of_job(args: dict[str, Any], since: datetime | None, names: dict[uuid.UUID, str]) -> Unfinished:
    model = uuid.UUID(str(args["model"]))
    return Unfinished("index", model, names.get(model, str(model)), tuple(str(slug) for slug in args["columns"]), since)
