"""Download files by signed URL to stdout, without the token."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from cargo_ai import __version__
from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.client.transport import ConnectionFailed, StreamedResponse, exchange
from cargo_ai.cli.failure import DONE, FAILED, LATER, failure
from cargo_ai.cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REDIRECTS = 5
SILENCE_SECONDS = 300.0


def stream_document(api: Api, document: Any) -> int:
    """Stream the file at the reply's `url` (or the only one of its `urls`). With several files the reply itself is printed."""
    reply = output.as_object(document)
    urls: list[Any] = [reply["url"]] if reply.get("url") else list(reply.get("urls") or [])
    if len(urls) != 1:
        output.print_document(document)
        return DONE
    stream(api, str(urls[0]))
    return DONE


def stream_text(api: Api, path: str, query: str) -> int:
    """Print the text of a reply as it comes, a live one until it ends. Refusals and busy servers are those of `Api.call`."""
    url = api.base_url + path + (f"?{query}" if query else "")
    try:
        reply = exchange("GET", url, api.headers(), None, api.settings.timeout or SILENCE_SECONDS)
    except ConnectionFailed:
        reply = None
    if reply is None or not 200 <= reply.status < 300:
        if reply is not None:
            reply.close()
        output.write(api.call("GET", path, query=query).check().body)
        return DONE
    written = 0
    try:
        for chunk in reply.chunks():
            output.write(chunk)
            output.flush()
            written += len(chunk)
    except ConnectionFailed as error:
        sentence = f"The text ended early, after {written:,} bytes ({error.detail}). Try again."
        if written:  # stdout already holds part of the text: no document after it
            output.say(f"error: {sentence}")
        raise failure(LATER, "connectionLost", "" if written else sentence) from None
    return DONE


def fetch(api: Api, url: str) -> bytes:
    """Read a whole, small file. Failure 1 when it is refused, 75 when it cannot be reached or ends early."""
    try:
        return open_url(api, url).read()
    except ConnectionFailed as error:
        raise failure(LATER, "connectionLost", f"The file cannot be fetched from {_host(url)} ({error.detail}). Try again.") from None


def stream(api: Api, url: str) -> None:
    """Copy a file to stdout. Failure 1 when it is refused or ends early, 75 when it cannot be reached now."""
    url = urljoin(api.base_url + "/", url)
    try:
        reply = open_url(api, url)
    except ConnectionFailed as error:
        raise failure(LATER, "connectionLost", f"The file cannot be fetched from {_host(url)} ({error.detail}). Try again.") from None
    written = 0
    length = reply.header("content-length")
    progress = Progress(api.settings, beside_output=True)
    try:
        for chunk in reply.chunks():
            output.write(chunk)
            output.flush()
            written += len(chunk)
            progress.bytes(written, int(length) if length.isdigit() else None)
    except ConnectionFailed as error:
        sentence = f"The file from {_host(url)} ended early, after {written:,} bytes ({error.detail}). Try again."
        progress.clear()
        if written:  # stdout already holds part of the file: no document after it
            output.say(f"error: {sentence}")
            raise failure(LATER, "connectionLost", "") from None
        raise failure(LATER, "connectionLost", sentence) from None
    finally:
        progress.clear()


def open_url(api: Api, url: str, seconds: float = SILENCE_SECONDS) -> StreamedResponse:
    """The response with the file; `seconds` limits every silence. Failure when it is refused, ConnectionFailed when no server answers."""
    headers = {"User-Agent": f"cargo-ai/{__version__}", "Connection": "close"}
    for _ in range(REDIRECTS + 1):
        if urlsplit(url).scheme not in ("http", "https"):
            raise failure(FAILED, "unexpectedAnswer", "The file is at an address that is not an HTTP URL.")
        api.debug(f"GET {url.partition('?')[0]}?…")
        reply = exchange("GET", url, headers, None, seconds)
        if 200 <= reply.status < 300:
            return reply
        if not (300 <= reply.status < 400 and reply.header("location")):
            start = output.clean(reply.read()[:800].decode("utf-8", "replace"))[:200]
            code = LATER if reply.status in (429, 503) else FAILED
            sentence = f"The file was refused by {_host(url)} ({reply.status} {reply.phrase})."
            raise failure(code, "downloadRefused", sentence, status=reply.status, body=start)
        reply.close()
        url = urljoin(url, reply.header("location"))
    raise failure(FAILED, "downloadRefused", "The file is behind too many redirects.")


def _host(url: str) -> str:
    return urlsplit(url).netloc or url
