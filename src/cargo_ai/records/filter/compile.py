"""Compile a filter of one model to a boolean expression on an alias of its view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlglot import exp

from cargo_ai.contract.segmentation.filter import (
    Condition,
    EnrollmentCondition,
    Filter,
    Frequency,
    Group,
    OccurrenceCondition,
    Period,
    SegmentCondition,
    Sort,
    SqlCondition,
)
from cargo_ai.records.catalog import LinkEnd, Relation
from cargo_ai.records.filter import terms
from cargo_ai.records.filter.column_conditions import ColumnCondition, compile_condition
from cargo_ai.records.filter.terms import MAX_DEPTH, FilterContext, InvalidFilter, InvalidSort, SavedSegment


def compile_filter(filter: Filter, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    """The condition that a record must meet. Values are bound in `scope.params`; what matches nothing is said in `scope.warnings`."""
    if filter.conjonction is None:
        scope.warn("The filter has no conjonction (that is its spelling), so it matches nothing.")
        return terms.false()
    groups = [group for group in filter.groups if group.conditions or group.groups]
    return _join(filter.conjonction, [_group(group, relation, alias, scope) for group in groups])


def _join(conjonction: str, parts: list[exp.Expr]) -> exp.Expr:
    if not parts:
        return terms.true()
    return exp.paren(terms.all_of(parts) if conjonction == "and" else terms.any_of(parts))


def _group(group: Group, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    if group.conjonction is None:
        scope.warn("A group of the filter has no conjonction (that is its spelling), so it matches nothing.")
        return terms.false()
    if scope.depth > MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested deeper than {MAX_DEPTH} levels.")
    scope.depth += 1
    parts = [_condition(condition, relation, alias, scope) for condition in group.conditions]
    parts += [_group(inner, relation, alias, scope) for inner in group.groups if inner.conditions or inner.groups]
    scope.depth -= 1
    return _join(group.conjonction, parts)


def _condition(condition: Condition, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    scope.counted()
    if isinstance(condition, SegmentCondition):
        return _segment(condition, relation, alias, scope)
    if isinstance(condition, EnrollmentCondition):
        return _enrollment(condition, relation, alias, scope)
    if isinstance(condition, OccurrenceCondition):
        return _occurrence(condition, relation, alias, scope)
    if isinstance(condition, SqlCondition):
        if scope.clause is None:
            raise InvalidFilter("Conditions in SQL are not available here.")
        scope.count_sql(len(condition.clause))
        return exp.paren(scope.clause(condition.clause, relation, alias))
    if condition.related_model_uuid is not None and condition.related_model_uuid != str(relation.model):
        related, joined, inner = _join_related(condition.related_model_uuid, relation, alias, scope)
        matching = _column_condition(condition, related, inner, scope)
        query = exp.Select(expressions=[exp.Literal.number(1)]).from_(terms.view(related, inner)).where(joined, matching)
        return terms.exists(query)
    return _column_condition(condition, relation, alias, scope)


def _column_condition(condition: ColumnCondition, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    column = terms.find_column(relation, condition.column_slug)
    return exp.paren(compile_condition(condition, column, terms.column_ref(alias, column.slug), scope))


def _join_related(model: str, relation: Relation, alias: str, scope: FilterContext) -> tuple[Relation, exp.Expr, str]:
    """The related model's relation, the condition that joins it, and its alias."""
    related = next((other for other in scope.catalog.relations if str(other.model) == model), None)
    if related is None:
        raise InvalidFilter(f"There is no model {model} to relate to.")
    pairs = scope.catalog.between(relation.model, related.model)
    if not pairs:
        raise InvalidFilter(f"Models {relation.slug} and {related.slug} have no relationship: set one with `storage relationship set`.")
    inner = scope.alias()
    joins = [_equal(_join_value(relation, alias, mine, scope), _join_value(related, inner, theirs, scope)) for mine, theirs in pairs]
    return related, exp.paren(terms.any_of(joins)), inner


def _join_value(relation: Relation, alias: str, end: LinkEnd, scope: FilterContext) -> tuple[exp.Expr, str]:
    """What records are related by, and its type."""
    slug, inner = end
    column = terms.find_column(relation, slug)
    value = terms.column_ref(alias, column.slug)
    return (value, column.type) if inner is None else (terms.property_text(value, inner, scope), "string")


def _equal(value: tuple[exp.Expr, str], other: tuple[exp.Expr, str]) -> exp.Expr:
    """The two are the same; as texts where their types differ."""
    (left, left_type), (right, right_type) = value, other
    if left_type != right_type:
        left, right = terms.as_text(left, left_type), terms.as_text(right, right_type)
    return exp.EQ(this=left, expression=right)


def _segment(condition: SegmentCondition, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    saved = scope.segments.get(condition.segment_uuid)
    if saved is None or saved.model != str(relation.model):
        raise InvalidFilter(f"There is no segment {condition.segment_uuid} of model {relation.slug}.")
    if scope.depth > MAX_DEPTH:
        raise InvalidFilter("The segments of this filter lead back to each other.")
    scope.depth += 1
    inner = scope.alias()
    query = (
        exp.Select(expressions=[terms.column_ref(inner, "_id")])
        .from_(terms.view(relation, inner))
        .where(compile_filter(saved.filter, relation, inner, scope))
    )
    if saved.limit is not None:
        query = query.order_by(*compile_sort(saved.sort, relation, inner)).limit(saved.limit)
    scope.depth -= 1
    inside = exp.In(this=terms.column_ref(alias, "_id"), query=exp.Subquery(this=query))
    return inside if condition.operator == "in" else exp.not_(inside)


def compile_sort(sort: Sort, relation: Relation, alias: str) -> list[exp.Expr]:
    """The sort keys, nulls last; ties are broken by `_id`, so that pages never overlap. InvalidSort for an unknown column."""
    keys: list[exp.Expr] = []
    for key in sort:
        try:
            column = terms.find_column(relation, key.column_slug)
        except InvalidFilter as unknown:
            raise InvalidSort(str(unknown)) from None
        keys.append(exp.Ordered(this=terms.column_ref(alias, column.slug), desc=key.kind == "desc", nulls_first=False))
    return [*keys, exp.Ordered(this=terms.column_ref(alias, "_id"), desc=False, nulls_first=False)]


def _enrollment(condition: EnrollmentCondition, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    if scope.enrolments is None:
        raise InvalidFilter("Conditions on workflows are not available here.")
    source = exp.Subquery(this=scope.enrolments(condition, scope))
    inner = scope.alias()
    mine = exp.EQ(this=terms.column_ref(inner, "record_id"), expression=terms.column_ref(alias, "_id"))
    when = _period(condition.period, terms.column_ref(inner, "at"), scope)
    return _compare_count(exp.alias_(source, inner, table=True), exp.and_(mine, when), condition.frequency, scope)


def _occurrence(condition: OccurrenceCondition, relation: Relation, alias: str, scope: FilterContext) -> exp.Expr:
    related, joined, inner = _join_related(condition.related_model_uuid, relation, alias, scope)
    if condition.conditions and condition.conjonction is None:
        scope.warn("An occurrence condition has no conjonction, so it matches nothing.")
        return terms.false()
    scope.counted(len(condition.conditions))
    parts = [_column_condition(part, related, inner, scope) for part in condition.conditions]
    matching = terms.all_of(parts) if condition.conjonction != "or" or not parts else terms.any_of(parts)
    when = _period(condition.period, terms.column_ref(inner, "_time"), scope)
    return _compare_count(terms.view(related, inner), exp.and_(joined, matching, when), condition.frequency, scope)


def _period(period: Period | None, at: exp.Expr, scope: FilterContext) -> exp.Expr:
    """`moreThan 0 day` is ever; `exactly n` is the 24 hours that began n + 1 days ago."""
    if period is None or (period.operator == "moreThan" and period.value == 0):
        return terms.true()
    scope.relative = True
    edge = scope.bind(scope.now - timedelta(days=period.value), "timestamptz")
    if period.operator == "lessThan":
        return exp.GT(this=at, expression=edge)
    if period.operator == "moreThan":
        return exp.LT(this=at, expression=edge)
    before = scope.bind(scope.now - timedelta(days=period.value + 1), "timestamptz")
    return exp.and_(exp.GT(this=at.copy(), expression=before), exp.LTE(this=at, expression=edge))


def _compare_count(source: exp.Expr, condition: exp.Expr, frequency: Frequency, scope: FilterContext) -> exp.Expr:
    rows = exp.Select(expressions=[exp.Literal.number(1)]).from_(source).where(condition)
    if frequency.operator == "not":
        return exp.not_(terms.exists(rows))
    if frequency.value is None:
        raise InvalidFilter(f"The frequency {frequency.operator} needs a value.")
    if frequency.operator == "moreThan" and frequency.value == 0:
        return terms.exists(rows)
    counted = exp.Subquery(this=exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(source.copy()).where(condition.copy()))
    compare = {"moreThan": exp.GT, "lessThan": exp.LT, "exactly": exp.EQ}[frequency.operator]
    return compare(this=counted, expression=scope.bind(frequency.value, "bigint"))


def sql_length(filter: Filter, segments: Mapping[str, SavedSegment]) -> int:
    """The characters of its conditions in SQL, and of those in segments that it names, directly or through others."""
    groups = [*filter.groups, *(group for saved in segments.values() for group in saved.filter.groups)]
    characters = 0
    while groups:
        group = groups.pop()
        groups += group.groups
        characters += sum(len(condition.clause) for condition in group.conditions if isinstance(condition, SqlCondition))
    return characters


def segments_in(filter: Filter) -> set[str]:
    """The segments that a filter names, to be loaded before it is compiled."""

    return {condition.segment_uuid for condition in _conditions_in(filter.groups) if isinstance(condition, SegmentCondition)}


def workflows_in(filter: Filter) -> set[str]:
    """The workflows that a filter names."""
    return {condition.workflow_uuid for condition in _conditions_in(filter.groups) if isinstance(condition, EnrollmentCondition)}


def _conditions_in(groups: Iterable[Group]) -> Iterator[Condition]:
    for group in groups:
        yield from group.conditions
        yield from _conditions_in(group.groups or ())


def reset(scope: FilterContext) -> FilterContext:
    """The same scope for another filter: nothing bound, nothing said."""
    return replace(scope, bound={}, warnings=[], relative=False, written=False, depth=0, conditions=0, sql_characters=0)
