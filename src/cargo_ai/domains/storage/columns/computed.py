"""Computed columns: evaluate expressions over a record when it is written, and store the values in the table."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.expression import (
    EngineExpression,
    EngineRequest,
    EngineResult,
    ExpressionError,
    NeedsEngine,
    Resolver,
    compile_config,
    evaluator,
)
from cargo_ai.kernel import clock
from cargo_ai.records import rows
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Column, Relation
from cargo_ai.records.column_kinds import filter_slugs, record_slugs
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import KIND_PREFIX, quote, strip_kind
from cargo_ai.records.values import InvalidValue, from_text, to_database, to_wire
from cargo_ai.store.driver import Connection, fetch

SCOPE = frozenset({"record", "now"})
CHUNK = 1_000
MAX_WARNINGS = 20


class CircularColumns(ValueError):
    """Columns that need each other; the message names them."""


@dataclass(frozen=True, slots=True)
class CompiledColumn:
    """One computed column, ready to evaluate."""

    column: Column
    resolver: Resolver
    reads: frozenset[str]


@dataclass(slots=True)
class ComputedColumns:
    """All computed columns of a model, in an order in which each comes after those that it reads."""

    columns: list[CompiledColumn] = field(default_factory=list[CompiledColumn])
    warnings: list[str] = field(default_factory=list[str])

    @staticmethod
    def of(relation: Relation) -> ComputedColumns:
        """Those of a model. CircularColumns when some of them need each other."""
        return ComputedColumns(
            _in_dependency_order(relation, [compile_column(column) for column in relation.columns if column.is_computed_on_write])
        )

    async def fill(self, records: Sequence[Mapping[str, Any]], workspace: uuid.UUID) -> list[dict[str, str | None]]:
        """The values of every column for each record, as the database reads them. What fails is null, and warned about."""
        now = clock.to_iso(clock.now())
        scopes: list[dict[str, Any]] = [{"record": _with_prefixed_names(record, self.columns), "now": now} for record in records]
        filled: list[dict[str, str | None]] = [{} for _ in records]
        for compiled in self.columns:
            slug, kind = compiled.column.slug, compiled.column.type
            for scope, values, answers in zip(scopes, filled, await _evaluate(compiled, scopes, workspace), strict=True):
                values[slug] = text = self._one(compiled, scope, answers)
                scope["record"][slug] = scope["record"][f"computed__{slug}"] = from_text(text, kind)
        return filled

    def _one(self, compiled: CompiledColumn, scope: Mapping[str, Any], answers: Mapping[EngineExpression, EngineResult]) -> str | None:
        slug = compiled.column.slug
        try:
            # What is missing is undefined by design: its warnings would fill every reply.
            return to_database(compiled.resolver(scope, [], answers), compiled.column.type)
        except (ExpressionError, NeedsEngine) as error:
            self._warn(f"The column {slug} could not be computed: {error}")
        except InvalidValue as fault:
            self._warn(f"The column {slug} is {compiled.column.type}, and its expression gave a value that {fault}; it is null.")
        return None

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(sentence)


async def _evaluate(
    compiled: CompiledColumn, scopes: Sequence[dict[str, Any]], workspace: uuid.UUID
) -> list[dict[EngineExpression, EngineResult]]:
    """The JavaScript engine's replies for each record, from one request; empty when the expression needs no engine."""
    replies: list[dict[EngineExpression, EngineResult]] = [{} for _ in scopes]
    if not compiled.resolver.engine:
        return replies
    requests: list[tuple[int, EngineRequest]] = []
    for index, scope in enumerate(scopes):
        with suppress(ExpressionError):  # reported when the record's value is computed
            questions = compiled.resolver.questions(scope)
            if questions:
                requests.append((index, EngineRequest(scope, questions)))
    results = await evaluator.shared().evaluate(workspace, [request for _, request in requests])
    for (index, request), answers in zip(requests, results, strict=True):
        replies[index] = dict(zip(request.questions, answers, strict=True))
    return replies


async def find_problems(column: Column, workspace: uuid.UUID) -> list[str]:
    """What is wrong with the expression of a column, found without evaluating it."""
    resolver = compile_column(column).resolver
    engine_problems = await evaluator.shared().check(workspace, resolver.engine) if resolver.engine and not resolver.problems else {}
    return [str(problem) for problem in (*resolver.problems, *engine_problems.values())]


def compile_column(column: Column) -> CompiledColumn:
    """A computed column and the columns that it reads, as far as its text says."""
    resolver = compile_config(column.definition["expression"], names=SCOPE)
    return CompiledColumn(column, resolver, record_slugs(resolver.sources))


async def refresh(
    connection: Connection, relation: Relation, uids: Sequence[str], workspace: uuid.UUID, slugs: Collection[str] | None = None
) -> list[str]:
    """Compute the columns of these records again and store what differs; returns sentences about what could not be computed. `slugs`: these
    columns only, from what is stored of the others."""
    computed = ComputedColumns.of(relation)
    wanted = stages(relation, computed)
    if slugs is not None:
        for stage in wanted:
            stage.columns = [compiled for compiled in stage.columns if compiled.column.slug in slugs]
    for start in range(0, len(uids), CHUNK):
        for stage in (stage for stage in wanted if stage.columns):
            await _refresh_stage(connection, relation, stage, list(uids[start : start + CHUNK]), workspace)
    return computed.warnings


async def _refresh_stage(connection: Connection, relation: Relation, stage: ComputedColumns, uids: list[str], workspace: uuid.UUID) -> None:
    """Compute the columns of one stage; what they look up is read from the model's view."""
    read = {slug for compiled in stage.columns for slug in compiled.reads}
    lookups = [column for column in relation.columns if column.kind == "lookup" and column.slug in read]
    sources = [SYSTEM_COLUMNS["_id"], *relation.stored_columns, *lookups]
    names = ", ".join(quote(column.slug) for column in sources)
    source = rows.view_name(relation) if lookups else table_name(relation)
    fetched = await fetch(connection, f"select {names} from {source} where _id = any(%s)", [uids])  # noqa: S608 - slugs, quoted
    records = [{column.slug: to_wire(value, column.type) for column, value in zip(sources, row, strict=True)} for row in fetched]
    filled = await stage.fill(records, workspace)
    await rows.update(connection, relation, [(record["_id"], values) for record, values in zip(records, filled, strict=True)], clock.now())


def stages(relation: Relation, computed: ComputedColumns) -> list[ComputedColumns]:
    """The columns in groups that are computed one after another: a column whose lookups depend on computed ones of this model comes
    after those are stored."""
    number: dict[str, int] = {}
    groups: dict[int, ComputedColumns] = {}
    for compiled in computed.columns:
        stage = max((number[slug] for slug in compiled.reads if slug in number), default=0)
        for column in relation.columns:
            if column.kind == "lookup" and column.slug in compiled.reads:
                stage = max([stage, *(number[slug] + 1 for slug in _own_columns(relation, column) if slug in number)])
        number[compiled.column.slug] = stage
        groups.setdefault(stage, ComputedColumns(warnings=computed.warnings)).columns.append(compiled)
    return [groups[stage] for stage in sorted(groups)]


def with_dependents(relation: Relation, slugs: Iterable[str]) -> set[str]:
    """These columns, and the computed ones that are made of them, also by way of others and of lookups."""
    compiled = [compile_column(column) for column in relation.columns if column.is_computed_on_write]
    needs, found, size = _needs(relation, compiled), set(slugs), -1
    while len(found) > size:
        size = len(found)
        found |= {slug for slug, read in needs.items() if read & found}
    return found


def _needs(relation: Relation, columns: Iterable[CompiledColumn]) -> dict[str, frozenset[str]]:
    """The columns of the model that each needs, those that its lookups depend on among them."""
    lookups = {column.slug: _own_columns(relation, column) for column in relation.columns if column.kind == "lookup"}
    return {compiled.column.slug: compiled.reads.union(*(lookups.get(slug, ()) for slug in compiled.reads)) for compiled in columns}


def _own_columns(relation: Relation, lookup: Column) -> set[str]:
    """The columns of the model itself that one of its lookups depends on."""
    join = lookup.definition["join"]
    own = {strip_kind(str(join["fromColumnSlug"]))}
    if str(join["toModelUuid"]) == str(relation.model):
        named = (join["toColumnSlug"], lookup.definition["extractColumnSlug"], *filter_slugs(lookup.definition.get("filter")))
        own |= {strip_kind(str(slug)) for slug in named}
    return own


async def refresh_all(connection: Connection, relation: Relation, workspace: uuid.UUID) -> list[str]:
    """Do the same for every record; for tables of some thousands."""
    warnings: dict[str, None] = {}
    last = ""
    while uids := await rows.ids_after(connection, relation, last, CHUNK):
        warnings.update(dict.fromkeys(await refresh(connection, relation, uids, workspace)))
        last = uids[-1]
    return list(warnings)


def _with_prefixed_names(record: Mapping[str, Any], columns: Sequence[CompiledColumn]) -> dict[str, Any]:
    """A copy of the record, with `<kind>__<slug>` besides the plain slugs where an expression uses such names."""
    names = dict(record)
    if any(KIND_PREFIX.search(source) for compiled in columns for source in compiled.resolver.sources):
        names |= {f"{kind}__{slug}": value for slug, value in record.items() for kind in ("original", "custom", "lookup")}
    return names


def _in_dependency_order(relation: Relation, columns: list[CompiledColumn]) -> list[CompiledColumn]:
    pending = {compiled.column.slug: compiled for compiled in columns}
    needs = _needs(relation, columns)
    ordered: list[CompiledColumn] = []
    while pending:
        ready = [compiled for slug, compiled in pending.items() if not (needs[slug] & pending.keys())]
        if not ready:
            raise CircularColumns(f"These computed columns need each other: {', '.join(pending)}.")
        for compiled in ready:
            ordered.append(pending.pop(compiled.column.slug))
    return ordered
