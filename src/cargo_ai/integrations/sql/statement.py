"""Statements: `:name` parameters as the drivers take them, names of tables and columns quoted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
Dialect = Literal["postgresql", "mysql"]
LONGEST = 100_000

# One pass: what is quoted or a comment is left as it is. Unclosed quotes run to the end: the database says what is wrong.
_SKIPPED = r"""'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)"""
_PARAMETER = r"(?<![:\w]):(?P<name>[A-Za-z_]\w*)"
_PATTERNS: Mapping[Dialect, re.Pattern[str]] = {
    # A backslash escapes nothing in a text of PostgreSQL, unless it is an E'…'.
    "postgresql": re.compile(
        r"""(?P<skipped>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|"[^"]*(?:"|\Z)|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)"""
        r"""|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)|::)|""" + _PARAMETER,
        re.DOTALL,
    ),
    "mysql": re.compile(rf"(?P<skipped>{_SKIPPED}|`[^`]*(?:`|\Z)|\#[^\n]*)|{_PARAMETER}", re.DOTALL),
}


def bind(text: str, parameters: Mapping[str, Json], dialect: Dialect) -> tuple[str, dict[str, Json]]:
    """The statement with `%(name)s` for each `:name`, and the values of those that it names.

    InvalidConfig for one that has no value, and for a statement of more than 100,000 characters.
    """
    if not text.strip():
        raise InvalidConfig("The statement is empty.")
    if len(text) > LONGEST:
        raise InvalidConfig(f"The statement has {len(text)} characters: at most {LONGEST} are taken.")
    used: dict[str, Json] = {}
    parts: list[str] = []
    end = 0
    for found in _PATTERNS[dialect].finditer(text):
        name = found["name"]
        parts.append(text[end : found.start()].replace("%", "%%"))
        end = found.end()
        if name is None:
            parts.append(found[0].replace("%", "%%"))
            continue
        if name not in parameters:
            raise InvalidConfig(f"The statement names the parameter :{name}, and `parameters` has no {name}.")
        used[name] = parameters[name]
        parts.append(f"%({name})s")
    parts.append(text[end:].replace("%", "%%"))
    return "".join(parts), used


def quoted(name: str, dialect: Dialect) -> str:
    """A name of a column as it stands in a statement."""
    if not name or "\0" in name or len(name) > 128:
        raise InvalidConfig(f"{name[:40]!r} is not a name of a column or table.")
    mark = '"' if dialect == "postgresql" else "`"
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def table_parts(name: str) -> tuple[str | None, str]:
    """Schema and table of `table` or `schema.table`; InvalidConfig for anything else."""
    schema, dot, table = name.strip().rpartition(".")
    if not table or (dot and not schema) or "." in schema:
        raise InvalidConfig("`table` must be a table or schema.table.")
    return schema or None, table


def quoted_table(name: str, dialect: Dialect) -> str:
    """A table as it stands in a statement."""
    schema, table = table_parts(name)
    return ".".join(quoted(part, dialect) for part in (schema, table) if part is not None)


def values_list(rows: int, cells: Sequence[str]) -> str:
    """`(…), (…)` for this many rows of these placeholders."""
    row = f"({', '.join(cells)})"
    return ", ".join([row] * rows)
