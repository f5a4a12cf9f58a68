"""Incomplete columns: those being filled or recomputed, and the columns that depend on them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from cargo_ai.records.catalog import Catalog, Column, Filling, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn

ColumnRef = tuple[uuid.UUID, str]
"""A column: (model, slug)."""


def sentences(catalog: Catalog, refs: Iterable[ColumnRef]) -> list[str]:
    """A sentence for each of these columns that lacks values, in the order of the columns. O(1) where nothing is being filled."""
    if all(relation.filling is None and not relation.is_stale for relation in catalog.relations):
        return []
    incomplete = _incomplete(catalog)
    return list(dict.fromkeys(_sentence(ref[1], *incomplete[ref]) for ref in refs if ref in incomplete))


def of_relation(relation: Relation) -> list[ColumnRef]:
    """All columns of a model."""
    return [(relation.model, column.slug) for column in relation.columns]


def _sentence(slug: str, source: str, filling: Filling | None) -> str:
    name = slug if slug == source else f"{slug}, which reads {source},"
    if filling is None:
        return f"{name} is being computed again: records that it looks up have changed."
    count = f"{filling.done:,} of {filling.total:,} records"
    if not filling.ended:
        return f"{name} is still being filled: {count}."
    return f"{name} is not complete: it was filled for {count}, and then the fill ended (cargo-ai storage run get {filling.run})."


def _incomplete(catalog: Catalog) -> dict[ColumnRef, tuple[str, Filling | None]]:
    """Every column whose values are not complete, with the column that it is made from and the fill of that, if it is filled."""
    incomplete: dict[ColumnRef, tuple[str, Filling | None]] = {}
    for relation in catalog.relations:
        for slug in relation.filling.slugs if relation.filling else ():
            if relation.filling is not None and relation.column(slug) is not None:
                incomplete[relation.model, slug] = (slug, relation.filling)
        for column in relation.columns if relation.is_stale else ():
            if column.is_computed_on_write and _reads_lookup(catalog, relation, column):
                incomplete.setdefault((relation.model, column.slug), (column.slug, None))
    derived = [(relation, column) for relation in catalog.relations for column in relation.columns if column.derived]
    reads = {(relation.model, column.slug): _reads(catalog, relation, column) for relation, column in derived}
    while added := {
        ref: incomplete[source] for ref, sources in reads.items() if ref not in incomplete for source in sources if source in incomplete
    }:
        incomplete |= added
    return incomplete


def _reads_lookup(catalog: Catalog, relation: Relation, column: Column) -> bool:
    read = (relation.column(slug) for model, slug in _reads(catalog, relation, column) if model == relation.model)
    return any(other is not None and other.kind == "lookup" for other in read)


def _reads(catalog: Catalog, relation: Relation, column: Column) -> list[ColumnRef]:
    try:
        return [(other.model, slug) for other, slug in KINDS[column.kind].uses(catalog, relation, column)]
    except InvalidColumn:
        return []
