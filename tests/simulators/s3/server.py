"""The simulator on a port of the loopback: buckets, lists, objects."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.simulators import running as running_server
from tests.simulators.faults import FaultyAnswer, Seen
from tests.simulators.s3.control import SECRET, Control, Refused, Stored
from tests.simulators.s3.signing import verify

Json = Any
Answer = tuple[int, bytes, dict[str, str]]
_MODIFIED = "2026-11-27T10:00:00.000Z"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def _xml(name: str, inner: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'
    return 200, text.encode(), {"content-type": "application/xml"}


def _buckets(control: Control) -> Answer:
    inner = "".join(f"<Bucket><Name>{name}</Name><CreationDate>{_MODIFIED}</CreationDate></Bucket>" for name in sorted(control.buckets))
    return _xml("ListAllMyBucketsResult", f"<Owner><ID>1</ID></Owner><Buckets>{inner}</Buckets>")


def _listed(control: Control, objects: Mapping[str, Stored], query: Mapping[str, str]) -> Answer:
    if query.get("list-type") != "2":
        raise Refused(400, "InvalidArgument", "Only version 2 of lists is simulated")
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    start = unquote(query.get("continuation-token", "").removeprefix("after-"))
    most = min(int(query.get("max-keys", "1000")), control.page)
    is_encoded = query.get("encoding-type") == "url"
    items: list[tuple[str, str]] = []
    for key in sorted(objects, key=str.encode):
        if not key.startswith(prefix):
            continue
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if cut < 0 else key[: cut + len(delimiter)]
        if (name.encode() <= start.encode() and start) or (items and items[-1][0] == name):
            continue
        shown = escape(quote(name, safe="/") if is_encoded else name)
        about = f"<Size>{len(objects[key].content)}</Size><ETag>{escape(objects[key].etag)}</ETag><LastModified>{_MODIFIED}</LastModified>"
        is_key = cut < 0
        items.append(
            (
                name,
                f"<Contents><Key>{shown}</Key>{about}</Contents>"
                if is_key
                else f"<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>",
            )
        )
    page = items[:most]
    more = len(items) > most and most > 0
    token = f"<NextContinuationToken>after-{escape(quote(page[-1][0], safe=''))}</NextContinuationToken>" if more else ""
    inner = "".join(text for _, text in page)
    return _xml("ListBucketResult", f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{inner}{token}")


def _read(stored: Stored, headers: Mapping[str, str]) -> Answer:
    about = {"etag": stored.etag, "content-type": stored.kind, "last-modified": "Fri, 27 Nov 2026 10:00:00 GMT", "accept-ranges": "bytes"}
    if headers.get("if-match", stored.etag) != stored.etag:
        raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None:
        return 200, stored.content, about
    first, size = int(found[1]), len(stored.content)
    if first >= size:
        raise Refused(416, "InvalidRange", "The requested range is not satisfiable")
    last = min(int(found[2]) if found[2] else size - 1, size - 1)
    return 206, stored.content[first : last + 1], {**about, "content-range": f"bytes {first}-{last}/{size}"}


def _object(objects: dict[str, Stored], method: str, key: str, headers: Mapping[str, str], body: bytes) -> Answer:
    if method == "PUT":
        if headers.get("if-none-match") == "*" and key in objects:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        objects[key] = Stored(body, headers.get("content-type", "binary/octet-stream"))
        return 200, b"", {"etag": objects[key].etag}
    if method == "DELETE":
        objects.pop(key, None)
        return 204, b"", {}
    if key not in objects:
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return _read(objects[key], headers)


class _S3:
    """The endpoint of all calls."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        control, request = self._control, Request(scope, receive)
        raw, query, body = scope["raw_path"].decode().partition("?")[0], scope["query_string"].decode(), await request.body()
        path = unquote(raw)
        fault = control.fault_for(request.method, path, body)
        if fault is not None and fault.drop == "before":
            return await FaultyAnswer(500, b"", {}, fault)(scope, receive, send)
        if fault is not None and fault.status is not None:
            text = fault.body if isinstance(fault.body, str) else ""
            status, content, headers = fault.status, text.encode(), dict(fault.headers)
        else:
            try:
                verify(control.keys, request.method, raw, query, request.headers, body)
                status, content, headers = self._act(request, path, query, body)
            except Refused as refused:
                status, content, headers = refused.status, refused.body.encode(), {"content-type": "application/xml"}
        control.note(Seen(request.method, path, query, body, status))
        return await _XmlAnswer(status, content, {"x-amz-request-id": "4442587FB7D0A2F9", **headers}, fault)(scope, receive, send)

    def _act(self, request: Request, path: str, query: str, body: bytes) -> Answer:
        control = self._control
        bucket, _, key = path.removeprefix("/").partition("/")
        if not bucket:
            return _buckets(control)
        if bucket not in control.buckets:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        objects = control.buckets[bucket]
        if key:
            return _object(objects, request.method, key, request.headers, body)
        return _listed(control, objects, {name: values[0] for name, values in parse_qs(query).items()})


class _XmlAnswer(FaultyAnswer):
    """An answer with its own content type."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str], fault: Any) -> None:
        super().__init__(status, body, {name: value for name, value in headers.items() if name != "content-type"}, fault)
        self.headers["content-type"] = headers.get("content-type", "application/xml")


def build(control: Control) -> ASGIApp:
    """The simulator as an application. Without routes, whose patterns end at a line break."""
    return _S3(control)


class Running(running_server.Running):
    """A simulator that answers: `url`, the secret of its key as `key`, and its control."""

    key = SECRET

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))


@contextmanager
def running() -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control())
    try:
        yield simulator
    finally:
        simulator.stop()
