"""The models of a workspace: their columns and relationships, by the names that users see and those in the database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cargo_ai.contract.storage.columns import ColumnKind, ColumnType
from cargo_ai.records.column_kinds import KINDS

KindName = Literal["system"] | ColumnKind

SQL_TYPES: Mapping[str, str] = {
    "string": "text",
    "number": "double precision",
    "boolean": "boolean",
    "date": "timestamptz",
    "object": "jsonb",
    "array": "jsonb",
    "any": "jsonb",
    "vector": "vector",
}
"""The database's type of each column type."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as users see it. `slug` is its name everywhere outside; `<kind>__<slug>` is accepted for additional ones."""

    slug: str
    type: ColumnType
    kind: KindName
    label: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What a computed, metric or lookup column is made of, as the wire has it."""
    milliseconds: str = ""
    """The column of the view that holds the same time as a number, for conditions; users do not see it."""

    @property
    def stored(self) -> bool:
        """Whether it is a column of the model's table. System columns are not counted."""
        return KINDS[self.kind].stored

    @property
    def writable(self) -> bool:
        """Whether users write its values."""
        return KINDS[self.kind].writable

    @property
    def derived(self) -> bool:
        """Whether it is made from other columns."""
        return KINDS[self.kind].derived

    @property
    def is_computed_on_write(self) -> bool:
        """Whether its values are computed when a record is written, and stored."""
        return self.derived and self.stored

    @property
    def is_computed_by_view(self) -> bool:
        """Whether its values are computed when records are read."""
        return self.derived and not self.stored

    @property
    def sql_type(self) -> str:
        """The database's type of its values."""
        return SQL_TYPES[self.type]


SYSTEM_COLUMNS: Mapping[str, Column] = {
    column.slug: column
    for column in (
        Column("_id", "string", "system", "Id"),
        Column("_title", "string", "system", "Title"),
        Column("_time", "date", "system", "Time"),
        Column("_emitted_at", "date", "system", "Emitted at"),
        Column("_created_at", "date", "system", "Created at"),
        Column("_updated_at", "date", "system", "Updated at"),
    )
}
"""The columns that every model has besides its own; `Relation.columns` does not list them."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Computed columns of a model that do not have all their values: `done` of `total` records have them.

    `ended`: the fill was cancelled or has failed; otherwise it is under way.
    """

    run: uuid.UUID
    slugs: tuple[str, ...]
    done: int
    total: int
    ended: bool


@dataclass(frozen=True, slots=True)
class CountedRows:
    """The rows of a relation, gathered where they are alike: for queries that only count them, add them up and ask how long they took.

    `sources`: selects of `columns` and `weight`, how many rows are alike, of the rows that `began` between `{low}` and `{high}`, which are
    milliseconds; and of when they `began` and `ended`. Of the first, that much is true as the key's first part says: its `hour`, its
    `minute`, where in a `second` it is, or nothing; the difference is true where the second part is. They read the views `reads`.
    """

    sources: Mapping[tuple[str, bool], str]
    columns: tuple[str, ...]
    sums: tuple[str, ...]
    began: str
    ended: str
    weight: str
    reads: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """One model: `schema`.`table` holds original, custom and stored computed columns; `schema`.`view` has every column of every kind
    under its plain slug, plus the system columns `_id`, `_title`, `_time`, `_emitted_at`, `_created_at`, `_updated_at`."""

    model: uuid.UUID
    slug: str
    dataset: str
    schema: str
    table: str
    view: str
    columns: tuple[Column, ...]
    id_column: str = "_id"
    title_column: str | None = None
    time_column: str | None = None
    log: str = ""
    """The table beside it that lists which records were touched (see `ddl.log_table`)."""
    hashed: tuple[str, ...] = ()
    """The stored columns that the generated `_hash` covers; those added later are mixed in when it is read (see `hashing`)."""
    system: bool = True
    """Whether it has the system columns. What is not a model has none, and no dataset: its name stands alone."""
    filling: Filling | None = None
    """The computed columns that lack values."""
    is_refreshing: bool = False
    """Whether a refresh or a fill is under way."""
    is_stale: bool = False
    """Whether records that its computed columns look up have changed since these were computed."""
    source: str | None = None
    """What user SQL reads in place of the view: a select of some of its columns and rows, in SQL of ours."""
    reads: tuple[Relation, ...] = ()
    """What `source` reads besides the view."""
    counted: CountedRows | None = None
    """What is read instead where that gives the same sooner."""
    _by_slug: dict[str, Column] = field(default_factory=dict[str, Column], init=False, repr=False, compare=False)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that the table itself has, in order."""
        return tuple(column for column in self.columns if column.stored)

    def column(self, slug: str) -> Column | None:
        """The column of that slug, also written `<kind>__<slug>`; system columns are found too."""
        if not self._by_slug:
            for column in self.columns:
                self._by_slug.setdefault(column.slug, column)
                self._by_slug.setdefault(f"{column.kind}__{column.slug}", column)
        return self._by_slug.get(slug) or SYSTEM_COLUMNS.get(slug)


LinkEnd = tuple[str, str | None]
"""A column, and the property of it that counts, if not the whole of it does."""


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship: a row of `from_model` and one of `to_model` belong together where the two columns (or properties) are equal."""

    uuid: uuid.UUID
    from_model: uuid.UUID
    from_column: str
    to_model: uuid.UUID
    to_column: str
    from_property: str | None = None
    to_property: str | None = None
    relation: Literal["oneToOne", "oneToMany", "manyToOne"] = "oneToMany"

    @property
    def start(self) -> LinkEnd:
        """What it is by in `from_model`."""
        return self.from_column, self.from_property

    @property
    def end(self) -> LinkEnd:
        """What it is by in `to_model`."""
        return self.to_column, self.to_property


@dataclass(frozen=True, slots=True)
class Catalog:
    """The models and relationships of one workspace. `role` is the login that its users' SQL runs as."""

    workspace: uuid.UUID
    role: str
    relations: tuple[Relation, ...]
    links: tuple[Link, ...] = ()

    def by_model(self, model: uuid.UUID) -> Relation | None:
        """The relation of a model."""
        return next((relation for relation in self.relations if relation.model == model), None)

    def between(self, model: uuid.UUID, other: uuid.UUID) -> tuple[tuple[LinkEnd, LinkEnd], ...]:
        """By what records of two models belong together: (of the first, of the second), for each relationship."""
        there = [(link.start, link.end) for link in self.links if (link.from_model, link.to_model) == (model, other)]
        back = [(link.end, link.start) for link in self.links if (link.to_model, link.from_model) == (model, other)]
        return tuple(dict.fromkeys([*there, *back]))

    def link(self, named: uuid.UUID) -> Link | None:
        """The relationship of that uuid."""
        return next((link for link in self.links if link.uuid == named), None)

    def by_name(self, schema: str, table: str) -> Relation | None:
        """The relation of a logical name: `datasets_d.models_m`, `d.m`, or `datasets_d__models_m` with an empty schema."""
        if not schema and "__models_" in table and table.startswith("datasets_"):
            schema, _, rest = table.partition("__models_")
            table = f"models_{rest}"
        dataset, model = schema.removeprefix("datasets_"), table.removeprefix("models_")
        return next((relation for relation in self.relations if relation.dataset == dataset and relation.slug == model), None)
