"""Upload files, streamed from disk: as one form, or in parts when they are large."""

from __future__ import annotations

import json
import os
import sys
import time
from urllib.parse import urljoin

from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.client.transport import ConnectionFailed, exchange
from cargo_ai.cli.failure import FAILED, LATER, Failure, failure, usage
from cargo_ai.cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cargo_ai.cli.run import Request

IN_PARTS_FROM = 52428800
PART = 8388608
CHUNK = 262144
PART_TRIES = 4
MULTIPART = "/v1/workspaceManagement/files/multipart/"
PARTS_OF = "/v1/workspaceManagement/"
"""Only these uploads can be sent in parts."""


def send_file(api: Api, request: Request, field: str, path: str, headers: dict[str, str]) -> Any:
    """Upload a file, or standard input for `-`, and return the reply, `{s3Filename, contentType, name}`. Raises Failure."""
    if path != "-":
        return _send(api, request, field, os.path.expanduser(path), headers)
    import shutil
    import tempfile

    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # None when fd 0 was closed by the caller
        raise usage("unreadable", "Standard input is closed.")
    # How long it is has to be known before it is sent.
    with tempfile.TemporaryDirectory(prefix="cargo-ai-") as folder:
        copied = os.path.join(folder, "stdin")
        with open(copied, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _send(api, request, field, copied, headers)


def _send(api: Api, request: Request, field: str, path: str, headers: dict[str, str]) -> Any:
    try:
        if not os.path.isfile(path):
            kind = "is a folder" if os.path.isdir(path) else "is not a regular file" if os.path.exists(path) else "does not exist"
            raise usage("unreadable", f'"{path}" {kind}.')
        with open(path, "rb"):
            size = os.path.getsize(path)
    except (OSError, ValueError) as error:
        raise usage("unreadable", f'Cannot read "{path}": {getattr(error, "strerror", None) or error}.') from None
    if size >= IN_PARTS_FROM and request.path.startswith(PARTS_OF):
        return _in_parts(api, path, size)
    boundary = "cargo-ai-" + os.urandom(16).hex()
    head, tail = _frame(boundary, request.body or {}, field, path)
    sent = {
        **headers,
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + size + len(tail)),
    }

    progress = Progress(api.settings)

    def body() -> Iterator[bytes]:
        yield head
        yield from _shown(progress, _slice(path, 0, size), 0, size)
        yield tail

    try:
        return api.call(request.verb, request.path, query=request.query, body=body, headers=sent).check().document()
    finally:
        progress.clear()


def _shown(progress: Progress, chunks: Iterator[bytes], sent: int, size: int) -> Iterator[bytes]:
    """The chunks, with the progress of the whole file while they are sent."""
    for chunk in chunks:
        yield chunk
        sent += len(chunk)
        progress.bytes(sent, size)


def content_type(path: str) -> str:
    """The media type that the file's name promises."""
    import mimetypes

    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def _frame(boundary: str, fields: dict[str, Any], name: str, path: str) -> tuple[bytes, bytes]:
    """The bytes before and after the file in a multipart/form-data body."""
    lines: list[str] = []
    for field, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        lines += [f"--{boundary}", f'Content-Disposition: form-data; name="{_quoted(field)}"', "", text]
    lines += [
        f"--{boundary}",
        f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(os.path.basename(path))}"',
        f"Content-Type: {content_type(path)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape"), f"\r\n--{boundary}--\r\n".encode()


def _quoted(text: str) -> str:
    """As browsers quote names in a form."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _slice(path: str, start: int, length: int) -> Iterator[bytes]:
    """Exactly `length` bytes of a file, in chunks; Failure (1) when it became shorter."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            while length:
                chunk = file.read(min(CHUNK, length))
                if not chunk:
                    raise failure(FAILED, "fileChanged", f'"{path}" became shorter while it was read.')
                length -= len(chunk)
                yield chunk
    except OSError as error:
        raise failure(FAILED, "unreadable", f'Cannot read "{path}": {error.strerror}.') from None


def _post(api: Api, step: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = api.call("POST", MULTIPART + step, document=document, headers={"Idempotency-Key": new_key()}).check()
    return answer.document()


def _in_parts(api: Api, path: str, size: int) -> dict[str, Any]:
    kind, name = content_type(path), os.path.basename(path)
    created = _post(api, "create", {"contentType": kind, "filename": name})
    progress = Progress(api.settings)
    upload = {"s3Filename": created.get("s3Filename"), "uploadId": created.get("uploadId")}
    try:
        parts: list[dict[str, Any]] = []
        for start in range(0, size, PART):
            number = len(parts) + 1
            signed = _post(api, "sign", {**upload, "partNumber": number})
            etag = _put(api, str(signed.get("url")), path, start, min(PART, size - start), progress, size)
            parts.append({"partNumber": number, "etag": etag})
            api.debug(f"part {number} of {-(-size // PART)} is there")
        done = _post(api, "complete", {**upload, "parts": parts})
    except BaseException:
        try:
            _post(api, "abort", upload)
        except Failure as failed:  # the first failure matters; the server removes unfinished uploads by itself
            api.debug(f"abort failed: {failed}")
        raise
    finally:
        progress.clear()
    return {"s3Filename": done.get("s3Filename", upload["s3Filename"]), "contentType": kind, "name": name}


def _put(api: Api, signed: str, path: str, start: int, length: int, progress: Progress, size: int) -> str:
    """Send one part to its signed URL, without the token; its `etag`."""
    url = urljoin(api.base_url + "/", signed)
    if not url.startswith(("http://", "https://")):
        raise failure(FAILED, "unexpectedAnswer", "The server gave an address for a part that is not an HTTP URL.")
    refusal = failure(LATER, "connectionLost", "The connection was lost while a part was sent. Try again.")
    for attempt in range(PART_TRIES):
        if attempt:
            time.sleep(0.25 * 2**attempt)
        try:
            body = _shown(progress, _slice(path, start, length), start, size)
            reply = exchange("PUT", url, {"Content-Length": str(length), "Connection": "close"}, body, 300.0)
            start_of_body = reply.read()[:200].decode("utf-8", "replace")
        except ConnectionFailed as error:
            refusal = failure(LATER, "connectionLost", f"A part could not be sent ({error.detail}). Try again.")
            continue
        etag = reply.header("etag")
        if 200 <= reply.status < 300 and etag:
            return etag
        code = LATER if reply.status in (429, 503) else FAILED
        sentence = f"A part was refused ({reply.status} {reply.phrase})."
        refusal = failure(code, "partRefused", sentence, status=reply.status, body=start_of_body)
        if reply.status < 500 and reply.status != 429:
            break
    raise refusal
