"""Fill job: compute the columns of all records of a model in chunks, and write down how far it is."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from psycopg import errors
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import background_work, events
from cargo_ai.domains.storage.columns import computed, laps
from cargo_ai.domains.storage.events import RecordsChanged
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.tables import StorageRun
from cargo_ai.domains.storage.waiting import notify_waiting
from cargo_ai.engine.dispatch.queue import goes_on
from cargo_ai.kernel import clock, log
from cargo_ai.records import rows
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import Database

CHUNK, LEAST_CHUNK = 2_000, 500
CHUNK_SECONDS = 0.06
"""What a chunk should take: a column that is added meanwhile waits for it, and all who read the model wait behind that."""
MAX_TRIES = 20
"""How often a worker may begin the same pass over the records: those before it died or were stopped."""
MAX_CHANGES = 10
"""How often in succession the columns may be changed under a chunk."""

_log = log.get(__name__)


class FillJob:
    """The job: a transaction for each chunk, with which the fill moves on. After a crash another worker goes on after the last chunk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @goes_on
    async def run(self, workspace: str, model: str, run: str | None = None, after: str = "") -> None:
        """Carry out the fill that is under way. A job of an earlier version names no run, and has none: it goes from `after` on."""
        here, of = uuid.UUID(workspace), uuid.UUID(model)
        if run is None:
            await self._fill_without_run(here, of, after)
            return
        uid = uuid.UUID(run)
        status, sentence = "error", "The fill failed on our side. Fill the column again; the server's log says more."
        try:
            begin = partial(background_work.begin, self._database, here, StorageRun, uid, noun="fill", most=MAX_TRIES)
            if not await retry_until_available("begin a fill", begin):
                return
            status, sentence = await retry_until_available("fill a column", lambda: self._fill(here, of, uid))
        except background_work.TooManyTries as fault:
            sentence = str(fault)
        except Exception as error:
            _log.exception("a fill failed", run=run, model=model, cause=f"{type(error).__name__}: {error}"[:300])
        await retry_until_available("end a fill", lambda: self._end(here, uid, status, sentence))

    async def _fill(self, here: uuid.UUID, of: uuid.UUID, uid: uuid.UUID) -> tuple[str, str | None]:
        """Fill chunk by chunk; the status with which the fill ends, and the sentence of an error."""
        changes, count = 0, min(CHUNK, LEAST_CHUNK)
        while True:
            began = clock.seconds()
            try:
                ended = await self._fill_chunk(here, of, uid, count)
                changes, count = 0, next_count(count, clock.seconds() - began)
            except (errors.UndefinedColumn, errors.UndefinedTable):
                # The columns were changed since the catalog was read.
                changes += 1
                if changes > MAX_CHANGES:
                    raise
                continue
            if ended is not None:
                return ended

    async def _fill_chunk(self, here: uuid.UUID, of: uuid.UUID, uid: uuid.UUID, count: int) -> tuple[str, str | None] | None:
        async with self._database.session(here) as db:
            fill = await db.scalar(select(StorageRun).where(StorageRun.uuid == uid))
            if fill is None or fill.finished_at is not None or fill.status == "cancelling":
                return "cancelled", None
            relation = (await model_catalog.catalog(db, here)).by_model(of)
            if relation is None:
                return "error", "The model was removed."
            connection = await driver_connection(db)
            unfilled = fill.laps if fill.laps is not None else laps.begin({}, fill.unfilled_slugs, "")
            record_ids = (
                await rows.ids_after(connection, relation, fill.after_id or "", count, up_to=laps.ends(unfilled)) if unfilled else []
            )
            left = await laps.past(connection, unfilled, record_ids[-1]) if record_ids else laps.past_the_end(unfilled)
            if not record_ids and not left:
                return ("success", None) if await self._complete(db, fill) else None
            warnings = await computed.refresh(connection, relation, record_ids, here, unfilled)
            if record_ids:
                await events.publish(db, RecordsChanged(here, of))
            if await self._move_on(db, fill, record_ids, warnings, left):
                await db.commit()
            return None

    async def _move_on(self, db: AsyncSession, fill: StorageRun, record_ids: list[str], found: list[str], left: laps.Laps) -> bool:
        """Write down that these records are done, or that it goes on with the first one, and what is left; False when columns were added,
        or another worker was faster: the chunk is then undone."""
        done = (fill.records_done or 0) + len(record_ids)
        known = [str(sentence) for sentence in fill.warnings or ()]
        fresh = [sentence for sentence in found if sentence not in known][: max(0, computed.MAX_WARNINGS - len(known))]
        for sentence in fresh:
            _log.warning("a computed column could not be filled", model=str(fill.model_uuid), cause=sentence)
        values: dict[str, Any] = {"after_id": record_ids[-1] if record_ids else "", "records_done": done, "updated_at": clock.now()}
        values["laps"] = left
        values |= {"records_total": max(done, fill.records_total or 0), "warnings": [*known, *fresh], "tries": 0}
        return await db.scalar(_of_pass(fill).values(values).returning(StorageRun.uuid)) is not None

    async def _complete(self, db: AsyncSession, fill: StorageRun) -> bool:
        now = clock.now()
        values: dict[str, Any] = {"status": "success", "finished_at": now, "updated_at": now, "is_incomplete": False}
        values |= {"records_total": fill.records_done, "error_message": None}
        if await db.scalar(_of_pass(fill).where(StorageRun.status == "running").values(values).returning(StorageRun.uuid)) is None:
            return False
        await notify_waiting(db, fill.uuid)
        await db.commit()
        return True

    async def _end(self, here: uuid.UUID, uid: uuid.UUID, status: str, sentence: str | None) -> None:
        async with self._database.session(here) as db:
            now = clock.now()
            values: dict[str, Any] = {"status": status, "error_message": sentence, "finished_at": now, "updated_at": now}
            await db.execute(update(StorageRun).where(StorageRun.uuid == uid, StorageRun.finished_at.is_(None)).values(values))
            await notify_waiting(db, uid)
            await db.commit()

    async def _fill_without_run(self, here: uuid.UUID, of: uuid.UUID, after: str) -> None:
        while True:
            async with self._database.session(here) as db:
                relation = (await model_catalog.catalog(db, here)).by_model(of)
                connection = await driver_connection(db)
                record_ids = await rows.ids_after(connection, relation, after, CHUNK) if relation is not None else []
                if relation is None or not record_ids:
                    return
                await computed.refresh(connection, relation, record_ids, here)
                await events.publish(db, RecordsChanged(here, of))
                await db.commit()
                after = record_ids[-1]


def next_count(count: int, seconds: float) -> int:
    """How many records to take next, given how long it took with the last ones."""
    return min(CHUNK, max(LEAST_CHUNK, int(count * CHUNK_SECONDS / max(seconds, 0.001))))


def _of_pass(fill: StorageRun) -> Any:
    """The fill as it was read: no column was added since, and no other worker has moved it on."""
    unchanged = (StorageRun.pass_number == fill.pass_number, StorageRun.after_id == fill.after_id, StorageRun.finished_at.is_(None))
    return update(StorageRun).where(StorageRun.uuid == fill.uuid, *unchanged)
