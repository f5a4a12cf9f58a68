"""Plain rows: those whose every value stands in the file as the database reads it, told by a look at whole columns at a time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from cargo_ai.warehouse.catalog import Column
from cargo_ai.warehouse.infer import DATE

# What the database reads as it stands: no spaces, no more digits than fit.
_NUMBERS = re.compile(r"(?:(?:[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,2})?)?\n)*+")
_BOOLEANS = frozenset({"", "true", "false", "True", "False", "TRUE", "FALSE", "t", "f", "1", "0", "yes", "no"})


def numbers(values: Sequence[str]) -> bool:
    """Whether all are numbers, or empty."""
    text = "\n".join(values) + "\n"
    return text.count("\n") == len(values) and _NUMBERS.fullmatch(text) is not None


def dates(values: Sequence[str]) -> bool:
    """Whether all are moments that there are, or empty."""
    distinct = set(values)
    distinct.discard("")
    if not all(map(DATE.fullmatch, distinct)):
        return False
    try:
        deque(map(datetime.fromisoformat, distinct), maxlen=0)
    except ValueError:
        return False
    return True


def booleans(values: Sequence[str]) -> bool:
    """Whether all are spelt as the database spells them, or empty."""
    return _BOOLEANS.issuperset(values)


_LOOKS: Mapping[str, Callable[[Sequence[str]], bool]] = {"number": numbers, "date": dates, "boolean": booleans}


class PlainRows:
    """Rows for COPY's text format (null is '') where nothing has to be changed: the id, which is a column of text, then all columns."""

    def __init__(self, columns: Sequence[Column], positions: Sequence[int], own: int, most_id: int) -> None:
        typed = [(column.type, position) for column, position in zip(columns, positions, strict=True) if column.type != "string"]
        self._able = all(kind in _LOOKS for kind, _ in typed)
        self._looks = [(_LOOKS[kind], position) for kind, position in typed if kind in _LOOKS]
        self._positions = list(positions)
        self._picked = itemgetter(*positions) if len(positions) > 1 else None
        self._own, self._most_id = positions[own], most_id

    def lines(self, rows: Sequence[Sequence[str]], first: int | None) -> str | None:
        """The lines, with a number before and an empty column after where `first` is given; None where some value needs more than that."""
        if not self._able or not all(look([row[position] for row in rows]) for look, position in self._looks):
            return None
        ids = [row[self._own] for row in rows]
        if "" in ids or max(map(len, ids)) > self._most_id:
            return None
        straight = self._positions == list(range(len(rows[0])))
        if not straight and self._picked is None:
            return None
        values = map("\t".join, rows if straight or self._picked is None else map(self._picked, rows))
        if first is None:
            text = "\n".join(map("\t".join, zip(ids, values, strict=True)))
        else:
            text = "\n".join([f"{number}\t{uid}\t{line}\t" for number, (uid, line) in enumerate(zip(ids, values, strict=True), first)])
        tabs = len(self._positions) + (0 if first is None else 2)
        # Were there a tab, a line feed or a backslash in some value, it would have to be escaped.
        whole = text.count("\t") == len(rows) * tabs and text.count("\n") == len(rows) - 1
        return text if whole and "\\" not in text and "\r" not in text else None
