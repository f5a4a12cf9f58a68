"""File headings: find the column of a model that each heading of a file names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.names import former_slug, slug_from_header


def columns_of(relation: Relation, headings: Sequence[str], named: Mapping[str, str] | None = None) -> list[Column | None]:
    """The column of each heading: the one that `named` gives it by slug, else by its name in the source, by slug, or by its label where no
    other heading has that column; None where the model has no such column."""
    originals = {str(one.definition.get("originalSlug")): one for one in relation.columns if one.kind == "original"}
    named, taken = named or {}, set[str]()
    slugs = [slug_from_header(heading, taken) for heading in headings]
    found = [
        relation.column(named[heading]) if heading in named else originals.get(heading) or relation.column(heading) or relation.column(slug)
        for heading, slug in zip(headings, slugs, strict=True)
    ]
    labels = _by_label(relation)
    used = {column.slug for column in found if column is not None}
    for at, heading in enumerate(headings):
        column = relation.column(former_slug(heading)) or labels.get(_plain(heading))
        if found[at] is None and column is not None and column.slug not in used:
            found[at] = column
            used.add(column.slug)
    return found


def _by_label(relation: Relation) -> dict[str, Column]:
    """The columns that have a label for themselves."""
    columns: dict[str, list[Column]] = {}
    for column in relation.columns:
        columns.setdefault(_plain(column.label), []).append(column)
    return {label: same[0] for label, same in columns.items() if label and len(same) == 1}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
