"""Sync state: what a sync has read and written so far, in the database: claimed by one worker at a time, moved on with each page."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.models import model
from cargo_ai.domains.storage.tables import Model, ModelSource, StorageRun, SyncedId
from cargo_ai.domains.storage.waiting import notify_waiting
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.integrations.kit import Cursor, Extractor
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection

TASK = "storage.sync"
MAX_TRIES = 5
MAX_FAILURES = 8
MAX_WARNINGS = 20
READING, COMPARING, FINISHING = "reading", "comparing", "finishing"
PAUSED = "The model is paused: the sync goes on where it is when the model is not."


@dataclass(slots=True)
class Part:
    """What one worker does of a sync. is_begun: whether columns and number of records are known. is_comparing: whether records that are not
    read are removed in the end. columns: the names to ask for."""

    workspace: uuid.UUID
    run: uuid.UUID
    model: uuid.UUID
    connector: uuid.UUID
    extractor: Extractor
    config: Mapping[str, Any]
    epoch: int
    failures: int
    step: str
    is_begun: bool
    is_comparing: bool
    cursor: Cursor | None
    columns: tuple[str, ...]
    bookkeeping: frozenset[str]


class SyncState:
    """One sync. Each method is one transaction, and does nothing once another worker has taken the sync or it has ended."""

    def __init__(self, services: Services, workspace: uuid.UUID, run: uuid.UUID) -> None:
        self._services, self._database, self._workspace, self._run = services, services.database, workspace, run

    async def claim(self) -> Part | None:
        """Take the sync; None when it has ended, is paused, or ends now."""
        async with self._database.session(self._workspace) as db:
            run = await db.scalar(select(StorageRun).where(StorageRun.uuid == self._run).with_for_update())
            if run is None or run.finished_at is not None:
                return None
            row = await model.find(db, str(run.model_uuid))
            part = None
            if run.status == "cancelling":
                await _end(db, run, "cancelled", None)
            elif row is None:
                await _end(db, run, "error", "The model was removed.")
            elif run.tries >= MAX_TRIES:
                await _end(db, run, "error", f"A worker died at the same page {MAX_TRIES} times in a row. Start the sync again to try on.")
            elif row.is_paused and not run.is_force:
                run.status, run.waiting_for = "pending", PAUSED
            else:
                part = await self._take(db, run, row)
            await db.commit()
            return part

    async def _take(self, db: AsyncSession, run: StorageRun, row: Model) -> Part | None:
        connector = await model.connector_of(db, row.dataset_uuid)
        integration = None if connector is None else await connection.connector_integration(self._services, db, connector)
        extractor = None if integration is None else integration.extractor(row.extractor_slug)
        if connector is None or extractor is None:
            await _end(db, run, "error", f"There is no extractor {row.extractor_slug} any more: its connector was removed.")
            return None
        source = await source_of(db, row)
        is_comparing = extractor.has_all and (run.is_reset or not extractor.is_incremental)
        if run.epoch == 0 and (run.is_reset or not extractor.is_incremental):
            source.cursor = None
        run.epoch += 1
        run.tries += 1
        run.status, run.waiting_for = "running", None
        await db.flush()
        return Part(
            self._workspace, run.uuid, row.uuid, connector, extractor, row.config, run.epoch, run.failures, run.step,
            is_begun=run.records_done is not None, is_comparing=is_comparing, cursor=source.cursor,
            columns=tuple(str(name) for name in source.columns), bookkeeping=frozenset(str(slug) for slug in source.bookkeeping),
        )  # fmt: skip

    @asynccontextmanager
    async def transaction(self, part: Part) -> AsyncGenerator[tuple[AsyncSession, StorageRun] | None]:
        """The session and the run, locked; None when this worker has no more to do. What is done is committed at the end."""
        async with self._database.session(self._workspace) as db:
            mine = (StorageRun.uuid == part.run, StorageRun.epoch == part.epoch, StorageRun.finished_at.is_(None))
            run = await db.scalar(select(StorageRun).where(*mine).with_for_update())
            if run is not None and run.status == "cancelling":
                await _end(db, run, "cancelled", None)
                await db.commit()
                run = None
            yield None if run is None else (db, run)
            await db.commit()

    async def end(self, part: Part, status: str, sentence: str | None) -> None:
        """The sync is over. What it has read stays, and the next one goes on from there."""
        async with self.transaction(part) as mine:
            if mine is not None:
                await _end(mine[0], mine[1], status, sentence)

    async def wait(self, part: Part, seconds: float, sentence: str, *, failed: bool = False) -> None:
        """Give the sync back for some seconds; until then it can be cancelled at once. `failed`: one more failure in a row."""
        async with self.transaction(part) as mine:
            if mine is None:
                return
            db, run = mine
            if failed and run.failures >= MAX_FAILURES:
                await _end(db, run, "error", f"{sentence} It failed {MAX_FAILURES + 1} times in a row.")
                return
            run.status, run.waiting_for, run.tries = "pending", sentence, 0
            run.failures += failed
            await db.flush()
            await defer(db, run, max(1, round(seconds)))

    async def leave(self, part: Part) -> None:
        """Let another worker go on, after other work that waits."""
        async with self.transaction(part) as mine:
            if mine is not None:
                mine[1].tries = 0
                await defer(*mine)


async def source_of(db: AsyncSession, row: Model) -> ModelSource:
    """Where a model's source stands."""
    source = await db.scalar(select(ModelSource).where(ModelSource.model_uuid == row.uuid))
    if source is None:
        names = [str(raw["originalSlug"]) for raw in row.columns]
        source = ModelSource(model_uuid=row.uuid, workspace_uuid=row.workspace_uuid, cursor=None, bookkeeping=[], columns=names)
        db.add(source)
        await db.flush()
    return source


async def defer(db: AsyncSession, run: StorageRun, seconds: int = 0) -> None:
    """Let a worker go on with a sync, in some seconds, once the session's transaction commits."""
    names = {"workspace": str(run.workspace_uuid), "run": str(run.uuid)}
    link = await driver_connection(db)
    if seconds:
        await producer().defer_later(link, TASK, "batch", seconds, **names)
    else:
        await producer().defer(link, TASK, "batch", **names)


async def wake(db: AsyncSession, models: Sequence[uuid.UUID], seconds: int = 0) -> None:
    """Go on with the syncs of these models that wait, in some seconds."""
    waiting = select(StorageRun).where(
        StorageRun.model_uuid.in_(models), StorageRun.finished_at.is_(None), StorageRun.waiting_for.is_not(None)
    )
    for run in await db.scalars(waiting):
        await defer(db, run, seconds)


async def forget_ids(db: AsyncSession, run: uuid.UUID) -> None:
    """Forget which records a run has read."""
    await db.execute(delete(SyncedId).where(SyncedId.run_uuid == run))


def add_warnings(run: StorageRun, sentences: Sequence[str]) -> None:
    """Keep some of the warnings, each once."""
    known = [str(sentence) for sentence in run.warnings or ()]
    fresh = [sentence for sentence in dict.fromkeys(sentences) if sentence not in known]
    if fresh and len(known) < MAX_WARNINGS:
        run.warnings = [*known, *fresh[: MAX_WARNINGS - len(known)]]


def add_counts(run: StorageRun, counts: Mapping[str, int]) -> None:
    """Count what was written."""
    former = cast("Mapping[str, int]", run.counts or {})
    run.counts = {name: former.get(name, 0) + counts.get(name, 0) for name in {*former, *counts}}


async def _end(db: AsyncSession, run: StorageRun, status: str, sentence: str | None) -> None:
    run.status, run.error_message, run.waiting_for, run.finished_at = status, sentence, None, clock.now()
    await db.flush()
    await forget_ids(db, run.uuid)
    await notify_waiting(db, run.uuid)
