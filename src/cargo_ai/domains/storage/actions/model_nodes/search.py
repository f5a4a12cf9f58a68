"""Searches: read the config of a search, compile it, and give what it found as an outcome."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cargo_ai.contract.segmentation.filter import Filter, Group, Sort, StringCondition
from cargo_ai.engine.graph.action import Done, InvalidConfig
from cargo_ai.kernel.wire import errors_of
from cargo_ai.records import rows
from cargo_ai.records.catalog import Relation
from cargo_ai.records.filter import compile, terms
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter
from cargo_ai.user_sql.run import conditions

MAX = 1_000
_SORT: TypeAdapter[Sort] = TypeAdapter(Sort)
_PLACEHOLDER = re.compile(r"%\(p\d+\)s")


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """What a search looks for, and how many records it gives."""

    filter: Filter
    sort: Sort
    limit: int


def read(config: Mapping[str, Any]) -> SearchConfig:
    """The config of a search. InvalidConfig where it is not a search."""
    try:
        filter = Filter.model_validate(config.get("filter") or {"conjonction": "and", "groups": []})
        sort = _SORT.validate_python(config.get("sort") or [])
    except ValidationError as failure:
        first = errors_of(failure)[0]
        raise InvalidConfig(f"The filter or sort is not valid: {first['path']}: {first['message']}.") from None
    return SearchConfig(filter, sort, _limit(config.get("limit")))


def _limit(value: Any) -> int:
    if value is None:
        return 100
    try:
        limit = int(value)
    except (TypeError, ValueError):
        raise InvalidConfig(f"`limit` must be a number from 1 to {MAX:,}.") from None
    if not 1 <= limit <= MAX:
        raise InvalidConfig(f"`limit` must be a number from 1 to {MAX:,}, not {limit:,}.")
    return limit


@dataclass(frozen=True, slots=True)
class Shape:
    """A search without the texts that it compares columns with: searches of one shape differ in `texts` only."""

    key: Hashable
    texts: list[list[str]]


def shape_of(config: SearchConfig) -> Shape | None:
    """The shape of a search that only compares columns with texts; None for any other."""
    texts: list[list[str]] = []
    key = _groups_key(config.filter.conjonction, config.filter.groups, texts)
    return None if key is None else Shape((key, tuple((one.column_slug, one.kind) for one in config.sort), config.limit), texts)


def _groups_key(conjonction: str | None, groups: Sequence[Group], texts: list[list[str]]) -> Hashable | None:
    keys = [_group_key(group, texts) for group in groups]
    return None if conjonction is None or None in keys else (conjonction, tuple(keys))


def _group_key(group: Group, texts: list[list[str]]) -> Hashable | None:
    keys: list[Hashable] = []
    for condition in group.conditions:
        if not isinstance(condition, StringCondition) or condition.related_model_uuid is not None:
            return None
        if condition.operator not in ("is", "isNot") or condition.values is None:
            return None
        texts.append(condition.values)
        keys.append((condition.operator, condition.column_slug))
    inner = _groups_key(group.conjonction, group.groups, texts)
    return None if inner is None else (tuple(keys), inner)


@dataclass(frozen=True, slots=True)
class CompiledSearch:
    """A search as SQL. `number`: which of those that are sent together it is; its rows begin with that."""

    number: int
    limit: int
    relation: Relation
    scope: FilterContext
    condition: str
    order: str

    @property
    def page(self) -> str:
        """A select of the first records, and of one more where there are more than the limit."""
        return f"({self._select(rows.select_list(self.relation, 't'))} order by {self.order} limit {self.limit + 1})"

    @property
    def count(self) -> str:
        """A select of how many records match in all."""
        return f"({self._select('count(*)')})"

    def _select(self, columns: str) -> str:
        return f"select {self.number}, {columns} from {rows.view_name(self.relation)} as t where {self.condition}"  # noqa: S608 - compiled

    def outcome(self, page: list[tuple[Any, ...]], count: int | None) -> Done:
        """`{record, records, count}`: the first, those up to the limit, and how many match in all: as many as the page has where that
        is not known otherwise."""
        records = rows.to_records(self.relation, [row[1:] for row in page[: self.limit]])
        matching = len(page) if count is None else count
        title = f"✅ {matching:,} {'record' if matching == 1 else 'records'} found" if matching else "❌ No record found"
        output = {"record": records[0] if records else None, "records": records, "count": matching}
        return Done(output, title, warnings=tuple(self.scope.warnings))


async def compile_search(config: SearchConfig, relation: Relation, scope: FilterContext, number: int) -> CompiledSearch:
    """The search as SQL. InvalidConfig where its filter or order does not fit the model."""
    try:
        where = await conditions.compile_filter(config.filter, relation, "t", scope)
        order = compile.compile_sort(config.sort, relation, "t")
    except InvalidFilter as fault:
        raise InvalidConfig(str(fault)) from None
    return CompiledSearch(number, config.limit, relation, scope, terms.to_sql(where), ", ".join(map(terms.to_sql, order)))


@dataclass(slots=True)
class CompiledShapes:
    """The searches of one statement: what one of a shape was compiled to serves the others. `bound`: the values of all."""

    bound: dict[str, Any] = field(default_factory=dict[str, Any])
    _known: dict[Hashable, tuple[CompiledSearch, list[str]]] = field(default_factory=dict[Hashable, tuple[CompiledSearch, list[str]]])

    def repeat(self, shape: Shape | None, number: int) -> CompiledSearch | None:
        """The search from one of the same shape; None where there was none before."""
        former = self._known.get(shape.key) if shape else None
        if shape is None or former is None:
            return None
        compiled, pieces = former
        condition = pieces[0]
        for texts, piece in zip(shape.texts, pieces[1:], strict=True):
            name = f"p{len(self.bound)}"
            self.bound[name] = texts
            condition += f"%({name})s{piece}"
        return replace(compiled, number=number, condition=condition)

    def remember(self, shape: Shape | None, compiled: CompiledSearch) -> None:
        """Keep a search for others of its shape, unless its values decided how it was compiled."""
        pieces = _PLACEHOLDER.split(compiled.condition)
        if shape is not None and len(pieces) == len(shape.texts) + 1 and not compiled.scope.warnings:
            self._known[shape.key] = compiled, pieces
