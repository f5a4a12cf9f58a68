"""Messages of MCP: read one of a client, with the handshake (up to 2025-11-25) or without (2026-07-28), and write what answers it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cargo_ai import __version__
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.server.api.http import requests

WITH_HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
WITHOUT_HANDSHAKE = ("2026-07-28",)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_PREFIX = "io.modelcontextprotocol/"
_VERSION, _CAPABILITIES, _SERVER = f"{_PREFIX}protocolVersion", f"{_PREFIX}clientCapabilities", f"{_PREFIX}serverInfo"
_STATUSES = {PARSE_ERROR: 400, INVALID_REQUEST: 400, HEADER_MISMATCH: 400, UNSUPPORTED_VERSION: 400}
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_LONGEST = 200

RequestId = str | int


class ProtocolError(Exception):
    """The message cannot be answered; code and sentence are the answer."""

    def __init__(self, code: int, message: str, *, data: JsonObject | None = None, of: Message | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data, self.of = code, message, data, of

    @property
    def status(self) -> int:
        """The HTTP status: with the handshake, errors of a method are answers like others."""
        if self.of is not None and self.of.modern:
            return {METHOD_NOT_FOUND: 404, INVALID_PARAMS: 400}.get(self.code, _STATUSES.get(self.code, 200))
        return _STATUSES.get(self.code, 200)


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a notification, which has no id. modern: it comes without a handshake and says its revision by itself."""

    id: RequestId | None
    method: str
    params: JsonObject
    modern: bool

    @property
    def progress_token(self) -> RequestId | None:
        """What the client wants to hear of progress by; None: it does not."""
        meta = self.params.get("_meta")
        token: object = cast("JsonObject", meta).get("progressToken") if isinstance(meta, dict) else None
        return token if isinstance(token, (str, int)) and not isinstance(token, bool) else None


def read(raw: bytes, headers: Mapping[str, str]) -> Message | None:
    """The message of a body; None for an answer, which nothing here waits for. headers: by names in lower case. Raises ProtocolError."""
    try:
        body = requests.parse_object(raw)
    except Refusal as refusal:
        code = INVALID_REQUEST if raw.lstrip()[:1] == b"[" else PARSE_ERROR
        raise ProtocolError(code, refusal.message) from None
    message = _message(body, headers)
    if message is not None and message.id is not None:
        _check_version(message, headers)
    return message


def _message(body: JsonObject, headers: Mapping[str, str]) -> Message | None:
    method, identity, params = body.get("method"), body.get("id"), body.get("params", {})
    if body.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'The message must have "jsonrpc": "2.0".')
    if method is None and ("result" in body or "error" in body):
        return None
    if not isinstance(method, str) or not 0 < len(method) <= _LONGEST:
        raise ProtocolError(INVALID_REQUEST, "The message has no method.")
    if "id" in body and not _is_id(identity):
        raise ProtocolError(INVALID_REQUEST, "The id of a request is a text or a whole number.")
    modern = headers.get("mcp-protocol-version") in WITHOUT_HANDSHAKE
    message = Message(identity, method, cast("JsonObject", params) if isinstance(params, dict) else {}, modern)
    if params is not None and not isinstance(params, dict):
        raise ProtocolError(INVALID_PARAMS, "The params are not an object.", of=message)
    return message


def _is_id(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and len(value) <= _LONGEST)


def _check_version(message: Message, headers: Mapping[str, str]) -> None:
    version = headers.get("mcp-protocol-version")
    if not message.modern:
        if version is not None and version not in WITH_HANDSHAKE:
            data: JsonObject = {"supported": [*WITHOUT_HANDSHAKE, *WITH_HANDSHAKE], "requested": version[:_LONGEST]}
            raise ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", data=data, of=message)
        return
    meta = message.params.get("_meta")
    entries = cast("JsonObject", meta) if isinstance(meta, dict) else {}
    if missing := [name for name in (_VERSION, _CAPABILITIES) if name not in entries]:
        raise ProtocolError(INVALID_PARAMS, f"params._meta has no {', '.join(missing)}.", of=message)
    if entries[_VERSION] != version:
        raise ProtocolError(HEADER_MISMATCH, "The header MCP-Protocol-Version and params._meta name different revisions.", of=message)
    if headers.get("mcp-method") != message.method:
        raise ProtocolError(HEADER_MISMATCH, "The header Mcp-Method is not the method of the message.", of=message)
    name = message.params.get(_NAMED.get(message.method, ""))
    if name is not None and _decoded(headers.get("mcp-name")) != name:
        raise ProtocolError(HEADER_MISMATCH, "The header Mcp-Name is not the name in the message.", of=message)


def _decoded(value: str | None) -> str | None:
    """The text of a header: what is not plain ASCII comes as `=?base64?…?=`."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def answer_of(message: Message, result: JsonObject) -> JsonObject:
    """The answer to a request."""
    if message.modern:
        result = {"resultType": "complete", **result}
        if message.method in {"server/discover", "tools/list"}:
            # What a token may call, and what there is to call, may change at any time.
            result |= {"ttlMs": 0, "cacheScope": "private"}
    return {"jsonrpc": "2.0", "id": message.id, "result": result}


def error_of(error: ProtocolError, message: Message | None) -> JsonObject:
    """The answer to what cannot be answered."""
    shown: JsonObject = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    known = error.of or message
    return {"jsonrpc": "2.0", "id": None if known is None else known.id, "error": shown}


def welcome(message: Message, name: str, instructions: str) -> JsonObject:
    """The result of `initialize` and of `server/discover`: who answers, what it can do, and how it is used."""
    info = {"name": "cargo-ai", "title": name, "version": __version__}
    shared: JsonObject = {"capabilities": {"tools": JsonObject()}}
    if instructions:
        shared["instructions"] = instructions
    if message.method == "server/discover":
        return {"supportedVersions": list(WITHOUT_HANDSHAKE), "_meta": {_SERVER: info}, **shared}
    requested = message.params.get("protocolVersion")
    return {"protocolVersion": requested if requested in WITH_HANDSHAKE else WITH_HANDSHAKE[-1], "serverInfo": info, **shared}


def progress_of(token: RequestId, seconds: float) -> JsonObject:
    """A notification that a call goes on."""
    params = {"progressToken": token, "progress": round(seconds, 1), "message": f"Running for {seconds:.0f} s."}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def to_bytes(document: JsonObject) -> bytes:
    """JSON on one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
