"""Read requests: the token, the headers that we know, and path, query and body as one object."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from cargo_ai.kernel import ids, query
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.schemas import json_limits
from cargo_ai.kernel.schemas.json_limits import MAX_DEPTH, MAX_ITEMS

MAX_DRAINED_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 10
MAX_WAIT_SECONDS = 25
MAX_KEY_LENGTH = 255

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def bearer(request: HTTPConnection) -> str | None:
    """The token of `Authorization: Bearer …`, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def wait_seconds(request: Request) -> int | None:
    """N of `Prefer: wait=N`, at most 25; None without one."""
    match = _WAIT.search(",".join(request.headers.getlist("prefer")))
    return min(int(match[1]), MAX_WAIT_SECONDS) if match else None


def idempotency_key(request: Request) -> str | None:
    """The value of `Idempotency-Key`; Refusal (400) when it is empty, too long or not printable."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise invalid_input([{"path": "Idempotency-Key", "message": f"must be 1 to {MAX_KEY_LENGTH} printable ASCII characters"}])
    return key


def request_hash(operation: AnyOperation, payload: dict[str, Any]) -> str:
    """What an idempotency key is bound to: a hash of the operation and its request, whatever the order of the keys."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{operation.name}\n{canonical}".encode("utf-8", "surrogatepass")).hexdigest()


async def payload(request: Request, operation: AnyOperation, limit: int) -> dict[str, Any]:
    """Path, query and body in one object; the path wins over the body, the body over the query.

    Raises Refusal: 413 for a body of more than `limit` bytes, 400 for anything that cannot be read.
    """
    document = _query(request, operation)
    raw = await read_body(request, limit)
    if raw:
        document |= parse_object(raw)
    path: dict[str, Any] = dict(request.path_params)
    if b"\\u0000" in raw or "%00" in request.url.query or any("\0" in value for value in request.path_params.values()):
        await asyncio.to_thread(reject_nul, document | path)
    return document | path


async def read_body(request: Request, limit: int) -> bytes:
    """The body, counted while it comes in; Refusal (413) as soon as it is longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdigit() and len(declared) < 20 else 0
    chunks: list[bytes] = []
    stream = request.stream()
    if size <= limit:
        size = 0
        async for chunk in stream:
            size += len(chunk)
            if size > limit:
                break
            chunks.append(chunk)
    if size > limit:
        chunks.clear()
        await _drain(stream)
        raise _too_large(limit)
    return b"".join(chunks)


async def _drain(stream: AsyncIterator[bytes]) -> None:
    """Read and drop the rest of the body, within bounds: a client that still sends would see a closed connection and no response."""
    left = MAX_DRAINED_BYTES
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    return


def parse_object(raw: bytes) -> dict[str, Any]:
    """A JSON object from its bytes: UTF-8, no NaN, at most 100 levels; of a repeated key the last one counts. Refusal (400) otherwise, and
    413 for more values than one request may have."""
    shape = json_limits.measure(raw)
    if shape.items > MAX_ITEMS:
        sentence = f"The body has more than {MAX_ITEMS:,} values. Send several requests, or upload a file and name it in the request."
        raise Refusal(413, "bodyTooLarge", sentence)
    if shape.depth > MAX_DEPTH:
        raise _unreadable(f"The body is nested too deeply: at most {MAX_DEPTH} levels of lists and objects are read.")
    try:
        value: object = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise _unreadable(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise _unreadable("The body must be a JSON object.")
    return cast("dict[str, Any]", value)


def _query(request: Request, operation: AnyOperation) -> dict[str, Any]:
    if not request.url.query:
        return {}
    try:
        document = query.decode(request.url.query)
    except query.QueryError as error:
        raise _unreadable(str(error)) from None
    # Without brackets, `statuses=error&statuses=running` is a list, and so is `statuses=error,running`; in brackets a comma is a comma.
    plain = [name for name, value in document.items() if isinstance(value, str) and name in _lists(operation.request)]
    if plain:
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        document |= {name: [item for key, value in pairs if key == name for item in value.split(",")] for name in plain}
    return document


def named_things(operation: AnyOperation, payload: Mapping[str, object]) -> set[str]:
    """The uuids that a request names in the fields which its operation has, for rules about certain things."""
    things: set[str] = set()
    for field in _fields_of_uuids(operation.request):
        value = payload.get(field)
        texts = cast("list[object]", value) if isinstance(value, list) else [value]
        things.update(str(uid) for text in texts if isinstance(text, str) and (uid := ids.parse(text)) is not None)
    return things


@lru_cache(maxsize=1024)
def _fields_of_uuids(model: type[BaseModel]) -> tuple[str, ...]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        choices: list[object] = getattr(field.validation_alias, "choices", [])
        names |= {name, field.alias or name} | {choice for choice in choices if isinstance(choice, str)}
    return tuple(name for name in names if name.lower().endswith(("uuid", "uuids")))


@lru_cache(maxsize=1024)
def _lists(model: type[BaseModel]) -> frozenset[str]:
    properties: dict[str, dict[str, Any]] = model.model_json_schema(by_alias=True).get("properties", {})
    return frozenset(
        name
        for name, schema in properties.items()
        if {choice.get("type") for choice in schema.get("anyOf", [schema])} - {"null"} == {"array"}
    )


def reject_nul(document: dict[str, Any]) -> None:
    """Refusal (400) that names the texts with a NUL, which PostgreSQL cannot store."""
    paths = [path for path, text in _strings(document, "") if "\0" in text]
    if paths:
        raise invalid_input([{"path": path, "message": "must not contain the NUL character"} for path in paths[:50]])


def _strings(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            here = f"{path}.{key}" if path else key
            yield here.replace("\0", ""), key
            yield from _strings(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _strings(item, f"{path}.{index}" if path else str(index))


def _unreadable(sentence: str) -> Refusal:
    return Refusal(400, "invalidInput", sentence, {"errors": [{"path": "", "message": sentence}]})


def _too_large(limit: int) -> Refusal:
    sentence = f"The body is larger than {limit // (1024 * 1024)} MB. Upload a file instead and name it in the request."
    return Refusal(413, "bodyTooLarge", sentence, headers={"Connection": "close"})
