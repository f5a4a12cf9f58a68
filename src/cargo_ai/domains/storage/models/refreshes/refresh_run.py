"""Storage runs: start, list and cancel refreshes of models; workers carry them out (`refresh_job`). Fills of columns are listed, too."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage import run as contract
from cargo_ai.domains.storage.identity import unification
from cargo_ai.domains.storage.models import extractors, model
from cargo_ai.domains.storage.models.refreshes import file_source
from cargo_ai.domains.storage.sync import sync_state
from cargo_ai.domains.storage.tables import Model, StorageRun
from cargo_ai.domains.storage.waiting import notify_waiting
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid, Removed
from cargo_ai.store.driver import driver_connection

TASK = "storage.refresh"
REFRESH = "refresh"
SOURCES = frozenset({extractors.UPLOAD_FILE})
"""The extractors whose source can be read again."""

_MODELS = "cargo-ai storage model list"
_RUNS = "cargo-ai storage run list"


class CannotRefresh(ValueError):
    """No run was started; the message says why. `run`: the one that is under way."""

    def __init__(self, reason: Literal["modelNotCompatible", "alreadyRunning"], message: str, run: uuid.UUID | None = None) -> None:
        super().__init__(message)
        self.reason, self.run = reason, run


@dataclass(frozen=True, slots=True)
class LastRefresh:
    """When a refresh ended, and how many seconds it took."""

    ended_at: datetime
    seconds: float


def to_response(row: StorageRun) -> contract.Run:
    """The run on the wire."""
    return contract.Run(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        model_uuid=str(row.model_uuid),
        status=row.status,  # pyright: ignore[reportArgumentType]  # one of the literals, as we write it
        temporal_workflow_id=str(row.uuid),
        error_message=row.error_message,
        s3_filenames=[str(name) for name in row.file_names],
        is_reset=row.is_reset,
        is_force=row.is_force,
        counts=contract.RunCounts.model_validate(row.counts or {}),
        warnings=[str(sentence) for sentence in row.warnings or []],
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        kind=row.kind,  # pyright: ignore[reportArgumentType]  # one of the literals, as we write it
        column_slugs=[str(slug) for slug in row.column_slugs or []],
        records_done=row.records_done,
        records_total=row.records_total,
        waiting_for=row.waiting_for,
        change_set_uuid=str(row.change_set_uuid) if row.change_set_uuid else None,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateRun) -> contract.RunReply:
    """Start a refresh of a model."""
    row = await model.find(ctx.db, request.model_uuid, lock=True)
    row = found_or_refuse(contract.create, row, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
    if row.is_paused and not request.is_force:
        contract.create.refuse("modelIsPaused", fix=f"cargo-ai storage model update --uuid {row.uuid} --is-paused false")
    if not (request.is_force or request.is_reset) and await is_up_to_date(ctx.db, row):
        contract.create.refuse("upToDate", fix=f"cargo-ai storage run create --model-uuid {row.uuid} --is-force")
    try:
        run = await start(ctx.db, row, user=ctx.who.user_uuid, is_reset=request.is_reset, is_force=request.is_force)
    except CannotRefresh as fault:
        if fault.reason == "alreadyRunning":
            contract.create.refuse("alreadyRunning", run=fault.run, fix=f"{_RUNS} --model-uuid {row.uuid}")
        contract.create.refuse("modelNotCompatible", problem=str(fault))
    return contract.RunReply(run=to_response(run))


@handles(contract.refresh)
async def refresh(ctx: Context, request: ByUuid) -> contract.RefreshedModel:
    """Start a refresh of a model, whether or not its source has changed."""
    row = await model.find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.refresh, row, "modelNotFound", uuid=request.uuid, fix=_MODELS)
    try:
        run = await start(ctx.db, row, user=ctx.who.user_uuid, is_force=True)
    except CannotRefresh as fault:
        if fault.reason == "alreadyRunning":
            contract.refresh.refuse("alreadySyncing", run=fault.run, fix=f"{_RUNS} --model-uuid {row.uuid}")
        contract.refresh.refuse("modelNotCompatible", problem=str(fault))
    ctx.warn(f"The model is being refreshed in the background (cargo-ai storage run get {run.uuid}).")
    return contract.RefreshedModel(model=(await model.response_for(ctx.db, row)).model, is_refreshing=True, run=to_response(run))


async def start(db: AsyncSession, row: Model, *, user: uuid.UUID, is_reset: bool = False, is_force: bool = False) -> StorageRun:
    """Start a run in the session's transaction: it exists, and a worker begins, when that commits. CannotRefresh when there is nothing to
    read or a run is under way."""
    is_synced = await model.connector_of(db, row.dataset_uuid) is not None
    if not is_synced and row.extractor_slug not in SOURCES and not unification.is_enabled(row):
        sentence = f"Records of models made by {row.extractor_slug} come in by API, by file or from workflows: there is no source to read."
        raise CannotRefresh("modelNotCompatible", sentence)
    problem = await unification.find_obstacle(db, row)
    if problem:
        raise CannotRefresh("modelNotCompatible", problem)
    unfinished = await _find_unfinished(db, row.uuid)
    if unfinished is not None:
        raise CannotRefresh("alreadyRunning", f"The model is being refreshed by run {unfinished}.", unfinished)
    run = StorageRun(
        uuid=ids.new(),
        workspace_uuid=row.workspace_uuid,
        model_uuid=row.uuid,
        user_uuid=user,
        status="pending",
        is_reset=is_reset,
        is_force=is_force,
        file_names=[],
    )
    try:
        async with db.begin_nested():
            db.add(run)
    except IntegrityError:
        # Another transaction, which did not lock the model, was faster.
        raise CannotRefresh("alreadyRunning", "The model is being refreshed already.", await _find_unfinished(db, row.uuid)) from None
    task = sync_state.TASK if is_synced else TASK
    await producer().defer(await driver_connection(db), task, "batch", workspace=str(row.workspace_uuid), run=str(run.uuid))
    return run


async def _find_unfinished(db: AsyncSession, of: uuid.UUID) -> uuid.UUID | None:
    return await db.scalar(
        select(StorageRun.uuid).where(StorageRun.model_uuid == of, StorageRun.kind == REFRESH, StorageRun.finished_at.is_(None))
    )


async def is_up_to_date(db: AsyncSession, row: Model) -> bool:
    """Whether the last run has read the source in its present state."""
    last = (
        select(StorageRun.fingerprint)
        .where(StorageRun.model_uuid == row.uuid, StorageRun.kind == REFRESH, StorageRun.status == "success")
        .order_by(StorageRun.uuid.desc())
        .limit(1)
    )
    now = file_source.fingerprint(row)
    return now is not None and await db.scalar(last) == now


async def last_refresh(db: AsyncSession, of: uuid.UUID) -> LastRefresh | None:
    """The newest refresh of a model of the session's workspace that went well."""
    query = select(StorageRun.created_at, StorageRun.finished_at).where(
        StorageRun.model_uuid == of, StorageRun.kind == REFRESH, StorageRun.status == "success", StorageRun.finished_at.is_not(None)
    )
    row = (await db.execute(query.order_by(StorageRun.uuid.desc()).limit(1))).one_or_none()
    if row is None or row.finished_at is None:
        return None
    return LastRefresh(row.finished_at, (row.finished_at - row.created_at).total_seconds())


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.RunReply:
    """One run."""
    row = await _find(ctx.db, request.uuid)
    row = found_or_refuse(contract.get, row, "runNotFound", uuid=request.uuid, fix=_RUNS)
    return contract.RunReply(run=to_response(row))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListRuns) -> contract.RunsReply:
    """A page of the runs of the workspace or of one model, newest first."""
    query = select(StorageRun).order_by(StorageRun.uuid.desc()).limit(request.limit).offset(request.offset)
    if request.model_uuid is not None:
        model_row = await model.find(ctx.db, request.model_uuid)
        model_row = found_or_refuse(contract.get_all, model_row, "modelNotFound", uuid=request.model_uuid, fix=_MODELS)
        query = query.where(StorageRun.model_uuid == model_row.uuid)
    if request.statuses:
        query = query.where(StorageRun.status.in_(request.statuses))
    return contract.RunsReply(runs=[to_response(row) for row in await ctx.db.scalars(query)])


@handles(contract.cancel)
async def cancel(ctx: Context, request: ByUuid) -> Removed:
    """Cancel a run: one that no worker has started, or that waits, ends at once; another one stops. A refresh from a file undoes what it
    did, a sync keeps what it has read."""
    row = await _find(ctx.db, request.uuid)
    row = found_or_refuse(contract.cancel, row, "runNotFound", uuid=request.uuid, fix=_RUNS)
    now = clock.now()
    this_run = StorageRun.uuid == row.uuid
    waiting = (
        update(StorageRun)
        .where(this_run, StorageRun.status == "pending")
        .values(status="cancelled", waiting_for=None, finished_at=now, updated_at=now)
    )
    running = update(StorageRun).where(this_run, StorageRun.finished_at.is_(None)).values(status="cancelling", updated_at=now)
    for statement in (waiting, running):
        if await ctx.db.scalar(statement.returning(StorageRun.uuid)) is not None:
            await sync_state.forget_ids(ctx.db, row.uuid)
            await notify_waiting(ctx.db, row.uuid)
            break
    else:
        await ctx.db.refresh(row)
        contract.cancel.refuse("runAlreadyFinished", status=row.status)
    return Removed(uuid=str(row.uuid))


async def _find(db: AsyncSession, text: str) -> StorageRun | None:
    return await db.scalar(select(StorageRun).where(StorageRun.uuid == ids.parse(text)))
