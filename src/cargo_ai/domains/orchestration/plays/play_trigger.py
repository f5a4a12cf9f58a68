"""Play triggers: create the batch of a play in the transaction of its cause; the same cause never creates a second one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.batches import batch_data
from cargo_ai.domains.orchestration.plays.play_policy import END_TASK
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.admission import Rule
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.timers.schedule import DueSchedule, NotFired
from cargo_ai.engine.journal import crash_points
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import ids, log
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.availability import retry_until_available
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import Database

CHANGE = "playChange"
"""A change of a play's segment, which happens once. A trigger of the database writes these rows, with the change itself."""
DUE = "playDue"
"""The job that compares a play's segment and enrols what has changed."""
MAX_URGENT = 100
"""A change of at most this many records does not wait behind other batches."""

TAKE_HELD = """
delete from schedules where workspace_uuid = %s and kind = 'playChange' and owner_uuid = %s and next_fire_at is null returning name, payload
"""
SET_PROBLEM = "update schedules set problem = %s where workspace_uuid = %s and kind = 'play' and owner_uuid = %s"

_log = log.get(__name__)


async def ready(db: AsyncSession, play: uuid.UUID) -> tuple[Play, submit.RunSpec]:
    """An enabled play, locked, so that its batches are created one after the other, and what they walk. Raises NotFired."""
    row = await db.scalar(select(Play).where(Play.uuid == play, Play.deleted_at.is_(None)).with_for_update())
    if row is None:
        raise NotFired("The play has been removed.")
    if not row.is_enabled:
        raise NotFired(f"The play {row.name!r} is disabled: cargo-ai orchestration play update {row.uuid} --is-enabled true")
    runnable = await lookup.runnable(db, row.workflow_uuid)
    if runnable is None or runnable.release_uuid is None or not runnable.nodes:
        raise NotFired(f"The play {row.name!r} has nothing deployed: cargo-ai orchestration draft-release deploy")
    return row, submit.RunSpec(row.workspace_uuid, row.workflow_uuid, row.user_uuid, runnable.release_uuid, runnable.nodes)


async def start(
    db: AsyncSession, row: Play, spec: submit.RunSpec, data: JsonObject, cause: str, *, urgent: bool = False, uid: uuid.UUID | None = None
) -> uuid.UUID | None:
    """A batch of the play; None when its cause has made one before. Data with `skip` makes one that is over at once."""
    if await db.scalar(select(batches.c.uuid).where(batches.c.workflow_uuid == row.workflow_uuid, batches.c.cause == cause)) is not None:
        return None
    crash_points.point("before play batch")
    if not data.get("skip"):
        data = data | await batch_data.incomplete_columns(db, row.workspace_uuid, data)
    request = submit.BatchRequest(
        spec=spec,
        data=data,
        uid=uid or ids.new(),
        enrolment=cast("Rule", row.run_creation_rule),
        cause=cause,
        urgent=urgent,
        skip=bool(data.get("skip")),
        at_end=END_TASK,
    )
    await submit.submit_batch(await driver_connection(db), producer(), request)
    return request.uid


async def on_change(
    db: AsyncSession, row: Play, spec: submit.RunSpec, change: str, payload: Mapping[str, Any], uid: uuid.UUID | None = None
) -> uuid.UUID | None:
    """Enrol the records of a change of the play's segment; None when none of its kinds is wanted. `payload`: that of `SegmentChanged`.

    What only the play's own runs have written does not enter: else a play that writes what it tracks would wake itself forever.
    """
    counts: Mapping[str, int] = payload["counts"]
    if not sum(counts[kind] for kind in row.change_kinds):
        return None
    own = await segmentation.exclude_self_caused(db, uuid.UUID(change), row.workflow_uuid)
    count = sum(counts[kind] - own.get(kind, 0) for kind in row.change_kinds)
    if not count:
        return None
    data = _data(row) | {"changeUuid": change, "totalRecordsCount": sum(counts[kind] for kind in ("added", "updated", "unchanged"))}
    data |= {f"{kind}RecordsCount": count for kind, count in counts.items()}
    return await start(db, row, spec, data, f"change:{change}", urgent=count <= MAX_URGENT, uid=uid)


def _data(row: Play) -> JsonObject:
    return {
        "kind": "schedule",
        "modelUuid": str(row.model_uuid),
        "segmentUuid": str(row.segment_uuid),
        "changeKinds": row.change_kinds,
    }


async def on_segment_change(db: AsyncSession, due: DueSchedule) -> uuid.UUID | None:
    """A change of a realtime play's segment."""
    row, spec = await ready(db, due.owner)
    return await on_change(db, row, spec, due.name, due.payload)


async def on_clock(db: AsyncSession, due: DueSchedule) -> uuid.UUID:
    """A cron schedule of a play: comparing may take a while, so a job does that."""
    row, _ = await ready(db, due.owner)
    batch = ids.new()
    await defer_comparison(db, row, f"due:{due.due.isoformat()}", batch)
    return batch


async def defer_comparison(db: AsyncSession, row: Play, cause: str, batch: uuid.UUID) -> None:
    """Have a worker compare the play's segment with its last state, and enrol what has changed."""
    names = {"workspace": str(row.workspace_uuid), "play": str(row.uuid), "cause": cause, "batch": str(batch)}
    await producer().defer(await driver_connection(db), DUE, "interactive", **names)


class TriggerJob:
    """The job: one play that is due. Repeated after a crash, it enrols nothing twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, workspace: str, play: str, cause: str, batch: str) -> None:
        """Compare, and enrol everything since the last time, each change as a batch; without any, a skipped batch shows that it was due."""
        await retry_until_available("firing a play", lambda: self._due(uuid.UUID(workspace), uuid.UUID(play), cause, uuid.UUID(batch)))

    async def _due(self, workspace: uuid.UUID, play: uuid.UUID, cause: str, batch: uuid.UUID) -> None:
        async with self._database.turns.take(workspace), self._database.session(workspace) as db:
            try:
                row, spec = await ready(db, play)
                await segmentation.compute_change(db, row.segment_uuid)
            except NotFired as error:
                _log.warning("a play did not fire", play=str(play), cause=str(error))
                return
            except segmentation.InvalidFilter as error:
                await self._trouble(workspace, play, f"The play's filter no longer fits its model: {error}")
                return
            await db.flush()
            connection = await driver_connection(db)
            changes = await (await connection.execute(TAKE_HELD, (workspace, play))).fetchall()
            uid: uuid.UUID | None = batch
            for change, payload in sorted(changes):
                if await on_change(db, row, spec, change, payload, uid):
                    uid = None
            if uid is not None:
                await start(db, row, spec, _data(row) | {"skip": True}, cause, uid=uid)
            await db.commit()

    async def _trouble(self, workspace: uuid.UUID, play: uuid.UUID, sentence: str) -> None:
        _log.warning("a play did not fire", play=str(play), cause=sentence)
        async with self._database.session(workspace) as db:
            await (await driver_connection(db)).execute(SET_PROBLEM, (sentence, workspace, play))
            await db.commit()
