"""Pages: the requests that go through a list of the server, one page at a time. Without I/O, for both clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from pydantic import BaseModel


class Paging(TypedDict):
    """How a list is read page by page, by names of arguments: after its last row where it has `after`, else by how many were read."""

    rows: str
    limit: str
    offset: str
    most: int
    after: str | None
    key: str | None
    start: dict[str, Any]


class Walk:
    """One way through a list. `arguments` are those of the list; `max_rows` ends it early."""

    def __init__(self, path: str, paging: Paging, arguments: Mapping[str, Any], page_size: int | None, max_rows: int | None) -> None:
        if own := [name for name in (paging["limit"], paging["offset"], paging["after"]) if name in arguments]:
            raise TypeError(f"{path}() goes through the pages by itself: instead of {own[0]}, give page_size or max_rows.")
        if page_size is not None and not 1 <= page_size <= paging["most"]:
            raise ValueError(f"page_size: 1 to {paging['most']}")
        if max_rows is not None and max_rows < 0:
            raise ValueError("max_rows: 0 or more")
        self._paging = paging
        self._size = page_size or paging["most"]
        self._left = max_rows
        self._arguments = dict(arguments)
        self._seen = 0
        self._ended = max_rows == 0
        self._asked = 0
        self._after = paging["after"]
        if self._after:
            for name, value in paging["start"].items():
                if self._arguments.setdefault(name, value) != value:
                    self._after = None  # another order than that in which the list can go on after a row

    def request(self) -> dict[str, Any] | None:
        """The arguments of the next page; None after the last one."""
        if self._ended:
            return None
        asked = self._size if self._left is None else min(self._size, self._left)
        arguments = {**self._arguments, self._paging["limit"]: asked}
        if not self._after and self._seen:
            arguments[self._paging["offset"]] = self._seen
        self._asked = asked
        return arguments

    def take(self, reply: object) -> list[Any]:
        """The rows of a page."""
        rows: list[Any] = list(getattr(reply, self._paging["rows"]) or ())
        self._seen += len(rows)
        if self._left is not None:
            rows = rows[: self._left]
            self._left -= len(rows)
        self._ended = len(rows) < self._asked or self._left == 0
        if rows and self._after:
            self._arguments[self._after] = _key(rows[-1], self._paging["key"] or "")
        return rows


def _key(row: object, key: str) -> object:
    """The value of a row by its name on the wire."""
    document = row.model_dump(by_alias=True) if isinstance(row, BaseModel) else cast("Mapping[str, object]", row)
    return document[key]
