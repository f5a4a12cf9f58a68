"""Writing rows: the statements that insert or upsert the rows of many runs, and the result of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from cargo_ai.integrations.kit import ActionRequest, Failed, Form, InvalidConfig, Outcome, ServiceError
from cargo_ai.integrations.kit.tables.fields import table_field
from cargo_ai.integrations.kit.writes import rounds
from cargo_ai.integrations.sql import catalog
from cargo_ai.integrations.sql.account import dialect_of
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.database import Column, Rows, Statement
from cargo_ai.integrations.sql.statement import Dialect, quoted, quoted_table, values_list

Json = Any
MAX_ROWS = 500
table_named = partial(table_field, "table or schema.table.", longest=260)
"""The field of a table."""
# PostgreSQL takes 65,535 values in a statement.
MAX_VALUES = 30_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row to write: its place in the batch and its values by column."""

    position: int
    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Target:
    """A table with its columns, and how the database writes. owner: the account that sees it so."""

    owner: str
    dialect: Dialect
    table: str
    columns: Mapping[str, Column]

    @staticmethod
    async def of(request: ActionRequest, table: str) -> Target:
        """The table that an action writes. InvalidConfig without it."""
        dialect = dialect_of(request.connector_config)
        config = json.dumps(request.connector_config, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
        owner = hashlib.sha256(config).hexdigest()
        return Target(owner, dialect, table, await catalog.known_columns(request.service, dialect, table, owner))

    def forget(self) -> None:
        """Look at the table again the next time."""
        catalog.forget(self.owner, self.dialect, self.table)

    def check(self, names: Sequence[str]) -> None:
        """InvalidConfig for a column that the table does not have."""
        for name in names:
            if name not in self.columns:
                raise InvalidConfig(f"The table {self.table} has no column {name}; it has: {', '.join(list(self.columns)[:30])}.")

    def insert(self, names: Sequence[str], rows: Sequence[Row]) -> Statement:
        """One INSERT of rows that have these columns."""
        # A typed null or text is what the column takes, in a list of several rows, too.
        cells = [f"%s::{self.columns[name].type}" if self.dialect == "postgresql" else "%s" for name in names]
        columns = ", ".join(quoted(name, self.dialect) for name in names)
        text = f"INSERT INTO {quoted_table(self.table, self.dialect)} ({columns}) VALUES {values_list(len(rows), cells)}"  # noqa: S608
        return text, [self._value(name, row.values[name]) for row in rows for name in names]

    def _value(self, name: str, value: Json) -> Json:
        if self.dialect == "mysql":
            return value
        kind = self.columns[name].type
        if isinstance(value, list) and kind.endswith("[]"):
            return _array(cast("list[Json]", value))
        if isinstance(value, (dict, list)) or kind in ("json", "jsonb"):
            return None if value is None else json.dumps(value, ensure_ascii=False)
        # As text, which the cast reads: a number for a text column and the other way round.
        return value if value is None or isinstance(value, str) else json.dumps(value)

    def upsert(self, names: Sequence[str], matching: Sequence[str], rows: Sequence[Row]) -> Statement:
        """One INSERT that changes the rows that are there already. PostgreSQL says of each whether it was."""
        text, values = self.insert(names, rows)
        others = [quoted(name, self.dialect) for name in names if name not in matching]
        keys = [quoted(name, self.dialect) for name in matching]
        if self.dialect == "mysql":
            # MySQL matches by every unique index: a row that another value belongs to is left as it is.
            same = " AND ".join(f"{key} <=> VALUES({key})" for key in keys)
            changes = ", ".join(f"{name} = IF({same}, VALUES({name}), {name})" for name in others or keys[:1])
            return f"{text} ON DUPLICATE KEY UPDATE {changes}", values
        # Something has to be set for the row to be given back.
        changes = ", ".join(f"{name} = excluded.{name}" for name in others or keys[:1])
        return f"{text} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes} RETURNING xmax = 0 AS created", values

    def existing(self, matching: Sequence[str], rows: Sequence[Row]) -> Statement:
        """The positions of the rows whose keys are there, for databases that do not say it of an upsert."""
        keys = " AND ".join(f"{quoted(name, self.dialect)} = %s" for name in matching)
        table = quoted_table(self.table, self.dialect)
        text = " UNION ALL ".join(f"(SELECT {row.position} AS position FROM {table} WHERE {keys} LIMIT 1)" for row in rows)  # noqa: S608
        return text, [row.values[name] for row in rows for name in matching]


WriteT = TypeVar("WriteT", bound=Form)


@dataclass(frozen=True, slots=True)
class Plan(Generic[WriteT]):
    """How an action writes.

    table: of a form. values: of a form, by column. key: what names the row of these values, None where nothing does: rows with the same
        key are written one after another, since no statement can change a row twice.
    statements: for rows with the same columns; the form is one of theirs, and all of them agree in what the batch is grouped by.
    results: the outcome of each of these rows, from what the statements gave.
    """

    table: Callable[[WriteT], str]
    values: Callable[[WriteT], Mapping[str, Json]]
    key: Callable[[WriteT, Mapping[str, Json]], str] | None
    statements: Callable[[Target, WriteT, Sequence[str], Sequence[Row]], list[Statement]]
    results: Callable[[Target, WriteT, Sequence[Row], Sequence[Rows]], list[Outcome]]


def _array(value: list[Json]) -> str:
    """A list as PostgreSQL writes arrays."""
    texts = [item if item is None or isinstance(item, str) else json.dumps(item) for item in value]
    return "{" + ",".join("NULL" if text is None else json.dumps(text, ensure_ascii=False) for text in texts) + "}"


def by_columns(rows: Sequence[Row]) -> Iterator[tuple[list[str], list[Row]]]:
    """The rows by the columns that they write, in parts that fit into one statement."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row.values)), []).append(row)
    for names, members in groups.items():
        size = max(1, min(MAX_ROWS, MAX_VALUES // max(1, len(names))))
        for start in range(0, len(members), size):
            yield list(names), members[start : start + size]


async def write(requests: Sequence[ActionRequest], form: type[WriteT], plan: Plan[WriteT]) -> list[Outcome]:
    """Write the rows of several runs in one transaction; the outcome of each, in their order. What is wrong with one row before it is
    sent fails it alone; what the database refuses concerns all, and is tried row by row by the caller."""
    outcomes: list[Outcome] = [Failed("This row was not written.")] * len(requests)
    forms: dict[int, WriteT] = {}
    for position, request in enumerate(requests):
        try:
            forms[position] = request.form(form)
        except InvalidConfig as error:
            outcomes[position] = Failed(str(error), reason="invalidConfig")
    if not forms:
        return outcomes
    first = next(iter(forms))
    try:
        target = await Target.of(requests[first], plan.table(forms[first]))
    except InvalidConfig as error:
        for position in forms:
            outcomes[position] = Failed(str(error), reason="invalidConfig")
        return outcomes
    rows: list[Row] = []
    keys: list[str] = []
    for position, filled in forms.items():
        try:
            values = plan.values(filled)
            target.check(list(values))
            rows.append(Row(position, values))
            keys.append(str(position) if plan.key is None else plan.key(filled, values))
        except InvalidConfig as error:
            outcomes[position] = Failed(str(error), reason="invalidConfig")
    parts = [part for numbers in rounds(keys) for part in by_columns([rows[number] for number in numbers])]
    statements = [statement for names, members in parts for statement in plan.statements(target, forms[first], names, members)]
    if not statements:
        return outcomes
    try:
        done = await transact(requests[first].service, statements, read_only=False, limit=MAX_ROWS)
    except ServiceError:
        # The table may be another one than a minute ago.
        target.forget()
        raise
    size = len(statements) // len(parts)
    for number, (_names, members) in enumerate(parts):
        given = done[number * size : (number + 1) * size]
        for row, outcome in zip(members, plan.results(target, forms[first], members, given), strict=True):
            outcomes[row.position] = outcome
    return outcomes
