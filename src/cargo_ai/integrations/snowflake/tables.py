"""Tables: their names as SQL has them, and their columns as Snowflake describes them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit import InvalidConfig, Service, ServiceError
from cargo_ai.integrations.snowflake.results import Result, Statement, submit
from cargo_ai.integrations.snowflake.statements import quoted, quoted_table
from cargo_ai.kernel import clock

Json = Any
FRESH_SECONDS = 60.0
_MAX_KNOWN = 500
_SHOWN = 30
_STRUCTURED = {"VARIANT": "PARSE_JSON({})", "OBJECT": "PARSE_JSON({})::OBJECT", "ARRAY": "PARSE_JSON({})::ARRAY"}
_TYPE = re.compile(r"[A-Z_ ]+(?:\([0-9, ]+\))?")


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its name, its type in SQL, and whether it has to have a value."""

    name: str
    type: str
    is_required: bool

    @property
    def kind(self) -> str:
        """Its type without length and precision."""
        return self.type.partition("(")[0]

    def cast(self, text: str) -> str:
        """An expression that gives a text as a value of this column."""
        return _STRUCTURED.get(self.kind, f"CAST({{}} AS {self.type})").format(text)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands in statements, and its columns by their names."""

    sql: str
    columns: Mapping[str, TableColumn]

    def has(self, names: Iterable[str]) -> bool:
        """Whether it has all of these columns, in whatever case."""
        return {name.upper() for name in names} <= {name.upper() for name in self.columns}

    def column(self, name: str) -> TableColumn:
        """A column, also in another case where that is clear. InvalidConfig where the table does not have it."""
        if name in self.columns:
            return self.columns[name]
        similar = [column for column in self.columns.values() if column.name.upper() == name.upper()]
        if len(similar) == 1:
            return similar[0]
        raise InvalidConfig(f"The table {self.sql} has no column {name}; it has: {', '.join([*self.columns][:_SHOWN])}.")


_known: dict[str, tuple[float, Table]] = {}


async def known_table(service: Service, name: str, columns: Iterable[str]) -> Table:
    """A table as it was a minute ago at most, so that a batch that is halved does not look at it again each time; one that lacks some of
    these columns, as it is now."""
    config: Mapping[str, Json] = {} if service.account is None else service.account.config
    text = json.dumps([name, config], sort_keys=True, default=str)
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    until, table = _known.get(key, (0.0, None))
    if table is None or until < clock.seconds() or not table.has(columns):
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        table = await table_of(service, name)
        _known[key] = (clock.seconds() + FRESH_SECONDS, table)
    return table


async def table_of(service: Service, name: str) -> Table:
    """A table or view as it is now. ServiceError without it."""
    sql = quoted_table(name)
    result = await submit(service, Statement(f"DESCRIBE TABLE {sql}", seconds=60), reads=True)
    if not isinstance(result, Result):
        raise ServiceError("Snowflake: the table was not described in time.", transient=True, reason="unexpectedAnswer")
    columns: dict[str, TableColumn] = {}
    for row in result.records():
        kind = str(row["type"]).upper()
        if not _TYPE.fullmatch(kind):
            # One of a structured type, say: it can be read, but a cast to it is not written here.
            kind = kind.partition("(")[0]
        columns[str(row["name"])] = TableColumn(str(row["name"]), kind, row.get("null?") == "N" and row.get("default") is None)
    return Table(sql, columns)


def columns_sql(names: list[str]) -> str:
    """Names of columns as they stand in a statement."""
    return ", ".join(map(quoted, names))
