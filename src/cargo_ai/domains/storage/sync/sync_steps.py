"""Sync steps: begin a sync, save its pages, remove what it did not read, finish it: one transaction each."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.process import Services
from cargo_ai.domains.storage.history.recorder import ChangeRecorder, Origin
from cargo_ai.domains.storage.identity import unification
from cargo_ai.domains.storage.models import model_catalog
from cargo_ai.domains.storage.records.write import Writer
from cargo_ai.domains.storage.records.write_backs import Echoes
from cargo_ai.domains.storage.sync import page_write, source_columns
from cargo_ai.domains.storage.sync.sync_state import (
    COMPARING,
    FINISHING,
    PAUSED,
    READING,
    Part,
    SyncState,
    add_counts,
    add_warnings,
    defer,
    forget_ids,
    source_of,
)
from cargo_ai.domains.storage.tables import Model, StorageRun
from cargo_ai.domains.storage.waiting import notify_waiting
from cargo_ai.integrations.kit import ExtractedPage, SourceShape
from cargo_ai.kernel import clock, ids
from cargo_ai.records.catalog import Relation
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import statement
from cargo_ai.store.driver import Connection, driver_connection, fetch

AT_ONCE = 5_000
"""Records that are removed in one transaction."""

_UNREAD = """
select _id from $table as t where not exists (select from synced_ids as s where s.run_uuid = %s and s.record_id = t._id) limit %s
"""


class SyncFailed(Exception):
    """The sync cannot go on; the message says why."""


async def begin(state: SyncState, part: Part, shape: SourceShape, total: int | None) -> bool:
    """Give the model the columns that the source has now. Refusal (503) when its table is busy; False when the sync is not ours."""
    async with state.transaction(part) as mine:
        if mine is None:
            return False
        db, run = mine
        row = await _model(db, part, exclusive=True)
        added = await source_columns.add_columns(db, row, shape)
        if added:
            add_warnings(run, [f"The source has new columns: {', '.join(added[:20])}{' and more' if len(added) > 20 else ''}."])
        slugs = source_columns.slugs_by_name(row)
        source = await source_of(db, row)
        source.columns = [column.name for column in shape.columns if column.name in slugs]
        source.bookkeeping = sorted(slugs[name] for name in shape.bookkeeping if name in slugs)
        run.records_done, run.records_total = 0, total
        part.columns, part.bookkeeping = tuple(source.columns), frozenset(source.bookkeeping)
        await db.flush()
    return True


class PageSaver:
    """Saves the pages of one part of a sync."""

    def __init__(self, services: Services, state: SyncState, part: Part) -> None:
        self._services, self._state, self._part = services, state, part
        self._relation: Relation | None = None
        self._slugs: dict[str, str] = {}
        self._as_of: datetime | None = None

    async def save(self, page: ExtractedPage, *, defers: bool) -> Literal["go on", "stop"]:
        """Write a page, and where to go on after it. `defers`: another worker does. Repeated after a commit whose answer was lost, it does
        nothing more."""
        part = self._part
        async with self._state.transaction(part) as mine:
            if mine is None:
                return "stop"
            db, run = mine
            row = await _model(db, part)
            source = await source_of(db, row)
            # As the database gives it back, so that the two can be compared.
            following = json.loads(json.dumps(page.cursor))
            if run.step != READING or (source.cursor == following and following != part.cursor):
                # It was committed, and the answer was lost.
                return self._go_on(source.cursor, run.step, run.status)
            if source.cursor != part.cursor:
                # The model's config was changed: the walk begins again, with the columns that it has now.
                await defer(db, run)
                return "stop"
            relation = await self._relation_of(db, row)
            encoded = await page_write.encode(relation, self._slugs, page.records)
            writer = _writer(self._services, db, part, relation, run)
            echoes = self._echoes(await driver_connection(db), relation)
            await echoes.look(list(encoded.rows))
            counts = await page_write.write(writer, encoded, page.removed, part.bookkeeping)
            await echoes.recognize(part.bookkeeping)
            if part.is_comparing:
                await page_write.note_ids(await driver_connection(db), part.workspace, run.uuid, list(encoded.rows))
            add_counts(run, {name: getattr(counts, name) for name in ("added", "updated", "unchanged", "removed")})
            add_warnings(run, [*encoded.warnings, *writer.warnings])
            run.records_done = (run.records_done or 0) + len(page.records)
            run.tries = run.failures = 0
            source.cursor = following
            if not page.more:
                run.step = COMPARING if part.is_comparing else FINISHING
            elif row.is_paused and not run.is_force:
                run.status, run.waiting_for = "pending", PAUSED
            elif defers:
                await defer(db, run)
            await db.flush()
            after = source.cursor, run.step, run.status
        return self._go_on(*after)

    def _echoes(self, connection: Connection, relation: Relation) -> Echoes:
        part = self._part
        object_type = str(part.config.get("objectType") or "")
        return Echoes(connection, part.workspace, part.connector, object_type, relation, self._slugs)

    def _go_on(self, cursor: dict[str, Any] | None, step: str, status: str) -> Literal["go on", "stop"]:
        self._part.cursor, self._part.step = cursor, step
        return "stop" if status == "pending" else "go on"

    async def _relation_of(self, db: AsyncSession, row: Model) -> Relation:
        """The model's table; read again only when the model was changed."""
        if self._relation is None or self._as_of != row.updated_at:
            self._relation = await _relation(db, row)
            self._as_of = row.updated_at
            wanted = set(self._part.columns)
            self._slugs = {name: slug for name, slug in source_columns.slugs_by_name(row).items() if name in wanted}
        return self._relation


async def remove_unread(services: Services, state: SyncState, part: Part) -> bool:
    """Remove some of the records that the sync did not read; False when the sync is not ours any more."""
    async with state.transaction(part) as mine:
        if mine is None:
            return False
        db, run = mine
        row = await _model(db, part)
        relation = await _relation(db, row)
        query = statement(_UNREAD, table=table_name(relation))
        unread = [uid for (uid,) in await fetch(await driver_connection(db), query, [run.uuid, AT_ONCE])]
        if unread:
            removed = await _writer(services, db, part, relation, run).remove(sorted(unread))
            add_counts(run, {"removed": len(removed)})
        else:
            run.step = FINISHING
        await db.flush()
        part.step = run.step
    return True


async def finish(services: Services, state: SyncState, part: Part) -> None:
    """Resolve identities, and end the sync as a success. UnificationFailed."""
    async with state.transaction(part) as mine:
        if mine is None:
            return
        db, run = mine
        row = await _model(db, part)
        if unification.is_enabled(row):
            who = Caller(run.user_uuid, uuid.UUID(int=0), run.workspace_uuid, "", ())
            ctx = Context(who, db, services, base_url="", request_id=str(ids.new()))
            add_counts(run, {"unified": await unification.resolve(ctx, row, await _relation(db, row))})
            add_warnings(run, ctx.warnings)
        run.status, run.finished_at, run.waiting_for = "success", clock.now(), None
        run.records_total = run.records_done
        await db.flush()
        await forget_ids(db, run.uuid)
        await notify_waiting(db, run.uuid)


async def _model(db: AsyncSession, part: Part, *, exclusive: bool = False) -> Model:
    """The model, locked: so that its columns stay as they are, or for a change of them. SyncFailed when it is gone."""
    query = select(Model).where(Model.uuid == part.model, Model.deleted_at.is_(None))
    row = await db.scalar(query.with_for_update(read=not exclusive))
    if row is None:
        raise SyncFailed("The model was removed.")
    return row


async def _relation(db: AsyncSession, row: Model) -> Relation:
    relation = (await model_catalog.catalog(db, row.workspace_uuid)).by_model(row.uuid)
    if relation is None:
        raise SyncFailed("The model was removed.")
    return relation


def _writer(services: Services, db: AsyncSession, part: Part, relation: Relation, run: StorageRun) -> Writer:
    """Writes as part of the run's change set."""
    changes = ChangeRecorder(part.workspace, part.model, Origin("refresh", run.user_uuid, source=part.extractor.name), uuid=run.uuid)
    return Writer(db, part.workspace, relation, services.settings, changes)
