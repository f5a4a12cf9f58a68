"""Groups: what is wanted at the same time is stored together, in order, and one that cannot be stored keeps no other from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from cargo_ai.domains.ai.asking import groups
from cargo_ai.domains.ai.asking.groups import Groups


class Stored:
    """Stores texts in capitals, those that are "bad" not at all."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    async def store(self, items: Sequence[str]) -> Sequence[str]:
        self.groups.append(list(items))
        await asyncio.sleep(0)
        if "bad" in items:
            raise ValueError("bad")
        if "away" in items:
            raise psycopg.OperationalError("away")
        return [item.upper() for item in items]


async def test_what_is_wanted_at_the_same_time_is_one_group() -> None:
    stored = Stored()
    gathered = Groups[str, str]("test", stored.store)
    assert await asyncio.gather(*(gathered.add(text) for text in "abc")) == ["A", "B", "C"]
    assert await gathered.add("d") == "D"
    assert stored.groups == [["a", "b", "c"], ["d"]]


async def test_a_group_has_an_upper_size() -> None:
    stored = Stored()
    gathered = Groups[str, str]("test", stored.store)
    await asyncio.gather(*(gathered.add(str(number)) for number in range(groups.MAX + 1)))
    assert [len(group) for group in stored.groups] == [groups.MAX, 1]


async def test_one_that_cannot_be_stored_keeps_no_other_from_it() -> None:
    gathered = Groups[str, str]("test", Stored().store)
    first, bad, last = await asyncio.gather(*(gathered.add(text) for text in ("a", "bad", "c")), return_exceptions=True)
    assert (first, last) == ("A", "C") and isinstance(bad, ValueError)


async def test_when_the_database_is_away_all_of_a_group_hear_of_it_and_later_ones_are_stored() -> None:
    gathered = Groups[str, str]("test", Stored().store)
    results = await asyncio.gather(*(gathered.add(text) for text in ("a", "away")), return_exceptions=True)
    assert all(isinstance(result, psycopg.OperationalError) for result in results)
    assert await gathered.add("b") == "B"


async def test_one_that_is_not_wanted_any_more_holds_nothing_up() -> None:
    stored = Stored()
    gathered = Groups[str, str]("test", stored.store)
    leaving = asyncio.create_task(gathered.add("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await gathered.add("b") == "B"
    await gathered.end()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert stored.groups == [["b"]]
