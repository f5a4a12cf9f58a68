"""The fast path of loading: rows whose values the database reads as they are in the file, checked by whole columns."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from cargo_ai.records.bulk.infer import DATE
from cargo_ai.records.bulk.row_batches import RowBatch
from cargo_ai.records.catalog import Column

# What the database reads as it stands: no spaces, no more digits than fit.
_NUMBERS = re.compile(r"(?:(?:[+-]?+[0-9]{1,40}+(?:\.[0-9]{0,40}+)?+(?:[eE][+-]?[0-9]{1,2})?+)?+\n)*+")
# Days that are there in every year, and times that need no second look.
_DAYS = (
    "(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DATES = re.compile(rf"(?:(?:{_DAYS}(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}}+)?+)?+Z?+)?+)?+\n)*+")
_BOOLEANS = frozenset({"", "true", "false", "True", "False", "TRUE", "FALSE", "t", "f", "1", "0", "yes", "no"})


def are_numbers(values: Sequence[str]) -> bool:
    """Whether all are numbers, or empty."""
    text = "\n".join(values) + "\n"
    return text.count("\n") == len(values) and _NUMBERS.fullmatch(text) is not None


def are_dates(values: Sequence[str]) -> bool:
    """Whether all are valid dates or timestamps, or empty."""
    text = "\n".join(values) + "\n"
    if text.count("\n") == len(values) and _DATES.fullmatch(text) is not None:
        return True
    distinct = set(values)
    distinct.discard("")
    if not all(map(DATE.fullmatch, distinct)):
        return False
    try:
        deque(map(datetime.fromisoformat, distinct), maxlen=0)
    except ValueError:
        return False
    return True


def are_booleans(values: Sequence[str]) -> bool:
    """Whether all are written as the database reads booleans, or empty."""
    return _BOOLEANS.issuperset(values)


_CHECKS: Mapping[str, Callable[[Sequence[str]], bool]] = {"number": are_numbers, "date": are_dates, "boolean": are_booleans}


class FastPath:
    """Rows for COPY's text format (null is '') where nothing has to be changed: the id, which is in a column of text, then all columns."""

    def __init__(self, columns: Sequence[Column], positions: Sequence[int], own: int, most_id: int) -> None:
        typed = [(column.type, position) for column, position in zip(columns, positions, strict=True) if column.type != "string"]
        self._able = all(kind in _CHECKS for kind, _ in typed)
        self._looks = [(_CHECKS[kind], position) for kind, position in typed if kind in _CHECKS]
        self._positions = list(positions)
        self._own, self._most_id = positions[own], most_id

    def lines(self, block: RowBatch, first: int | None, *, ids: bool = True) -> str | None:
        """The lines, each with its line feed, with a number before and an empty column after where `first` is given; None where some value
        needs more than that. `ids`: whether the id stands before the columns, too."""
        if not self._able or not all(look(block.column(position)) for look, position in self._looks):
            return None
        uids = block.column(self._own)
        if "" in uids or max(map(len, uids)) > self._most_id:
            return None
        # Were there a tab, a line feed or a backslash in some value, it would have to be escaped.
        text = block.tabbed(self._positions)
        if text is None or "\\" in text or "\r" in text:
            return None
        if first is None and not ids:
            return f"{text}\n"
        rows = text.split("\n")
        if first is None:
            parts = ["\t"] * (4 * len(uids))
            parts[0::4], parts[2::4], parts[3::4] = uids, rows, ["\n"] * len(uids)
            return "".join(parts)
        return "".join([f"{number}\t{uid}\t{row}\t\n" for number, (uid, row) in enumerate(zip(uids, rows, strict=True), first)])
