"""Live events of the server: a stream that is lost is taken up again after its last event. Without I/O, for both clients."""

from __future__ import annotations

import httpx

from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.wire import Wire
from cargo_ai.sdk import exchange

MAX_LOSSES = 8
"""In a row, without an event in between."""
LONGEST_PAUSE_SECONDS = 5.0
_AGAIN = frozenset({429, 502, 503, 504})


class Events:
    """One stream of server-sent events: JSON texts up to `[DONE]`."""

    def __init__(self, operation: AnyOperation, request: Wire) -> None:
        self.path, _ = exchange.target(operation, request)
        self.ended = False
        self._last, self._losses = "", 0

    def headers(self) -> dict[str, str]:
        """The headers of the next attempt."""
        return {"Accept": "text/event-stream", **({"Last-Event-ID": self._last} if self._last else {})}

    def begins(self, status: int) -> bool:
        """Whether this status is that of a stream, or of a server that will have one soon."""
        self.ended = status == 204
        return status == 200 or status in _AGAIN

    def data(self, line: str) -> str | None:
        """The JSON text of an event, None for any other line."""
        name, _, value = line.partition(":")
        if name == "id":
            self._last = value.strip()
        if name != "data" or self.ended:
            return None
        self._losses = 0
        self.ended = value.strip() == "[DONE]"
        return None if self.ended else value.strip()

    def lost(self, error: httpx.TransportError | None) -> None:
        """Count a stream that ended early; Unreachable after too many."""
        self._losses += 1
        if self._losses >= MAX_LOSSES:
            raise exchange.unreachable(error or httpx.ReadError("the stream ended early")) from error

    def pause(self) -> float:
        """Seconds until the next attempt."""
        return min(LONGEST_PAUSE_SECONDS, 0.1 * 2**self._losses)
