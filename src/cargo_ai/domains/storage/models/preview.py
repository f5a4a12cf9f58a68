"""Preview: show the columns and records that an extractor would bring, before a model is created."""

from __future__ import annotations

from typing import Any, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage import preview as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.models import extractors
from cargo_ai.domains.storage.models.extractors import InvalidConfig
from cargo_ai.domains.storage.records import read_file
from cargo_ai.domains.storage.records.read_file import InferredModel, UnreadableFile
from cargo_ai.domains.storage.sync import connector_model
from cargo_ai.domains.storage.sync.connector_model import SourceModel
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input


async def ask_source(prepared: Preparation, request: contract.Preview) -> SourceModel | None:
    """What a connector's extractor would bring, before any transaction."""
    return await _ask(prepared, contract.preview, request, "records count")


async def count_source(prepared: Preparation, request: contract.Preview) -> SourceModel | None:
    """The same, its number of records alone."""
    return await _ask(prepared, contract.preview_count, request, "count")


async def _ask(prepared: Preparation, operation: Operation[Any, Any, Any], request: contract.Preview, reads: str) -> SourceModel | None:
    return await connector_model.prepare(prepared, operation, request.dataset_uuid, request.slug, request.config, reads=reads)


@handles(contract.preview, before=ask_source)
async def preview(ctx: Context, request: contract.Preview) -> contract.PreviewReply:
    """Columns, first records, count."""
    source = cast("SourceModel | None", ctx.prepared)
    inferred = source if source is not None else await _infer_model(ctx, contract.preview, request)
    columns = [
        contract.PreviewColumn(slug=column.slug, type=column.type, label=column.label, description=column.description)
        for column in inferred.shape.columns
    ]
    return contract.PreviewReply(records=inferred.records, columns=columns, count=inferred.count)


@handles(contract.preview_count, before=count_source)
async def preview_count(ctx: Context, request: contract.Preview) -> contract.PreviewCount:
    """The count alone."""
    source = cast("SourceModel | None", ctx.prepared)
    if source is None:
        return contract.PreviewCount(count=(await _infer_model(ctx, contract.preview_count, request)).count)
    if source.count is None:
        problem = "The service does not tell how many records there are without giving them all."
        contract.preview_count.refuse("modelNotCompatible", problem=problem)
    return contract.PreviewCount(count=source.count)


async def _infer_model(ctx: Context, operation: Operation[Any, Any, Any], request: contract.Preview) -> InferredModel:
    uid = ids.parse(request.dataset_uuid)
    dataset = await connection.dataset(ctx.db, uid) if uid else None
    found_or_refuse(operation, dataset, "datasetNotFound", uuid=request.dataset_uuid, fix="cargo-ai storage dataset list")
    if request.slug not in extractors.EXTRACTORS:
        problem = f"There is no extractor {request.slug} for this dataset; there are: {', '.join(extractors.EXTRACTORS)}."
        operation.refuse("integrationNotCompatible", problem=problem)
    await ctx.db.rollback()  # no connection is held while a file is read
    return await read(ctx, operation, request.slug, request.config)


async def read(ctx: Context, operation: Operation[Any, Any, Any], extractor: str, config: dict[str, Any]) -> InferredModel:
    """The shape and first records by an extractor's config. The operation refuses `fileNotFound` and `fileInvalid`."""
    try:
        if extractor == extractors.UPLOAD_FILE:
            return await read_file.infer_model(ctx, config)
        return InferredModel(extractors.shape_of(extractor, config), 0, [])
    except InvalidConfig as fault:
        raise invalid_input(fault.errors) from None
    except UnreadableFile as fault:
        if fault.missing:
            operation.refuse("fileNotFound", file=config.get("s3Filename"), fix="cargo-ai workspace file upload --help")
        operation.refuse("fileInvalid", problem=str(fault))
