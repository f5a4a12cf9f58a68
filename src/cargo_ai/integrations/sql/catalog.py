"""Tables and columns of a database, as its information schema has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.kit import InvalidConfig, Service
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.database import Column
from cargo_ai.integrations.sql.statement import Dialect, quoted_table, table_parts
from cargo_ai.kernel import clock

Json = Any
MAX_TABLES = 2_000
KNOWN_SECONDS = 60.0
MAX_KNOWN = 1_000

_TABLES: Mapping[Dialect, str] = {
    "postgresql": "SELECT table_schema AS s, table_name AS t FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
    "mysql": "SELECT table_schema AS s, table_name AS t FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1, 2",
}
_COLUMNS: Mapping[Dialect, str] = {
    # By its name as the database resolves it, so that the search path counts.
    "postgresql": "SELECT attname AS c, format_type(atttypid, atttypmod) AS y, NOT attnotnull AS n, (atthasdef OR attidentity <> '') AS d "
    "FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    "mysql": "SELECT column_name AS c, column_type AS y, is_nullable = 'YES' AS n, "
    "(column_default IS NOT NULL OR extra LIKE '%%auto_increment%%') AS d FROM information_schema.columns "
    "WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s ORDER BY ordinal_position",
}

_known: dict[tuple[str, Dialect, str], tuple[float, dict[str, Column]]] = {}


async def tables(service: Service, dialect: Dialect) -> Sequence[tuple[str, str]]:
    """Schema and name of every table and view that the account sees."""
    (rows,) = await transact(service, [(_TABLES[dialect], [])], read_only=True, limit=MAX_TABLES)
    return [(str(row["s"]), str(row["t"])) for row in rows.rows]


async def columns(service: Service, dialect: Dialect, table: str) -> dict[str, Column]:
    """The columns of a table by name, in their order. InvalidConfig where there is no such table."""
    parts = [quoted_table(table, dialect)] if dialect == "postgresql" else list(table_parts(table))
    (rows,) = await transact(service, [(_COLUMNS[dialect], parts)], read_only=True, limit=2_000)
    if not rows.rows:
        raise InvalidConfig(f"There is no table {table} in the database, or the account may not see it.")
    return {
        str(row["c"]): Column(str(row["c"]), str(row["y"]), is_nullable=bool(row["n"]), has_default=bool(row["d"])) for row in rows.rows
    }


async def known_columns(service: Service, dialect: Dialect, table: str, owner: str) -> dict[str, Column]:
    """The same, remembered for a minute. owner: what tells accounts apart."""
    key = (owner, dialect, table)
    until, columns_ = _known.get(key, (0.0, cast("dict[str, Column]", {})))
    if until <= clock.seconds():
        columns_ = await columns(service, dialect, table)
        if len(_known) >= MAX_KNOWN:
            _known.clear()
        _known[key] = (clock.seconds() + KNOWN_SECONDS, columns_)
    return columns_


def forget(owner: str, dialect: Dialect, table: str) -> None:
    """Look again the next time: the table has changed."""
    _known.pop((owner, dialect, table), None)
