"""Models: show, list and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.context.removal.named_users import NamedUsers
from cargo_ai.contract.connection.dataset import Dataset
from cargo_ai.contract.storage import model as contract
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.columns import filling
from cargo_ai.domains.storage.models import model_bin, model_catalog, model_usages
from cargo_ai.domains.storage.tables import Model, StorageRun
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import ByUuid
from cargo_ai.records import ddl, names
from cargo_ai.store.driver import driver_connection, fetch

LIST = "cargo-ai storage model list"
DATASETS = "cargo-ai storage dataset list"
LANGUAGE = "postgresql"
NEWER = aliased(StorageRun)
"""A later run of the same model. Once for the process: to make an alias takes longer than the rest of a statement."""


class ModelStats:
    """What responses about models need besides their rows: datasets, how often they are used, their last runs and writes."""

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self.datasets = datasets
        self.plays: dict[uuid.UUID, int] = {}
        self.segments: dict[uuid.UUID, int] = {}
        self.runs: dict[uuid.UUID, StorageRun] = {}
        self.fills: dict[uuid.UUID, StorageRun] = {}
        self.emitted: dict[uuid.UUID, datetime] = {}

    @staticmethod
    async def of(db: AsyncSession, rows: Sequence[Model]) -> ModelStats:
        """For these models of the session's workspace."""
        stats = ModelStats({dataset.uuid: dataset for dataset in await connection.datasets(db)})
        if not rows:
            return stats
        stats.plays = await usages.count_by_target(db, model_usages.MODEL, "play")
        stats.segments = await usages.count_by_target(db, model_usages.MODEL, "segment")
        of_these = StorageRun.model_uuid.in_([row.uuid for row in rows])
        overtaking = (NEWER.model_uuid == StorageRun.model_uuid, NEWER.kind == StorageRun.kind, NEWER.uuid > StorageRun.uuid)
        latest = select(StorageRun).where(of_these, StorageRun.kind == "refresh", ~exists().where(*overtaking))
        stats.runs = {run.model_uuid: run for run in await db.scalars(latest)}
        fills = await db.scalars(select(StorageRun).where(of_these, StorageRun.is_incomplete))
        stats.fills = {fill.model_uuid: fill for fill in fills}
        stats.emitted = await _last_written(db, rows)
        return stats


async def _last_written(db: AsyncSession, rows: Sequence[Model]) -> dict[uuid.UUID, datetime]:
    """When a record of each model was last written, from the newest entry in its log."""
    queries = [
        f"(select {number}, at from {names.qualify(row.schema_name, row.log_name)} where op <> 'f' order by xid desc limit 1)"  # noqa: S608 - quoted
        for number, row in enumerate(rows)
    ]
    entries: list[tuple[int, datetime]] = await fetch(await driver_connection(db), " union all ".join(queries))
    return {rows[number].uuid: at for number, at in entries}


def to_response(row: Model, stats: ModelStats) -> contract.Model:
    """The model on the wire."""
    dataset = stats.datasets.get(str(row.dataset_uuid))
    run, fill = stats.runs.get(row.uuid), stats.fills.get(row.uuid)
    return contract.Model.model_validate(
        {
            "uuid": row.uuid,
            "workspaceUuid": row.workspace_uuid,
            "slug": row.slug,
            "name": row.name,
            "description": row.description,
            "datasetUuid": row.dataset_uuid,
            "extractorSlug": row.extractor_slug,
            "position": row.position or {},
            "config": row.config,
            "schedule": row.schedule,
            "meta": None,
            "columns": [raw for raw in model_catalog.ordered_columns(row) if raw["kind"] == "original"],
            "additionalColumns": [raw for raw in model_catalog.ordered_columns(row) if raw["kind"] != "original"],
            "idColumnSlug": row.id_column_slug,
            "unification": row.unification,
            "titleColumnSlug": row.title_column_slug,
            "timeColumnSlug": row.time_column_slug,
            "folderUuid": row.folder_uuid,
            "playsCount": stats.plays.get(row.uuid, 0),
            "segmentsCount": stats.segments.get(row.uuid, 0),
            "isPaused": row.is_paused,
            "lastEmittedAt": stats.emitted.get(row.uuid),
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
            "deletedAt": row.deleted_at,
            "lastRun": None if run is None else _run_to_response(run),
            "kind": "connector" if dataset is not None and dataset.kind == "connector" else "native",
            "connectorUuid": None if dataset is None else dataset.connector_uuid,
            "isRefreshing": any(work is not None and work.finished_at is None for work in (run, fill)),
            "filling": None if fill is None else filling.to_response(fill),
        }
    )


def _run_to_response(run: StorageRun) -> dict[str, Any]:
    return {
        "uuid": run.uuid,
        "status": run.status,
        "errorMessage": run.error_message,
        "createdAt": run.created_at,
        "finishedAt": run.finished_at,
    }


async def response_for(db: AsyncSession, row: Model) -> contract.ModelReply:
    """The response about one model."""
    return contract.ModelReply(model=to_response(row, await ModelStats.of(db, [row])))


async def find(db: AsyncSession, model: str, *, lock: bool = False) -> Model | None:
    """The model with this uuid; None when it is unknown or removed. `lock`: this transaction changes its definition."""
    query = select(Model).where(Model.uuid == ids.parse(model), Model.deleted_at.is_(None))
    return await db.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.ModelReply:
    """One model."""
    row = await find(ctx.db, request.uuid)
    row = found_or_refuse(contract.get, row, "modelNotFound", uuid=request.uuid, fix=LIST)
    return await response_for(ctx.db, row)


@handles(contract.all)
async def all_(ctx: Context, request: contract.ListModels) -> contract.ModelsReply:
    """The models of the workspace or of one dataset, newest first."""
    query = select(Model).where(Model.deleted_at.is_(None)).order_by(Model.uuid.desc())
    if request.dataset_uuid is not None:
        if await dataset_of(ctx, request.dataset_uuid) is None:
            contract.all.refuse("datasetNotFound", uuid=request.dataset_uuid, fix=DATASETS)
        query = query.where(Model.dataset_uuid == ids.parse(request.dataset_uuid))
    rows = (await ctx.db.scalars(query)).all()
    stats = await ModelStats.of(ctx.db, rows)
    return contract.ModelsReply(models=[to_response(row, stats) for row in rows])


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> RemovedToBin:
    """Remove a model that nothing uses: it goes to the bin with its records."""
    row = await find(ctx.db, request.uuid, lock=True)
    row = found_or_refuse(contract.remove, row, "modelNotFound", uuid=request.uuid, fix=LIST)
    await _refuse_used(ctx, row)
    return await model_bin.hide(ctx, row)


async def _refuse_used(ctx: Context, row: Model) -> None:
    users = await NamedUsers.of(ctx, await model_usages.users_of_model(ctx.db, row))
    own = {model_usages.MODEL, model_usages.RELATIONSHIP, "alert"}
    segments, own_users = users.only("segment"), users.only(*own)
    others = users.only(*({kind for kind, _ in users.who} - own - {"segment"}))
    details = {"users": users.details}
    # Workflows first: a play's segment is among the segments, and goes only with its play.
    if others.who:
        contract.remove.refuse("hasWorkflows", users=others.sentence, details=details, fix=others.fix)
    if segments.who:
        contract.remove.refuse("hasSegments", users=segments.sentence, details=details, fix=segments.fix)
    if own_users.who:
        fix = await model_usages.how_to_unrelate(ctx.db, own_users.who) or own_users.fix
        contract.remove.refuse("modelIsUsed", users=own_users.sentence, details=details, fix=fix)


@handles(contract.get_ddl)
async def get_ddl(ctx: Context, request: ByUuid) -> contract.Ddl:
    """The CREATE TABLE under the logical name."""
    model_uuid = ids.parse(request.uuid)
    relation = (await model_catalog.catalog(ctx.db, ctx.workspace)).by_model(model_uuid) if model_uuid else None
    relation = found_or_refuse(contract.get_ddl, relation, "modelNotFound", uuid=request.uuid, fix=LIST)
    return contract.Ddl(ddl=ddl.logical_create_table(relation), language=LANGUAGE)


@handles(contract.exists_by_slug)
async def exists_by_slug(ctx: Context, request: contract.ModelBySlug) -> contract.Exists:
    """Whether the slug is in use."""
    query = select(Model.uuid).where(
        Model.slug == request.slug, Model.dataset_uuid == ids.parse(request.dataset_uuid), Model.deleted_at.is_(None)
    )
    return contract.Exists(exists=await ctx.db.scalar(query) is not None)


async def dataset_of(ctx: Context, text: str) -> Dataset | None:
    """The dataset with this uuid, which then stays until the commit; None when it is unknown."""
    uid = ids.parse(text)
    return await connection.dataset(ctx.db, uid, lock=True) if uid else None


async def folder_of(ctx: Context, operation: Operation[Any, Any, Any], text: str | None) -> uuid.UUID | None:
    """The uuid of a folder of models; the operation refuses another one."""
    if text is None:
        return None
    folder = ids.parse(text)
    if folder is None or not await workspace.folder_exists(ctx.db, folder, "model"):
        operation.refuse("folderNotFound", uuid=text, fix="cargo-ai workspace folder list")
    return folder


async def connector_of(db: AsyncSession, dataset: uuid.UUID) -> uuid.UUID | None:
    """The connector that owns a dataset; None for the workspace's own."""
    owner = await connection.dataset(db, dataset)
    return ids.parse(owner.connector_uuid) if owner is not None and owner.connector_uuid else None


async def is_refreshing(db: AsyncSession, model: uuid.UUID) -> bool:
    """Whether a refresh of the model, or a fill of its columns, is under way."""
    unfinished = select(StorageRun.uuid).where(StorageRun.model_uuid == model, StorageRun.finished_at.is_(None))
    return await db.scalar(unfinished.limit(1)) is not None
