"""Statements: bindings as the database takes them, what describes and lists tables, and results as Snowflake's texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.simulators.snowflake.control import COLUMNS, USER, Control, Sent, new_handle, refused
from tests.simulators.warehouse import Executed, Invalid

Json = Any
JsonObject = dict[str, Json]
_BODY = {"statement", "timeout", "database", "schema", "warehouse", "role", "bindings", "parameters", "resultSetMetaData"}
_TYPES: dict[str, Callable[[str], Json]] = {"FIXED": int, "REAL": float, "TEXT": str, "BOOLEAN": lambda text: text.lower() == "true"}
_DESCRIBE = re.compile(r'DESCRIBE TABLE (?:"SALES"\.)?(?:"PUBLIC"\.)?"([^"]+)"')
_SHOW = re.compile(r'SHOW TERSE OBJECTS IN (?:ACCOUNT|DATABASE "SALES") LIMIT \d+')


def submit(control: Control, body: JsonObject) -> Sent:
    """Execute a statement; refused where it cannot even begin."""
    if unknown := set(body) - _BODY:
        raise refused(400, f'Unrecognized field "{unknown.pop()}"', "390142")
    sql = str(body.get("statement") or "")
    bindings = _bindings(body.get("bindings") or {})
    sent = Sent(new_handle(), None, runs_for=control.slow)
    if control.failures:
        sent.failure = control.failures.pop(0)
        return sent
    try:
        sent.done = _described(sql) or control.warehouse.execute(sql, bindings or None)
        if control.warehouse.kind_of(sql) == "SCRIPT":
            raise Invalid("Actual statement count 2 did not match the desired statement count 1.")
    except Invalid as error:
        sent.failure = ("001003", f"SQL compilation error: {error}")
    parameters: JsonObject = body.get("parameters") or {}
    most = int(parameters.get("rows_per_resultset", 0))
    if sent.done is not None and most:
        sent.done = Executed(sent.done.kind, sent.done.columns, sent.done.rows[:most])
    return sent


def _bindings(given: JsonObject) -> list[Json]:
    if [*given] != [str(number) for number in range(1, len(given) + 1)]:
        raise refused(400, "Bindings must be numbered from 1", "390142")
    values: list[Json] = []
    for number, each in given.items():
        if each["type"] not in _TYPES or not (each["value"] is None or isinstance(each["value"], str)):
            raise refused(400, f"Invalid binding {number}: types are {', '.join(_TYPES)}, values are texts", "390142")
        values.append(None if each["value"] is None else _TYPES[each["type"]](each["value"]))
    return values


def _described(sql: str) -> Executed | None:
    """The statements about tables that the database does not know in this form."""
    described = _DESCRIBE.fullmatch(sql)
    if described is not None:
        if described[1] != "LEADS":
            raise Invalid(f"Object '{described[1]}' does not exist or not authorized.")
        names = ("name", "type", "kind", "null?", "default")
        rows = [(name, kind, "COLUMN", null, None) for name, kind, null in COLUMNS]
        return Executed("SELECT", [(name, "VARCHAR") for name in names], rows)
    if _SHOW.fullmatch(sql):
        names = ("created_on", "name", "kind", "database_name", "schema_name")
        return Executed("SELECT", [(name, "VARCHAR") for name in names], [("2026-11-27", "LEADS", "TABLE", "SALES", "PUBLIC")])
    if sql == "SELECT CURRENT_USER()":
        return Executed("SELECT", [("CURRENT_USER()", "VARCHAR")], [(USER,)])
    return None


def answer(control: Control, sent: Sent, number: int) -> tuple[int, JsonObject]:
    """What is said of a statement: that it runs, why it failed, or a partition of its result."""
    base: JsonObject = {
        "statementHandle": sent.handle,
        "createdOn": 1_795_000_000_000,
        "statementStatusUrl": f"/api/v2/statements/{sent.handle}",
    }
    if sent.runs_for > 0:
        sent.runs_for -= 1
        return 202, {**base, "code": "333334", "message": "Asynchronous execution in progress."}
    if sent.failure is not None:
        return 422, {**base, "code": sent.failure[0], "message": sent.failure[1], "sqlState": "42000"}
    assert sent.done is not None
    done, size = sent.done, control.page
    rows = [[_text(value) for value in row] for row in done.rows]
    parts = [rows[begin : begin + size] for begin in range(0, len(rows), size)] or [[]]
    if number >= len(parts):
        raise refused(422, "Partition does not exist", "000710")
    if number:
        return 200, {"data": parts[number]}
    meta = {
        "numRows": len(rows),
        "format": "jsonv2",
        "rowType": [_column(name, kind) for name, kind in done.columns],
        "partitionInfo": [{"rowCount": len(part), "uncompressedSize": 100} for part in parts],
    }
    document: JsonObject = {
        **base,
        "code": "090001",
        "message": "Statement executed successfully.",
        "resultSetMetaData": meta,
        "data": parts[0],
    }
    if done.kind in ("INSERT", "UPDATE", "DELETE", "MERGE"):
        counts = {"numRowsInserted": done.inserted, "numRowsUpdated": done.updated, "numRowsDeleted": done.deleted}
        document["stats"] = {**counts, "numDuplicateRowsUpdated": 0}
    return 200, document


def _column(name: str, kind: str) -> JsonObject:
    match kind.partition("(")[0]:
        case "BIGINT" | "INTEGER" | "HUGEINT" | "DECIMAL":
            scale = int(kind.rstrip(")").rpartition(",")[2]) if kind.startswith("DECIMAL") else 0
            return {"name": name, "type": "fixed", "scale": scale, "nullable": True}
        case "DOUBLE" | "FLOAT":
            return {"name": name, "type": "real", "nullable": True}
        case "BOOLEAN" | "DATE":
            return {"name": name, "type": kind.lower(), "nullable": True}
        case "TIMESTAMP":
            return {"name": name, "type": "timestamp_ntz", "scale": 9, "nullable": True}
        case "TIMESTAMP WITH TIME ZONE":
            return {"name": name, "type": "timestamp_ltz", "scale": 9, "nullable": True}
        case "JSON":
            return {"name": name, "type": "variant", "nullable": True}
        case _:
            return {"name": name, "type": "text", "nullable": True}


def _text(value: Json) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return f"{Decimal(round(moment.timestamp() * 1_000_000)) / 1_000_000:.9f}"
        case date():
            return str((value - date(1970, 1, 1)).days)
        case _:
            return str(value)
