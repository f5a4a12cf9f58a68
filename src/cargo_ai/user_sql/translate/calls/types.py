"""The types that users may cast to, and their names in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.user_sql.errors import refuse, shorten
from cargo_ai.user_sql.translate.shapes import Kind

_DT = exp.DType

TYPES: dict[exp.DType, tuple[str, Kind]] = {
    _DT.TEXT: ("text", "string"),
    _DT.VARCHAR: ("varchar", "string"),
    _DT.CHAR: ("char", "string"),
    _DT.BOOLEAN: ("boolean", "boolean"),
    _DT.SMALLINT: ("smallint", "integer"),
    _DT.TINYINT: ("smallint", "integer"),
    _DT.INT: ("integer", "integer"),
    _DT.BIGINT: ("bigint", "integer"),
    _DT.FLOAT: ("real", "number"),
    _DT.DOUBLE: ("double precision", "number"),
    _DT.DECIMAL: ("numeric", "number"),
    _DT.BIGDECIMAL: ("numeric", "number"),
    _DT.DATE: ("date", "date"),
    _DT.TIME: ("time", ""),
    _DT.TIMESTAMP: ("timestamp", "datetime"),
    _DT.TIMESTAMPNTZ: ("timestamp", "datetime"),
    _DT.DATETIME: ("timestamp", "datetime"),
    _DT.TIMESTAMPTZ: ("timestamptz", "timestamp"),
    _DT.TIMESTAMPLTZ: ("timestamptz", "timestamp"),
    _DT.INTERVAL: ("interval", "interval"),
    _DT.JSON: ("jsonb", "json"),
    _DT.JSONB: ("jsonb", "json"),
    _DT.UUID: ("uuid", ""),
    _DT.VECTOR: ("vector", "vector"),
}
_WITH_LENGTH = {_DT.VARCHAR, _DT.CHAR, _DT.DECIMAL, _DT.BIGDECIMAL}
_ELEMENT_TYPES = {
    "text",
    "varchar",
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric",
    "date",
    "timestamptz",
}

KIND_OF_COLUMN: Mapping[ColumnType, Kind] = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "date": "timestamp",
    "object": "json",
    "array": "json",
    "any": "json",
    "vector": "vector",
}
"""What a model's column is in SQL."""


def cast_type(node: exp.Expr | None) -> tuple[str, Kind]:
    """The database's spelling of a type and the kind of its values. SqlRefused for one that is not on the list (`regclass`, `oid`, …)."""
    if type(node) is not exp.DataType or not isinstance(node.this, _DT):
        said = node.sql() if node is not None else "nothing"
        refuse(f"There is no type {shorten(said.lower())} to cast to here.")
    if node.this is _DT.ARRAY and len(node.expressions) == 1:
        inner, _ = cast_type(node.expressions[0])
        if inner in _ELEMENT_TYPES:
            return f"{inner}[]", "array"
    entry = TYPES.get(node.this)
    if entry is None:
        refuse(f"There is no type {shorten(node.sql().lower())} to cast to here.")
    if not node.expressions:
        return entry
    parameters = [_parameter(parameter) for parameter in node.expressions]
    if node.this not in _WITH_LENGTH or len(parameters) > 2:
        refuse(f"The type {entry[0]} takes no parameters here.")
    return f"{entry[0]}({', '.join(parameters)})", entry[1]


def _parameter(node: exp.Expr) -> str:
    value = str(node.this.this) if type(node) is exp.DataTypeParam and type(node.this) is exp.Literal else ""
    if not (value.isascii() and value.isdigit()) or not 0 <= int(value[:6]) <= 10_000:
        refuse("The parameter of a type must be a small number.")
    return value
