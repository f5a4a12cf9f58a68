"""Writing rows: one statement for the rows of many runs, which go as one parameter, and the result of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cargo_ai.integrations.big_query.jobs import Statement, counts, finish, start
from cargo_ai.integrations.big_query.tables import Table, quoted
from cargo_ai.integrations.big_query.values import column_type, column_value
from cargo_ai.integrations.kit import Done, Failed, InvalidConfig, ServiceError
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.integrations.kit.tables.results import operation_of, written_schema
from cargo_ai.integrations.kit.tables.rows import TableRow, by_columns, settle

Json = Any
MAX_ROWS = 1_000
MAX_BYTES = 4_000_000
WRITTEN = written_schema("BigQuery")
Make = Callable[[Table, Sequence[str], Json], Statement]


def rows_parameter(table: Table, names: Sequence[str], rows: Sequence[TableRow]) -> Json:
    """All rows as one parameter: an array of structs with the fields c0, c1, … in the order of the columns."""
    fields = [table.columns[name] for name in names]
    kinds = [{"name": f"c{number}", "type": column_type(field)} for number, field in enumerate(fields)]
    values = [
        {
            "structValues": {
                f"c{number}": column_value(field, row.values[name]) for number, (name, field) in enumerate(zip(names, fields, strict=True))
            }
        }
        for row in rows
    ]
    kind = {"type": "ARRAY", "arrayType": {"type": "STRUCT", "structTypes": kinds}}
    return {"name": "rows", "parameterType": kind, "parameterValue": {"arrayValues": values}}


def _cells(count: int) -> str:
    return ", ".join(f"r.c{number} AS c{number}" for number in range(count))


def insert(table: Table, names: Sequence[str], rows: Json) -> Statement:
    """Add rows."""
    columns = ", ".join(map(quoted, names))
    return Statement(f"INSERT INTO {table.sql} ({columns}) SELECT {_cells(len(names))} FROM UNNEST(@rows) AS r", [rows])  # noqa: S608


def upsert(matching: Sequence[str]) -> Make:
    """Add rows, or change those with the same values in the matching columns."""

    def make(table: Table, names: Sequence[str], rows: Json) -> Statement:
        number = {name: position for position, name in enumerate(names)}
        same = " AND ".join(f"T.{quoted(name)} = S.c{number[name]}" for name in matching)
        changes = ", ".join(f"{quoted(name)} = S.c{number[name]}" for name in names if name not in matching)
        columns, values = ", ".join(map(quoted, names)), ", ".join(f"S.c{position}" for position in range(len(names)))
        update = f"WHEN MATCHED THEN UPDATE SET {changes} " if changes else ""
        text = (
            f"MERGE {table.sql} AS T USING (SELECT {_cells(len(names))} FROM UNNEST(@rows) AS r) AS S ON {same} "  # noqa: S608
            f"{update}WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
        )
        return Statement(text, [rows])

    return make


def valid_rows(rows: Rows[Any], values: Mapping[int, Mapping[str, Json]], table: Table) -> dict[int, Mapping[str, Json]]:
    """The rows that the table can hold; the others have failed."""
    valid: dict[int, Mapping[str, Json]] = {}
    for position, wanted in values.items():
        try:
            for name, value in wanted.items():
                table.check(name)
                column_value(table.columns[name], value)
        except InvalidConfig as error:
            rows.settle(position, Failed(str(error), reason="invalidConfig"))
        else:
            valid[position] = wanted
    return valid


async def write(rows: Rows[Any], wanted: Sequence[TableRow], table: Table, make: Make, *, merges: bool) -> None:
    """Write the rows: those with the same columns in one statement. What fails before anything was changed is raised, so that the caller
    may halve the batch; later on it concerns only the rows of that statement."""
    service = rows.service
    for number, (names, members) in enumerate(by_columns(wanted)):
        changed = service.changed
        try:
            job = await start(service, make(table, names, rows_parameter(table, names, members)), f"{service.key}|{number}")
            await finish(service, job)
            operation = operation_of(*(await counts(service, job) or (1, 1))) if merges else "created"
        except ServiceError as error:
            if not changed and error.rejects:
                # The statement was refused as a whole, and has changed nothing.
                service.changed = False
                raise
            if not changed:
                raise
            settle(rows, members, error.to_outcome())
        else:
            settle(rows, members, Done({"operation": operation, "table": f"{table.dataset}.{table.name}"}, operation))
