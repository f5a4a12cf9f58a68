"""Extractors: walks that come to an end, and windows of time that lose nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cargo_ai.integrations.kit import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Form,
    InvalidConfig,
    Service,
    ServiceError,
    ServiceSpec,
    SourceColumn,
    SourceShape,
    Stretch,
    Windows,
    walk,
)
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client

SETTINGS = Settings({})
SHAPE = SourceShape((SourceColumn("id"), SourceColumn("name")), id="id", title="name")
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def request_() -> AsyncIterator[ExtractRequest]:
    async with http_client.client(SETTINGS) as client:
        yield ExtractRequest({}, {}, Service(ServiceSpec(""), "Things", client), client, SETTINGS)


def extractor(*pages: ExtractedPage, shape: SourceShape = SHAPE, form: type[Form] = Form) -> Extractor:
    async def given(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
        for page in pages:
            yield page

    return Extractor(slug="things", name="Things", description="Things.", pages=given, shape=shape, form=form)


def page(number: int, after: int | None, *, more: bool = True) -> ExtractedPage:
    return ExtractedPage([{"id": str(number)}], None if after is None else {"after": after}, more)


async def test_a_walk_ends_with_its_last_page(request_: ExtractRequest) -> None:
    things = extractor(page(1, 1), page(2, None, more=False), page(3, 3))
    assert [each.records[0]["id"] async for each in walk(things, request_)] == ["1", "2"]


async def test_a_cursor_that_comes_again_ends_the_walk_with_an_error(request_: ExtractRequest) -> None:
    circle = [page(number, number % 3) for number in range(20)]
    with pytest.raises(ServiceError, match="no end"):
        _ = [each async for each in walk(extractor(*circle), request_)]


async def test_a_page_that_comes_again_ends_the_walk_with_an_error(request_: ExtractRequest) -> None:
    with pytest.raises(ServiceError, match="no end"):
        _ = [each async for each in walk(extractor(page(1, 1), page(1, 2)), request_)]


async def test_a_list_that_breaks_off_is_an_error_and_may_be_read_on(request_: ExtractRequest) -> None:
    with pytest.raises(ServiceError, match="in the middle") as broken:
        _ = [each async for each in walk(extractor(page(1, 1)), request_)]
    assert broken.value.transient


async def test_a_page_that_does_not_say_where_the_next_begins_is_an_error(request_: ExtractRequest) -> None:
    with pytest.raises(ServiceError, match="not where"):
        _ = [each async for each in walk(extractor(page(1, None)), request_)]


async def test_a_shape_has_the_column_that_is_its_id(request_: ExtractRequest) -> None:
    with pytest.raises(InvalidConfig, match="no column uid"):
        await extractor(shape=SourceShape((SourceColumn("id"),), id="uid")).shape_for(request_)


class OneField(Form):
    """A form."""

    table: str


async def test_a_config_that_does_not_fit_is_refused_before_the_service_is_asked(request_: ExtractRequest) -> None:
    with pytest.raises(InvalidConfig, match="`table`"):
        await extractor(form=OneField).shape_for(request_)


@dataclass
class Things:
    """Records with the time of their last change, as a service gives them: pages of two, by id."""

    at: dict[int, datetime] = field(default_factory=dict[int, datetime])
    gone: dict[int, datetime] = field(default_factory=dict[int, datetime])
    now: datetime = START

    def page_of(self, numbers: list[int], after: str | None) -> list[int]:
        return [number for number in sorted(numbers) if number > int(after or 0)][:2]

    def stretch(self, numbers: list[int], after: str | None) -> Stretch:
        some = self.page_of(numbers, after)
        return Stretch([{"id": str(number)} for number in some], str(some[-1]) if len(some) == 2 else None, at=self.now)

    async def everything(self, request: ExtractRequest, after: str | None) -> Stretch:
        return self.stretch(list(self.at), after)

    async def changes(self, request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
        return self.stretch([number for number, at in self.at.items() if at >= since], after)

    async def removals(self, request: ExtractRequest, since: datetime, after: str | None) -> Stretch:
        some = self.page_of([number for number, at in self.gone.items() if at >= since], after)
        return Stretch(removed=[str(number) for number in some], after=str(some[-1]) if len(some) == 2 else None)


async def read(windows: Windows, request: ExtractRequest, cursor: Cursor | None) -> tuple[list[str], list[str], Cursor | None]:
    ids: list[str] = []
    removed: list[str] = []
    things = Extractor(slug="things", name="Things", description="Things.", pages=windows.pages, shape=SHAPE)
    async for each in walk(things, request, cursor):
        ids += [str(record["id"]) for record in each.records]
        removed += each.removed
        cursor = each.cursor
    return ids, removed, cursor


async def test_windows_read_everything_once_and_then_what_changed_and_what_is_gone(request_: ExtractRequest) -> None:
    things = Things({number: START - timedelta(hours=1) for number in range(1, 8)})
    windows = Windows(things.everything, things.changes, things.removals)
    ids, removed, cursor = await read(windows, request_, None)
    assert (ids, removed) == ([str(number) for number in range(1, 8)], [])
    things.at[3] = things.now = START + timedelta(minutes=5)
    del things.at[5]
    things.gone[5] = things.now
    ids, removed, cursor = await read(windows, request_, cursor)
    assert (ids, removed) == (["3"], ["5"])
    things.now += timedelta(hours=1)
    assert (await read(windows, request_, cursor))[:2] == (["3"], ["5"])  # within the lag of the former sync


async def test_what_changes_during_a_walk_is_read_by_the_next_one_by_the_services_own_clock(request_: ExtractRequest) -> None:
    things = Things({number: START - timedelta(hours=1) for number in range(1, 8)})
    windows = Windows(things.everything, things.changes)
    cursor: Cursor | None = None
    slow = windows.pages(request_, None)
    async for each in slow:
        cursor = each.cursor
        # Record 1 has been read already when it changes.
        things.at[1] = things.now = things.now + timedelta(minutes=10)
    ids, _, _ = await read(windows, request_, cursor)
    assert ids == ["1"]
