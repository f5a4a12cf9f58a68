"""Source columns: convert the columns that a service has into those of a model, and add new ones to a model that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.contract.storage.columns import OriginalColumn
from cargo_ai.domains.storage.columns import definition
from cargo_ai.domains.storage.events import ModelChanged
from cargo_ai.domains.storage.models import extractors, model_catalog
from cargo_ai.domains.storage.models.extractors import InvalidConfig, Shape
from cargo_ai.domains.storage.tables import Model
from cargo_ai.integrations.kit import SourceColumn, SourceShape
from cargo_ai.records import ddl
from cargo_ai.records.names import MAX_COLUMNS, qualify, slug_from_header, slug_problem
from cargo_ai.store.driver import driver_connection

MAX_LABEL, MAX_DESCRIPTION = 200, 2_000
_TITLES = frozenset({"string", "number", "date", "any"})


def shape_of(source: SourceShape) -> Shape:
    """The shape of a model of these columns. InvalidConfig where there are too many."""
    if len(source.columns) > MAX_COLUMNS:
        raise InvalidConfig("config", f"brings {len(source.columns):,} columns, and a model has at most {MAX_COLUMNS:,}: choose some")
    columns = new_columns(source.columns, [])
    slugs = {column.original_slug: column.slug for column in columns}
    types = {column.slug: column.type for column in columns}
    title = slugs.get(source.title or "")
    time = slugs.get(source.time or "")
    return extractors.apply_roles(
        tuple(columns),
        {
            "idColumnSlug": slugs[source.id],
            "titleColumnSlug": title if title is not None and types[title] in _TITLES else None,
            "timeColumnSlug": time if time is not None and types[time] == "date" else None,
        },
    )


def new_columns(columns: Sequence[SourceColumn], present: Sequence[Mapping[str, object]]) -> list[OriginalColumn]:
    """Columns for those of a source, beside the `present` ones of its model (as the wire has them), of which none is made again."""
    known = {str(raw.get("originalSlug")) for raw in present if raw.get("kind") == "original"}
    taken = {str(raw["slug"]).lower() for raw in present}
    return [_column(column, taken) for column in columns if column.name not in known]


def _column(column: SourceColumn, taken: set[str]) -> OriginalColumn:
    slug = column.name
    # As the service writes it, so that people find it; what would be two names to them and one to SQL gets a number.
    if slug_problem(slug) is not None or slug.lower() in taken:
        slug = slug_from_header(slug, taken)
    taken.add(slug.lower())
    return OriginalColumn(
        slug=slug,
        type=column.type,
        label=(column.label or column.name)[:MAX_LABEL],
        description=column.description[:MAX_DESCRIPTION] if column.description else None,
        original_slug=column.name,
    )


def slugs_by_name(row: Model) -> dict[str, str]:
    """The slugs of a model's original columns by their names at the source."""
    return {str(raw["originalSlug"]): str(raw["slug"]) for raw in row.columns}


async def add_columns(db: AsyncSession, row: Model, source: SourceShape) -> list[str]:
    """Give a locked model the columns that its source has meanwhile; their slugs. Those that the source lacks stay, with their values."""
    present = model_catalog.ordered_columns(row)
    added = new_columns(source.columns, present)[: max(0, MAX_COLUMNS - len(present))]
    if not added:
        return []
    row.columns = [*row.columns, *(column.to_wire() for column in added)]
    row.column_order = [*(str(raw["slug"]) for raw in present), *(column.slug for column in added)]
    await db.flush()
    known = await model_catalog.catalog(db, row.workspace_uuid)
    relation = known.by_model(row.uuid)
    assert relation is not None, "its row is locked"
    slugs = {column.slug for column in added}
    statements = [
        f"drop view if exists {qualify(relation.schema, relation.view)}",
        *ddl.add_columns(relation, [column for column in relation.columns if column.slug in slugs]),
        ddl.track_changes(relation),
    ]
    if await ddl.is_small(await driver_connection(db), relation):
        statements += ddl.rehash(relation)
        row.hashed_columns = [column.slug for column in relation.stored_columns]
        await db.flush()
        known = await model_catalog.catalog(db, row.workspace_uuid)
        relation = known.by_model(row.uuid)
        assert relation is not None, "its row is locked"
    await definition.replace_views(db, known, [relation], statements)
    await events.publish(db, ModelChanged(row.workspace_uuid, row.uuid))
    return sorted(slugs)
