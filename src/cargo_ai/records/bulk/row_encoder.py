"""Encode rows of text for COPY, column by column, and collect the rows that do not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import lt

from cargo_ai.records.bulk.content_ids import content_id, escape
from cargo_ai.records.bulk.fast_path import FastPath, are_dates, are_numbers
from cargo_ai.records.bulk.notation import PLAIN, Notation
from cargo_ai.records.bulk.row_batches import RowBatch
from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.values import InvalidValue, quote_value, to_database

MAX_ID_LENGTH = 2_000
MAX_MEMORIZED = 20_000
MAX_REJECTED = 100
"""Of the rows that do not fit, this many are reported one by one."""
MAX_REJECTED_VALUE = 200
"""Characters of a value that is reported."""

NULL = ""
"""How COPY reads null: what a file leaves empty is null, in columns of text, too."""
_SPECIAL = re.compile(r"[\\\t\n\r]")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot come in: its number as a spreadsheet counts, the column, why, and the value as it stood in the file."""

    row: int
    column: str
    message: str
    value: str | None = None


class RowEncoder:
    """Turns rows of texts into what COPY reads, column by column; what does not fit is gathered in `rejected`.

    `columns`: the model's column for each value of a row, None for values that are left out; `_id` may be among them. Rows without
    an id, where the model has no id column, get one made of their values, so that the same file twice is the same records; `new_id` gives
    it where rows are known by another column, `match`, which must have a value. `headers`: names of the values, with which a row that does
    not fit is shown.
    """

    def __init__(
        self,
        relation: Relation,
        columns: Sequence[Column | None],
        *,
        new_id: Callable[[], str],
        match: Column | None = None,
        notation: Notation = PLAIN,
        headers: Sequence[str] = (),
    ) -> None:
        kept = [(position, column) for position, column in enumerate(columns) if column is not None and column.writable]
        self.columns = [column for _, column in kept]
        self.match = match
        self.rejected: list[RejectedRow] = []
        self.rejected_count = 0
        self.staged = False
        """Set by the load: lines begin with the row's number, and rows that do not fit come with their faults instead of being left out."""
        self.ascending = False
        """Set by the load, and taken back by the first row whose id does not stand after all before it."""
        self.repeats_ids = True
        """Taken back by the load where it reads the ids from the column of text that they are in: lines then begin with the columns."""
        self._last = ""
        self._faults: dict[int, list[dict[str, object]]] = {}
        self._relation, self._notation, self._headers = relation, notation, headers
        self._positions = [position for position, _ in kept]
        self._new_id = new_id
        self._known: list[dict[str, str]] = [{} for _ in self.columns]
        self._own = self._place(relation.id_column)
        self._id_position = next((position for position, column in enumerate(columns) if column is not None and column.slug == "_id"), None)
        self._matched = None if match is None else self._place(match.slug)
        self._plain = self._plain_rows()
        self._makes_ids = relation.id_column == "_id" and match is None
        slugs = sorted((column.slug, number, column.kind == "original") for number, column in enumerate(self.columns))
        self._original = [(slug, number) for slug, number, original in slugs if original]
        self._other = [(slug, number) for slug, number, original in slugs if not original]

    def _plain_rows(self) -> FastPath | None:
        """For rows that are known by a column of text, which is what most files have."""
        if not self._notation.is_plain:
            return None
        if self._own is None or self.columns[self._own].type != "string" or self.match is not None or self._id_position is not None:
            return None
        return FastPath(self.columns, self._positions, self._own, MAX_ID_LENGTH)

    @property
    def by_content(self) -> bool:
        """Whether the ids are made of the rows' values: rows that are all alike then have the same one."""
        return self._relation.id_column == "_id" and self._id_position is None and self.match is None

    @property
    def id_text(self) -> str | None:
        """The column of text that the rows are known by; None where their ids are made of something else."""
        return None if self._own is None or self.columns[self._own].type != "string" else self.columns[self._own].slug

    @property
    def brings_ids(self) -> bool:
        """Whether the rows themselves have ids, in a model that makes its own."""
        return self._id_position is not None

    def _place(self, slug: str) -> int | None:
        return next((number for number, column in enumerate(self.columns) if column.slug == slug), None)

    @property
    def slugs(self) -> list[str]:
        """The columns that a load sets, in the order of the lines."""
        return [column.slug for column in self.columns]

    def lines(self, first: int, block: RowBatch) -> bytes:
        """The rows as COPY's text format has them: `_id`, unless it is left out, then the columns. `first`: the number of the first row."""
        if not block:
            return b""
        plain = None if self._plain is None else self._plain.lines(block, first if self.staged else None, ids=self.repeats_ids)
        if plain is not None:
            self._follow(block.column(self._positions[self._own or 0]))
            return plain.encode()
        bad: set[int] = set()
        done = [self._column(number, block.column(position), first, bad) for number, position in enumerate(self._positions)]
        texts = None if self._id_position is None else self._notation.rewrite("string", block.column(self._id_position))
        ids = self._ids(done, texts, len(block), first, bad)
        if self._matched is not None and self.match is not None:
            self._require(done[self._matched], self.match.slug, "is missing: it is what the rows are known by", first, bad)
        self.rejected_count += len(bad)
        self._follow(ids)
        lines = map("\t".join, zip(ids, *done, strict=True) if self.repeats_ids else zip(*done, strict=True))
        if self.staged:
            self._show_content(block, first, bad)
            encoded = self._numbered(lines, first, bad)
        else:
            encoded = "\n".join(lines if not bad else (line for at, line in enumerate(lines) if at not in bad))
        self._faults.clear()
        return f"{encoded}\n".encode() if encoded else b""

    def _follow(self, ids: Sequence[str]) -> None:
        """Look whether the ids go on ascending."""
        if self.ascending:
            self.ascending = self._last < ids[0] and all(map(lt, ids, islice(ids, 1, None)))
            self._last = ids[-1]

    def _numbered(self, lines: Iterable[str], first: int, bad: set[int]) -> str:
        """The lines for the staging table: number, `_id`, columns, faults."""
        if not bad:
            return "\n".join([f"{number}\t{line}\t{NULL}" for number, line in enumerate(lines, first)])
        nothing = f"\t{NULL}" * (len(self.columns) + 1)
        return "\n".join(
            [
                f"{first + at}{nothing}\t{escape(json.dumps(self._faults.get(first + at, []), ensure_ascii=False))}"
                if at in bad
                else f"{first + at}\t{line}\t{NULL}"
                for at, line in enumerate(lines)
            ]
        )

    def _show_content(self, block: RowBatch, first: int, bad: set[int]) -> None:
        """Add to the first fault of each row that does not fit what the file has in it."""
        rows = block.rows() if bad else ()
        for at in bad:
            self._faults[first + at][0]["content"] = dict(zip(self._headers, rows[at], strict=False))

    def _reject(self, row: int, column: str, message: str, value: str | None = None) -> None:
        shown = None if value is None else value[:MAX_REJECTED_VALUE]
        if len(self.rejected) < MAX_REJECTED:
            self.rejected.append(RejectedRow(row, column, message, shown))
        if self.staged:
            self._faults.setdefault(row, []).append({"column": column, "value": shown, "message": message})

    def _require(self, values: Sequence[str], slug: str, message: str, first: int, bad: set[int]) -> None:
        for at, value in enumerate(values):
            if value == NULL:
                bad.add(at)
                self._reject(first + at, slug, message)

    def _column(self, number: int, values: Sequence[str], first: int, bad: set[int]) -> Sequence[str]:
        column = self.columns[number]
        texts, values = values, self._notation.rewrite(column.type, values)
        if column.type == "string":
            return _escape_all(values)
        # Where ids are made of the values, each has one spelling, whatever stands around it.
        if not self._makes_ids and ((column.type == "number" and are_numbers(values)) or (column.type == "date" and are_dates(values))):
            return values
        return self._slowly(number, values, texts, first, bad)

    def _slowly(self, number: int, values: Sequence[str], texts: Sequence[str], first: int, bad: set[int]) -> Sequence[str]:
        """Value by value; the same one is looked at once. `texts`: as the file has them."""
        column, known, done = self.columns[number], self._known[number], list[str]()
        if len(known) > MAX_MEMORIZED:
            known.clear()
        for at, value in enumerate(values):
            text = known.get(value)
            if text is None:
                try:
                    text = (to_database(value, column.type) if value else None) or NULL
                    text = known[value] = text if text is NULL else escape(text)
                except InvalidValue as fault:
                    text = NULL
                    bad.add(at)
                    self._reject(first + at, column.slug, f"{quote_value(texts[at])} {fault}", texts[at])
            done.append(text)
        return done

    def _ids(self, done: Sequence[Sequence[str]], texts: Sequence[str] | None, count: int, first: int, bad: set[int]) -> Sequence[str]:
        own = self._relation.id_column
        if own == "_id":
            if self.match is not None:
                return (
                    [uid or self._new_id() for uid in _escape_all(texts)] if texts is not None else [self._new_id() for _ in range(count)]
                )
            computed = self._content_ids(done, count)
            return computed if texts is None else [own or uid for own, uid in zip(_escape_all(texts), computed, strict=True)]
        if self._own is None:
            bad.update(range(count))
            for at in range(count if self.staged else 1):
                self._reject(first + at, own, "is not in the file, and it is the id of the records")
            return [""] * count
        ids = list(done[self._own])
        self._require(ids, own, "is missing: it is the id of the record", first, bad)
        if any(len(uid) > MAX_ID_LENGTH for uid in ids):
            for at, uid in enumerate(ids):
                if len(uid) > MAX_ID_LENGTH:
                    bad.add(at)
                    self._reject(first + at, own, f"is longer than the {MAX_ID_LENGTH:,} characters that an id may have")
        if self.columns[self._own].type == "number":
            return [uid if uid == NULL else (to_database(uid, "number") or "").removesuffix(".0") for uid in ids]
        return ids

    def _content_ids(self, done: Sequence[Sequence[str]], count: int) -> Sequence[str]:
        own = [slug for slug, _ in self._original]
        others = [slug for slug, _ in self._other]
        rows = zip(*(done[number] for _, number in self._original), strict=True) if own else [()] * count
        more = zip(*(done[number] for _, number in self._other), strict=True) if others else [()] * count
        return [content_id(zip(own, row, strict=True), zip(others, other, strict=True)) for row, other in zip(rows, more, strict=True)]


def _escape_all(values: Sequence[str]) -> Sequence[str]:
    """The texts with what means something in COPY's text format escaped; most files have none of it."""
    return [escape(value) for value in values] if _SPECIAL.search("\x1f".join(values)) else values
