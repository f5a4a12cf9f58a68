"""Extractors: fill a model with the records of a service, page by page from a cursor on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, cast

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit.calls.service_call import Service
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.forms import Form, FormT, read, schema_of, ui_schema_of
from cargo_ai.integrations.kit.lists.paging import Circle
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient

Json = Any
JsonObject = Mapping[str, Json]
Cursor = Mapping[str, Json]
"""Where a walk goes on: JSON that the extractor alone understands. It is stored with the page that it comes after."""
Record = Mapping[str, Json]
"""One record: its values by the names that its columns have at the source."""

MAX_CURSOR_BYTES = 16_000


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """One column as the service has it. `name`: the key of its values in records; the model's column is called so, where it may be."""

    name: str
    type: ColumnType = "string"
    label: str = ""
    description: str | None = None


@dataclass(frozen=True, slots=True)
class SourceShape:
    """The columns of the records that an extractor gives, and which of them are the id, the title and the time.

    id: its values tell records apart forever. bookkeeping: columns that change without anything of the record having changed, such as the
    time of the last change: where only they differ, the record counts as unchanged.
    """

    columns: tuple[SourceColumn, ...]
    id: str
    title: str | None = None
    time: str | None = None
    bookkeeping: frozenset[str] = frozenset()

    def column(self, name: str) -> SourceColumn | None:
        """One of its columns."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class ExtractRequest:
    """What an extractor reads with: the model's config, the account's opened config, the service, and the texts that must not come back.

    columns: the names of the columns that the model has; none while a shape or a preview is asked for: then all of them.
    """

    config: JsonObject
    connector_config: JsonObject
    service: Service
    client: HttpClient
    settings: Settings
    columns: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()

    def form(self, form: type[FormT]) -> FormT:
        """The config as an instance of its form; InvalidConfig names what is wrong."""
        return read(form, self.config)


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """One page: the records of one answer of the service, and where to go on after it.

    cursor: after this page. more: whether the walk goes on; on its last page, `cursor` is where the next sync begins, which then gives
        only what has changed; None there: it reads everything again. removed: ids of records that the service says are gone.
    """

    records: Sequence[Record]
    cursor: Cursor | None
    more: bool = True
    removed: Sequence[str] = ()


Pages = Callable[[ExtractRequest, Cursor | None], AsyncIterator[ExtractedPage]]
Shape = Callable[[ExtractRequest], Awaitable[SourceShape]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extractor:
    """A list of the service that fills a model.

    form: of the model's config. shape: the columns; fixed, or asked for at the service by the config (ServiceError, InvalidConfig).
    pages: (request, cursor) → the pages from the cursor on; None: from the very first. It asks for a page only when that is wanted,
        sleeps nowhere, and raises what `request.service` raises: the sync waits, tries again from the last cursor, or ends.
    count: how many records there are, where the service tells without reading them. is_incremental: whether a later sync reads only what
    has changed. tells_removals: whether pages name the records that are gone. has_all: whether a walk from the very first gives every
        record there is, so that the others can be removed. min_interval: seconds between two syncs of a schedule.
    unifications: the accounts or contacts that its records stand for, as the contract has it.
    """

    slug: str
    name: str
    description: str
    pages: Pages
    shape: SourceShape | Shape
    form: type[Form] = Form
    count: Callable[[ExtractRequest], Awaitable[int]] | None = None
    is_incremental: bool = True
    tells_removals: bool = False
    has_all: bool = True
    min_interval: int = 60
    kind: Literal["file", "query", "record"] = "record"
    unifications: tuple[JsonObject, ...] = ()

    @property
    def config_schema(self) -> dict[str, Json]:
        """JSON Schema of the config."""
        return schema_of(self.form)

    @property
    def ui_schema(self) -> dict[str, Json]:
        """Hints for its form."""
        return ui_schema_of(self.form)

    @property
    def mode(self) -> dict[str, Json]:
        """How it is read, as catalogs show it."""
        strategy = "append" if self.is_incremental else "overwrite"
        interval = {"minIntervalInSeconds": self.min_interval, "writeStrategy": strategy}
        return {"kind": "fetch", "isIncremental": self.is_incremental, "autoFetch": True, **interval}

    async def shape_for(self, request: ExtractRequest) -> SourceShape:
        """The columns for a config. InvalidConfig where it is wrong, ServiceError where the service does not say."""
        request.form(self.form)
        shape = self.shape if isinstance(self.shape, SourceShape) else await self.shape(request)
        if shape.column(shape.id) is None:
            raise InvalidConfig(f"the records have no column {shape.id}, which would be their id.")
        return shape


async def walk(extractor: Extractor, request: ExtractRequest, cursor: Cursor | None = None) -> AsyncIterator[ExtractedPage]:
    """The pages of an extractor up to the last. ServiceError for a walk in circles, and for one that ends without a last page."""
    circle = Circle()
    ended = False
    async with aclosing(cast("Any", extractor.pages(request, cursor))) as pages:
        async for page in cast("AsyncIterator[ExtractedPage]", pages):
            if page.more:
                text = json.dumps(page.cursor, sort_keys=True)
                if page.cursor is None or len(text) > MAX_CURSOR_BYTES:
                    problem = "gives a page that says that there are more, but not where they begin."
                    raise ServiceError(f"{request.service.name} {problem}", reason="unexpectedAnswer")
                circle.check(text, [dict(record) for record in page.records])
            yield page
            if not page.more:
                ended = True
                break
    if not ended:
        raise ServiceError(f"{request.service.name} ended the list in the middle.", transient=True, reason="unexpectedAnswer")
