"""Hash records in SQL: one number per record, which differs when any of its columns does."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.names import quote

VERSION = 1
"""Goes up when the same values would hash differently: stored hashes are then taken again, and that is not a change of a record."""


def hash_expression(columns: Iterable[Column], alias: str = "") -> str:
    """A bigint over the columns: the XOR of one hash each, seeded by the column's name; null counts for nothing.

    So a column that is added (all null) leaves every hash as it is, and the order of columns does not matter.
    """
    parts = [_column_hash(column, alias) for column in columns]
    return f"({' # '.join(parts)})" if parts else "(0::bigint)"


def row_hash_expression(relation: Relation, alias: str) -> str:
    """The hash of all stored columns of a row of the table: `_hash`, and what it does not cover yet."""
    later = [column for column in relation.stored_columns if column.slug not in relation.hashed]
    own = f"{alias}._hash"
    return f"({own} # {hash_expression(later, alias)})" if later else own


def _column_hash(column: Column, alias: str) -> str:
    name = f"{alias}.{quote(column.slug)}" if alias else quote(column.slug)
    seed = zlib.crc32(column.slug.encode())
    match column.type:
        case "string":
            return f"coalesce(hashtextextended({name}, {seed}), 0)"
        case "number":
            return f"coalesce(hashfloat8extended({name}, {seed}), 0)"
        case "boolean":
            return f"coalesce(hashint4extended({name}::int, {seed}), 0)"
        case "date":
            return f"case when {name} is null then 0 else hash_record_extended(row({name}), {seed}) end"
        case "vector":
            return f"coalesce(hashtextextended({name}::text, {seed}), 0)"
        case "object" | "array" | "any":
            return f"coalesce(jsonb_hash_extended({name}, {seed}), 0)"
