"""Conformance: lists that come in pages: each item once, whatever their number, and also when one moves meanwhile."""

from __future__ import annotations

import pytest

from cargo_ai.integrations.kit import ServiceError
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Listing


class ListTests(Fixtures):
    """Lists."""

    def _listings(self) -> tuple[Listing, ...]:
        if not self.subject.listings:
            pytest.skip("nothing of the service is read in pages")
        return self.subject.listings

    async def test_lists_of_every_length_give_each_item_once(self, harness: Harness) -> None:
        for listing in self._listings():
            for count in (0, 1, listing.size - 1, listing.size, listing.size + 1, 3 * listing.size + 2):
                harness.control.reset()
                filled = listing.fill(harness.control, count)
                assert len(filled) == count
                read = [item async for item in listing.read(harness.service())]
                assert read == filled, f"{listing.name}: {count}"

    async def test_a_page_is_asked_for_only_when_it_is_wanted(self, harness: Harness) -> None:
        for listing in self._listings():
            harness.control.reset()
            listing.fill(harness.control, 3 * listing.size)
            async for _item in listing.read(harness.service()):
                break
            assert len(harness.control.sent()) == 1, listing.name

    async def test_an_item_that_moves_between_pages_is_neither_lost_nor_are_others(self, harness: Harness) -> None:
        moving = [listing for listing in self._listings() if listing.move is not None]
        if not moving:
            pytest.skip("the order of no list depends on changes")
        for listing in moving:
            assert listing.move is not None
            harness.control.reset()
            filled = listing.fill(harness.control, 3 * listing.size)
            read: list[str] = []
            async for item in listing.read(harness.service()):
                read.append(item)
                if len(read) == listing.size:
                    listing.move(harness.control)
            assert set(read) == set(filled), listing.name

    async def test_a_failure_on_the_way_ends_the_walk_with_an_error(self, harness: Harness) -> None:
        for listing in self._listings():
            harness.control.reset()
            listing.fill(harness.control, 3 * listing.size)
            read = 0
            with pytest.raises(ServiceError):
                async for _item in listing.read(harness.service()):
                    read += 1
                    if read == 1:
                        harness.control.fail(status=500, times=9, body=harness.subject.error(500, "Broken."))
            assert read < 3 * listing.size, listing.name
