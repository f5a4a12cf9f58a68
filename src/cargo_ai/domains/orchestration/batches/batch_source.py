"""Batch sources: read the records of a batch's data, kind by kind, for workers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.engine.dispatch.enumerate import Chunks, Source, SourceFailed
from cargo_ai.engine.journal.tables import batches
from cargo_ai.files import parquet
from cargo_ai.files.csv_files import csv_chunks
from cargo_ai.files.json_files import json_chunks
from cargo_ai.files.text_files import InvalidFile
from cargo_ai.kernel import ids
from cargo_ai.store.files import FileMissing, require_owner

JSON_LINES = (".ndjson", ".jsonl")


def file_source(services: Services) -> Source:
    """Reads batches of kind `file` and `records`."""
    return lambda workspace, data, skip, _batch: of_file(services, workspace, data, skip)


async def files_in_use(db: AsyncSession, keys: Collection[str]) -> set[str]:
    """Which of these uploaded files a batch still reads."""
    name = batches.c.data["s3Filename"].as_string()
    return {str(key) for key in await db.scalars(select(name).where(batches.c.finished_ms.is_(None), name.in_(keys)))}


def filter_source(services: Services) -> Source:
    """Reads batches of kind `filter`."""
    return lambda workspace, data, skip, batch: segmentation.filter_chunks(
        services.database, workspace, _uuid_of(data, "modelUuid"), (data.get("filter"), data.get("sort"), data.get("limit")), batch, skip
    )


def segment_source(services: Services) -> Source:
    """Reads batches of kind `segment`."""
    return lambda workspace, data, skip, batch: segmentation.segment_chunks(
        services.database, workspace, _uuid_of(data, "segmentUuid"), batch, skip
    )


def record_source(services: Services) -> Source:
    """Reads batches of kind `recordIds`."""
    return lambda workspace, data, skip, batch: segmentation.record_chunks(
        services.database, workspace, _uuid_of(data, "modelUuid"), data["ids"], batch, skip
    )


def change_source(services: Services) -> Source:
    """Reads batches of kind `change`."""
    return lambda workspace, data, skip, batch: segmentation.change_chunks(
        services.database, workspace, _uuid_of(data, "changeUuid"), data["changeKinds"], batch, skip
    )


def _uuid_of(data: Mapping[str, Any], field: str) -> uuid.UUID:
    return ids.parse(str(data.get(field))) or uuid.UUID(int=0)


async def of_file(services: Services, workspace: uuid.UUID, data: Mapping[str, Any], skip: int) -> Chunks:
    """The rows of a file, after those to skip. Raises SourceFailed."""
    try:
        key = require_owner(str(data["s3Filename"]), workspace)
    except FileMissing:
        raise SourceFailed("The file is not of this workspace.") from None
    mappings: Mapping[str, str] | None = data.get("mappings")
    limits = parquet.Limits(bytes=services.settings.max_unpacked_bytes)
    try:
        async with aclosing(_rows(services.files.stream(key), key.lower(), skip, limits)) as chunks:
            async for chunk in chunks:
                yield [_apply_mappings(row, mappings) for row in chunk] if mappings else chunk
    except InvalidFile as error:
        raise SourceFailed(str(error)) from None
    except FileMissing:
        raise SourceFailed("The uploaded file no longer exists: upload it again.") from None


def _rows(stream: AsyncIterator[bytes], name: str, skip: int, limits: parquet.Limits) -> AsyncGenerator[list[dict[str, Any]]]:
    """The rows of a file by its name; those of CSV and Parquet are texts."""
    if name.endswith(JSON_LINES):
        return json_chunks(stream, skip=skip)
    return parquet.read_chunks(stream, limits, skip=skip) if parquet.is_parquet(name) else csv_chunks(stream, skip=skip)


def _apply_mappings(row: Mapping[str, Any], mappings: Mapping[str, str]) -> dict[str, Any]:
    """The fields that the mapping names, each from its column; a missing column gives ''."""
    return {field: row.get(column, "") for field, column in mappings.items()}
