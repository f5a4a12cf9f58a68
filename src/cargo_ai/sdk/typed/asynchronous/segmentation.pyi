# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import cargo_ai.contract.segmentation.change
import cargo_ai.contract.segmentation.filter
import cargo_ai.contract.segmentation.segment
import cargo_ai.contract.workspace.bin
import cargo_ai.sdk.downloads

class ChangeMethods:
    async def create(
        self,
        *,
        segment_uuid: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.segmentation.change.ChangeReply:
        """Compare a segment with its last snapshot, and take a new one; a large one in the background.

        segment_uuid: The segment.

        Wait for its end: client.segmentation.change.wait(reply.change.uuid)

        Refused for: segmentNotFound, changeAlreadyRunning, segmentLinkedToWorkflow, invalidFilter
        """
        ...

    def download(
        self,
        uuid: str,
        *,
        kinds: Sequence[Literal['added', 'updated', 'removed', 'unchanged']],
    ) -> cargo_ai.sdk.downloads.AsyncDownload:
        """Download the records of a change.

        uuid: The change.
        kinds: The kinds of records, comma-separated (created means added).

        Refused for: changeNotFound, segmentNotFound, failedToDownloadRecordsFromClient
        """
        ...

    async def fetch(
        self,
        uuid: str,
        *,
        kinds: Sequence[Literal['added', 'updated', 'removed', 'unchanged']],
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.segmentation.change.ChangeRecords:
        """List the records of a change, page by page.

        uuid: The change.
        kinds: The kinds of records, comma-separated (created means added).
        limit: How many to return, 1 to 10,000.
        offset: How many to skip.

        Refused for: changeNotFound, segmentNotFound
        """
        ...

    def iterate_records(
        self,
        uuid: str,
        *,
        kinds: Sequence[Literal['added', 'updated', 'removed', 'unchanged']],
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """List the records of a change, page by page. All of them, page after page, or `max_rows`.

        uuid: The change.
        kinds: The kinds of records, comma-separated (created means added).

        Refused for: changeNotFound, segmentNotFound
        """
        ...

    async def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.segmentation.change.ChangeReply:
        """Show a change of a segment: its status, and the numbers of records added, updated, removed and unchanged.

        uuid: Its uuid.

        Refused for: changeNotFound
        """
        ...

    async def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.segmentation.change.ChangeReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: changeNotFound
        """
        ...

    async def list(
        self,
        *,
        segment_uuid: str | None = ...,
        not_empty: bool | None = ...,
        has_records: Literal['added', 'updated', 'removed', 'unchanged'] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.segmentation.change.ChangesReply:
        """List the changes of segments, newest first.

        segment_uuid: Only changes of this segment.
        not_empty: true: only changes with differences; false: only those without.
        has_records: Only changes with records of this kind.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: segmentNotFound
        """
        ...

    def iterate(
        self,
        *,
        segment_uuid: str | None = ...,
        not_empty: bool | None = ...,
        has_records: Literal['added', 'updated', 'removed', 'unchanged'] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[cargo_ai.contract.segmentation.change.Change]:
        """List the changes of segments, newest first. All of them, page after page, or `max_rows`.

        segment_uuid: Only changes of this segment.
        not_empty: true: only changes with differences; false: only those without.
        has_records: Only changes with records of this kind.

        Refused for: segmentNotFound
        """
        ...

class RecordMethods:
    async def fetch(
        self,
        *,
        model_uuid: str,
        ids: Sequence[str],
        reset_cache: bool = ...,
    ) -> cargo_ai.contract.segmentation.segment.FoundRecords:
        """List records of a model by id.

        model_uuid: The model.
        ids: The ids, comma-separated.
        reset_cache: Accepted for compatibility; records are never cached.

        Refused for: invalidFilter, modelNotFound
        """
        ...

class SegmentMethods:
    async def create(
        self,
        *,
        name: str,
        model_uuid: str,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any],
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        tracking_column_slugs: Sequence[str] | None = ...,
        column_slugs: Sequence[str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.segmentation.segment.SegmentReply:
        """Create a segment of a model.

        name: The name, 1 to 200 characters.
        model_uuid: The model.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).
        limit: At most this many members, the first in the sort order; no limit by default.
        tracking_column_slugs: The columns whose changes count, comma-separated; all by default.
        column_slugs: The columns to show, comma-separated; all by default.

        Refused for: invalidFilter, modelNotFound
        """
        ...

    def download(
        self,
        *,
        model_uuid: str,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any],
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
    ) -> cargo_ai.sdk.downloads.AsyncDownload:
        """Download all records of a model that match a filter.

        model_uuid: The model.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).
        limit: At most this many records, the first in the sort order; no limit by default.

        Refused for: invalidFilter, failedToDownloadRecordsFromClient, modelNotFound
        """
        ...

    async def fetch(
        self,
        *,
        model_uuid: str,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any],
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        fetching_limit: int = ...,
        fetching_offset: int = ...,
        enrich: bool = ...,
        sync: bool = ...,
        count_up_to: int | None = ...,
    ) -> cargo_ai.contract.segmentation.segment.RecordsReply:
        """List records of a model that match a filter, page by page.

        model_uuid: The model.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).
        limit: At most this many records, the first in the sort order; no limit by default.
        fetching_limit: How many to return, 1 to 10,000.
        fetching_offset: How many to skip.
        enrich: Recompute computed columns first.
        sync: Refresh the model from its source first.
        count_up_to: Stop counting at this number, which is faster on large models; exact by default.

        Refused for: invalidFilter, modelNotFound
        """
        ...

    def iterate_records(
        self,
        *,
        model_uuid: str,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any],
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        enrich: bool = ...,
        sync: bool = ...,
        count_up_to: int | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """List records of a model that match a filter, page by page. All of them, page after page, or `max_rows`.

        model_uuid: The model.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc).
        limit: At most this many records, the first in the sort order; no limit by default.
        enrich: Recompute computed columns first.
        sync: Refresh the model from its source first.
        count_up_to: Stop counting at this number, which is faster on large models; exact by default.

        Refused for: invalidFilter, modelNotFound
        """
        ...

    async def get(
        self,
        uuid: str,
        *,
        count_up_to: int | None = ...,
    ) -> cargo_ai.contract.segmentation.segment.SegmentReply:
        """Show a segment and the number of its records.

        uuid: Its uuid.
        count_up_to: Stop counting at this number, which is faster on large models; exact by default.

        Refused for: segmentNotFound
        """
        ...

    async def list(
        self,
        *,
        model_uuid: str | None = ...,
        from_play: bool | None = ...,
        count_up_to: int | None = ...,
    ) -> cargo_ai.contract.segmentation.segment.SegmentsReply:
        """List the segments, newest first.

        model_uuid: Only segments of this model.
        from_play: true: only segments owned by plays; false: only others.
        count_up_to: Stop counting the records of each segment at this number; 0 does not look at them at all.

        Refused for: modelNotFound
        """
        ...

    async def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.RemovedToBin:
        """Remove a segment that nothing uses: it goes to the bin.

        uuid: Its uuid.

        Refused for: segmentNotFound, segmentLinkedToWorkflow, segmentAlreadyRemoved
        """
        ...

    async def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        filter: cargo_ai.contract.segmentation.filter.Filter | Mapping[str, Any] | None = ...,
        sort: Sequence[cargo_ai.contract.segmentation.filter.Order | Mapping[str, Any]] | None = ...,
        limit: int | None = ...,
        tracking_column_slugs: Sequence[str] | None = ...,
        column_slugs: Sequence[str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.segmentation.segment.SegmentReply:
        """Change a segment's name, filter, order, limit or columns.

        uuid: The segment.
        name: The new name.
        filter: The records that match: {"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"string","columnSlug":"c
          ountry","operator":"is","values":["France"]}]}]}. No groups: all records.
        sort: The sort order, at most 10 columns: [{"columnSlug":"name","kind":"asc"}] (asc or desc). null: no order.
        limit: At most this many members; null: no limit.
        tracking_column_slugs: The columns whose changes count, comma-separated; null: all.
        column_slugs: The columns to show, comma-separated; null: all.

        Refused for: segmentNotFound, segmentLinkedToWorkflow, invalidFilter
        """
        ...

class SegmentationDomain:
    @property
    def change(self) -> ChangeMethods:
        ...

    @property
    def record(self) -> RecordMethods:
        ...

    @property
    def segment(self) -> SegmentMethods:
        ...
