"""Resolve the names of relations and columns; an unknown name is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.user_sql.errors import SqlRefused, refuse, shorten
from cargo_ai.user_sql.translate import shapes
from cargo_ai.user_sql.translate.shapes import Kind, Output, Sql

Aliases = Literal["none", "after", "before"]
"""Whether the names of the SELECT list mean something here: not at all, where no column has that name, or before all columns."""


@dataclass(frozen=True, slots=True)
class Cte:
    """A query of a WITH: what it is called in our text, and what it gives."""

    handle: str
    outputs: tuple[Output, ...]
    single: bool


@dataclass(slots=True)
class Source:
    """Something in FROM. `handle`: its alias in our text. `called`: its alias or name. `path`: dataset and model, if it has no alias."""

    handle: str
    called: str
    outputs: tuple[Output, ...]
    single: bool = False
    """At most one row."""
    follows: frozenset[str] = frozenset()
    """Handles of earlier sources that it is made of (UNNEST, LATERAL)."""
    path: tuple[str, str] | None = None
    spellings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other names of its columns: `<kind>__<slug>`."""

    def is_called(self, name: str) -> bool:
        """Whether a name (in lower case) means this source: its alias, or without one its model's name in any spelling."""
        if self.path is None:
            return self.called.lower() == name
        dataset, model = self.path[0].lower(), self.path[1].lower()
        return name in {self.called.lower(), model, f"models_{model}", f"datasets_{dataset}__models_{model}"}

    def column(self, name: str) -> Sql | None:
        """The column of that name; case counts only where it must."""
        name = self.spellings.get(name, name)
        matches = [output for output in self.outputs if output.name == name] or [
            output for output in self.outputs if output.name.lower() == name.lower()
        ]
        if len(matches) > 1:
            refuse(f"The column {shorten(name)} is there more than once: give each a name of its own.")
        if not matches:
            return None
        name, kind, fields, stored = matches[0]
        milliseconds = f"{self.handle}.{shapes.quote_name(stored)}" if stored else ""
        return Sql(f"{self.handle}.{shapes.quote_name(name)}", kind, fields, milliseconds=milliseconds)


@dataclass(slots=True)
class Scope:
    """What names mean inside one SELECT. `outer`: the query around it, for correlated subqueries."""

    outer: Scope | None
    ctes: dict[str, Cte]
    sources: list[Source] = field(default_factory=list[Source])
    merged: dict[str, Sql] = field(default_factory=dict[str, Sql])
    """Columns that a USING has made one."""
    hidden: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """`(handle, column)` that a star leaves out, because a USING has merged them."""
    aliases: dict[str, Sql] = field(default_factory=dict[str, Sql])
    mode: Aliases = "none"
    touched: set[str] = field(default_factory=set[str])
    """Handles of the sources that were named since it was last emptied."""
    windows: dict[str, str] = field(default_factory=dict[str, str])
    aggregated: bool = False

    def add(self, source: Source) -> None:
        """One more source. SqlRefused when its name is taken."""
        if any(known.called.lower() == source.called.lower() and known.path == source.path for known in self.sources):
            refuse(f"{shorten(source.called)} is there twice in FROM: give each an alias of its own.")
        self.sources.append(source)

    def column(self, name: str) -> Sql | None:
        """The column of a bare name, here or further out."""
        if self.mode == "before" and (alias := self.aliases.get(name.lower())) is not None:
            return alias
        merged = self.merged.get(name.lower())
        if merged is not None:
            return merged
        matches = [(source, value) for source in self.sources if (value := source.column(name)) is not None]
        if len(matches) > 1:
            refuse(f"{shorten(name)} is ambiguous: say {matches[0][0].called}.{shorten(name)} or {matches[1][0].called}.{shorten(name)}.")
        if matches:
            self.touched.add(matches[0][0].handle)
            return matches[0][1]
        if self.mode == "after" and (alias := self.aliases.get(name.lower())) is not None:
            return alias
        return self.outer.column(name) if self.outer is not None else None

    def source(self, called: str) -> Source | None:
        """The source of that name, here or further out."""
        matches = [source for source in self.sources if source.is_called(called.lower())]
        if len(matches) > 1:
            refuse(f"{shorten(called)} is ambiguous: give each table an alias of its own.")
        if matches:
            self.touched.add(matches[0].handle)
            return matches[0]
        return self.outer.source(called) if self.outer is not None else None

    def at(self, dataset: str, model: str) -> Source | None:
        """The source that stands in FROM without an alias as `dataset.model`."""
        path = (dataset.lower().removeprefix("datasets_"), model.lower().removeprefix("models_"))
        for source in self.sources:
            if source.path is not None and (source.path[0].lower(), source.path[1].lower()) == path:
                self.touched.add(source.handle)
                return source
        return self.outer.at(dataset, model) if self.outer is not None else None

    def known(self) -> Iterable[str]:
        """Every column name that could be meant."""
        for source in self.sources:
            yield from (output.name for output in source.outputs)
        yield from self.aliases
        if self.outer is not None:
            yield from self.outer.known()


def find_relation(catalog: Catalog, parts: list[str]) -> Relation:
    """The relation that a dotted name means: `datasets_d.models_m`, `d.m`, `datasets_d__models_m`, with or without a project before it.

    SqlRefused when the workspace has none: other schemas, catalogs and other workspaces' tables are simply not there.
    """
    parts = [piece for part in parts for piece in part.split(".")][-2:]
    schema, table = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    named = catalog.by_name(schema, table) or catalog.by_name(schema.lower(), table.lower())
    if named is not None:
        return named
    written = ".".join(filter(None, (schema, table)))
    names = [f"{relation.dataset}.{relation.slug}".removeprefix(".") for relation in catalog.relations]
    bare = f"{schema.removeprefix('datasets_')}.{table.removeprefix('models_')}".removeprefix(".")
    close = difflib.get_close_matches(bare, names, 1) or [known for known in names if known.partition(".")[2] == bare]
    plain = all(relation.system for relation in catalog.relations)
    hint = " Tables are called <dataset>.<model>." if plain else f" There are {', '.join(names)}, without anything before the name."
    # Where no table has a schema, a name with one is a way around what may be asked.
    about = "denied" if schema and not plain else "table"
    raise SqlRefused(f"There is no table {shorten(written)}." + (f" Did you mean {close[0]}?" if close else hint), about=about)


def unknown_column(scope: Scope, written: str) -> str:
    """The sentence about a name that means nothing, with the nearest one that would."""
    close = difflib.get_close_matches(written.rpartition(".")[2].lower(), sorted(set(scope.known())), 1)
    return f"There is no column {shorten(written)}." + (f" Did you mean {close[0]}?" if close else "")


def relation_outputs(relation: Relation, kinds: Mapping[ColumnType, Kind]) -> tuple[tuple[Output, ...], dict[str, str]]:
    """What a relation's view gives, and the other spellings of its columns."""
    outputs = tuple(Output(column.slug, kinds[column.type], milliseconds=column.milliseconds) for column in relation.columns)
    return outputs, {f"{column.kind}__{column.slug}": column.slug for column in relation.columns}
