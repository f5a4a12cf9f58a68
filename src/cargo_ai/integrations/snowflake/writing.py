"""Writing rows: one statement for the rows of many runs, whose values are bindings, and the result of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import Done, Failed, InvalidConfig, ServiceError
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.tables.results import operation_of, written_schema
from cargo_ai.integrations.kit.tables.rows import TableRow, by_columns, settle
from cargo_ai.integrations.snowflake.results import Result, Statement, finish, submit
from cargo_ai.integrations.snowflake.statements import quoted
from cargo_ai.integrations.snowflake.tables import Table, columns_sql
from cargo_ai.integrations.snowflake.values import to_text

Json = Any
MAX_ROWS = 500
MAX_BINDINGS = 10_000
MAX_BYTES = 4_000_000
WRITTEN = written_schema("Snowflake")
Make = Callable[[Table, Sequence[str], str], str]
"""(table, columns, source) → SQL. source: a table of the rows with the columns c0, c1, …, of the types of the columns."""


def insert(table: Table, names: Sequence[str], source: str) -> str:
    """Add rows."""
    cells = ", ".join(f"c{number}" for number in range(len(names)))
    return f"INSERT INTO {table.sql} ({columns_sql([*names])}) SELECT {cells} FROM ({source}) AS s"  # noqa: S608


def upsert(matching: Sequence[str]) -> Make:
    """Add rows, or change those with the same values in the matching columns."""

    def make(table: Table, names: Sequence[str], source: str) -> str:
        number = {name: position for position, name in enumerate(names)}
        same = " AND ".join(f"t.{quoted(name)} = s.c{number[name]}" for name in matching)
        changes = ", ".join(f"{quoted(name)} = s.c{number[name]}" for name in names if name not in matching)
        update = f"WHEN MATCHED THEN UPDATE SET {changes} " if changes else ""
        values = ", ".join(f"s.c{position}" for position in range(len(names)))
        return (
            f"MERGE INTO {table.sql} AS t USING ({source}) AS s ON {same} "  # noqa: S608
            f"{update}WHEN NOT MATCHED THEN INSERT ({columns_sql([*names])}) VALUES ({values})"
        )

    return make


def source_of(table: Table, names: Sequence[str], rows: Sequence[TableRow]) -> tuple[str, dict[str, Json]]:
    """The rows as a table of bindings, which are texts that are cast to the types of their columns."""
    cells = ", ".join(f"{table.column(name).cast(f'v.t{number}')} AS c{number}" for number, name in enumerate(names))
    marks = ", ".join([f"({', '.join('?' * len(names))})"] * len(rows))
    columns = ", ".join(f"t{number}" for number in range(len(names)))
    values = [to_text(row.values[name]) for row in rows for name in names]
    bindings = {str(number): {"type": "TEXT", "value": value} for number, value in enumerate(values, 1)}
    return f"SELECT {cells} FROM (VALUES {marks}) AS v ({columns})", bindings  # noqa: S608


def valid_rows(rows: Rows[Any], values: Mapping[int, Mapping[str, Json]], table: Table) -> dict[int, Mapping[str, Json]]:
    """The rows that the table can hold, by the names of its columns; the others have failed."""
    valid: dict[int, Mapping[str, Json]] = {}
    for position, wanted in values.items():
        try:
            valid[position] = {table.column(name).name: value for name, value in wanted.items()}
            if len(valid[position]) < len(wanted):
                raise InvalidConfig("`values` names a column twice, in different cases.")
        except InvalidConfig as error:
            valid.pop(position, None)
            rows.settle(position, Failed(str(error), reason="invalidConfig"))
    return valid


def _parts(wanted: Sequence[TableRow]) -> Iterator[tuple[list[str], Sequence[TableRow]]]:
    """The rows by the columns that they write, in parts whose bindings fit into one statement."""
    for names, members in by_columns(wanted):
        size = max(1, MAX_BINDINGS // len(names))
        for begin in range(0, len(members), size):
            yield names, members[begin : begin + size]


async def write(rows: Rows[Any], wanted: Sequence[TableRow], table: Table, make: Make) -> None:
    """Write the rows: those with the same columns in one statement. What fails before anything was changed is raised, so that the caller
    may halve the batch; later on it concerns only the rows of that statement."""
    service = rows.service
    for number, (names, members) in enumerate(_parts(wanted)):
        changed = service.changed
        source, bindings = source_of(table, names, members)
        try:
            result = await finish(
                service, await submit(service, Statement(make(table, names, source), bindings), key=f"{service.key}|{number}")
            )
            outcome: Any = Done({"operation": _operation(result), "table": table.sql}, _operation(result))
        except ServiceError as error:
            if not changed:
                if error.rejects:
                    # The statement was refused as a whole, and has changed nothing.
                    service.changed = False
                raise
            outcome = error.to_outcome()
        settle(rows, members, outcome)


def _operation(result: Result) -> str:
    return operation_of(result.stats.get("numRowsInserted", 0), result.stats.get("numRowsUpdated", 0))
