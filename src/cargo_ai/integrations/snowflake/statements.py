"""Statements: `:name` parameters as Snowflake takes them, names quoted, and whether a statement only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
LONGEST = 100_000
READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "LIST", "LS", "VALUES")
# One pass: what is quoted or a comment is left as it is. A colon after a name, a quote or a bracket goes into a VARIANT.
_SKIPPED = r"""'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|\$\$.*?(?:\$\$|\Z)|--[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|::"""
_PARTS = re.compile(rf"(?P<skipped>{_SKIPPED})|(?<![:\w\"\])]):(?P<name>[A-Za-z_]\w*)|(?P<mark>\?)", re.DOTALL)
PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*")
"""Names that need no quotes."""
_IDENTIFIER = re.compile(r'"(?:[^"\x00]|"")+"|[A-Za-z_][A-Za-z0-9_$]*')
_NAME = re.compile(rf"(?:(?:({_IDENTIFIER.pattern})\.)?({_IDENTIFIER.pattern})\.)?({_IDENTIFIER.pattern})")


def bind(text: str, parameters: Mapping[str, Json]) -> tuple[str, dict[str, Json]]:
    """The statement with `?` for each `:name`, and the bindings by their number.

    InvalidConfig for one that has no value, for a `?` of the user's own, and for a statement of more than 100,000 characters.
    """
    if not text.strip():
        raise InvalidConfig("The statement is empty.")
    if len(text) > LONGEST:
        raise InvalidConfig(f"The statement has {len(text)} characters: at most {LONGEST} are taken.")
    bindings: dict[str, Json] = {}

    def place(found: re.Match[str]) -> str:
        if found["mark"]:
            raise InvalidConfig("The statement has a `?`: name its parameters, as in :email.")
        name = found["name"]
        if name is None:
            return found[0]
        if name not in parameters:
            raise InvalidConfig(f"The statement names the parameter :{name}, and `parameters` has no {name}.")
        bindings[str(len(bindings) + 1)] = binding(parameters[name])
        return "?"

    return _PARTS.sub(place, text), bindings


def binding(value: Json) -> dict[str, Json]:
    """A value with its type, as text: objects and lists as JSON."""
    match value:
        case None:
            return {"type": "TEXT", "value": None}
        case bool():
            return {"type": "BOOLEAN", "value": "true" if value else "false"}
        case int():
            return {"type": "FIXED", "value": str(value)}
        case float():
            return {"type": "REAL", "value": repr(value)}
        case str():
            return {"type": "TEXT", "value": value}
        case _:
            return {"type": "TEXT", "value": json.dumps(value, ensure_ascii=False)}


def check_reads(text: str) -> None:
    """InvalidConfig where a statement is not of a kind that only reads. Several in one are refused by Snowflake itself."""
    words = re.sub(r"--[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\(", " ", text, flags=re.DOTALL).split(maxsplit=1)
    if not words or words[0].upper().rstrip(";") not in READING:
        raise InvalidConfig("`query` only reads: the statement has to begin with SELECT or WITH. For others, use the action execute.")


def quoted(name: str) -> str:
    """A name as it stands in a statement, exactly so."""
    return '"{}"'.format(name.replace('"', '""'))


def _exact(part: str) -> str:
    """A name as Snowflake keeps it: in capitals unless it was in quotes."""
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.upper()


def quoted_table(name: str) -> str:
    """A table, `schema.table` or `database.schema.table`, as it stands in a statement. InvalidConfig for another text."""
    match = _NAME.fullmatch(name.strip())
    if match is None or len(name) > 1_000:
        raise InvalidConfig(
            "`table` must be a table, schema.table or database.schema.table; a name with other signs goes into double quotes."
        )
    return ".".join(quoted(_exact(part)) for part in match.groups() if part is not None)
