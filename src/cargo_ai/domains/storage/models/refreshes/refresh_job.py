"""Refresh job: load a model's source into it in one transaction: all of it, or nothing after a failure or a cancel."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import background_work
from cargo_ai.context.context import Caller, Context
from cargo_ai.context.process import Services
from cargo_ai.contract.storage.run import RunCounts
from cargo_ai.domains.storage.identity import unification
from cargo_ai.domains.storage.identity.unification import UnificationFailed
from cargo_ai.domains.storage.models import extractors, model, model_catalog
from cargo_ai.domains.storage.models.extractors import InvalidConfig
from cargo_ai.domains.storage.models.refreshes import file_source
from cargo_ai.domains.storage.records.read_file import UnreadableFile
from cargo_ai.domains.storage.tables import StorageRun
from cargo_ai.domains.storage.waiting import notify_waiting
from cargo_ai.engine.dispatch.queue import goes_on
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel import clock, ids, log, tasks
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available

MAX_TRIES = 5
LOOK_SECONDS = 0.5
"""How soon a cancel is noticed."""

_log = log.get(__name__)


class Cancelled(Exception):
    """The run was cancelled; nothing is kept."""


class Failed(Exception):
    """The run cannot be done; the message says why."""


class RefreshJob:
    """The job. Begun again after a crash or a stop it does the same again: what the one before had done went with its transaction."""

    noun = "refresh"

    def __init__(self, services: Services) -> None:
        self._services = services

    @goes_on
    async def run(self, workspace: str, run: str) -> None:
        """Carry one run out and write down how it ended."""
        here, uid = uuid.UUID(workspace), uuid.UUID(run)
        status, sentence = "error", f"The {self.noun} failed on our side. Try again; the server's log says more."
        try:
            begin = partial(background_work.begin, self._services.database, here, StorageRun, uid, noun=self.noun, most=MAX_TRIES)
            former = await retry_until_available(f"begin a {self.noun}", begin)
            if former is None:
                return
            if former == "cancelling":
                raise Cancelled
            await self._unless_cancelled(here, uid, lambda: retry_until_available(f"{self.noun} of a model", lambda: self._do(here, uid)))
            return
        except asyncio.CancelledError:
            await background_work.leave(self._services.database, here, StorageRun, uid)
            raise
        except Cancelled:
            status, sentence = "cancelled", None
        except (Failed, background_work.TooManyTries) as fault:
            sentence = str(fault)
        except Exception as error:
            _log.exception(f"a {self.noun} failed", run=run, cause=f"{type(error).__name__}: {error}"[:300])
        await retry_until_available(f"end a {self.noun}", lambda: self._end(here, uid, status, sentence))

    async def _unless_cancelled(self, here: uuid.UUID, uid: uuid.UUID, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, and stop in the middle of it when the run is cancelled."""
        working = asyncio.ensure_future(work())
        try:
            while not (await asyncio.wait({working}, timeout=LOOK_SECONDS))[0]:
                if await self._is_cancelling(here, uid):
                    raise Cancelled
            working.result()
        finally:
            await tasks.cancel(working)

    async def _is_cancelling(self, here: uuid.UUID, uid: uuid.UUID) -> bool:
        with suppress(*DATABASE_UNAVAILABLE):
            async with self._services.database.session(here) as db:
                return await db.scalar(select(StorageRun.status).where(StorageRun.uuid == uid)) == "cancelling"
        return False

    async def _do(self, workspace: uuid.UUID, uid: uuid.UUID) -> None:
        async with self._services.database.session(workspace) as db:
            # Of two workers on one run (one was taken for dead) the second waits here, and then finds it finished.
            await db.execute(text("select pg_advisory_xact_lock(hashtextextended(:run, 11))"), {"run": str(uid)})
            run = await db.scalar(select(StorageRun).where(StorageRun.uuid == uid))
            if run is None or run.finished_at is not None:
                return
            ctx = self._context(db, run)
            try:
                values = await self.carry_out(ctx, run)
            except (UnreadableFile, InvalidConfig, UnificationFailed) as fault:
                raise Failed(str(fault)) from None
            except Refusal as refusal:
                raise Failed(refusal.message) from None
            await _mark_success(db, uid, warnings=ctx.warnings, **values)
            crash_points.point(f"before {self.noun} commit")
            await db.commit()
            crash_points.point(f"after {self.noun} commit")

    async def carry_out(self, ctx: Context, run: StorageRun) -> dict[str, Any]:
        """Do what the run is for, in the context's transaction; what is written down of it. Failed or a refusal where it cannot be done."""
        counts, files, fingerprint = await _read_source(ctx, run)
        values: dict[str, Any] = {"counts": counts.to_wire(), "file_names": files, "fingerprint": fingerprint}
        done = counts.added + counts.updated + counts.unchanged
        return values | ({"records_done": done, "records_total": done} if files else {})

    def _context(self, db: AsyncSession, row: StorageRun) -> Context:
        """The context of a handler, in the name of the user who started the run, without permissions."""
        who = Caller(row.user_uuid, uuid.UUID(int=0), row.workspace_uuid, "", ())
        return Context(who, db, self._services, base_url="", request_id=str(ids.new()))

    async def _end(self, here: uuid.UUID, uid: uuid.UUID, status: str, sentence: str | None) -> None:
        async with self._services.database.session(here) as db:
            now = clock.now()
            values: dict[str, Any] = {"status": status, "error_message": sentence, "finished_at": now, "updated_at": now}
            await db.execute(update(StorageRun).where(StorageRun.uuid == uid, StorageRun.finished_at.is_(None)).values(values))
            await notify_waiting(db, uid)
            await db.commit()


async def _read_source(ctx: Context, row: StorageRun) -> tuple[RunCounts, list[str], str | None]:
    """Read the source and resolve identities. Returns the counts, the files that were read, and the fingerprint of the source."""
    model_row = await model.find(ctx.db, str(row.model_uuid))
    relation = None if model_row is None else (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(model_row.uuid)
    if model_row is None or relation is None:
        raise Failed("The model was removed.")
    counts, files = RunCounts(), list[str]()
    if model_row.extractor_slug == extractors.UPLOAD_FILE:
        progress = partial(note_progress, ctx, row)
        counts, files = await file_source.read(ctx, relation, model_row.config, is_reset=row.is_reset, progress=progress)
    if unification.is_enabled(model_row):
        counts = counts.model_copy(update={"unified": await unification.resolve(ctx, model_row, relation)})
    return counts, files, file_source.fingerprint(model_row)


async def note_progress(ctx: Context, run: StorageRun, done: int, total: int) -> None:
    """Show how far a run is, outside of its transaction, which has not touched it yet."""
    values = {"records_done": done, "records_total": total, "updated_at": clock.now()}
    async with ctx.database.session(ctx.workspace) as db:
        await db.execute(update(StorageRun).where(StorageRun.uuid == run.uuid, StorageRun.finished_at.is_(None)).values(values))
        await db.commit()


async def _mark_success(db: AsyncSession, uid: uuid.UUID, **values: Any) -> None:
    now = clock.now()
    done = (
        update(StorageRun)
        .where(StorageRun.uuid == uid, StorageRun.status == "running")
        .values(status="success", error_message=None, finished_at=now, updated_at=now, **values)
        .returning(StorageRun.uuid)
    )
    if await db.scalar(done) is None:
        raise Cancelled
    await notify_waiting(db, uid)
