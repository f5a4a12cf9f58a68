"""Conformance: extractors: every record once, from any cursor on, then only what changed, and what is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from cargo_ai.integrations.kit import Cursor, ExtractedPage, Extractor, ServiceError, SourceShape, Throttled
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness, schema_errors
from tests.kit.conformance.subject import Extraction


class ExtractorTests(Fixtures):
    """Extractors."""

    def _extractions(self, harness: Harness) -> Iterator[tuple[Extractor, Extraction]]:
        if not harness.integration.extractors:
            pytest.skip("the service fills no models")
        assert set(harness.subject.extractions) == {extractor.slug for extractor in harness.integration.extractors}
        for extractor in harness.integration.extractors:
            harness.control.reset()
            yield extractor, harness.subject.extractions[extractor.slug]

    def test_every_extractor_is_described_and_has_an_example_that_fits_its_form(self, harness: Harness) -> None:
        for extractor, example in self._extractions(harness):
            assert extractor.name and extractor.description.endswith("."), extractor.slug
            assert f"`{extractor.slug}`" in harness.integration.documentation, extractor.slug
            jsonschema_rs.meta.validate(dict(extractor.config_schema))
            assert schema_errors(extractor.config_schema, example.config) == [], extractor.slug
            assert schema_errors(extractor.config_schema, {**example.config, "noSuchSetting": 1}) != [], extractor.slug
            assert (example.change is not None) is extractor.is_incremental, extractor.slug
            assert (example.remove is not None) is extractor.tells_removals, extractor.slug

    async def test_every_length_gives_each_record_once_in_the_columns_that_the_shape_names(self, harness: Harness) -> None:
        for extractor, example in self._extractions(harness):
            for count in (0, 1, example.size - 1, example.size, example.size + 1, 2 * example.size + 2):
                harness.control.reset()
                filled = example.fill(harness.control, count)
                shape = await extractor.shape_for(harness.extract_request(extractor, example.config))
                pages = await harness.extract(extractor, example.config)
                assert sorted(_ids(pages, shape)) == sorted(filled), f"{extractor.slug}: {count}"
                names = {column.name for column in shape.columns}
                for page in pages:
                    assert all(set(record) <= names for record in page.records), extractor.slug
                assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False], extractor.slug
                assert extractor.is_incremental is (pages[-1].cursor is not None), extractor.slug
                if extractor.count is not None:
                    counted = await extractor.count(harness.extract_request(extractor, example.config))
                    assert counted == count, extractor.slug

    async def test_from_each_cursor_on_come_the_other_records_and_none_again(self, harness: Harness) -> None:
        for extractor, example in self._extractions(harness):
            example.fill(harness.control, 3 * example.size + 1)
            shape = await extractor.shape_for(harness.extract_request(extractor, example.config))
            pages = await harness.extract(extractor, example.config)
            read = [_ids([page], shape) for page in pages]
            cursors = [json.dumps(page.cursor, sort_keys=True) for page in pages]
            assert len(set(cursors)) == len(cursors), f"{extractor.slug}: a cursor comes twice"
            for number, page in enumerate(pages[:-1]):
                # As it is stored: through JSON.
                stored: Cursor = json.loads(json.dumps(page.cursor))
                rest = await harness.extract(extractor, example.config, stored)
                assert [_ids([again], shape) for again in rest] == read[number + 1 :], f"{extractor.slug}: {stored}"

    async def test_a_page_is_asked_for_only_when_it_is_wanted(self, harness: Harness) -> None:
        self.needs_http()
        for extractor, example in self._extractions(harness):
            example.fill(harness.control, 3 * example.size + 1)
            request = harness.extract_request(extractor, example.config)
            pages = extractor.pages(request, None)
            await anext(pages)
            asked = len(harness.control.sent())
            await anext(pages)
            assert len(harness.control.sent()) > asked, extractor.slug
            await harness.close(pages)

    async def test_later_only_what_changed_is_read(self, harness: Harness) -> None:
        for extractor, example in self._extractions(harness):
            if example.change is None:
                continue
            filled = example.fill(harness.control, 2 * example.size + 1)
            shape = await extractor.shape_for(harness.extract_request(extractor, example.config))
            bookmark = (await harness.extract(extractor, example.config))[-1].cursor
            assert bookmark is not None, extractor.slug
            idle = await harness.extract(extractor, example.config, bookmark)
            assert len(_ids(idle, shape)) <= example.overlap, f"{extractor.slug}: {_ids(idle, shape)}"
            example.change(harness.control, filled[1])
            again = await harness.extract(extractor, example.config, bookmark)
            assert filled[1] in _ids(again, shape), extractor.slug
            assert len(_ids(again, shape)) <= 1 + example.overlap, f"{extractor.slug}: {_ids(again, shape)}"
            assert again[-1].cursor is not None, extractor.slug

    async def test_records_that_are_removed_are_named(self, harness: Harness) -> None:
        for extractor, example in self._extractions(harness):
            if example.remove is None:
                continue
            filled = example.fill(harness.control, example.size + 2)
            shape = await extractor.shape_for(harness.extract_request(extractor, example.config))
            bookmark = (await harness.extract(extractor, example.config))[-1].cursor
            example.remove(harness.control, filled[0])
            pages = await harness.extract(extractor, example.config, bookmark)
            assert [uid for page in pages for uid in page.removed] == [filled[0]], extractor.slug
            assert filled[0] not in _ids(pages, shape), extractor.slug
            afresh = await harness.extract(extractor, example.config)
            assert filled[0] not in _ids(afresh, shape), extractor.slug

    async def test_every_call_of_an_extractor_asks_for_a_slot_and_stops_without_one(self, harness: Harness) -> None:
        self.needs_http()
        for extractor, example in self._extractions(harness):
            example.fill(harness.control, example.size + 1)
            harness.slots.calls.clear()
            await harness.extract(extractor, example.config)
            assert [call.method for call in harness.slots.calls] == [seen.method for seen in harness.control.sent()], extractor.slug
            harness.slots.closed = 90.0
            with pytest.raises(Throttled) as sent_away:
                await harness.extract(extractor, example.config)
            harness.slots.closed = 0.0
            assert sent_away.value.seconds == 90.0, extractor.slug

    async def test_what_the_service_refuses_of_a_list_is_an_error_in_its_words(self, harness: Harness) -> None:
        self.needs_http()
        secret = harness.subject.secret
        for extractor, example in self._extractions(harness):
            example.fill(harness.control, 3 * example.size + 1)
            read = 0
            with pytest.raises(ServiceError) as refused:
                async for _page in harness.walk(extractor, example.config):
                    read += 1
                    error = harness.subject.error(500, f"Reason 4711 of {secret}.")
                    harness.control.fail(status=500, times=9, body=error)
            assert read == 1 and refused.value.transient, extractor.slug
            assert "Reason 4711" in refused.value.message and secret not in refused.value.message, extractor.slug


def _ids(pages: list[ExtractedPage], shape: SourceShape) -> list[str]:
    values: list[Any] = [record[shape.id] for page in pages for record in page.records]
    return [str(value) for value in values]
