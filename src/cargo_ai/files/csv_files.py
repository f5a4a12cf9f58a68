"""CSV files: read as a stream, in chunks or blocks of rows, with errors that name the row."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain, islice

from cargo_ai.files.text_files import CHUNK_ROWS, MAX_READY, MAX_ROW, NUL, UTF8, InvalidFile, decode
from cargo_ai.records.bulk.row_batches import RowBatch, TextBatch

MAX_FIELD = 1024 * 1024
MAX_COLUMNS = 2_000
DELIMITERS = (",", ";", "\t", "|")

# A quote opens at the start of a value only; elsewhere it is itself, as for the parser.
_IN_QUOTES = r'"(?:[^"]++|"")*+"'
_VALUE = rf'(?:{_IN_QUOTES}|(?!"))[^,;\t|\r\n]*+'
_HEADER = re.compile(rf"{_VALUE}(?:[,;\t|]{_VALUE})*+(?=[\r\n]|\Z)")
_QUOTED = re.compile(rf"(?:^|(?<=[,;\t|])){_IN_QUOTES}")
csv.field_size_limit(MAX_FIELD)  # one for the whole process; the module's own 128 KB is too small for people's texts


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a text file is written. `delimiter`: what divides the values of CSV; None: whichever divides the header most."""

    encoding: str = UTF8
    delimiter: str | None = None


PLAIN_TEXT = TextFormat()


async def csv_chunks(stream: AsyncIterator[bytes], size: int = CHUNK_ROWS, *, skip: int = 0) -> AsyncGenerator[list[dict[str, str]]]:
    """The rows of a CSV file with a header, as lists of at most `size` rows (fewer where rows are long), without the first `skip`.

    UTF-8 with or without BOM; comma, semicolon or tab, whichever divides the header most. Values are text as it stands, '' where a
    row is short. Blank lines are not rows. A nameless column is `column_<n>`, a second one of a name `<name>_2`. Raises InvalidFile; rows
    are counted as a spreadsheet counts them, the header being row 1. Memory does not grow with the file.
    """
    table = _CsvParser(skip)
    ready: list[dict[str, str]] = []
    weight = 0
    async with aclosing(decode(stream)) as texts:
        async for text in texts:
            ready += table.rows(table.feed(text))
            weight += len(text)
            if len(ready) < size and weight < MAX_READY:
                continue
            keep = len(ready) % size if weight < MAX_READY else 0
            whole, ready, weight = ready[: len(ready) - keep], ready[len(ready) - keep :], 0
            for start in range(0, len(whole), size):
                yield whole[start : start + size]
    ready += table.rows(table.feed("", final=True))
    for start in range(0, len(ready), size):
        yield ready[start : start + size]


async def csv_columns(stream: AsyncIterator[bytes]) -> list[str]:
    """The columns of a CSV file, named as `csv_chunks` names them; [] when it is empty. Reads little more than the header; InvalidFile."""
    table = _CsvParser(sys.maxsize)
    async with aclosing(decode(stream)) as texts:
        async for text in texts:
            table.rows(table.feed(text))
            if table.columns:
                return table.columns
    table.rows(table.feed("", final=True))
    return table.columns


async def csv_blocks(stream: AsyncIterator[bytes], form: TextFormat = PLAIN_TEXT) -> AsyncGenerator[tuple[list[str], int, RowBatch]]:
    """The rows of a CSV file as blocks of as many values as there are columns, some thousands at a time: `(columns, number of the first
    row, block)`. As `csv_chunks` otherwise, for a fraction of its cost; a file with a header alone yields it once, without rows."""
    table = _CsvParser(0, form.delimiter)
    said = False
    async with aclosing(decode(stream, form.encoding)) as texts:
        async for text in texts:
            first, block = table.block(text)
            if block:
                said = True
                yield table.columns, first, block
    first, block = table.block("", final=True)
    if block or (table.columns and not said):
        yield table.columns, first, block


async def csv_lists(stream: AsyncIterator[bytes]) -> AsyncGenerator[tuple[list[str], int, list[list[str]]]]:
    """The rows of a CSV file as `csv_blocks` gives them, taken apart."""
    async with aclosing(csv_blocks(stream)) as blocks:
        async for columns, first, block in blocks:
            yield columns, first, [list(row) for row in block.rows()]


class _CsvParser:
    """An incremental CSV parser: the delimiter, the columns, the current row, and the text of a row that is not yet complete."""

    def __init__(self, skip: int, delimiter: str | None = None) -> None:
        self.columns: list[str] = []
        self._given = delimiter
        self._delimiter = delimiter or ","
        self._row = 0
        self._skip = skip
        self._rest: str = ""
        self._more: list[str] = []
        self._length: int = 0
        self._enough: int = 0

    def feed(self, text: str, *, final: bool = False) -> list[list[str]]:
        """The fields of the rows that are complete with this text; `final` when there is no more of it."""
        whole = self._whole(text, final=final)
        return [] if whole is None else self._rows(whole, final=final)

    def block(self, text: str, *, final: bool = False) -> tuple[int, RowBatch]:
        """The number of the first row, and the rows that are complete with this text, blank ones left out. InvalidFile as `rows`."""
        whole = self._whole(text, final=final)
        if whole and self.columns:
            plain = _normalize_unquoted(whole)
            block = None if plain is None else TextBatch.of(plain, self._delimiter, len(self.columns))
            if block is not None:
                first = self._row + 1
                self._row += len(block)
                return first, block
        first, rows = self.lists([] if whole is None else self._rows(whole, final=final))
        return first, RowBatch(rows)

    def _whole(self, text: str, *, final: bool) -> str | None:
        """The whole lines by now; None where it is too early to look."""
        self._more.append(text)
        self._length += len(text)
        # A long row is looked at again only when there is twice as much of it: else its cost would be quadratic.
        if not final and self._length < self._enough:
            return None
        text = self._rest + "".join(self._more)
        self._more.clear()
        # A "\r" at the very end may be half of a "\r\n".
        cut = len(text) if final else max(text.rfind("\n"), text.rfind("\r", 0, max(0, len(text) - 1))) + 1
        whole, self._rest, self._enough = text[:cut], text[cut:], 0
        self._length = len(self._rest)
        return whole

    def _rows(self, whole: str, *, final: bool) -> list[list[str]]:
        rows, unfinished = self._parse(whole, final=final)
        if unfinished and final:
            raise InvalidFile(f"Row {self._row + len(rows) + 1} has a quote that is never closed.")
        self._rest = unfinished + self._rest
        self._length = len(self._rest)
        if not rows:
            self._enough = 2 * self._length
        if self._length > MAX_ROW:
            raise InvalidFile(f"Row {self._row + len(rows) + 1} is longer than {MAX_ROW // 2**20} MB: is a quote never closed?")
        return rows

    def lists(self, rows: list[list[str]]) -> tuple[int, list[list[str]]]:
        """The number of the first row, and the rows after the header, blank ones left out. InvalidFile as `rows`."""
        start = self._header(rows)
        width, first = len(self.columns), self._row + start + 1
        if start < len(rows) and set(map(len, islice(rows, start, None))) == {width}:
            self._row += len(rows)
            return first, rows[start:] if start else rows
        fitted: list[list[str]] = []
        for number, row in enumerate(islice(rows, start, None), first):
            if len(row) == width:
                fitted.append(row)
            elif row:
                fitted.append(_fit_width(row, width, number))
        self._row += len(rows)
        return first, fitted

    def _header(self, rows: list[list[str]]) -> int:
        """Take the columns from the first row that is not blank; how many rows that used up."""
        start = 0
        while not self.columns and start < len(rows):
            self.columns = _column_names(rows[start])
            start += 1
        return start

    def rows(self, rows: list[list[str]]) -> list[dict[str, str]]:
        """The same rows by column, after the header and the rows to skip. InvalidFile when one has more values than the header."""
        start = self._header(rows)
        while self._skip and start < len(rows):
            self._skip -= 1 if rows[start] else 0
            start += 1
        columns, width = self.columns, len(self.columns)
        records: list[dict[str, str]] = []
        for number, row in enumerate(islice(rows, start, None), self._row + start + 1):
            if len(row) == width:
                records.append(dict(zip(columns, row, strict=True)))
            elif row:
                records.append(dict(zip(columns, _fit_width(row, width, number), strict=True)))
        self._row += len(rows)
        return records

    def _parse(self, text: str, *, final: bool) -> tuple[list[list[str]], str]:
        """The complete rows of whole lines, and the text of the last row where a quote is still open."""
        if not text:
            return [], ""
        if not self.columns and self._given is None:
            detected = _detect_delimiter(text)
            if detected is None and not final:
                return [], text
            self._delimiter = detected or DELIMITERS[0]
        plain = _split_unquoted(text, self._delimiter)
        if plain is not None:
            return plain, ""
        try:
            # A last line of ours is a row of two values, unless an open quote takes all of it into one.
            rows = list(csv.reader(chain(io.StringIO(text, newline=""), (NUL + self._delimiter,)), delimiter=self._delimiter))
        except csv.Error as error:
            raise InvalidFile(self._complaint(text, error)) from None
        if rows.pop() == [NUL, ""]:
            return rows, ""
        # A quote is open: the text from the first line of its row on is read again with what follows.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        for _ in islice(reader, len(rows)):
            pass
        lines: Iterator[str] = islice(io.StringIO(text, newline=""), reader.line_num, None)
        return rows, "".join(lines)

    def _complaint(self, text: str, error: csv.Error) -> str:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        number = self._row + 1
        try:
            for _ in reader:
                number += 1
        except csv.Error:
            pass
        if "field limit" in str(error):
            return f"Row {number} has a value of more than {MAX_FIELD // 2**20} MB: is a quote never closed?"
        return f"Row {number} cannot be read: {error}."


def _split_unquoted(text: str, delimiter: str) -> list[list[str]] | None:
    """The rows of whole lines without quotes, split four times as fast as by `csv`; None when the text needs a parser."""
    text = _normalize_unquoted(text) or ""
    if "\n\n" in text or not text or text[0] == "\n":
        return None
    return [line.split(delimiter) for line in text.removesuffix("\n").split("\n")]


def _normalize_unquoted(text: str) -> str | None:
    """The whole lines with line feeds alone; None where something is quoted."""
    if '"' in text or len(text) > MAX_FIELD:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return None if "\r" in text else text


def _detect_delimiter(text: str) -> str | None:
    """The delimiter that is most frequent in the header, outside of quotes; a comma when none occurs. None where a quote of the header is
    not closed yet, so that it is the same however the file is cut. O(text)."""
    header = _HEADER.match(text.lstrip("\r\n"))
    if header is None:
        return None
    unquoted = _QUOTED.sub("", header.group())
    return max(DELIMITERS, key=unquoted.count)


def _column_names(header: list[str]) -> list[str]:
    """The names in a header, each made unique; [] for a blank line."""
    if len(header) > MAX_COLUMNS:
        raise InvalidFile(f"The file has {len(header):,} columns; at most {MAX_COLUMNS:,} can be read.")
    taken = set(header)
    seen: set[str] = set()
    tried: dict[str, int] = {}
    names: list[str] = []
    for position, given in enumerate(header, 1):
        name = unique = given or f"column_{position}"
        while unique in seen or (unique != given and unique in taken):
            tried[name] = number = tried.get(name, 1) + 1
            unique = f"{name}_{number}"
        seen.add(unique)
        names.append(unique)
    return names


def _fit_width(row: list[str], width: int, number: int) -> list[str]:
    """The row with as many values as there are columns. Spreadsheets leave empty values beyond them."""
    if any(row[width:]):
        raise InvalidFile(f"Row {number} has {len(row)} values, but the header names {width} columns.")
    return row[:width] + [""] * (width - len(row))
