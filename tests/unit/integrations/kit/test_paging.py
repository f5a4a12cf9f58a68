"""Paging: each way to the next page, its end, and the lists that have none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cargo_ai.integrations.kit import Answer, ServiceError, cursor, items_of, link, offset, page


def answers(*bodies: Any) -> Callable[[Any], Awaitable[Answer]]:
    """Gives one body after the other, the last one again and again."""
    remaining = list(bodies)

    async def fetch(_meta: Any) -> Answer:
        body = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return body if isinstance(body, Answer) else Answer(200, {}, body)

    return fetch


async def test_a_cursor_leads_from_page_to_page() -> None:
    fetch = answers({"results": [1, 2], "paging": {"next": {"after": "b"}}}, {"results": [3], "paging": {}})
    assert [item async for item in items_of(cursor(fetch, items="results", next="paging.next.after"))] == [1, 2, 3]


async def test_a_walk_can_begin_where_an_earlier_one_stopped() -> None:
    asked: list[str | None] = []

    async def fetch(meta: str | None) -> Answer:
        asked.append(meta)
        return Answer(200, {}, {"items": [], "next": ""})

    pages = [each async for each in cursor(fetch, items="items", next="next", start="c")]
    assert asked == ["c"] and [each.meta for each in pages] == [None]


async def test_a_link_leads_to_the_next_page() -> None:
    header = '<https://x.example/?page=1>; rel="prev", <https://x.example/?page=3>; rel="next"'
    fetch = answers(Answer(200, {"link": header}, [1]), Answer(200, {}, [2]))
    pages = [each async for each in link(fetch, items="")]
    assert [each.meta for each in pages] == ["https://x.example/?page=3", None]


@pytest.mark.parametrize(
    ("header", "meta"),
    [
        ('<https://x.example/?a=1,2>; title="next"; rel="first next"', "https://x.example/?a=1,2"),
        ("<b>;REL=Next , <c>; rel=last", "b"),
        ('<b>; rel="nextish"', None),
        ("<b; rel=next", None),
        ("", None),
        ("<" * 50_000 + "; rel=next", None),
    ],
)
async def test_a_header_of_links_is_read(header: str, meta: str | None) -> None:
    async for each in link(answers(Answer(200, {"link": header}, []), Answer(200, {}, [])), items=""):
        assert each.meta == meta
        break


@pytest.mark.parametrize("count", [0, 1, 10, 11, 20, 25])
async def test_offsets_and_numbers_give_each_item_once(count: int) -> None:
    everything = list(range(count))

    async def by_offset(start: int) -> Answer:
        return Answer(200, {}, {"items": everything[start : start + 10], "total": count})

    async def by_number(number: int) -> Answer:
        return await by_offset((number - 1) * 10)

    for total in ("total", None):
        assert [item async for item in items_of(offset(by_offset, items="items", size=10, total=total))] == everything
        assert [item async for item in items_of(page(by_number, items="items", size=10, total=total))] == everything


async def test_a_cursor_that_comes_again_is_an_error() -> None:
    place = {"a": "b", "b": "c", "c": "d", "d": "b"}
    calls = 0

    async def fetch(meta: str | None) -> Answer:
        nonlocal calls
        calls += 1
        return Answer(200, {}, {"items": [calls], "next": place[meta or "a"]})

    with pytest.raises(ServiceError) as refused:
        async for _ in cursor(fetch, items="items", next="next"):
            assert calls < 100
    assert refused.value.reason == "endlessList"


async def test_a_service_that_gives_one_page_for_ever_is_an_error() -> None:
    with pytest.raises(ServiceError, match="no end"):
        async for _ in page(answers({"items": [1, 2]}), items="items", size=2):
            pass


async def test_an_answer_without_a_list_is_an_error() -> None:
    with pytest.raises(ServiceError, match="no list"):
        async for _ in page(answers({"items": "?"}), items="items", size=2):
            pass
