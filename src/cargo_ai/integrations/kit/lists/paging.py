"""Paging: walk over the pages of a service by cursor, offset, page number or link, one at a time; a walk in circles is an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from cargo_ai.integrations.kit.calls.service_call import Answer
from cargo_ai.integrations.kit.errors import ServiceError, at

Json = Any
MetaT = TypeVar("MetaT", str, int)


@dataclass(frozen=True, slots=True)
class Page(Generic[MetaT]):
    """One page. `meta`: where the next one begins, to be kept by those who want to continue from there; None: this was the last."""

    items: list[Json]
    meta: MetaT | None
    answer: Answer


async def cursor(
    fetch: Callable[[str | None], Awaitable[Answer]], *, items: str, next: str, start: str | None = None
) -> AsyncIterator[Page[str]]:
    """Pages whose answers name the next one. `items`, `next`: paths in the body; a next one that is missing or empty ends the walk."""
    circle = Circle()
    meta = start
    while True:
        answer = await fetch(meta)
        meta = _text_at(answer.body, next)
        page = Page(_items(answer, items), meta, answer)
        circle.check(meta, page.items)
        yield page
        if meta is None:
            return


async def link(fetch: Callable[[str | None], Awaitable[Answer]], *, items: str, start: str | None = None) -> AsyncIterator[Page[str]]:
    """Pages whose header `Link` names the next one: `fetch` gets its address."""
    circle = Circle()
    meta = start
    while True:
        answer = await fetch(meta)
        meta = _next_link(answer.headers.get("link", ""))
        page = Page(_items(answer, items), meta, answer)
        circle.check(meta, page.items)
        yield page
        if meta is None:
            return


async def offset(
    fetch: Callable[[int], Awaitable[Answer]], *, items: str, size: int, total: str | None = None, start: int = 0
) -> AsyncIterator[Page[int]]:
    """Pages by the number of items before them. A page with fewer than `size` items is the last, or the one that reaches `total`."""
    async for page in _counted(fetch, items, size, total, start, lambda meta, count: meta + count, lambda meta: meta):
        yield page


async def page(
    fetch: Callable[[int], Awaitable[Answer]], *, items: str, size: int, total: str | None = None, start: int = 1
) -> AsyncIterator[Page[int]]:
    """Pages by number. A page with fewer than `size` items is the last, or the one that reaches `total` items."""
    async for numbered in _counted(fetch, items, size, total, start, lambda meta, _count: meta + 1, lambda meta: (meta - 1) * size):
        yield numbered


async def _counted(
    fetch: Callable[[int], Awaitable[Answer]],
    items: str,
    size: int,
    total: str | None,
    start: int,
    following: Callable[[int, int], int],
    before: Callable[[int], int],
) -> AsyncIterator[Page[int]]:
    circle = Circle()
    meta = start
    while True:
        answer = await fetch(meta)
        entries = _items(answer, items)
        known = None if total is None else next(at(answer.body, total), None)
        last = len(entries) < size if not isinstance(known, int) else not entries or before(meta) + len(entries) >= known
        after = None if last else following(meta, len(entries))
        circle.check(after, entries)
        yield Page(entries, after, answer)
        if after is None:
            return
        meta = after


async def items_of(pages: AsyncIterator[Page[MetaT]]) -> AsyncIterator[Json]:
    """The items of all pages, one by one."""
    async for each in pages:
        for item in each.items:
            yield item


def _next_link(header: str) -> str | None:
    """The address with `rel=next` in a header `Link`."""
    start = header.find("<")
    while start >= 0:
        end = header.find(">", start)
        following = header.find("<", end) if end >= 0 else -1
        for parameter in header[end + 1 : following if following >= 0 else None].lower().split(";") if end >= 0 else ():
            name, _, value = parameter.partition("=")
            if name.strip() == "rel" and "next" in value.strip(' \t",').split():
                return header[start + 1 : end]
        start = following
    return None


def _items(answer: Answer, path: str) -> list[Json]:
    value = next(at(answer.body, path), None)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ServiceError(f"The answer has no list at `{path}`.", status=answer.status, body=answer.body, reason="unexpectedAnswer")
    return cast("list[Json]", value)


def _text_at(body: Json, path: str) -> str | None:
    value = next(at(body, path), None)
    return str(value) if value not in (None, "", False) else None


class Circle:
    """Notices a service that never comes to an end: the next page begins where an earlier one did, or a page comes twice in a row.

    What is remembered is one place, a later one each time the distance has doubled (Brent), so that a walk of any length costs nothing.
    """

    def __init__(self) -> None:
        self._kept: str | int | None = None
        self._steps = 0
        self._limit: int = 1
        self._former: bytes | None = None

    def check(self, meta: str | int | None, items: list[Json]) -> None:
        """Look at a page and what follows it. ServiceError when the walk goes in circles."""
        if meta is None:
            return
        content = hashlib.sha256(json.dumps(items, sort_keys=True, default=str).encode()).digest() if items else None
        if meta == self._kept or (content is not None and content == self._former):
            raise ServiceError("The service gives the same page again and again: the list has no end.", reason="endlessList")
        self._former = content
        self._steps += 1
        if self._steps == self._limit:
            self._kept, self._steps, self._limit = meta, 0, self._limit * 2
