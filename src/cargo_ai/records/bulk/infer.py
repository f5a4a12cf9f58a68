"""Infer the types of a file's columns from all of its rows, without keeping any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.records.bulk.notation import PLAIN, Notation

DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?")
"""How a moment is written where its form alone is looked at."""

# A number of more digits than a double holds is not a number, and neither is what begins with 0 or +: ids, postal codes, telephones.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15}(?:[eE][+-]?\d{1,2})?)?")
_BOOLEAN = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})


def _number(values: Sequence[str]) -> bool:
    return all(map(_NUMBER.fullmatch, values))


def _boolean(values: Sequence[str]) -> bool:
    return _BOOLEAN.issuperset(values)


def _date(values: Sequence[str]) -> bool:
    if not all(map(DATE.fullmatch, values)):
        return False
    try:
        for value in values:
            datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _object(values: Sequence[str]) -> bool:
    return all(value.startswith("{") for value in values) and all(_is(value, dict) for value in values)


def _array(values: Sequence[str]) -> bool:
    return all(value.startswith("[") for value in values) and all(_is(value, list) for value in values)


def _is(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


_TESTS: tuple[tuple[ColumnType, Callable[[Sequence[str]], bool]], ...] = (
    ("boolean", _boolean),
    ("number", _number),
    ("date", _date),
    ("object", _object),
    ("array", _array),
)


class TypeInference:
    """Which types still fit each column of a file; `add` the rows, then ask for `types`."""

    def __init__(self, width: int, notation: Notation = PLAIN) -> None:
        self.count = 0
        self._notation = notation
        self._fits = [list(_TESTS) for _ in range(width)]
        self._seen = [False] * width

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Look at more rows; each has a value for every column, '' where it has none."""
        self.count += len(rows)
        for position, column in enumerate(zip(*rows, strict=True)):
            fits = self._fits[position]
            if not fits:
                continue
            values = [value for value in self._notation.rewrite("string", column) if value]
            if values:
                self._seen[position] = True
                self._fits[position] = [(kind, test) for kind, test in fits if test(self._notation.rewrite(kind, values))]

    def types(self) -> list[ColumnType]:
        """The narrowest type that fits every value of each column; text where nothing does, or where there is no value at all."""
        return [fits[0][0] if seen and fits else "string" for fits, seen in zip(self._fits, self._seen, strict=True)]
