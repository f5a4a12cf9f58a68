"""Remote lists: read the records of an extractor of a server that speaks the protocol, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import jsonschema_rs
from pydantic import ConfigDict

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.protocol.manifest import ExtractorPart
from cargo_ai.domains.connection.custom.protocol.remote import NO_CONNECTOR, Remote, connector
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import (
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Form,
    Service,
    ServiceError,
    SourceColumn,
    SourceShape,
    Throttled,
)

Json = Any
JsonObject = dict[str, Json]

MAX_COLUMNS = 1_000
LATER_SECONDS = 30.0
_TYPES = frozenset(get_args(ColumnType))
_REMOVED = frozenset({"remove", "removed"})


class AnyForm(Form):
    """A config that the manifest describes, not a class."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteExtractor(Extractor):
    """An extractor whose form is given as a JSON Schema."""

    part: ExtractorPart

    @property
    def config_schema(self) -> JsonObject:
        """As it was given."""
        return {"type": "object", **self.part.config.json_schema}

    @property
    def ui_schema(self) -> JsonObject:
        """As it was given."""
        return self.part.config.ui_schema


def extractor_of(slug: str, part: ExtractorPart, remote: Remote) -> Extractor:
    """The extractor that a manifest announces."""
    remote_list = RemoteList(slug, remote, foreign_schema.validator({"type": "object", **part.config.json_schema}, slug))
    return RemoteExtractor(
        slug=slug,
        name=part.name,
        description=part.description,
        pages=remote_list.pages,
        shape=remote_list.shape,
        form=AnyForm,
        count=remote_list.count if part.is_counted else None,
        is_incremental=part.mode.is_incremental,
        tells_removals=part.tells_removals,
        has_all=part.has_all,
        min_interval=part.mode.min_interval_in_seconds,
        part=part,
    )


@dataclass(frozen=True, slots=True)
class RemoteList:
    """A list of a server. validator: of its config."""

    slug: str
    remote: Remote
    validator: jsonschema_rs.Validator

    async def shape(self, request: ExtractRequest) -> SourceShape:
        """The columns for a config. ServiceError where the server does not say."""
        return _shape_of(request.service, await self._fetch(request, None, dry=True))

    async def count(self, request: ExtractRequest) -> int:
        """How many records there are."""
        answer = await self.remote.ask(request.service, "model/count", self._body(request), reads=True)
        count = cast("JsonObject", answer).get("count") if isinstance(answer, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise _unexpected(request.service, "`count`")
        return count

    async def pages(self, request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
        """The pages from the cursor on. Raises what `Remote.ask` raises, and ServiceError for what is not a page."""
        while True:
            answer = await self._fetch(request, cursor, dry=False)
            page = _page_of(request.service, answer)
            yield page
            if not page.more:
                return
            cursor = page.cursor

    def _body(self, request: ExtractRequest) -> JsonObject:
        if wrong := foreign_schema.faults(self.validator, dict(request.config)):
            raise InvalidConfig("; ".join(wrong) + ".")
        return {
            "connector": connector(request.service),
            "slug": self.slug,
            "config": dict(request.config),
            "columns": list(request.columns),
        }

    async def _fetch(self, request: ExtractRequest, cursor: Cursor | None, *, dry: bool) -> JsonObject:
        body = {**self._body(request), "uuid": NO_CONNECTOR, "isDryFetch": dry}
        if cursor is not None:
            body["meta"] = cursor.get("meta")
        answer = await self.remote.ask(request.service, "model/fetch", body, reads=True)
        fetched = cast("JsonObject", answer) if isinstance(answer, dict) else {}
        if fetched.get("outcome") == "fetching":
            raise Throttled(LATER_SECONDS, f"{request.service.name} is still fetching")
        if fetched.get("outcome") != "fetched":
            raise _unexpected(request.service, "an `outcome` that the protocol has")
        return fetched


def _shape_of(service: Service, fetched: JsonObject) -> SourceShape:
    columns = fetched.get("columns")
    if not isinstance(columns, list) or not columns:
        raise _unexpected(service, "`columns`")
    listed = cast("list[Json]", columns)
    if len(listed) > MAX_COLUMNS:
        raise InvalidConfig(f"{service.name} has more than {MAX_COLUMNS} columns here.")
    named = [_column(service, column) for column in listed]
    id_slug, title, time = (str(fetched.get(key) or "") for key in ("idColumnSlug", "titleColumnSlug", "timeColumnSlug"))
    if not id_slug:
        raise _unexpected(service, "`idColumnSlug`")
    return SourceShape(tuple(named), id_slug, title or None, time or None)


def _column(service: Service, given: Json) -> SourceColumn:
    column = cast("JsonObject", given) if isinstance(given, dict) else {}
    slug, kind = column.get("slug"), column.get("type")
    if not isinstance(slug, str) or not slug:
        raise _unexpected(service, "`slug` in each column")
    description = column.get("description")
    known = cast("ColumnType", kind if kind in _TYPES else "any")
    return SourceColumn(slug, known, str(column.get("label") or ""), description if isinstance(description, str) else None)


def _page_of(service: Service, fetched: JsonObject) -> ExtractedPage:
    """A page. Newer servers have what is in `data` on the answer itself."""
    data = fetched.get("data")
    table = cast("JsonObject", data) if isinstance(data, dict) else fetched
    if table.get("kind", "records") != "records":
        raise _unexpected(service, "records; what it fetches by a command of a database is not known here")
    records, gone = table.get("records"), list[str]()
    if not isinstance(records, list):
        raise _unexpected(service, "`records`")
    kept: list[Mapping[str, Json]] = []
    id_slug = str(fetched.get("idColumnSlug") or "")
    for entry in cast("list[Json]", records):
        marked = cast("JsonObject", entry) if isinstance(entry, dict) else {}
        record = marked.get("record")
        if not isinstance(record, dict):
            raise _unexpected(service, "`record` in each of the records")
        values = cast("JsonObject", record)
        if (marked.get("action") or marked.get("kind")) in _REMOVED:
            gone.append(str(values.get(id_slug)))
        else:
            kept.append(values)
    more = table.get("hasMore") is True
    cursor = {"meta": table["meta"]} if table.get("meta") is not None else None
    return ExtractedPage(kept, cursor, more, gone)


def _unexpected(service: Service, missing: str) -> ServiceError:
    return ServiceError(f"{service.name} answered without {missing}.", reason="unexpectedAnswer")
