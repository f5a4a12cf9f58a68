"""Queries of searches: a little of Elasticsearch's language, and a little of SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from tests.simulators.people_data_labs.control import refused

Json = Any
Record = dict[str, Json]
Fits = Callable[[Record], bool]
_EQUALS = re.compile(r"\s*(\w+)\s*=\s*'([^']*)'\s*")


def condition(body: Record, table: str, fields: set[str]) -> Fits:
    """What the records of a search have to fit."""
    if ("query" in body) is ("sql" in body):
        raise refused(400, "Request must contain either query or sql")
    if "sql" in body:
        return _sql(str(body["sql"]), table, fields)
    query = body["query"]
    if not isinstance(query, dict) or set(cast("Record", query)) != {"query"}:
        raise refused(400, "Malformed query")
    return _elastic(cast("Record", query)["query"], fields)


def _sql(sql: str, table: str, fields: set[str]) -> Fits:
    start = f"SELECT * FROM {table} WHERE "
    if not sql.upper().startswith(start.upper()) or re.search(r"\blimit\b", sql, re.IGNORECASE):
        raise refused(400, "Malformed sql")
    values: list[tuple[str, str]] = []
    for part in re.split(r"\band\b", sql[len(start) :], flags=re.IGNORECASE):
        match = _EQUALS.fullmatch(part)
        if match is None:
            raise refused(400, "Malformed sql")
        values.append((_field(match[1], fields), match[2]))
    return lambda record: all(record[name] == value for name, value in values)


def _elastic(query: Json, fields: set[str]) -> Fits:
    if not isinstance(query, dict) or len(cast("Record", query)) != 1:
        raise refused(400, "Malformed query")
    ((word, about),) = cast("dict[str, Json]", query).items()
    if word == "bool":
        parts = [_elastic(part, fields) for part in about["must"]]
        return lambda record: all(fits(record) for fits in parts)
    if word == "exists":
        present = _field(about["field"], fields)
        return lambda record: record[present] is not None
    if word not in ("term", "match"):
        raise refused(400, f"Unsupported query type {word}")
    ((name, value),) = about.items()
    field = _field(name, fields)
    return lambda record: record[field] == value


def _field(name: str, fields: set[str]) -> str:
    if name not in fields:
        raise refused(400, f"Unknown field {name}")
    return name
