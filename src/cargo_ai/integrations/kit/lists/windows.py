"""Windows: read all records of a service once, by id, and from then on those that changed since, by id within a window of time.

Each call asks for the first page of what comes after the last id: nothing is skipped when records move, and no cap of a vendor on the
length of a list is ever reached. A record that changes during a walk is read again by the next one, which begins where this one began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from cargo_ai.integrations.kit.calls.service_call import Answer
from cargo_ai.integrations.kit.lists.extraction import Cursor, ExtractedPage, ExtractRequest, Record
from cargo_ai.kernel import clock

Step = Literal["all", "changes", "removals"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One page of a step. after: what the next one begins behind, None on the last. at: the service's own time when it answered."""

    records: Sequence[Record] = ()
    after: str | None = None
    removed: Sequence[str] = ()
    at: datetime | None = None


Everything = Callable[[ExtractRequest, str | None], Awaitable[Stretch]]
Since = Callable[[ExtractRequest, datetime, str | None], Awaitable[Stretch]]


@dataclass(frozen=True, slots=True)
class Windows:
    """The pages of an extractor whose records have a time of their last change.

    everything: (request, after) → a page of all records by id. changes: (request, since, after) → the same, of those that changed at
    `since` or later. removals: of those that were removed then. lag: how late a change may show up in the service's lists, at most.
    """

    everything: Everything
    changes: Since
    removals: Since | None = None
    lag: timedelta = timedelta(minutes=2)

    async def pages(self, request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
        """The pages from a cursor on: `{step, since, began, after}` within a walk, `{since}` after one."""
        position = cursor or {}
        since = _time(position.get("since"))
        step: Step = position.get("step") or ("all" if since is None else "changes")
        began, after = _time(position.get("began")), position.get("after")
        while True:
            stretch = await self._read(request, step, since, after)
            began = began or stretch.at or clock.now()
            following = step if stretch.after is not None else self._following(step, since)
            after = stretch.after
            if following is None:
                yield ExtractedPage(stretch.records, {"since": (began - self.lag).isoformat()}, False, stretch.removed)
                return
            step = following
            place = {"step": step, "began": began.isoformat(), "after": after}
            yield ExtractedPage(stretch.records, place | ({} if since is None else {"since": since.isoformat()}), True, stretch.removed)

    async def _read(self, request: ExtractRequest, step: Step, since: datetime | None, after: str | None) -> Stretch:
        if step == "all" or since is None:
            return await self.everything(request, after)
        if step == "removals" and self.removals is not None:
            return await self.removals(request, since, after)
        return await self.changes(request, since, after)

    def _following(self, step: Step, since: datetime | None) -> Step | None:
        return "removals" if step == "changes" and since is not None and self.removals is not None else None


def service_time(answer: Answer) -> datetime | None:
    """The service's own time, from the header `Date`; None where it sends none."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
