"""Call external MCP servers through the guarded client, within limits of time, size and number."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai import __version__
from cargo_ai.context.process import Services
from cargo_ai.kernel.schemas import json_limits, json_schema
from cargo_ai.kernel.schemas.json_limits import MAX_DEPTH
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, OutboundResponse, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.url import Url

Json = Any
VERSION, MODERN_VERSION = "2025-11-25", "2026-07-28"
OPEN_SECONDS, CALL_SECONDS = 15.0, 60.0
MAX_BYTES = 2 * 1024 * 1024
MAX_ITEMS = 100_000
MAX_TOOLS, MAX_PAGES = 100, 10
MAX_SCHEMA = 20_000
_PREFIX = "io.modelcontextprotocol/"
# What a server answers to a handshake that it does not have: no method, other params, or the revisions that it speaks.
_NO_HANDSHAKE = frozenset({-32601, -32602, -32600, -32022, -32020})


class ForeignFailed(Exception):
    """The server did not do it; the message is for people and for the language model, and holds no secret."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ForeignTool:
    """A tool that a server announces. All of it is text of others."""

    name: str
    description: str
    schema: JsonObject
    reads: bool
    deletes: bool


@dataclass(slots=True)
class Foreign:
    """A server of others, for one workspace. headers: what signs in. secrets: texts that no message may hold."""

    services: Services
    workspace: uuid.UUID
    name: str
    url: Url
    headers: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    _session: str | None = field(default=None, init=False)
    _version: str | None = field(default=None, init=False)
    _last: int = field(default=0, init=False)

    async def tools(self) -> tuple[list[ForeignTool], list[str]]:
        """Its tools, and a sentence for each thing that is left out. Raises ForeignFailed."""
        await self._open()
        listed: list[ForeignTool] = []
        problems: list[str] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._ask("tools/list", {} if cursor is None else {"cursor": cursor}, OPEN_SECONDS)
            for entry in _list(page.get("tools")):
                if len(listed) >= MAX_TOOLS:
                    return listed, [*problems, f"{self.name} has more than {MAX_TOOLS} tools; the others are left out."]
                try:
                    listed.append(_tool(entry))
                except ValueError as error:
                    problems.append(f"A tool of {self.name} is left out: {error}")
            following = page.get("nextCursor")
            if not isinstance(following, str) or following == cursor:
                return listed, problems[:10]
            cursor = following
        return listed, [*problems[:10], f"{self.name} gave more than {MAX_PAGES} pages of tools; the others are left out."]

    async def call(self, tool: str, arguments: JsonObject, key: str) -> tuple[Json, bool]:
        """What a tool gives, and whether it says that it failed. Raises ForeignFailed."""
        if self._version is None:
            await self._open()
        params: JsonObject = {"name": tool, "arguments": arguments, "_meta": {"idempotencyKey": key}}
        try:
            result = await self._ask("tools/call", params, CALL_SECONDS)
        except _SessionGone:
            await self._open()
            result = await self._ask("tools/call", params, CALL_SECONDS)
        if result.get("resultType", "complete") != "complete":
            raise ForeignFailed(f"{self.name} asks for something before it answers, which agents cannot give.")
        texts = [_text(block) for block in _list(result.get("content"))]
        structured = result.get("structuredContent")
        return structured if structured is not None else "\n".join(texts), bool(result.get("isError"))

    async def _open(self) -> None:
        """Agree on a revision: by the handshake that nearly all have, else without one."""
        self._session = self._version = None
        info = {"name": "cargo-ai", "version": __version__}
        try:
            params: JsonObject = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": info}
            welcome = await self._ask("initialize", params, OPEN_SECONDS)
        except ForeignFailed as error:
            if error.code not in _NO_HANDSHAKE:
                raise
            self._version = MODERN_VERSION
            return
        version = welcome.get("protocolVersion")
        self._version = version if isinstance(version, str) and len(version) <= 20 and version.isascii() else VERSION
        await self._post({"jsonrpc": "2.0", "method": "notifications/initialized"}, "notifications/initialized", OPEN_SECONDS)

    async def _ask(self, method: str, params: JsonObject, seconds: float) -> JsonObject:
        self._last += 1
        if self._version == MODERN_VERSION:
            meta: JsonObject = {
                f"{_PREFIX}protocolVersion": MODERN_VERSION,
                f"{_PREFIX}clientCapabilities": JsonObject(),
                **params.get("_meta", {}),
            }
            params = {**params, "_meta": meta}
        message: JsonObject = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        response = await self._post(message, method, seconds, name=params.get("name"))
        if response.status == 404 and self._session is not None:
            raise _SessionGone(f"{self.name} has ended the session.")
        answer = self._answer(response)
        error = answer.get("error")
        if isinstance(error, dict):
            shown = cast("JsonObject", error)
            code = shown.get("code")
            raise ForeignFailed(self._clean(f"{self.name}: {shown.get('message')}"), code if isinstance(code, int) else None)
        result = answer.get("result")
        if not isinstance(result, dict):
            raise ForeignFailed(f"{self.name} answered with something that is not a result.")
        if method == "initialize":
            session = response.headers.get("mcp-session-id")
            self._session = session if session and len(session) <= 1_000 and session.isascii() and session.isprintable() else None
        return cast("JsonObject", result)

    async def _post(self, message: JsonObject, method: str, seconds: float, *, name: object = None) -> OutboundResponse:
        headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "user-agent": f"cargo-ai/{__version__}",
            **self.headers,
        }
        if self._version is not None:
            headers["mcp-protocol-version"] = self._version
        if self._session is not None:
            headers["mcp-session-id"] = self._session
        if self._version == MODERN_VERSION:
            headers["mcp-method"] = method
            if isinstance(name, str):
                headers["mcp-name"] = _header(name)
        pairs = tuple((key, value.encode()) for key, value in headers.items())
        request = OutboundRequest("POST", self.url, pairs, json.dumps(message).encode(), seconds, repeatable=False)
        try:
            return await send(self.services.client.of(self.workspace), request, most_bytes=MAX_BYTES)
        except (ExchangeFailed, OutboundRefused) as error:
            raise ForeignFailed(self._clean(f"{self.name}: {error}")) from None

    def _answer(self, response: OutboundResponse) -> JsonObject:
        """The message that answers the last request."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        bodies = _events(response.body) if kind == "text/event-stream" else iter((response.body,))
        for body in bodies:
            shape = json_limits.measure(body)
            if shape.items > MAX_ITEMS or shape.depth > MAX_DEPTH:
                raise ForeignFailed(f"{self.name} answered with more values than are read.")
            try:
                message: object = json.loads(body)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                document = cast("JsonObject", message)
                if "result" in document and document.get("id") == self._last:
                    return document
                if "error" in document and document.get("id") in (self._last, None):
                    return document
        if response.status in (401, 403):
            wrong = "does not accept the token" if self.secrets else "wants a token, and none is given"
            raise ForeignFailed(f"{self.name} {wrong} (HTTP {response.status}).")
        raise ForeignFailed(
            f"{self.name} answered HTTP {response.status}, and not as an MCP server does.", -32600 if response.status == 400 else None
        )

    def _clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***") if secret else text
        return text[:500]


class _SessionGone(ForeignFailed):
    """The server has forgotten the session."""


def _tool(entry: object) -> ForeignTool:
    """A tool that can be offered. ValueError says why it cannot."""
    fields = cast("JsonObject", entry) if isinstance(entry, dict) else {}
    name, schema = fields.get("name"), fields.get("inputSchema")
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise ValueError("it has no name")
    if not isinstance(schema, dict):
        raise ValueError("it has no schema")
    schema = cast("JsonObject", schema)
    if len(json.dumps(schema)) > MAX_SCHEMA:
        raise ValueError("its schema is too large")
    json_schema.validator_of(schema)
    hints = fields.get("annotations")
    annotations = cast("JsonObject", hints) if isinstance(hints, dict) else {}
    description = fields.get("description")
    return ForeignTool(
        name,
        description[:1_000] if isinstance(description, str) else "",
        {**schema, "type": "object"},
        annotations.get("readOnlyHint") is True,
        annotations.get("destructiveHint") is True,
    )


def _text(block: object) -> str:
    fields = cast("JsonObject", block) if isinstance(block, dict) else {}
    text = fields.get("text")
    return text if isinstance(text, str) else f"({fields.get('type')!s:.40} that is not shown)"


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _events(body: bytes) -> Iterator[bytes]:
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
        if data:
            yield data


def _header(text: str) -> str:
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="
