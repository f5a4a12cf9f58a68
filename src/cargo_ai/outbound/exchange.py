"""Send one outbound request and read its whole response, within limits of time, size and redirects, with a check at each hop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from cargo_ai.kernel import clock
from cargo_ai.outbound import compression
from cargo_ai.outbound.connection import Delivery
from cargo_ai.outbound.guard import ConnectFailed
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.message import Headers, InvalidRequest, Listener, write_request
from cargo_ai.outbound.reader import Broken
from cargo_ai.outbound.url import InvalidUrl, Url

REDIRECTS = 5
RESPONSE_BYTES = 4 * 1024 * 1024
REQUEST_BYTES = 10 * 1024 * 1024
LONGEST_SECONDS = 300.0
LONGEST_LISTENED_SECONDS = 1800.0
"""For a body that is handed on as it comes: its limit of time begins again with each part."""

_REDIRECTED = frozenset({301, 302, 303, 307, 308})
# Headers that hold no secret: any other may hold a key, so none of the others goes to another origin.
_SAFE_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "idempotency-key", "user-agent"})
_BODY_HEADERS = frozenset({"content-type", "content-encoding"})


class ExchangeFailed(Exception):
    """There is no usable response. `transient`: another attempt may get one. `sent`: the service may have received the whole request."""

    def __init__(self, message: str, *, transient: bool, sent: bool) -> None:
        super().__init__(message)
        self.transient, self.sent = transient, sent


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """A request: `headers` are complete but for Host and Content-Length; `seconds` is the limit for all of it, redirects included.
    `repeatable`: whether it may arrive twice; None leaves it to the method."""

    method: str
    url: Url
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes | None = None
    seconds: float = 30.0
    repeatable: bool | None = None


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """A whole response, decoded; `url` is the one after redirects."""

    status: int
    headers: Headers
    body: bytes
    url: Url


async def send(
    client: HttpClient, request: OutboundRequest, *, most_bytes: int = RESPONSE_BYTES, listener: Listener | None = None
) -> OutboundResponse:
    """Send a request and read its response. `listener`: takes the body as it comes, where it wants to; the response is without it then.

    Raises ExchangeFailed for network errors and exceeded limits, OutboundRefused for an address that is not allowed. Messages name
    only the host: path and query may hold keys.
    """
    if request.body is not None and len(request.body) > REQUEST_BYTES:
        raise ExchangeFailed(f"The request's body is larger than {_size(REQUEST_BYTES)}.", transient=False, sent=False)
    seconds = min(request.seconds, LONGEST_SECONDS)
    host, delivery = request.url.host, Delivery()
    try:
        async with asyncio.timeout(seconds) as limit:
            if listener is not None:
                delivery.listener = _Prolonging(listener, limit, seconds)
            return await _follow(client, request, most_bytes, delivery)
    except TimeoutError:
        if delivery.waiting:
            message = f"Too many calls are under way: none of the connections became free within {seconds:g} seconds."
        elif delivery.lacks_room:
            message = f"Too many large answers are being read: there was no room for that of {host} within {seconds:g} seconds."
        else:
            message = f"{host} did not answer within {seconds:g} seconds."
        raise ExchangeFailed(message, transient=True, sent=delivery.sent) from None
    except ConnectFailed as error:
        raise ExchangeFailed(str(error), transient=not error.lasting, sent=delivery.sent) from None
    except InvalidRequest as error:
        raise ExchangeFailed(f"The request is not valid HTTP: {error}.", transient=False, sent=delivery.sent) from None
    except Broken as error:
        raise ExchangeFailed(f"The connection to {host} broke: {error}.", transient=True, sent=delivery.sent) from None
    except compression.TooLarge:
        raise ExchangeFailed(f"The answer of {host} is larger than {_size(most_bytes)}.", transient=False, sent=True) from None
    except compression.Damaged as error:
        raise ExchangeFailed(str(error), transient=error.transient, sent=True) from None


async def _follow(client: HttpClient, request: OutboundRequest, most: int, delivery: Delivery) -> OutboundResponse:
    for _ in range(REDIRECTS + 1):
        wire = write_request(request.method, request.url, request.headers, request.body, repeatable=request.repeatable)
        answer = await client.exchange(request.url, wire, most, delivery)
        location = answer.headers.get("location") if answer.status in _REDIRECTED else None
        if location is None:
            body = compression.decompress(answer.parts, answer.headers.get("content-encoding", ""), most)
            return OutboundResponse(answer.status, answer.headers, body, request.url)
        following = _redirected(request, answer.status, location)
        if following.method == request.method:
            # It has asked for the request to be made elsewhere, and so has not acted on it.
            delivery.sent = False
        request = following
    raise ExchangeFailed(f"{request.url.host} redirects more than {REDIRECTS} times.", transient=False, sent=True)


class _Prolonging:
    """A listener; each part that it gets prolongs the limit of time."""

    def __init__(self, listener: Listener, limit: asyncio.Timeout, seconds: float) -> None:
        self._listener, self._limit, self._seconds = listener, limit, seconds
        self._last = clock.seconds() + LONGEST_LISTENED_SECONDS

    @property
    def is_full(self) -> bool:
        return self._listener.is_full

    def when_room(self, call: Callable[[], None]) -> None:
        self._listener.when_room(call)

    def begins(self, status: int, headers: Headers) -> bool:
        return self._listener.begins(status, headers)

    def part(self, part: bytes) -> None:
        left = min(self._seconds, self._last - clock.seconds())
        self._limit.reschedule(asyncio.get_running_loop().time() + max(left, 0.0))
        self._listener.part(part)


def _redirected(request: OutboundRequest, status: int, location: str) -> OutboundRequest:
    try:
        url = request.url.join(location)
    except InvalidUrl as error:
        raise ExchangeFailed(f"{request.url.host} redirects to an address that {error}.", transient=False, sent=True) from None
    headers = request.headers
    if url.origin != request.url.origin:
        headers = tuple(pair for pair in headers if pair[0].lower() in _SAFE_HEADERS)
    if status == 303 or (status in {301, 302} and request.method == "POST"):
        headers = tuple(pair for pair in headers if pair[0].lower() not in _BODY_HEADERS)
        method = "HEAD" if request.method == "HEAD" else "GET"
        return OutboundRequest(method, url, headers, None, request.seconds, request.repeatable)
    return replace(request, url=url, headers=headers)


def _size(count: int) -> str:
    return f"{count // (1024 * 1024)} MB" if count >= 1024 * 1024 else f"{count} bytes"
