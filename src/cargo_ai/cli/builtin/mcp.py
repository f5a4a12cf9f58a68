"""`cargo-ai mcp`: an MCP server on standard input and output, which passes messages on to the server that you are signed in to."""

from __future__ import annotations

import json
import sys

from cargo_ai import __version__
from cargo_ai.cli.client.transport import ConnectionFailed, StreamedResponse, exchange
from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.output import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["mcp"],
    "summary": "Offer the platform, or one of its MCP servers, to a program on this machine, over standard input and output.",
    "examples": [
        "claude mcp add cargo-ai -- cargo-ai mcp",
        "claude mcp add cargo-ai -- cargo-ai mcp --domains storage,orchestration.run --read-only",
        "cargo-ai mcp --server UUID",
    ],
    "writes": False,
    "args": [
        {
            "wire": "server",
            "in": "cli",
            "type": "string",
            "flags": ["--server"],
            "help": "An MCP server of the workspace (default: CARGO_MCP_SERVER_UUID, else the platform itself).",
        },
        {
            "wire": "domains",
            "in": "cli",
            "type": "string",
            "flags": ["--domains"],
            "help": "Which operations of the platform: domains, nouns or names by commas, or all (default: some thirty to begin with).",
        },
        {"wire": "readOnly", "in": "cli", "type": "boolean", "flags": ["--read-only"], "help": "Only what changes nothing."},
    ],
}
SECONDS = 300.0
AT_ONCE = 32
_MODERN = "io.modelcontextprotocol/protocolVersion"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def run(parsed: Parsed) -> int:
    """Pass messages on until standard input ends. Failure (4) without a sign-in."""
    from concurrent.futures import ThreadPoolExecutor

    settings = Settings(parsed.options, parsed.stdin)
    token = settings.need_token()
    settings.need_trusted_server()
    bridge = _Bridge(settings.base_url + _target(parsed.options), token, settings.workspace_uuid)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin.buffer:
            if line.strip():
                bridge.take(line, pool.submit)
    return 0


def _target(options: dict[str, Any]) -> str:
    from urllib.parse import quote, urlencode

    server = options.get("server") or variable("CARGO_MCP_SERVER_UUID")
    if server:
        return f"/v1/mcp/{quote(str(server), safe='')}"
    query: dict[str, str] = {}
    if options.get("domains"):
        query["domains"] = str(options["domains"])
    if options.get("readOnly"):
        query["readOnly"] = "true"
    return "/mcp" + (f"?{urlencode(query)}" if query else "")


class _Bridge:
    """Sends each message as a request of its own; what answers it is one line of standard output."""

    def __init__(self, url: str, token: str, workspace: str | None) -> None:
        import threading

        self._url, self._out = url, threading.Lock()
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "User-Agent": f"cargo-ai/{__version__}",
            "Connection": "close",
        }
        if workspace:
            self._headers["selected-workspace-uuid"] = workspace
        self._version = ""
        self._open: dict[str, StreamedResponse] = {}
        self._guard: threading.Lock = threading.Lock()

    def take(self, line: bytes, submit: Any) -> None:
        """Begin to answer one line. What establishes the revision is answered before the next line is read."""
        try:
            message = as_object(json.loads(line))
        except ValueError:
            message = {}
        if not message:
            self._error(None, -32700, "A line is one message, a JSON object.")
        elif message.get("method") == "notifications/cancelled":
            self._cancel(message)
        elif message.get("method") == "initialize":
            self._pass_on(line, message)
        else:
            submit(self._pass_on, line, message)

    def _cancel(self, message: Any) -> None:
        """Leave the request: the server then stops working on it."""
        key = json.dumps(as_object(message.get("params")).get("requestId"))
        with self._guard:
            reply = self._open.pop(key, None)
        if reply is not None:
            reply.close()

    def _pass_on(self, line: bytes, message: Any) -> None:
        identity = message.get("id")
        key = json.dumps(identity)
        try:
            reply = exchange("POST", self._url, {**self._headers, **self._revision(message)}, line.strip(), SECONDS)
            with self._guard:
                self._open[key] = reply
            for answer in _answers(reply):
                self._note_revision(message, answer)
                self._write(answer)
        except (ConnectionFailed, OSError, ValueError) as error:
            with self._guard:
                cancelled = key not in self._open and not isinstance(error, ConnectionFailed)
            if identity is not None and not cancelled:
                self._error(identity, -32603, f"{self._url.partition('?')[0]} did not answer: {error}")
        except _Refused as error:
            if identity is not None:
                self._error(identity, -32603, str(error))
        finally:
            with self._guard:
                self._open.pop(key, None)

    def _revision(self, message: Any) -> dict[str, str]:
        """The headers that say the revision and, without a handshake, what the message is about."""
        params = as_object(message.get("params"))
        version = as_object(params.get("_meta")).get(_MODERN)
        if not isinstance(version, str):
            return {"MCP-Protocol-Version": self._version} if self._version and message.get("method") != "initialize" else {}
        headers = {"MCP-Protocol-Version": version, "Mcp-Method": str(message.get("method"))}
        name = params.get(_NAMED.get(str(message.get("method")), ""))
        if isinstance(name, str):
            headers["Mcp-Name"] = _header(name)
        return headers

    def _note_revision(self, message: Any, answer: bytes) -> None:
        if message.get("method") == "initialize":
            result = as_object(as_object(json.loads(answer)).get("result"))
            self._version = str(result.get("protocolVersion", ""))

    def _error(self, identity: Any, code: int, sentence: str) -> None:
        self._write(json.dumps({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": sentence}}).encode())

    def _write(self, message: bytes) -> None:
        with self._out:
            sys.stdout.buffer.write(message.replace(b"\n", b" ") + b"\n")
            sys.stdout.buffer.flush()


class _Refused(Exception):
    """The server refused the request before it was a message; the text is its sentence."""


def _answers(reply: StreamedResponse) -> Iterator[bytes]:
    """The messages of a reply: none for one that was only taken, several where it comes as events."""
    kind = reply.header("content-type").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        yield from _events(reply)
        return
    body = reply.read()
    if reply.status == 202 or not body.strip():
        return
    document = as_object(json.loads(body))
    if "jsonrpc" not in document:
        raise _Refused(str(document.get("errorMessage") or f"the server answered {reply.status}"))
    yield body


def _events(reply: StreamedResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in reply.chunks():
        rest += chunk
        while (end := rest.find(b"\n\n")) >= 0:
            event, rest = rest[:end], rest[end + 2 :]
            data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
            if data:
                yield data


def _header(text: str) -> str:
    """A text as a header: what is not plain ASCII as `=?base64?…?=`."""
    if text.isascii() and text.isprintable() and text == text.strip() and not text.startswith("=?base64?"):
        return text
    from base64 import b64encode

    return f"=?base64?{b64encode(text.encode()).decode()}?="
