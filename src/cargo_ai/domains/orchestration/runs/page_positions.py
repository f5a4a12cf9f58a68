"""Page positions: remember where pages of a list ended, so that the next one goes on there instead of skipping all before it."""

from __future__ import annotations

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Sequence

from cargo_ai.domains.orchestration.runs.bounded_count import Page
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import Wire

DEEP = 1_000
"""Fewer than these are skipped as they are: a list that is read again from its beginning shows what is new."""
SECONDS = 300.0
MAX_LISTS, MAX_POSITIONS = 500, 20

_PAGING = {"limit", "offset", "count_up_to"}
_Positions = OrderedDict[int, tuple[uuid.UUID, float]]


class PagePositions:
    """Where the pages begin and end that one process has shown lately, by list and offset."""

    def __init__(self) -> None:
        self._lists = OrderedDict[bytes, _Positions]()

    def page(self, workspace: uuid.UUID, request: Wire, limit: int, offset: int) -> Page:
        """The page that a request asks for, from the nearest position before it that is remembered."""
        known = self._lists.get(_key(workspace, request)) if offset >= DEEP else None
        since = clock.seconds() - SECONDS
        nearest = max((at for at, (_, seen) in (known or {}).items() if at <= offset and seen > since), default=None)
        if known is None or nearest is None:
            return Page(limit, offset)
        return Page(limit, offset - nearest, known[nearest][0])

    def remember(self, workspace: uuid.UUID, request: Wire, offset: int, shown: Sequence[uuid.UUID]) -> None:
        """A page of the list, after `offset` rows, shows these: where it began, and where the next one begins."""
        if not shown or offset + len(shown) < DEEP:
            return
        key, now = _key(workspace, request), clock.seconds()
        # After a row just newer than the first one.
        for at, behind in ((offset, uuid.UUID(int=shown[0].int + 1)), (offset + len(shown), shown[-1])):
            positions = self._lists.setdefault(key, OrderedDict())
            # One that is known keeps its time, so that a page that is read over and over shows what is new sooner or later.
            if at >= DEEP and (at not in positions or positions[at][1] <= now - SECONDS):
                positions[at] = (behind, now)
                positions.move_to_end(at)
                if len(positions) > MAX_POSITIONS:
                    positions.popitem(last=False)
        if len(self._lists) > MAX_LISTS:
            self._lists.popitem(last=False)


def _key(workspace: uuid.UUID, request: Wire) -> bytes:
    # Its hash, for a filter may be long.
    text = f"{workspace} {type(request).__name__} {request.model_dump_json(exclude=_PAGING, exclude_none=True)}"
    return hashlib.sha256(text.encode()).digest()
