"""The span of a request: the root of the traces that it has begun, else one of its own or of its caller's trace."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from cargo_ai.kernel import clock, ids, traces
from cargo_ai.kernel.traces import Place, Span

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\Z")
"""How a caller says to which span its request belongs, as the W3C has it."""


@dataclass(slots=True)
class Answered:
    """What became of a request."""

    status: int = 0


@contextmanager
def traced(scope: Scope) -> Generator[Answered]:
    """Send a span for what happens meanwhile. `status` has to be set before the end."""
    answered = Answered()
    if not traces.are_sent():
        yield answered
        return
    started, began = clock.now_ms(), clock.seconds()
    with traces.request() as begun:
        try:
            yield answered
        finally:
            caller = _caller(scope)
            operation = str(scope["state"].get("operation", "")) or scope["method"]
            at = traces.nanoseconds(started)
            times = at, at + int((clock.seconds() - began) * 1e9)
            about: dict[str, str | int | float] = {
                "http.request.method": scope["method"],
                "http.response.status_code": answered.status,
                "cargo.request": scope["state"]["request_id"],
            }
            failed = answered.status >= 500 or not answered.status
            for trace in begun.traces:
                place = Place(trace.int, traces.first_span(trace))
                traces.send(Span(operation, "server", place, 0, *times, about, failed, link=caller))
            if not begun.traces:
                place = Place(caller.trace if caller else ids.new().int, traces.chance_id())
                traces.send(Span(operation, "server", place, caller.span if caller else 0, *times, about, failed))


def _caller(scope: Scope) -> Place | None:
    match = TRACEPARENT.match(Headers(scope=scope).get("traceparent", ""))
    if match is None:
        return None
    place = Place(int(match[1], 16), int(match[2], 16))
    return place if place.trace and place.span else None
