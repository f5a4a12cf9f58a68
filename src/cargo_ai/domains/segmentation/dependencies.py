"""Dependencies: what a filter, an order and tracked columns use: columns, for whoever would remove one, and models, whose writes count."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence

from cargo_ai.contract.segmentation.filter import Filter, OccurrenceCondition, SegmentCondition, SqlCondition
from cargo_ai.domains.segmentation.comparison_sql import all_conditions
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.kernel import ids
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn
from cargo_ai.records.filter.terms import SavedSegment

ColumnRef = tuple[uuid.UUID, str]
"""A column of a model."""


def columns_in(catalog: Catalog, relation: Relation, filter: Filter, slugs: Iterable[str] = ()) -> set[ColumnRef]:
    """The columns that a filter names, and `slugs` of its own model. Those of segments inside it are the business of those segments."""
    found = _own_columns(relation, slugs)
    for group in filter.groups:
        for one in all_conditions(group):
            if isinstance(one, OccurrenceCondition):
                found |= _related_columns(catalog, one.related_model_uuid, [inner.column_slug for inner in one.conditions])
            elif isinstance(one, SqlCondition):
                words = set(re.findall(r"\w+", one.clause))
                found |= {(relation.model, column.slug) for column in relation.columns if column.slug in words}
            elif (slug := getattr(one, "column_slug", None)) is not None:
                other = str(getattr(one, "related_model_uuid", None) or relation.model)
                found |= _related_columns(catalog, other, [slug])
    return found


def _own_columns(relation: Relation, slugs: Iterable[str]) -> set[ColumnRef]:
    named = (relation.column(slug) for slug in slugs)
    return {(relation.model, one.slug) for one in named if one is not None and one.kind != "system"}


def _related_columns(catalog: Catalog, model: str, slugs: Iterable[str]) -> set[ColumnRef]:
    uid = ids.parse(model)
    relation = catalog.by_model(uid) if uid else None
    return _own_columns(relation, slugs) if relation else set()


def related_models_in(filter: Filter) -> set[uuid.UUID]:
    """The models that a filter names beside its own."""
    every = [one for group in filter.groups for one in all_conditions(group)]
    named = (ids.parse(str(getattr(one, "related_model_uuid", None))) for one in every)
    return {uid for uid in named if uid is not None}


def segments_in(filter: Filter) -> set[str]:
    """The segments that a filter names."""
    return {one.segment_uuid for group in filter.groups for one in all_conditions(group) if isinstance(one, SegmentCondition)}


def deciding_models(
    catalog: Catalog, relation: Relation, every: Sequence[Filter], inside: Mapping[str, SavedSegment], tracked: Iterable[str]
) -> set[uuid.UUID]:
    """The models whose writes may change who is in a segment or what is tracked of them. `every`: its filter; `inside`: the segments
    that this names, directly or through others; `tracked`: columns whose values count, those of the order included."""
    filters = [*every, *(one.filter for one in inside.values())]
    used: set[ColumnRef] = _own_columns(relation, tracked)
    for one in inside.values():
        used |= _own_columns(relation, (order.column_slug for order in one.sort))
    found = {relation.model}
    for filter in filters:
        used |= columns_in(catalog, relation, filter)
        found |= related_models_in(filter)
    ahead, seen = list(used), set[ColumnRef]()
    while ahead:
        place = ahead.pop()
        if place in seen:
            continue
        seen.add(place)
        found.add(place[0])
        ahead += _columns_read_by(catalog, place)
    return {model for model in found if catalog.by_model(model) is not None}


def _columns_read_by(catalog: Catalog, place: ColumnRef) -> list[ColumnRef]:
    """The columns that a metric or lookup reads; nothing for a column that is stored."""
    relation = catalog.by_model(place[0])
    column = relation.column(place[1]) if relation else None
    if relation is None or column is None or not column.is_computed_by_view:
        return []
    try:
        return [(other.model, slug) for other, slug in KINDS[column.kind].uses(catalog, relation, column)]
    except InvalidColumn:
        return []


def listed_columns(row: Segment) -> list[str]:
    """The columns that a segment names beside its filter: those of its order, tracked ones, those to show."""
    return [*(one.column_slug for one in to_saved_filter(row).sort), *(row.tracking_column_slugs or []), *(row.column_slugs or [])]
