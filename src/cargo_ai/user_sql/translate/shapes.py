"""Pieces of SQL that we write, and what is known of each: the kind of its value and, for structs, its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from cargo_ai.user_sql.errors import refuse, shorten

Kind = Literal[
    "", "string", "integer", "number", "boolean", "date", "timestamp", "datetime", "interval", "json", "struct", "array", "vector"
]
"""What is known of a value's type; '' is nothing. `timestamp` has a time zone, `datetime` has none, `json` is jsonb."""

Spelling = Literal["postgres", "bigquery", "clickhouse"]

MAX_NAME_BYTES = 63
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


class Sql(NamedTuple):
    """A piece of SQL that is safe to put anywhere an expression may stand: it is an atom or has its parentheses."""

    text: str
    kind: Kind = ""
    fields: Mapping[str, Kind] | None = None
    """Of a struct: its fields."""
    literal: str | None = None
    """Of a text constant: the text."""
    milliseconds: str = ""
    """Of a time that is stored as a number: that number (see time_bounds)."""


class Output(NamedTuple):
    """A column that a query gives."""

    name: str
    kind: Kind = ""
    fields: Mapping[str, Kind] | None = None
    milliseconds: str = ""
    """The column that holds the same time as a number, if there is one."""


def quote_name(text: str) -> str:
    """A quoted identifier. SqlRefused when no identifier can be called so."""
    if not text or "\0" in text:
        refuse("A name is empty or has a NUL character.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        refuse(f"The name {shorten(text)} is too long: at most {MAX_NAME_BYTES} bytes are allowed.")
    return '"' + text.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """A text constant. It means the same whatever `standard_conforming_strings` says."""
    if "\0" in value:
        refuse("A text has a NUL character, which the database cannot hold.")
    try:
        value.encode()
    except UnicodeEncodeError:
        refuse("A text has half of a character (a lone surrogate).")
    quoted = value.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in value else f"'{quoted}'"


def check_number(value: str) -> str:
    """A number as it was written."""
    if len(value) > 100 or not _NUMBER.fullmatch(value):
        refuse(f"{shorten(value)} is not a number that can be used here.")
    return value


def join_sql(parts: list[Sql]) -> str:
    """The pieces with commas."""
    return ", ".join(part.text for part in parts)


def common_kind(values: list[Sql]) -> Kind:
    """The kind of a value that may be any of these."""
    kinds: set[Kind] = {value.kind for value in values if value.text != "NULL"}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else ""
