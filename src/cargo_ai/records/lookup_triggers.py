"""Triggers that write down which looked-up values changed: for computed columns that read lookups of another model."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn, filter_slugs, text_of
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import literal, quote

KEY_TYPES = frozenset({"string", "number", "boolean", "date"})
_OPERATIONS = {
    "insert": "referencing new table as fresh",
    "update": "referencing old table as former new table as fresh",
    "delete": "referencing old table as former",
}


@dataclass(frozen=True, slots=True)
class LookupSource:
    """A lookup column that a computed column of `reader` reads: which columns of `source` decide about its values, `key` first of all.

    A record of `reader` has the values of the record of `source` whose `key` is its `own`.
    """

    reader: Relation
    slug: str
    own: Column
    source: Relation
    key: Column
    watched: tuple[str, ...]

    def create_triggers(self) -> list[str]:
        """The statements after which every change of these columns writes the keys concerned into `stale_lookups`."""
        differs = ", ".join(f"o.{quote(slug)}" for slug in self.watched), ", ".join(f"n.{quote(slug)}" for slug in self.watched)
        changed = f"({differs[0]}) is distinct from ({differs[1]})"
        ends = [self.reader.model, self.source.model, self.slug, self._key_text(""), self._key_text("o."), self._key_text("n."), changed]
        arguments = ", ".join(literal(str(end)) for end in ends)
        call = f"for each statement execute function public.cargo_lookup_touched({arguments})"
        created = [
            f"create trigger {self._name(operation)} after {operation} on {table_name(self.source)} {tables} {call}"
            for operation, tables in _OPERATIONS.items()
        ]
        return [*self.drop_triggers(), *created]

    def drop_triggers(self) -> list[str]:
        """The statements that take the triggers away."""
        return [f"drop trigger if exists {self._name(operation)} on {table_name(self.source)}" for operation in _OPERATIONS]

    def condition(self, alias: str) -> str:
        """The condition that a record of `reader` has one of the keys of the parameter `keys`."""
        own = f"{alias}.{quote(self.own.slug)}"
        if self.own.type == self.key.type:
            return f"{own} = any(%(keys)s::text[]::{self.own.sql_type}[])"
        return f"{text_of(own, self.own.type)} = any(%(keys)s::text[])"

    def _key_text(self, prefix: str) -> str:
        return f"{prefix}{quote(self.key.slug)}::text"

    def _name(self, operation: str) -> str:
        return f"lookup_{self.reader.model.hex}_{zlib.crc32(self.slug.encode()):08x}_{operation}"


def sources(catalog: Catalog, relation: Relation) -> list[LookupSource]:
    """Where the values come from that the computed columns of a model look up."""
    computed = [column for column in relation.columns if column.is_computed_on_write]
    sources: dict[str, LookupSource] = {}
    for column in computed:
        for other, slug in KINDS[column.kind].uses(catalog, relation, column):
            read = other.column(slug)
            if read is not None and read.kind == "lookup" and slug not in sources:
                sources[slug] = source_of(catalog, relation, read)
    return list(sources.values())


def source_of(catalog: Catalog, relation: Relation, lookup: Column) -> LookupSource:
    """The source of one lookup that a computed column reads. InvalidColumn where changes of its values could not be followed."""
    uses = list(KINDS["lookup"].uses(catalog, relation, lookup))
    _, own_slug = uses[0]
    source, key_slug = uses[1]
    own, key = relation.column(own_slug), source.column(key_slug)
    assert own is not None and key is not None, "uses names columns that exist"
    slugs = dict.fromkeys([key_slug, str(lookup.definition["extractColumnSlug"]), *filter_slugs(lookup.definition.get("filter"))])
    for owner, slug in ((relation, own_slug), *((source, slug) for slug in slugs)):
        column = owner.column(slug)
        if column is not None and column.is_computed_by_view:
            raise InvalidColumn(
                f"A computed column reads lookups of values that are kept in records: {lookup.slug} depends on the {column.kind} "
                f"{owner.slug}.{slug}. Make a computed column of that one first, and let {lookup.slug} use it."
            )
    for owner, column in ((relation, own), (source, key)):
        if column.type not in KEY_TYPES:
            raise InvalidColumn(
                f"A computed column reads lookups that are joined by texts, numbers, dates or booleans, and {owner.slug}.{column.slug} is "
                f"{column.type}."
            )
    watched = [slug for slug in slugs if (column := source.column(slug)) is not None and column.type != "vector"]
    return LookupSource(relation, lookup.slug, own, source, key, tuple(watched))


def changes(former: Iterable[LookupSource], present: Iterable[LookupSource]) -> list[str]:
    """The statements that make the triggers of the present sources of a model from those of the former."""
    before = {_identity(source): source for source in former}
    after = {_identity(source): source for source in present}
    gone = [statement for identity, source in before.items() if identity not in after for statement in source.drop_triggers()]
    return gone + [statement for identity, source in after.items() if identity not in before for statement in source.create_triggers()]


def _identity(source: LookupSource) -> tuple[uuid.UUID, str, str, str, tuple[str, ...]]:
    return source.source.model, source.slug, source.own.slug, source.key.slug, source.watched
