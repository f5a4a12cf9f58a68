"""Computed columns: expressions over a record, evaluated when it is written and kept in the table."""

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
    """All computed columns of a model, each after those that it reads."""

    columns: list[CompiledColumn] = field(default_factory=list[CompiledColumn])
    warnings: list[str] = field(default_factory=list[str])

    @staticmethod
    def of(relation: Relation) -> ComputedColumns:
        """The model's. Circular when some of them need each other."""
        return ComputedColumns(_in_dependency_order([compile_column(column) for column in relation.columns if column.is_computed_on_write]))

    async def fill(self, records: Sequence[Mapping[str, Any]], workspace: uuid.UUID) -> list[dict[str, str | None]]:
        """The values of every column for each record, as the database reads them. What fails is null, and warned about."""
        now = clock.to_iso(clock.now())
        scopes: list[dict[str, Any]] = [{"record": _with_prefixed_names(record, self.columns), "now": now} for record in records]
        filled: list[dict[str, str | None]] = [{} for _ in records]
        for one in self.columns:
            slug, kind = one.column.slug, one.column.type
            for scope, values, answers in zip(scopes, filled, await _evaluate(one, scopes, workspace), strict=True):
                values[slug] = text = self._one(one, scope, answers)
                scope["record"][slug] = scope["record"][f"computed__{slug}"] = from_text(text, kind)
        return filled

    def _one(self, one: CompiledColumn, scope: Mapping[str, Any], answers: Mapping[EngineExpression, EngineResult]) -> str | None:
        slug = one.column.slug
        try:
            # What is missing is undefined by design: its warnings would fill every reply.
            return to_database(one.resolver(scope, [], answers), one.column.type)
        except (ExpressionError, NeedsEngine) as error:
            self._warn(f"The column {slug} could not be computed: {error}")
        except InvalidValue as fault:
            self._warn(f"The column {slug} is {one.column.type}, and its expression gave a value that {fault}; it is null.")
        return None

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(sentence)


async def _evaluate(
    one: CompiledColumn, scopes: Sequence[dict[str, Any]], workspace: uuid.UUID
) -> list[dict[EngineExpression, EngineResult]]:
    """What the JavaScript engine says to each record, asked in one go; nothing where the expression needs none."""
    found: list[dict[EngineExpression, EngineResult]] = [{} for _ in scopes]
    if not one.resolver.engine:
        return found
    asked: list[tuple[int, EngineRequest]] = []
    for at, scope in enumerate(scopes):
        with suppress(ExpressionError):  # told when the record's value is made
            questions = one.resolver.questions(scope)
            if questions:
                asked.append((at, EngineRequest(scope, questions)))
    answered = await evaluator.shared().evaluate(workspace, [request for _, request in asked])
    for (at, request), answers in zip(asked, answered, strict=True):
        found[at] = dict(zip(request.questions, answers, strict=True))
    return found


async def find_problems(column: Column, workspace: uuid.UUID) -> list[str]:
    """What is wrong with the expression of a column, before it is evaluated."""
    resolver = compile_column(column).resolver
    wrong = await evaluator.shared().check(workspace, resolver.engine) if resolver.engine and not resolver.problems else {}
    return [str(problem) for problem in (*resolver.problems, *wrong.values())]


def compile_column(column: Column) -> CompiledColumn:
    """A computed column and the columns that it reads, as far as its text says."""
    resolver = compile_config(column.definition["expression"], names=SCOPE)
    return CompiledColumn(column, resolver, record_slugs(resolver.sources))


async def refresh(connection: Connection, relation: Relation, uids: Sequence[str], workspace: uuid.UUID) -> list[str]:
    """Compute the columns of these records anew and store what differs; sentences about what could not be computed."""
    computed = ComputedColumns.of(relation)
    if not computed.columns:
        return []
    sources = [SYSTEM_COLUMNS["_id"], *relation.stored_columns]
    names = ", ".join(quote(column.slug) for column in sources)
    for start in range(0, len(uids), CHUNK):
        query = f"select {names} from {rows.source(relation)} where _id = any(%s)"  # noqa: S608 - slugs, quoted
        found = await fetch(connection, query, [list(uids[start : start + CHUNK])])
        records = [{column.slug: to_wire(one, column.type) for column, one in zip(sources, row, strict=True)} for row in found]
        filled = await computed.fill(records, workspace)
        await rows.update(
            connection, relation, [(record["_id"], values) for record, values in zip(records, filled, strict=True)], clock.now()
        )
    return computed.warnings


async def refresh_all(connection: Connection, relation: Relation, workspace: uuid.UUID) -> list[str]:
    """The same for every record; for tables of some thousands."""
    warnings: dict[str, None] = {}
    last = ""
    while uids := await rows.ids_after(connection, relation, last, CHUNK):
        warnings.update(dict.fromkeys(await refresh(connection, relation, uids, workspace)))
        last = uids[-1]
    return list(warnings)


def _with_prefixed_names(record: Mapping[str, Any], columns: Sequence[CompiledColumn]) -> dict[str, Any]:
    """A copy of the record, with `<kind>__<slug>` beside the plain slugs where some expression is written so."""
    seen = dict(record)
    if any(KIND_PREFIX.search(source) for one in columns for source in one.resolver.sources):
        seen |= {f"{kind}__{slug}": value for slug, value in record.items() for kind in ("original", "custom")}
    return seen


def _in_dependency_order(columns: list[CompiledColumn]) -> list[CompiledColumn]:
    left = {one.column.slug: one for one in columns}
    done: list[CompiledColumn] = []
    while left:
        ready = [one for one in left.values() if not (one.reads & left.keys())]
        if not ready:
            raise CircularColumns(f"These computed columns need each other: {', '.join(left)}.")
        for one in ready:
            done.append(left.pop(one.column.slug))
    return done
