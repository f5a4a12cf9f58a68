"""Compile conditions on one column: of text, number, date, boolean, object or array."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from cargo_ai.contract.segmentation.filter import (
    AnyCondition,
    BooleanCondition,
    DateCondition,
    NumberCondition,
    ObjectCondition,
    PropertyCondition,
    StringCondition,
)
from cargo_ai.records.catalog import Column
from cargo_ai.records.filter import terms
from cargo_ai.records.filter.date_values import TimeSpan, parse_date_value
from cargo_ai.records.filter.terms import FilterContext, InvalidFilter

ColumnCondition = StringCondition | NumberCondition | DateCondition | BooleanCondition | ObjectCondition | AnyCondition | PropertyCondition
TYPES_BY_KIND = {
    "string": {"string"},
    "number": {"number"},
    "date": {"date"},
    "boolean": {"boolean"},
    "object": {"object"},
    "array": {"array"},
    "vector": {"vector"},
    "any": {"any"},
    "objectProperty": {"object", "any"},
}
MAX_SEPARATE_PATTERNS = 20
"""At most this many patterns are matched one by one, for which an index of texts can be used."""
_PRESENCE_OPERATORS = {"isNull", "isNotNull", "isEmpty", "isNotEmpty"}
_NUMERIC = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*$"
_MAX_NUMBER_LENGTH = 400
"""Characters. What is no longer and looks like a number can be cast to `numeric`, whatever else is in the data."""


def compile_condition(condition: ColumnCondition, column: Column, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    """The condition on a column's value. A kind that does not fit the column's type matches nothing, with a warning."""
    if condition.operator in _PRESENCE_OPERATORS and not isinstance(condition, PropertyCondition):
        return _presence(condition.operator, column.type, value)
    if column.type not in TYPES_BY_KIND[condition.kind]:
        scope.warn(f"A {condition.kind} condition does not fit column {column.slug}, which is of type {column.type}: it matches nothing.")
        return terms.false()
    if isinstance(condition, StringCondition):
        return compile_text_operator(condition.operator, condition.values, value, scope, column.slug)
    if isinstance(condition, NumberCondition):
        return _number(condition, value, scope)
    if isinstance(condition, DateCondition):
        return _date(condition, value, scope)
    if isinstance(condition, BooleanCondition):
        return exp.Is(this=value, expression=exp.true() if condition.operator == "isTrue" else exp.false())
    if isinstance(condition, PropertyCondition):
        return _property(condition, value, scope)
    if isinstance(condition, ObjectCondition):
        return _object(condition, value, scope)
    return terms.false()


def _presence(operator: str, type: str, value: exp.Expr) -> exp.Expr:
    missing = terms.is_null(value)
    if operator in {"isEmpty", "isNotEmpty"}:
        empties = {"string": terms.literal(""), "array": _json("[]"), "object": _json("{}")}
        if type in empties:
            missing = exp.or_(missing, exp.EQ(this=value.copy(), expression=empties[type]))
    return missing if operator in {"isNull", "isEmpty"} else exp.not_(exp.paren(missing))


def _json(constant: str) -> exp.Expr:
    return exp.cast(terms.literal(constant), "jsonb")


def compile_text_operator(operator: str, values: list[str] | None, value: exp.Expr, scope: FilterContext, slug: str) -> exp.Expr:
    """A text operator with one or many values."""
    if values is None:
        raise InvalidFilter(f"{operator} on {slug} needs values.")
    if operator in {"is", "isNot"}:
        same = exp.EQ(this=value.copy(), expression=terms.function("ANY", scope.bind(values, "text[]")))
        return same if operator == "is" else terms.negated(value, same)
    shapes: dict[str, Callable[[str], str]] = {
        "contains": lambda part: f"%{part}%",
        "doesNotContain": lambda part: f"%{part}%",
        "startsWith": lambda part: f"{part}%",
        "endsWith": lambda part: f"%{part}",
    }
    shape = shapes[operator]
    patterns = [shape(re.sub(r"([\\%_])", r"\\\1", text)) for text in values]
    matches = (
        terms.any_of([_like(value, pattern, scope) for pattern in patterns])
        if len(patterns) <= MAX_SEPARATE_PATTERNS
        else _like_any(value, patterns, scope)
    )
    return terms.negated(value, matches) if operator == "doesNotContain" else matches


def _like(value: exp.Expr, pattern: str, scope: FilterContext) -> exp.Expr:
    lowered = exp.Lower(this=value.copy())
    return exp.Like(this=lowered, expression=exp.Lower(this=scope.bind(pattern, "text")))


def _like_any(value: exp.Expr, patterns: list[str], scope: FilterContext) -> exp.Expr:
    """The same for many patterns, which are one value of the statement: no index helps, but no statement grows with them."""
    alias = scope.alias()
    named = exp.TableAlias(this=exp.to_identifier(alias, quoted=True), columns=[exp.to_identifier("value", quoted=True)])
    source = exp.Table(this=terms.function("unnest", scope.bind(patterns, "text[]")), alias=named)
    lowered = exp.Select(expressions=[exp.Lower(this=terms.column_ref(alias, "value"))]).from_(source)
    array = terms.function("ARRAY", lowered)
    return exp.Like(this=exp.Lower(this=value.copy()), expression=terms.function("ANY", array))


def _number(condition: NumberCondition, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    if condition.operator == "between":
        first = condition.value if condition.first_value is None else condition.first_value  # `value` and `otherValue` are understood, too
        last = condition.last_value
        if first is None or last is None:
            raise InvalidFilter(f"between on {condition.column_slug} needs firstValue and lastValue.")
        return exp.Between(this=value, low=scope.bind(first, "double precision"), high=scope.bind(last, "double precision"))
    if condition.value is None:
        raise InvalidFilter(f"{condition.operator} on {condition.column_slug} needs a value.")
    bound = scope.bind(condition.value, "double precision")
    if condition.operator == "isNot":
        return terms.negated(value, exp.EQ(this=value.copy(), expression=bound))
    compare = {"is": exp.EQ, "greaterThan": exp.GT, "lowerThan": exp.LT}[condition.operator]
    return compare(this=value, expression=bound)


def _date(condition: DateCondition, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    def span(raw: str | None, name: str) -> TimeSpan:
        if raw is None:
            raise InvalidFilter(f"{condition.operator} on {condition.column_slug} needs {name}.")
        parsed = parse_date_value(raw, scope.now)
        scope.relative = scope.relative or parsed.relative
        return parsed

    def at(when: object, live: str, *, moves: bool) -> exp.Expr:
        return scope.bind(when, "timestamptz", live if moves else None)

    def within(first: TimeSpan, last: TimeSpan) -> exp.Expr:
        """From the earlier of two beginnings to the later of two ends."""
        moves = first.relative or last.relative
        start = at(min(first.start, last.start), f"least({first.start_sql}, {last.start_sql})", moves=moves)
        end = at(max(first.end, last.end), f"greatest({first.end_sql}, {last.end_sql})", moves=moves)
        return exp.and_(exp.GTE(this=value.copy(), expression=start), exp.LT(this=value.copy(), expression=end))

    if condition.operator == "between":
        return within(span(condition.first_value or condition.value, "firstValue"), span(condition.last_value, "lastValue"))
    when = span(condition.value, "a value")
    if condition.operator == "greaterThan":
        return exp.GTE(this=value, expression=at(when.end, when.end_sql, moves=when.relative))
    if condition.operator == "lowerThan":
        return exp.LT(this=value, expression=at(when.start, when.start_sql, moves=when.relative))
    same = within(when.day, when.day)
    return same if condition.operator == "is" else terms.negated(value, same)


def _property(condition: PropertyCondition, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    text = _property_text(condition.property_name, value, scope)
    operator = condition.operator
    if operator in _PRESENCE_OPERATORS:
        return _presence(operator, "string", text)
    if condition.value is None:
        raise InvalidFilter(f"{operator} on property {condition.property_name} needs a value.")
    if operator == "between":
        if condition.other_value is None:
            raise InvalidFilter(f"between on property {condition.property_name} needs value and otherValue.")
        return exp.and_(
            _compare_property(exp.GTE, text, condition.value, scope),
            _compare_property(exp.LTE, text, condition.other_value, scope),
        )
    if operator in {"greaterThan", "lowerThan"}:
        return _compare_property(exp.GT if operator == "greaterThan" else exp.LT, text, condition.value, scope)
    return compile_text_operator(operator, [_as_text(condition.value)], text, scope, condition.property_name)


def _property_text(path: str, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    """The property as text; a dotted name means the property of exactly that name, else the deeper one."""
    literal = terms.property_text(value, path, scope)
    if "." not in path:
        return literal
    deeper = terms.function("jsonb_extract_path_text", value.copy(), *(scope.bind(part, "text") for part in path.split(".")))
    return exp.Coalesce(this=literal, expressions=[deeper])


def _as_text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _compare_property(compare: type[exp.Binary], text: exp.Expr, value: str | float | bool, scope: FilterContext) -> exp.Expr:
    """Numbers are compared as numbers, everything else as text."""
    bound = _as_text(value)
    if len(bound) <= _MAX_NUMBER_LENGTH and re.match(_NUMERIC, bound):
        # A CASE, since a cast beside an AND may be evaluated first.
        short = exp.LTE(this=exp.Length(this=text.copy()), expression=exp.Literal.number(_MAX_NUMBER_LENGTH))
        numeric = exp.and_(short, exp.RegexpLike(this=text.copy(), expression=terms.literal(_NUMERIC)))
        number = exp.cast(text.copy(), "numeric")
        compared = compare(this=number, expression=scope.bind(bound.strip(), "numeric"))
        return exp.Case(ifs=[exp.If(this=numeric, true=compared)], default=exp.false())
    return compare(this=exp.Collate(this=text.copy(), expression=exp.to_identifier("C", quoted=True)), expression=scope.bind(bound, "text"))


def _object(condition: ObjectCondition, value: exp.Expr, scope: FilterContext) -> exp.Expr:
    properties = condition.property_conditions
    if properties is None:
        raise InvalidFilter(f"matchConditions on {condition.column_slug} needs propertyConditions.")
    scope.counted(len(properties))
    if condition.conjonction is None:
        scope.warn(f"matchConditions on {condition.column_slug} has no conjonction: it matches nothing.")
        return terms.false()
    join = terms.all_of if condition.conjonction == "and" else terms.any_of
    if condition.kind == "object":
        return exp.and_(terms.is_not_null(value), join([_property(part, value, scope) for part in properties]))
    alias = scope.alias()
    element = exp.column("value", table=alias, quoted=True)
    is_array = exp.EQ(this=terms.function("jsonb_typeof", value.copy()), expression=terms.literal("array"))
    elements = terms.function("jsonb_array_elements", exp.Case(ifs=[exp.If(this=is_array, true=value.copy())], default=_json("[]")))
    named = exp.TableAlias(this=exp.to_identifier(alias, quoted=True), columns=[exp.to_identifier("value", quoted=True)])
    source = exp.Table(this=elements, alias=named)
    holds = join([_property(part, element, scope) for part in properties])
    return terms.exists(exp.Select(expressions=[exp.Literal.number(1)]).from_(source).where(holds))
