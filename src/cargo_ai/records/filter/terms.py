"""Building blocks of compiled filters: the context of a compilation, and small pieces of SQL."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp

from cargo_ai.contract.segmentation.filter import EnrollmentCondition, Filter, Sort
from cargo_ai.records.catalog import Catalog, Column, Relation

MAX_DEPTH = 10
MAX_CONDITIONS = 500
"""In all of a filter, with those of the segments that it names: each takes its time to be compiled and evaluated."""


MAX_SQL_CHARACTERS = 50_000
"""Of all conditions in SQL together: reading 10,000 takes about half a second."""


class InvalidFilter(ValueError):
    """The filter names something that does not exist, or lacks what its operator needs; the message is for the user. part: of the
    request, as a sentence calls it."""

    part = "filter"


class InvalidSort(InvalidFilter):
    """The same of the order."""

    part = "sort"


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A saved segment, as a condition on it sees it."""

    model: str
    filter: Filter
    sort: Sort
    limit: int | None


@dataclass(slots=True)
class FilterContext:
    """What a filter is compiled against. `segments`: the saved ones that it names, directly or through others. `enrolments`: a select
    of (record_id, at) of what a condition counts. `clause`: the guard of user SQL, for boolean expressions on one relation's alias."""

    catalog: Catalog
    now: datetime
    segments: Mapping[str, SavedSegment] = field(default_factory=dict[str, SavedSegment])
    enrolments: Callable[[EnrollmentCondition, FilterContext], exp.Select] | None = None
    clause: Callable[[str, Relation, str], exp.Expr] | None = None
    bound: dict[str, Any] = field(default_factory=dict[str, Any])
    """The values of the compiled filter by placeholder; statements take them as `params`."""
    live: dict[str, str] = field(default_factory=dict[str, str])
    """Of values that move with the present: SQL that computes them whenever it is run."""
    warnings: list[str] = field(default_factory=list[str])
    relative: bool = False
    """Whether membership can change without any write, because something is compared with the present."""
    written: bool = False
    """Whether there are conditions in SQL, which may fail on the values that they meet."""
    depth: int = 0
    conditions: int = 0
    sql_characters: int = 0
    _aliases: int = 0
    _limited: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """The values for a statement that evaluates the filter. There are none outside of `user_sql.run.conditions.limit`, which says how
        long it may take, with how much memory, and when it is its turn: a RuntimeError, and a bug."""
        if not self._limited:
            raise RuntimeError("A compiled filter is evaluated without limits: use user_sql.run.conditions.limit.")
        return self.bound

    @contextmanager
    def limited(self) -> Generator[None]:
        """While this lasts the filter may be evaluated."""
        former, self._limited = self._limited, True
        try:
            yield
        finally:
            self._limited = former

    def counted(self, more: int = 1) -> None:
        """Count conditions; InvalidFilter where they are too many."""
        self.conditions += more
        if self.conditions > MAX_CONDITIONS:
            raise InvalidFilter(f"The filter has more than {MAX_CONDITIONS} conditions; `values` of one condition may be many more.")

    def count_sql(self, characters: int) -> None:
        """Count the characters of a condition in SQL; InvalidFilter where all have too many."""
        self.sql_characters += characters
        if self.sql_characters > MAX_SQL_CHARACTERS:
            raise InvalidFilter(f"The conditions in SQL have more than {MAX_SQL_CHARACTERS:,} characters together.")

    def bind(self, value: Any, type: str | None = None, live: str | None = None) -> exp.Expr:
        """A placeholder for a value, cast to a type where the database could not know it. `live`: the value as SQL over now()."""
        name = f"p{len(self.bound)}"
        self.bound[name] = value
        if live is not None:
            self.live[name] = live
        placeholder = exp.Placeholder(this=name)
        return exp.cast(placeholder, type) if type else placeholder

    def alias(self) -> str:
        """A fresh table alias."""
        self._aliases += 1
        return f"t{self._aliases}"

    def warn(self, sentence: str) -> None:
        """Something that matches nothing but is not an error."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def view(relation: Relation, alias: str) -> exp.Expr:
    """The relation's view under an alias."""
    return exp.alias_(exp.table_(relation.view, db=relation.schema, quoted=True), alias, table=True, quoted=True)


def column_ref(alias: str, slug: str) -> exp.Column:
    """A column of an alias."""
    return exp.column(slug, table=alias, quoted=True)


def find_column(relation: Relation, slug: str) -> Column:
    """The column; InvalidFilter with the nearest slug when the model has no such column."""
    column = relation.column(slug)
    if column is not None:
        return column
    near = difflib.get_close_matches(slug, [known.slug for known in relation.columns], 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known.slug for known in relation.columns[:20])}."
    raise InvalidFilter(f"Model {relation.slug} has no column {slug!r}{hint}")


def true() -> exp.Expr:
    """Matches everything."""
    return exp.true()


def false() -> exp.Expr:
    """Matches nothing."""
    return exp.false()


def all_of(parts: list[exp.Expr]) -> exp.Expr:
    """All hold; true for an empty list."""
    return exp.and_(*parts) if parts else true()


def any_of(parts: list[exp.Expr]) -> exp.Expr:
    """One holds; false for an empty list."""
    return exp.or_(*parts) if parts else false()


def negated(value: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """The condition does not hold; a null is kept, since a missing value *is not* the given one."""
    return exp.or_(is_null(value), exp.not_(exp.paren(condition)))


def is_null(value: exp.Expr) -> exp.Expr:
    """The value is missing."""
    return exp.Is(this=value.copy(), expression=exp.null())


def is_not_null(value: exp.Expr) -> exp.Expr:
    """The value is there."""
    return exp.not_(is_null(value))


def function(called: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of one of the database's functions, by exactly this name."""
    return exp.Anonymous(this=called, expressions=list(arguments))


def property_text(value: exp.Expr, path: str, scope: FilterContext) -> exp.Expr:
    """The property of exactly that name as text."""
    return function("jsonb_extract_path_text", value.copy(), scope.bind(path, "text"))


def as_text(value: exp.Expr, type: str) -> exp.Expr:
    """A value of a column of this type as text."""
    if type == "string":
        return value
    if type in {"object", "array", "any"}:
        return exp.JSONBExtractScalar(this=value, expression=literal("{}"))
    return exp.cast(value, "text")


def literal(text: str) -> exp.Expr:
    """A constant of ours (never a user's)."""
    return exp.Literal.string(text)


def exists(query: exp.Select) -> exp.Expr:
    """There is such a row."""
    return exp.Exists(this=query)


def to_sql(expression: exp.Expr) -> str:
    """The text for psycopg: placeholders are `%(p0)s`, and every other percent sign is doubled."""

    def doubled(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and node.is_string and "%" in node.name:
            return exp.Literal.string(node.name.replace("%", "%%"))
        if isinstance(node, exp.Identifier) and "%" in node.name:
            return exp.to_identifier(node.name.replace("%", "%%"), quoted=True)
        return node

    return expression.transform(doubled).sql("postgres", comments=False)
