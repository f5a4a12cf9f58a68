"""Computed columns: evaluate expressions over a record when it is written, and store the values in the table."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
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
from cargo_ai.records.column_kinds import record_slugs
from cargo_ai.records.ddl import table_name
from cargo_ai.records.names import KIND_PREFIX, quote
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
        return ComputedColumns(_in_dependency_order([compile_column(column) for column in relation.columns if column.is_computed_on_write]))

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


async def refresh(connection: Connection, relation: Relation, uids: Sequence[str], workspace: uuid.UUID) -> list[str]:
    """Compute the columns of these records again and store what differs; returns sentences about what could not be computed."""
    computed = ComputedColumns.of(relation)
    if not computed.columns:
        return []
    sources = [SYSTEM_COLUMNS["_id"], *relation.stored_columns]
    names = ", ".join(quote(column.slug) for column in sources)
    for start in range(0, len(uids), CHUNK):
        query = f"select {names} from {table_name(relation)} where _id = any(%s)"  # noqa: S608 - slugs, quoted
        fetched = await fetch(connection, query, [list(uids[start : start + CHUNK])])
        records = [{column.slug: to_wire(value, column.type) for column, value in zip(sources, row, strict=True)} for row in fetched]
        filled = await computed.fill(records, workspace)
        await rows.update(
            connection, relation, [(record["_id"], values) for record, values in zip(records, filled, strict=True)], clock.now()
        )
    return computed.warnings


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
        names |= {f"{kind}__{slug}": value for slug, value in record.items() for kind in ("original", "custom")}
    return names


def _in_dependency_order(columns: list[CompiledColumn]) -> list[CompiledColumn]:
    pending = {compiled.column.slug: compiled for compiled in columns}
    ordered: list[CompiledColumn] = []
    while pending:
        ready = [compiled for compiled in pending.values() if not (compiled.reads & pending.keys())]
        if not ready:
            raise CircularColumns(f"These computed columns need each other: {', '.join(pending)}.")
        for compiled in ready:
            ordered.append(pending.pop(compiled.column.slug))
    return ordered
