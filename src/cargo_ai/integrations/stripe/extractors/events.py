"""All objects of a kind once, the newest first; from then on what events say of them, the oldest first.

Stripe's lists have no order by change, and events are kept for 30 days: a sync that comes later reads everything again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cargo_ai.integrations.kit import Cursor, ExtractedPage, ExtractRequest, Record, Service, SourceColumn, SourceShape
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.stripe.client import PAGE, iso, items_of
from cargo_ai.kernel import clock

Json = Any
JsonObject = dict[str, Json]
KEPT = timedelta(days=29)
"""For so long events are asked for; Stripe keeps them for 30 days."""
LAG = timedelta(minutes=2)
"""How late an event may show up after another one."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its source in the object, of several paths the first that is there."""

    source: SourceColumn
    paths: tuple[str, ...]
    is_time: bool = False

    def value_of(self, item: JsonObject) -> Json:
        """Its value; of an object in place of an id, the id."""
        value: Json = next((value for path in self.paths for value in at(item, path) if value is not None), None)
        if self.is_time:
            return iso(value)
        return _id_of(value) if self.source.type == "string" else value


def _id_of(value: Json) -> Json:
    return next(at(value, "id"), None) if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class EventsOf:
    """A kind of object as a table. object: its name in events. types: of events that tell of it; removal: of the one that it is gone."""

    slug: str
    name: str
    path: str
    object: str
    columns: tuple[Column, ...]
    types: tuple[str, ...]
    title: str
    removal: str = ""
    query: JsonObject = field(default_factory=dict[str, Json])

    @property
    def shape(self) -> SourceShape:
        """The columns of the model."""
        return SourceShape(tuple(column.source for column in self.columns), "id", self.title, "created")

    async def pages(self, request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
        """The pages from a cursor on: `{step, began, mark, after}` in a first walk, `{step, began, mark, at, since}` in a later one,
        `{mark, since}` after one. mark: an event up to which nothing was missed."""
        place = dict(cursor or {})
        since = place.get("since")
        if place.get("step") == "all" or since is None or datetime.fromisoformat(str(since)) < clock.now() - KEPT:
            walk = self._everything(request, place if place.get("step") == "all" else {})
        else:
            walk = self._changes(request, place)
        async for page in walk:
            yield page

    async def _everything(self, request: ExtractRequest, place: JsonObject) -> AsyncIterator[ExtractedPage]:
        service = request.service
        if not place:
            began = clock.now()
            place = {"step": "all", "began": began.isoformat(), "mark": await self._newest_event(service, began - LAG), "after": None}
        after: str | None = place["after"]
        while True:
            query = {**self.query, "limit": PAGE, "starting_after": after}
            items, more = items_of(await service.get(self.path, query=query))
            records = [self._record(item) for item in items]
            if not more or not items:
                yield ExtractedPage(records, self._bookmark(place["mark"], place["began"]), False)
                return
            after = str(items[-1]["id"])
            yield ExtractedPage(records, {**place, "after": after})

    async def _newest_event(self, service: Service, before: datetime) -> str | None:
        """The event from which on changes are read later: one so old that no other is still to come before it."""
        query = {"types[]": list(self.types), "limit": 1, "created[lt]": int(before.timestamp())}
        events, _ = items_of(await service.get("/events", query=query))
        return str(events[0]["id"]) if events else None

    async def _changes(self, request: ExtractRequest, place: JsonObject) -> AsyncIterator[ExtractedPage]:
        service, since = request.service, str(place["since"])
        began: str = place.get("began") or clock.now().isoformat()
        mark: str | None = place.get("mark")
        position: str | None = place.get("at") or mark
        settled = (datetime.fromisoformat(began) - LAG).timestamp()
        while True:
            # What comes before an event in a list of the newest first is what came after it.
            events, more = await self._events_after(service, position, since)
            mark = next((str(event["id"]) for event in events if event["created"] < settled), mark)
            records, removed = self._read(list(reversed(events)))
            if not more or not events:
                yield ExtractedPage(records, self._bookmark(mark, began), False, removed)
                return
            position = str(events[0]["id"])
            cursor = {"step": "changes", "began": began, "since": since, "mark": mark, "at": position}
            yield ExtractedPage(records, cursor, True, removed)

    async def _events_after(self, service: Service, position: str | None, since: str) -> tuple[list[JsonObject], bool]:
        """A page of events after one, the newest first, and whether there are newer ones."""
        query: JsonObject = {"types[]": list(self.types), "limit": PAGE}
        if position is not None:
            return items_of(await service.get("/events", query={**query, "ending_before": position}))
        # There was no event at all when the first walk began: the oldest since then is looked for.
        query |= {"created[gte]": int(datetime.fromisoformat(since).timestamp())}
        after: str | None = None
        while True:
            events, more = items_of(await service.get("/events", query={**query, "starting_after": after}))
            if not more or not events:
                return events, after is not None
            after = str(events[-1]["id"])

    def _read(self, events: Sequence[JsonObject]) -> tuple[list[Record], list[str]]:
        """What has become of each object that events tell of, in their order."""
        latest: dict[str, Record | None] = {}
        for event in events:
            item = cast("JsonObject", next(at(event, "data.object"), None) or {})
            if item.get("object") == self.object:
                uid = str(item["id"])
                latest.pop(uid, None)
                latest[uid] = None if event.get("type") == self.removal else self._record(item)
        return [record for record in latest.values() if record is not None], [uid for uid, record in latest.items() if record is None]

    def _record(self, item: JsonObject) -> Record:
        return {column.source.name: column.value_of(item) for column in self.columns}

    @staticmethod
    def _bookmark(mark: str | None, began: str) -> Cursor:
        return {"mark": mark, "since": (datetime.fromisoformat(began) - LAG).astimezone(UTC).isoformat()}
