"""Cells: values as Sheets takes them, where no text becomes a formula unless that was asked for, and keys as they are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cargo_ai.integrations.kit import InvalidConfig

Json = Any
MAX_CHARACTERS = 50_000
"""Of one cell, by Google's limit."""
# Doubles hold no larger integers exactly.
_EXACT = 2**53


def cell_of(value: Json, *, formulas: bool) -> Mapping[str, Json]:
    """A value as `userEnteredValue` has it; {} for null and the empty text: an empty cell. InvalidConfig for a text that is too long.

    A text is written as it is, also =1+1 or +49…; `formulas`: one that begins with = is a formula. Lists and objects are written as JSON.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, (int, float)) and abs(value) <= _EXACT:
        return {"userEnteredValue": {"numberValue": value}}
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_CHARACTERS:
        raise InvalidConfig(f"a cell holds at most {MAX_CHARACTERS} characters, not {len(text)}.")
    return {"userEnteredValue": {"formulaValue" if formulas and text.startswith("=") else "stringValue": text}}


def comparable(value: Json) -> str:
    """A key as it is compared: the number 42 and the text 42 are the same, space around a text does not count."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    return "" if value is None else str(value).strip()


def key_of(value: Json) -> str:
    """The value by which a row is found. InvalidConfig where it is missing: it would match empty cells."""
    if isinstance(value, (list, dict)) or not comparable(value):
        raise InvalidConfig("`matchingValue` is empty or not text: there is nothing to find a row by.")
    return comparable(value)
