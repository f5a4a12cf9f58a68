"""Preview: show the columns and records that an extractor would bring, before a model is created."""

from __future__ import annotations

from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.storage import preview as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.storage.models import extractors
from cargo_ai.domains.storage.models.extractors import InvalidConfig
from cargo_ai.domains.storage.records import read_file
from cargo_ai.domains.storage.records.read_file import InferredModel, UnreadableFile
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input


@handles(contract.preview)
async def preview(ctx: Context, request: contract.Preview) -> contract.PreviewReply:
    """Columns, first records, count."""
    inferred = await _infer_model(ctx, contract.preview, request)
    columns = [
        contract.PreviewColumn(slug=column.slug, type=column.type, label=column.label, description=column.description)
        for column in inferred.shape.columns
    ]
    return contract.PreviewReply(records=inferred.records, columns=columns, count=inferred.count)


@handles(contract.preview_count)
async def preview_count(ctx: Context, request: contract.Preview) -> contract.PreviewCount:
    """The count alone."""
    return contract.PreviewCount(count=(await _infer_model(ctx, contract.preview_count, request)).count)


async def _infer_model(ctx: Context, operation: Operation[Any, Any, Any], request: contract.Preview) -> InferredModel:
    uid = ids.parse(request.dataset_uuid)
    dataset = await connection.dataset(ctx.db, uid) if uid else None
    dataset = found_or_refuse(operation, dataset, "datasetNotFound", uuid=request.dataset_uuid, fix="cargo-ai storage dataset list")
    if dataset.kind == "connector" or request.slug not in extractors.EXTRACTORS:
        operation.refuse("integrationNotCompatible", extractor=request.slug, extractors=", ".join(extractors.EXTRACTORS))
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
