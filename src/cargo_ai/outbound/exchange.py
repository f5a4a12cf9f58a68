"""Send one outbound request and read its whole response, within limits of time, size and redirects, with a check at each hop."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from cargo_ai.outbound.http_client import CONNECT_SECONDS, OutboundRefused, origin

REDIRECTS = 5
RESPONSE_BYTES = 4 * 1024 * 1024
REQUEST_BYTES = 10 * 1024 * 1024
LONGEST_SECONDS = 300.0

_REDIRECTED = frozenset({301, 302, 303, 307, 308})
# Headers that hold no secret: any other may hold a key, so none of the others goes to another origin.
_SAFE_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "idempotency-key", "user-agent"})
_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


class ExchangeFailed(Exception):
    """There is no usable response. `transient`: another attempt may get one. `sent`: the service may have received the whole request."""

    def __init__(self, message: str, *, transient: bool, sent: bool) -> None:
        super().__init__(message)
        self.transient, self.sent = transient, sent


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """A request: `headers` are complete but for Host and Content-Length; `seconds` is the limit for all of it, redirects included."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes | None = None
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """A whole response, decoded. `headers` keep their order; `url` is the one after redirects."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: httpx.URL


def parse_url(text: str) -> httpx.URL:
    """The URL of a text. ValueError when it is not valid."""
    try:
        url = httpx.URL(text)
        _ = url.host  # decoded only when it is asked for: `xn--` alone is not a name
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("not a valid address") from None
    return url


async def send(client: httpx.AsyncClient, request: OutboundRequest, *, most_bytes: int = RESPONSE_BYTES) -> OutboundResponse:
    """Send a request and read its response.

    Raises ExchangeFailed for network errors and exceeded limits, OutboundRefused for an address that is not allowed. Messages name
    only the host: path and query may hold keys.
    """
    if request.body is not None and len(request.body) > REQUEST_BYTES:
        raise ExchangeFailed(f"The request's body is larger than {_size(REQUEST_BYTES)}.", transient=False, sent=False)
    seconds = min(request.seconds, LONGEST_SECONDS)
    host = request.url.host
    try:
        async with asyncio.timeout(seconds):
            return await _follow(client, request, most_bytes)
    except (TimeoutError, httpx.TimeoutException) as error:
        sent = not isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout))
        raise ExchangeFailed(f"{host} did not answer within {seconds:g} seconds.", transient=True, sent=sent) from None
    except httpx.ConnectError as error:
        lasting = getattr(error.__cause__, "lasting", False)
        raise ExchangeFailed(_unreachable(host, error), transient=not lasting, sent=False) from None
    except httpx.InvalidURL:
        # httpx parses the URL of a redirect, though it does not follow it.
        raise ExchangeFailed(f"{host} redirects to an address that is not valid.", transient=False, sent=True) from None
    except httpx.LocalProtocolError as error:
        raise ExchangeFailed(f"The request is not valid HTTP: {error}", transient=False, sent=False) from None
    except httpx.TransportError as error:
        what = str(error) or type(error).__name__
        raise ExchangeFailed(f"The connection to {host} broke: {what}", transient=True, sent=True) from None


def _unreachable(host: str, error: httpx.ConnectError) -> str:
    text = str(error)
    return text if host in text else f"{host} cannot be reached: {text or 'the connection was refused'}"


async def _follow(client: httpx.AsyncClient, request: OutboundRequest, most_bytes: int) -> OutboundResponse:
    for _ in range(REDIRECTS + 1):
        response = await client.send(_to_httpx(request), auth=None, stream=True, follow_redirects=False)
        try:
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTED or location is None:
                body = await _read(response, most_bytes)
                return OutboundResponse(response.status_code, response.headers, body, request.url)
        finally:
            await response.aclose()
        request = _redirected(request, response.status_code, location)
    raise ExchangeFailed(f"{request.url.host} redirects more than {REDIRECTS} times.", transient=False, sent=True)


def _to_httpx(request: OutboundRequest) -> httpx.Request:
    # Built here and not by the client, whose defaults would come back after a redirect dropped them.
    timeout = httpx.Timeout(request.seconds, connect=min(CONNECT_SECONDS, request.seconds))
    headers = [(name.encode("ascii"), value) for name, value in request.headers]
    return httpx.Request(request.method, request.url, headers=headers, content=request.body, extensions={"timeout": timeout.as_dict()})


def _redirected(request: OutboundRequest, status: int, location: str) -> OutboundRequest:
    try:
        url = parse_url(str(request.url.join(location))).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise ExchangeFailed(f"{request.url.host} redirects to an address that is not valid.", transient=False, sent=True) from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise OutboundRefused(f"{request.url.host} redirects to an address that is neither http nor https.")
    headers = request.headers
    if origin(url) != origin(request.url):
        headers = tuple(pair for pair in headers if pair[0].lower() in _SAFE_HEADERS)
    if status == 303 or (status in {301, 302} and request.method == "POST"):
        headers = tuple(pair for pair in headers if pair[0].lower() not in _BODY_HEADERS)
        method = "HEAD" if request.method == "HEAD" else "GET"
        return OutboundRequest(method, url, headers, None, request.seconds)
    return OutboundRequest(request.method, url, headers, request.body, request.seconds)


async def _read(response: httpx.Response, most: int) -> bytes:
    """The decoded body. A compressed one is decompressed piece by piece, never beyond the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in _decoded(response, most):
        size += len(part)
        if size > most:
            raise ExchangeFailed(f"The answer of {response.request.url.host} is larger than {_size(most)}.", transient=False, sent=True)
        parts.append(part)
    return b"".join(parts)


async def _decoded(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        async for part in response.aiter_raw():
            yield part
        return
    decompressor = _Decompressor(encoding, most)
    async for part in response.aiter_raw():
        yield decompressor.feed(part)
    decompressor.end()


class _Decompressor:
    """Decompresses gzip (also in several members) and deflate (with or without its header), up to one byte more than the limit."""

    def __init__(self, encoding: str, most: int) -> None:
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            raise ExchangeFailed(
                f"The answer is compressed as {encoding[:40]!r}; only gzip and deflate are supported.", transient=False, sent=True
            )
        self._gzip = encoding != "deflate"
        self._left = most + 1
        self._started = False
        self._done = False
        self._inflate = zlib.decompressobj(31 if self._gzip else 15)

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        while data and self._left > 0 and not self._done:
            piece = self._piece(data)
            self._left -= len(piece)
            out.append(piece)
            data = self._inflate.unused_data or self._inflate.unconsumed_tail
            if self._inflate.eof:
                # Another member may follow; anything else behind the end is padding, which gzip accepts.
                self._done = not self._gzip or (data != b"" and not data.startswith(b"\x1f"))
                if self._gzip:
                    self._inflate, self._started = zlib.decompressobj(31), False
        return b"".join(out)

    def _piece(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, self._left)
        except zlib.error:
            if self._gzip or self._started:
                raise ExchangeFailed("The answer's compression is damaged.", transient=True, sent=True) from None
            self._inflate = zlib.decompressobj(-15)
            self._started = True
            return self._piece(data)
        self._started = True
        return piece

    def end(self) -> None:
        """Raise for a response that was cut off."""
        if self._started and not self._inflate.eof and self._left > 0:
            raise ExchangeFailed("The answer's compression ends too early.", transient=True, sent=True)


def _size(count: int) -> str:
    return f"{count // (1024 * 1024)} MB" if count >= 1024 * 1024 else f"{count} bytes"
