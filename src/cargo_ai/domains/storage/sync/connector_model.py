"""Connector models: what an extractor of a connector would bring, asked for before the transaction of a request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Never

from cargo_ai.context.handlers import Preparation
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.connection.public import Source, SourceFault
from cargo_ai.domains.storage.models.extractors import InvalidConfig, Shape
from cargo_ai.domains.storage.sync import page_write, source_columns
from cargo_ai.integrations.kit import Record, SourceShape
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.values import from_text

SECONDS = 60.0
"""How long a service may take to answer a request."""
SHOWN = 20


@dataclass(frozen=True, slots=True)
class SourceModel:
    """What a source would make: the columns as it has them, and as a model has them; the first records, and their number where it tells."""

    source: SourceShape
    shape: Shape
    is_incremental: bool
    min_interval: int
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    count: int | None = None


async def prepare(
    prepared: Preparation, operation: Operation[Any, Any, Any], dataset: str, extractor: str, config: Mapping[str, Any], *, reads: str = ""
) -> SourceModel | None:
    """Ask the connector of a dataset; None for the workspace's own dataset and for one that is not there. `reads`: `records`, `count` or
    both, as `records count`. The operation refuses what cannot be, in a sentence."""
    connector = await _connector_of(prepared, dataset)
    if connector is None:
        return None
    try:
        async with asyncio.timeout(SECONDS):
            source = await connection.open_source(prepared.services, prepared.who.workspace_uuid, connector, extractor, config)
            shape = await source.shape()
            model = source_columns.shape_of(shape)
            records = await _first_records(source, shape, model) if "records" in reads else []
            count = await source.count() if "count" in reads else None
            return SourceModel(shape, model, source.extractor.is_incremental, source.extractor.min_interval, records, count)
    except InvalidConfig as fault:
        raise invalid_input(fault.errors) from None
    except SourceFault as fault:
        _refuse(operation, fault, connector, extractor)
    except TimeoutError:
        operation.refuse("modelNotCompatible", problem=f"The service did not answer within {SECONDS:.0f} seconds. Try again.")


def _refuse(operation: Operation[Any, Any, Any], fault: SourceFault, connector: uuid.UUID, extractor: str) -> Never:
    if fault.reason == "invalidConfig":
        raise invalid_input([{"path": "config", "message": str(fault)}])
    if fault.reason == "integrationNotCompatible":
        operation.refuse("integrationNotCompatible", problem=str(fault), extractor=extractor)
    if fault.reason in ("connectorNotFound", "integrationNotFound"):
        operation.refuse(fault.reason, connector=connector)
    operation.refuse("modelNotCompatible", problem=str(fault))


async def _connector_of(prepared: Preparation, dataset: str) -> uuid.UUID | None:
    uid = ids.parse(dataset)
    if uid is None:
        return None
    async with prepared.services.database.session(prepared.who.workspace_uuid) as db:
        found = await connection.dataset(db, uid)
    return None if found is None or found.connector_uuid is None else ids.parse(found.connector_uuid)


async def _first_records(source: Source, shape: SourceShape, model: Shape) -> list[dict[str, Any]]:
    """The first records as the model would have them."""
    records: list[Record] = []
    pages = source.pages([column.name for column in shape.columns], None)
    try:
        while len(records) < SHOWN:
            page = await pages.next()
            records += page.records
            if not page.more:
                break
    finally:
        await pages.close()
    columns = tuple(Column(column.slug, column.type, "original", column.label, column.to_wire()) for column in model.columns)
    preview = Relation(
        model=uuid.UUID(int=0), slug="preview", dataset="preview", schema="", table="", view="", columns=columns,
        id_column=model.id_column, title_column=model.title_column, time_column=model.time_column, log="", hashed=(),
    )  # fmt: skip
    slugs = {column.original_slug: column.slug for column in model.columns}
    encoded = await page_write.encode(preview, slugs, records[:SHOWN])
    types: dict[str, ColumnType] = {column.slug: column.type for column in model.columns}
    return [{"_id": uid} | {slug: from_text(text, types[slug]) for slug, text in row.items()} for uid, row in encoded.rows.items()]
