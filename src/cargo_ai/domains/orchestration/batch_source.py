"""Batch sources: where a worker reads the records of a batch from: uploaded files and inline records."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from cargo_ai.engine.enumerate import Chunks, SourceFailed
from cargo_ai.roomkit.csvfile import BadFile, csv_chunks, json_chunks
from cargo_ai.roomkit.plugins import Parts, plugin
from cargo_ai.store.files import FileMissing, FileStore, owned

JSON_LINES = (".ndjson", ".jsonl")


@plugin
def plug(parts: Parts) -> None:
    """Let workers read batches of kind `file` and `records`."""
    parts.sources.kinds["file"] = lambda workspace, data, skip: _file(parts.files, workspace, data, skip)
    parts.sources.kinds["records"] = lambda workspace, data, skip: _file(parts.files, workspace, data, skip)


async def _file(files: FileStore, workspace: uuid.UUID, data: Mapping[str, Any], skip: int) -> Chunks:
    try:
        key = owned(str(data["s3Filename"]), workspace)
    except FileMissing:
        raise SourceFailed("The file is not of this workspace.") from None
    stream = files.stream(key)
    chunks: AsyncIterator[list[dict[str, Any]]] = (
        json_chunks(stream, skip=skip) if key.lower().endswith(JSON_LINES) else csv_chunks(stream, skip=skip)
    )
    mappings: Mapping[str, str] | None = data.get("mappings")
    try:
        async for chunk in chunks:
            yield [_mapped(row, mappings) for row in chunk] if mappings else chunk
    except BadFile as error:
        raise SourceFailed(str(error)) from None
    except FileMissing:
        raise SourceFailed("The uploaded file is gone: upload it again.") from None


def _mapped(row: Mapping[str, Any], mappings: Mapping[str, str]) -> dict[str, Any]:
    """The fields that the mapping names, each from its column; a missing column gives ''."""
    return {field: row.get(column, "") for field, column in mappings.items()}
