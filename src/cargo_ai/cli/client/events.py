"""Server-sent events of the API: read as they come; a stream that is lost is taken up again after its last event."""

from __future__ import annotations

import json
import time

from cargo_ai.cli import output
from cargo_ai.cli.client.transport import ConnectionFailed, exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cargo_ai.cli.client.api import Api

SILENCE_SECONDS = 45.0
"""The server says every 15 seconds that it is alive."""
MAX_LOSSES = 20
"""In a row, without an event in between."""
LONGEST_PAUSE = 5.0


def events(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream to its end, or until --timeout. Raises Failure for what the server refuses."""
    last, losses = "", 0
    while not _is_over(api):
        try:
            for identity, data in _read(api, path, last):
                if data == "[DONE]":
                    return
                losses, last = 0, identity or last
                yield output.as_object(json.loads(data))
                if _is_over(api):
                    return
        except ConnectionFailed as error:
            losses += 1
            if losses >= MAX_LOSSES:
                raise api.no_answer(error) from None
            api.debug(f"the stream was lost: {error.detail}")
            time.sleep(min(LONGEST_PAUSE, 0.1 * 2**losses))


def _is_over(api: Api) -> bool:
    return bool(api.settings.timeout) and time.monotonic() > api.started + (api.settings.timeout or 0.0)


def _read(api: Api, path: str, last: str) -> Iterator[tuple[str, str]]:
    """(id, data) of each event. ConnectionFailed for a stream that ends before it should."""
    headers = api.headers() | {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    reply = exchange("GET", api.base_url + path, headers, None, min(SILENCE_SECONDS, api.settings.timeout or SILENCE_SECONDS))
    if reply.status == 204:
        yield "", "[DONE]"
        return
    if reply.status != 200:
        if reply.status in (429, 502, 503, 504):
            reply.close()
            raise ConnectionFailed("broken", f"the server answered {reply.status}")
        api.whole(reply).check()
    left, identity = b"", ""
    for chunk in reply.chunks():
        *lines, left = (left + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            if name == "id":
                identity = value.strip()
            elif name == "data":
                yield identity, value.strip()
    raise ConnectionFailed("broken", "the stream ended early")
