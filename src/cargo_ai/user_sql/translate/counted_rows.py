"""Counted rows: a query that only counts and adds up rows of a relation, by columns in which many are alike, reads them gathered.

Everything that such a query may have is on a list: whatever else it has, it reads the rows one by one, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlglot import exp

from cargo_ai.records.catalog import Catalog, Column, CountedRows, Relation
from cargo_ai.user_sql.errors import SqlRefused
from cargo_ai.user_sql.translate import counted_times, shapes
from cargo_ai.user_sql.translate.compiler import Compiler
from cargo_ai.user_sql.translate.names import Scope
from cargo_ai.user_sql.translate.time_bounds import is_constant, milliseconds

_PARTS = {"from_", "expressions", "where", "group", "having", "order", "limit", "offset"}
_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
_NUMBERS = {exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg}
_SCALARS = {"round", "floor", "ceil", "tofloat64", "toint64", "toint32"}
_MEASURES = {"avg", "min", "max"}
_PERCENTILES = {"quantile", "quantileexact", "quantiletiming", "median", "quantiles", "quantilesexact"}
_CONDITIONS = {
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Like, exp.ILike, exp.Is, exp.Not, exp.Or, exp.And),
    *(exp.Paren, exp.Null, exp.Literal, exp.Identifier, exp.Column),
}
_COMPARISONS = {exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Not, exp.Or, exp.And, exp.Paren}
_FARTHEST = 10**15
"""Milliseconds beyond all times that are stored."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The same query over counted rows, and the catalog that has them."""

    tree: exp.Expr
    catalog: Catalog
    weight: str


class _NotOnTheList(Exception):
    """The query has something that counted rows may not give."""


def rewritten(c: Compiler, tree: exp.Expr) -> Counted | None:
    """The query over counted rows; None where it asks for more than they have."""
    relation = _relation(c.catalog, tree)
    if relation is None or relation.counted is None:
        return None
    try:
        return _Rewriting(c, relation, relation.counted, tree.copy()).result()
    except (_NotOnTheList, SqlRefused):
        return None  # what cannot be understood is refused where it is read as it stands


def _relation(catalog: Catalog, tree: exp.Expr) -> Relation | None:
    """The only relation that a plain SELECT reads."""
    if type(tree) is not exp.Select or any(value for key, value in tree.args.items() if key not in _PARTS):
        return None
    clause = tree.args.get("from_")
    table = clause.this if clause is not None else None
    if type(table) is not exp.Table or any(value for key, value in table.args.items() if key not in {"this", "alias"}):
        return None
    return catalog.by_name("", table.name)


@dataclass(slots=True)
class _Rewriting:
    c: Compiler
    relation: Relation
    counted: CountedRows
    tree: exp.Expr
    low: str = ""
    high: str = ""
    aggregates: int = 0
    steps: set[str] = field(default_factory=set[str])
    """What it asks of when rows began."""
    durations: bool = False

    def result(self) -> Counted:
        items = list(self.tree.expressions)
        aliases = {item.alias.lower() for item in items if type(item) is exp.Alias}
        if aliases & {*self.counted.columns, self.counted.began, self.counted.ended, self.counted.weight}:
            raise _NotOnTheList  # in some spellings the alias means the column, in some the item
        self.tree.set("expressions", [self._item(item) for item in items])
        self._group(aliases)
        having, order = self.tree.args.get("having"), self.tree.args.get("order")
        if having is not None:
            having.set("this", self._compared(having.this, aliases))
        for term in order.expressions if order is not None else ():
            term.set("this", self._value(term.this, aliases))
        self._where()
        return Counted(self.tree, self._catalog(), self.counted.weight)

    def _item(self, item: exp.Expr) -> exp.Expr:
        """One of the SELECT list; it keeps the name that it has without an alias."""
        if type(item) is exp.Alias:
            item.set("this", self._value(item.this, set()))
            return item
        if type(item) is exp.Column:
            self._require_column(item)
            return item
        name = item.sql("clickhouse")
        if not self.c.clickhouse or len(name.encode()) > shapes.MAX_NAME_BYTES:
            raise _NotOnTheList
        return exp.alias_(self._value(item, set()), name, quoted=True)

    def _group(self, aliases: set[str]) -> None:
        group = self.tree.args.get("group")
        if group is None:
            if not self.aggregates:
                raise _NotOnTheList  # it shows each row
            return
        if any(value for key, value in group.args.items() if key != "expressions"):
            raise _NotOnTheList
        for key in group.expressions:
            if type(key) is not exp.Literal and not (type(key) is exp.Column and key.name.lower() in aliases) and not self._start(key):
                self._require_column(key)

    def _compared(self, node: exp.Expr, aliases: set[str]) -> exp.Expr:
        """A condition on groups."""
        if type(node) not in _COMPARISONS:
            return self._value(node, aliases)
        for key in ("this", "expression"):
            if (part := node.args.get(key)) is not None:
                node.set(key, self._compared(part, aliases))
        return node

    def _require_column(self, node: exp.Expr) -> None:
        if type(node) is not exp.Column or node.name not in self.counted.columns:
            raise _NotOnTheList

    def _value(self, node: exp.Expr, aliases: set[str]) -> exp.Expr:
        """A column, a time of which the hour is asked for, an aggregate, or a calculation with them."""
        if type(node) is exp.Literal or (type(node) is exp.Column and node.name.lower() in aliases) or self._start(node):
            return node
        if type(node) in {exp.ParameterizedAgg, exp.CombinedParameterizedAgg, exp.WithinGroup}:
            return self._percentile(node)
        if type(node) is exp.Anonymous and node.name.lower() in _SCALARS:
            node.set("expressions", [self._value(each, aliases) for each in node.expressions])
            return node
        if type(node) is exp.Anonymous:
            return self._aggregate(node)
        if type(node) in _NUMBERS:
            for key in ("this", "expression"):
                if (part := node.args.get(key)) is not None:
                    node.set(key, self._value(part, aliases))
            return node
        self._require_column(node)
        return node

    def _start(self, node: exp.Expr) -> bool:
        if step := counted_times.start(node, self.counted):
            self.steps.add(step)
        return bool(step)

    def _duration(self, node: exp.Expr) -> bool:
        step = counted_times.duration(node, self.counted, clickhouse=self.c.clickhouse)
        if step:
            self.steps.add(step)
        self.durations = self.durations or step is not None
        return step is not None

    def _aggregate(self, node: exp.Anonymous) -> exp.Expr:
        called, given = node.name.lower(), list(node.expressions)
        weight = exp.column(self.counted.weight)
        self.aggregates += 1
        if self.c.clickhouse and called.removesuffix("if") in {"count", "sum", *_MEASURES} and called.endswith("if") and given:
            called, condition = called.removesuffix("if"), given.pop()
            self._require_alike(condition)
            if called in _MEASURES:
                self._require_durations(given)
                return node
            summed = self._summed(given, weight) if given else weight
            return exp.Anonymous(this="sumIf", expressions=[summed, condition])
        if called == "count" and (not given or (len(given) == 1 and type(given[0]) is exp.Star and not any(given[0].args.values()))):
            return exp.Anonymous(this="sum", expressions=[weight])
        if called == "sum":
            return exp.Anonymous(this="sum", expressions=[self._summed(given, weight)])
        if called in _MEASURES or (called in _PERCENTILES and self.c.clickhouse):
            self._require_durations(given)
            return node
        raise _NotOnTheList

    def _percentile(self, node: exp.Expr) -> exp.Expr:
        """quantile(0.9)(x), quantileIf(0.9)(x, condition), PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x)."""
        self.aggregates += 1
        if type(node) is exp.WithinGroup:
            function, order = node.this, node.args["expression"]
            terms = order.expressions
            if function.name.lower() not in {"percentile_cont", "percentile_disc"}:
                raise _NotOnTheList
            if not all(map(counted_times.is_number, function.expressions)):
                raise _NotOnTheList
            if any(value for term in terms for key, value in term.args.items() if key not in {"this", "nulls_first"}):
                raise _NotOnTheList
            self._require_durations([term.this for term in terms])
            return node
        called, given = str(node.this).lower(), list(node.args.get("params") or [])
        if called.endswith("if") and given:
            self._require_alike(given.pop())
        if called.removesuffix("if") not in _PERCENTILES:
            raise _NotOnTheList
        self._require_durations(given)
        return node

    def _require_durations(self, given: list[exp.Expr]) -> None:
        if len(given) != 1 or not self._duration(given[0]):
            raise _NotOnTheList

    def _summed(self, given: list[exp.Expr], weight: exp.Expr) -> exp.Expr:
        if len(given) != 1 or not (self._is_sum(given[0]) or self._duration(given[0])):
            raise _NotOnTheList
        return exp.Mul(this=exp.paren(given[0]), expression=weight)

    def _is_sum(self, node: exp.Expr) -> bool:
        return type(node) is exp.Column and node.name in self.counted.sums

    def _require_alike(self, condition: exp.Expr) -> None:
        """A condition on columns that are alike, and on how long rows took."""
        todo = [condition]
        while todo:
            node = todo.pop()
            sides = [node.args[key] for key in ("this", "expression", "low", "high") if isinstance(node.args.get(key), exp.Expr)]
            if type(node) in {*_FLIPPED, exp.EQ, exp.NEQ, exp.Between} and any(self._duration(side) for side in sides):
                if not all(counted_times.is_number(side) or self._duration(side) for side in sides):
                    raise _NotOnTheList
                continue
            if type(node) not in _CONDITIONS:
                raise _NotOnTheList
            if type(node) is exp.Column:
                self._require_column(node)
            todo += list(node.iter_expressions())

    def _where(self) -> None:
        where = self.tree.args.get("where")
        kept = [part for part in _conjuncts(where.this) if not self._bound(part)] if where is not None else []
        for part in kept:
            self._require_alike(part)
        self.tree.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)

    def _bound(self, node: exp.Expr) -> bool:
        """Take down a bound of the time; whether it is one."""
        if type(node) is exp.Between and not node.args.get("symmetric") and self._is_time(node.this):
            self._take(exp.GTE, node.args["low"])
            self._take(exp.LTE, node.args["high"])
            return True
        if type(node) not in _FLIPPED:
            return False
        if self._is_time(node.this):
            self._take(type(node), node.args["expression"])
            return True
        if self._is_time(node.args["expression"]):
            self._take(_FLIPPED[type(node)], node.this)
            return True
        return False

    def _is_time(self, node: exp.Expr) -> bool:
        return type(node) is exp.Column and node.name == self.counted.began

    def _take(self, sign: type[exp.Expr], node: exp.Expr) -> None:
        value = self.c.expression(self.c, node, Scope(None, {}))
        is_low = sign in {exp.GT, exp.GTE}
        if not is_constant(node, value) or (self.low if is_low else self.high):
            raise _NotOnTheList
        number = milliseconds(value.text)
        rounded = f"ceil({number})" if sign in {exp.GTE, exp.LT} else f"floor({number})"
        whole = rounded + (" + 1" if sign is exp.GT else " - 1" if sign is exp.LT else "")
        # NULL stays NULL, which nothing is greater or less than.
        least, most = f"{number} < -{_FARTHEST}", f"{number} > {_FARTHEST}"
        # A select of its own is computed once, and not for each row.
        text = f"(SELECT CAST(CASE WHEN {least} THEN -{_FARTHEST} WHEN {most} THEN {_FARTHEST} ELSE {whole} END AS bigint))"
        if is_low:
            self.low = text
        else:
            self.high = text

    def _catalog(self) -> Catalog:
        shown = [column for column in self.relation.columns if column.slug in self.counted.columns]
        times = [self.counted.began, self.counted.ended] if self.steps or self.durations else []
        if "second" in self.steps and len(self.steps) > 1:
            raise _NotOnTheList
        step = next((each for each in ("second", "minute", "hour") if each in self.steps), "")
        template = self.counted.sources[step, self.durations]
        source = template.format(low=self.low or f"-{_FARTHEST}", high=self.high or str(_FARTHEST))
        columns = (*shown, *(Column(time, "date", "original") for time in times), Column(self.counted.weight, "number", "original"))
        relation = replace(self.relation, columns=columns, source=source, reads=self.counted.reads, counted=None)
        others = (relation if each is self.relation else each for each in self.c.catalog.relations)
        return replace(self.c.catalog, relations=tuple(others))


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    if type(node) is exp.And:
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.args["expression"])
    else:
        yield node
