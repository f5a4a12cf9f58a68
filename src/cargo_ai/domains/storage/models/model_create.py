"""Create models: with their table, and filled from an uploaded file or, from then on, from a connector."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.connection.dataset import Dataset
from cargo_ai.contract.storage import model as contract
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.models import extractors, model_catalog, model_usages, preview
from cargo_ai.domains.storage.models.extractors import Shape
from cargo_ai.domains.storage.models.model import DATASETS, LIST, dataset_of, folder_of, response_for
from cargo_ai.domains.storage.models.refreshes import file_source, refresh_run
from cargo_ai.domains.storage.records import read_file
from cargo_ai.domains.storage.records.read_file import InferredModel, UnreadableFile
from cargo_ai.domains.storage.records.row_results import RowResults
from cargo_ai.domains.storage.sync import connector_model, model_schedule, source_columns
from cargo_ai.domains.storage.sync.connector_model import SourceModel
from cargo_ai.domains.storage.tables import Model, ModelSource, StorageRun
from cargo_ai.kernel import clock, ids
from cargo_ai.records import ddl, names
from cargo_ai.records.catalog import Relation


async def ask_source(prepared: Preparation, request: contract.CreateModel) -> SourceModel | None:
    """The columns that a connector's extractor brings, before any transaction."""
    return await connector_model.prepare(prepared, contract.create, request.dataset_uuid, request.extractor_slug, request.config)


@handles(contract.create, before=ask_source)
async def create(ctx: Context, request: contract.CreateModel) -> contract.ModelReply:
    """Create the model with its table, log and view; an uploaded file is loaded into it, a connector's extractor begins its first sync."""
    source = cast("SourceModel | None", ctx.prepared)
    # First of all: while a file is read, no connection to the database is held.
    is_file = source is None and _from_file(request)
    inferred = await preview.read(ctx, contract.create, request.extractor_slug, request.config) if is_file else None
    dataset = await dataset_of(ctx, request.dataset_uuid)
    dataset = found_or_refuse(contract.create, dataset, "datasetNotFound", uuid=request.dataset_uuid, fix=DATASETS)
    if source is None and request.extractor_slug not in extractors.EXTRACTORS:
        problem = f"There is no extractor {request.extractor_slug} for this dataset; there are: {', '.join(extractors.EXTRACTORS)}."
        contract.create.refuse("integrationNotCompatible", problem=problem, fix="cargo-ai connection native-integration get")
    if request.schedule is not None:
        model_schedule.validate(contract.create, request.schedule, None if source is None else source.min_interval)
    if source is None and inferred is None:
        inferred = await preview.read(ctx, contract.create, request.extractor_slug, request.config)
    shape = source.shape if source is not None else cast("InferredModel", inferred).shape
    row = new_row(ctx, request, dataset, shape, await folder_of(ctx, contract.create, request.folder_uuid))
    relation = await add_with_table(ctx, row, dataset)
    if is_file:
        await _load_file(ctx, row, relation)
    if source is not None:
        await _begin_to_sync(ctx, row, source, request.schedule)
    return await response_for(ctx.db, row)


async def _begin_to_sync(ctx: Context, row: Model, source: SourceModel, schedule: contract.Schedule | None) -> None:
    """Remember what to ask the source for, and start the first sync."""
    slugs = source_columns.slugs_by_name(row)
    bookkeeping = sorted(slugs[name] for name in source.source.bookkeeping if name in slugs)
    place = ModelSource(model_uuid=row.uuid, workspace_uuid=ctx.workspace, cursor=None, bookkeeping=bookkeeping, columns=list(slugs))
    ctx.db.add(place)
    if schedule is not None:
        await model_schedule.put(ctx.db, row, schedule)
    run = await refresh_run.start(ctx.db, row, user=ctx.who.user_uuid)
    ctx.warn(f"The model is being filled in the background: cargo-ai storage run get {run.uuid}")


def _from_file(request: contract.CreateModel) -> bool:
    return request.extractor_slug == extractors.UPLOAD_FILE


async def _load_file(ctx: Context, row: Model, relation: Relation) -> None:
    """Load the model's file into it, as its first run."""
    key, began = read_file.file_key(row.config), clock.now()
    skips, options = row.config.get("skipInvalid") is True, read_file.file_options(row.config)
    with RowResults() as results:
        try:
            noted = results if skips else None
            filled = await read_file.load_file(ctx, relation, key, "import", skip_invalid=skips, results=noted, options=options)
        except UnreadableFile as fault:
            contract.create.refuse("fileInvalid", problem=str(fault))
        if filled.rejected_count:
            report = await results.save(ctx, row.uuid)
            ctx.warn(
                f"Rows that do not fit were left out: {filled.rejected_count:,}. They are listed, with the reason, by "
                f"cargo-ai storage record download-ingest-report --uuid {report.uuid}"
            )
    ctx.db.add(
        StorageRun(
            workspace_uuid=ctx.workspace,
            model_uuid=row.uuid,
            user_uuid=ctx.who.user_uuid,
            status="success",
            file_names=[key],
            counts={"added": filled.loaded.added},
            fingerprint=file_source.fingerprint(row),
            created_at=began,
            finished_at=clock.now(),
        )
    )
    await ctx.db.flush()


def new_row(ctx: Context, request: contract.CreateModel, dataset: Dataset, shape: Shape, folder: uuid.UUID | None) -> Model:
    """The row of a model that has no table yet."""
    physical = names.new_physical_names(ctx.workspace, dataset.slug, request.slug)
    return Model(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        dataset_uuid=uuid.UUID(dataset.uuid),
        slug=request.slug,
        name=request.name,
        description=request.description,
        extractor_slug=request.extractor_slug,
        config=request.config,
        columns=[column.to_wire() for column in shape.columns],
        additional_columns=[],
        column_order=[column.slug for column in shape.columns],
        id_column_slug=shape.id_column,
        title_column_slug=shape.title_column,
        time_column_slug=shape.time_column,
        folder_uuid=folder,
        is_paused=False,
        schema_name=physical.schema,
        table_name=physical.table,
        view_name=physical.view,
        log_name=physical.log,
        hashed_columns=[column.slug for column in shape.columns],
    )


async def add_with_table(ctx: Context, row: Model, dataset: Dataset) -> Relation:
    """Insert the row and create its table, which is returned; 409 `duplicateSlug` when the dataset has the slug already."""
    taken = select(Model.uuid).where(Model.dataset_uuid == row.dataset_uuid, Model.slug == row.slug, Model.deleted_at.is_(None))
    if await ctx.db.scalar(taken) is not None:
        contract.create.refuse("duplicateSlug", slug=row.slug, fix=LIST)
    try:
        async with ctx.db.begin_nested():
            ctx.db.add(row)
    except IntegrityError:
        # Another request took it between the look and the write.
        contract.create.refuse("duplicateSlug", slug=row.slug, fix=LIST)
    relation = model_catalog.to_relation(row, dataset.slug)
    known = await model_catalog.catalog(ctx.db, ctx.workspace)
    await definition.replace_views(ctx.db, known, [relation], ddl.create(relation))
    await model_usages.record_model(ctx.db, row, known, None if dataset.connector_uuid is None else uuid.UUID(dataset.connector_uuid))
    return relation
