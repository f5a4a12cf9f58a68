"""Batches of some thousand rows of text as they come out of a file, read by row or by column."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat


class RowBatch:
    """Rows that were taken apart already, each with as many values."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Sequence[Sequence[str]]:
        """All values, row by row."""
        return self._rows

    def column(self, place: int) -> Sequence[str]:
        """The values of one column."""
        return [row[place] for row in self._rows]

    def tabbed(self, places: Sequence[int]) -> str | None:
        """The values in these places, with tabs between them and a line per row; None where some value has one of those in it."""
        chosen = self._rows if list(places) == list(range(len(self._rows[0]))) else [[row[place] for place in places] for row in self._rows]
        text = "\n".join(map("\t".join, chosen))
        return text if text.count("\t") == len(self) * (len(places) - 1) and text.count("\n") == len(self) - 1 else None


class TextBatch(RowBatch):
    """Rows that are still lines of text, in which nothing is quoted: a column costs a slice, and only what is asked for is taken apart."""

    def __init__(self, text: str, lines: list[str], delimiter: str, width: int) -> None:
        super().__init__(())
        self._text, self._lines, self._delimiter, self._width = text, lines, delimiter, width
        self._values: list[str] | None = None

    @staticmethod
    def of(text: str, delimiter: str, width: int) -> TextBatch | None:
        """Whole lines that end in line feeds alone; None where a row has more or fewer values than `width`, or none at all."""
        text = text.removesuffix("\n")
        lines = text.split("\n")
        if set(map(str.count, lines, repeat(delimiter))) != {width - 1} or (width == 1 and "" in lines):
            return None
        return TextBatch(text, lines, delimiter, width)

    def __len__(self) -> int:
        return len(self._lines)

    def rows(self) -> Sequence[Sequence[str]]:
        """All values, row by row."""
        return [line.split(self._delimiter) for line in self._lines]

    def column(self, place: int) -> Sequence[str]:
        """The values of one column."""
        if self._values is None:
            self._values = self._text.replace("\n", self._delimiter).split(self._delimiter)
        return self._values[place :: self._width]

    def tabbed(self, places: Sequence[int]) -> str | None:
        """The values in these places, with tabs between them and a line per row; None where some value has one of those in it."""
        if list(places) != list(range(self._width)):
            return RowBatch(self.rows()).tabbed(places)
        if self._delimiter == "\t":
            return self._text
        return None if "\t" in self._text else self._text.replace(self._delimiter, "\t")
