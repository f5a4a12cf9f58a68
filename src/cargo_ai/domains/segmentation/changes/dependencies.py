"""Dependencies: find the columns that a segment uses, and the models whose writes decide about it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence

from cargo_ai.contract.segmentation.filter import Filter, OccurrenceCondition, SegmentCondition, SqlCondition
from cargo_ai.domains.segmentation.changes.comparison_sql import all_conditions
from cargo_ai.domains.segmentation.filter_scope import to_saved_filter
from cargo_ai.domains.segmentation.tables import Segment
from cargo_ai.kernel import ids
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn
from cargo_ai.records.filter.terms import SavedSegment

ColumnRef = tuple[uuid.UUID, str]
"""A column: (model, slug)."""


def columns_in(catalog: Catalog, relation: Relation, filter: Filter, slugs: Iterable[str] = ()) -> set[ColumnRef]:
    """The columns that a filter names, and `slugs` of its own model. Segments that it names keep track of theirs."""
    refs = _own_columns(relation, slugs)
    for group in filter.groups:
        for condition in all_conditions(group):
            if isinstance(condition, OccurrenceCondition):
                refs |= _related_columns(catalog, condition.related_model_uuid, [part.column_slug for part in condition.conditions])
            elif isinstance(condition, SqlCondition):
                words = set(re.findall(r"\w+", condition.clause))
                refs |= {(relation.model, column.slug) for column in relation.columns if column.slug in words}
            elif (slug := getattr(condition, "column_slug", None)) is not None:
                model = str(getattr(condition, "related_model_uuid", None) or relation.model)
                refs |= _related_columns(catalog, model, [slug])
    return refs


def _own_columns(relation: Relation, slugs: Iterable[str]) -> set[ColumnRef]:
    columns = (relation.column(slug) for slug in slugs)
    return {(relation.model, column.slug) for column in columns if column is not None and column.kind != "system"}


def _related_columns(catalog: Catalog, model: str, slugs: Iterable[str]) -> set[ColumnRef]:
    uid = ids.parse(model)
    relation = catalog.by_model(uid) if uid else None
    return _own_columns(relation, slugs) if relation else set()


def related_models_in(filter: Filter) -> set[uuid.UUID]:
    """The other models that a filter names."""
    conditions = [condition for group in filter.groups for condition in all_conditions(group)]
    uuids = (ids.parse(str(getattr(condition, "related_model_uuid", None))) for condition in conditions)
    return {uid for uid in uuids if uid is not None}


def segments_in(filter: Filter) -> set[str]:
    """The segments that a filter names."""
    return {
        condition.segment_uuid for group in filter.groups for condition in all_conditions(group) if isinstance(condition, SegmentCondition)
    }


def deciding_models(
    catalog: Catalog, relation: Relation, every: Sequence[Filter], inside: Mapping[str, SavedSegment], tracked: Iterable[str]
) -> set[uuid.UUID]:
    """The models whose writes may change which records are in a segment or what is tracked of them. `every`: its filter; `inside`: the
    segments that the filter names, directly or through others; `tracked`: columns whose values count, those of the order included."""
    filters = [*every, *(saved.filter for saved in inside.values())]
    used: set[ColumnRef] = _own_columns(relation, tracked)
    for saved in inside.values():
        used |= _own_columns(relation, (order.column_slug for order in saved.sort))
    deciding = {relation.model}
    for filter in filters:
        used |= columns_in(catalog, relation, filter)
        deciding |= related_models_in(filter)
    pending, seen = list(used), set[ColumnRef]()
    while pending:
        ref = pending.pop()
        if ref in seen:
            continue
        seen.add(ref)
        deciding.add(ref[0])
        pending += _columns_read_by(catalog, ref)
    return {model for model in deciding if catalog.by_model(model) is not None}


def _columns_read_by(catalog: Catalog, ref: ColumnRef) -> list[ColumnRef]:
    """The columns that a metric or lookup reads; none for a stored column."""
    relation = catalog.by_model(ref[0])
    column = relation.column(ref[1]) if relation else None
    if relation is None or column is None or not column.is_computed_by_view:
        return []
    try:
        return [(other.model, slug) for other, slug in KINDS[column.kind].uses(catalog, relation, column)]
    except InvalidColumn:
        return []


def listed_columns(row: Segment) -> list[str]:
    """The columns that a segment names outside its filter: in its order, as tracked ones, as those to show."""
    return [*(order.column_slug for order in to_saved_filter(row).sort), *(row.tracking_column_slugs or []), *(row.column_slugs or [])]
