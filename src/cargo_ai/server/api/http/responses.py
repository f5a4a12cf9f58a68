"""HTTP responses: of successes, refusals and failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.responses import Response

from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import Wire
from cargo_ai.store import disk
from cargo_ai.store.connections.turns import Busy
from cargo_ai.store.files import FilesUnavailable

if TYPE_CHECKING:
    from cargo_ai.server.api.state import State

MAX_WARNINGS = 20
MAX_WARNING_BYTES = 4096


def json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(body, status, headers, media_type="application/json")


def body_of(operation: AnyOperation, reply: Wire) -> bytes:
    """The bytes of a handler's reply: JSON, or the only field of a reply that is plain text."""
    if operation.output != "text":
        return reply.to_json()
    (text,) = reply.to_wire().values()
    return str(text).encode()


def success(operation: AnyOperation, body: bytes, headers: Mapping[str, str]) -> Response:
    """The 200 of an operation."""
    if operation.output == "text":
        return Response(body, 200, headers, media_type="text/plain; charset=utf-8")
    return json_response(body, 200, headers)


def refusal_response(refusal: Refusal, request_id: str) -> Response:
    """The response for a refusal."""
    body = json.dumps(refusal.to_wire(request_id), ensure_ascii=False, default=str, separators=(",", ":"))
    return json_response(body.encode("utf-8", "backslashreplace"), refusal.status, refusal.headers)


def internal_error() -> Refusal:
    """The refusal for a bug of ours."""
    sentence = "Something went wrong on our side; quote the request id when you report it."
    return Refusal(500, "internal", sentence)


def database_unavailable() -> Refusal:
    """The refusal for a database that does not answer, or not in time."""
    sentence = "The database does not answer right now. Try again shortly."
    return Refusal(503, "databaseUnavailable", sentence, headers={"Retry-After": "1"})


def _too_busy() -> Refusal:
    """The refusal for a database whose connections are all in use, as when many requests wait for one model."""
    sentence = "The server is busy with requests that came before, such as other changes of the same model. Try again in a moment."
    return Refusal(503, "databaseUnavailable", sentence, headers={"Retry-After": "2"})


def files_unavailable() -> Refusal:
    """The refusal for a file store that does not answer or is full."""
    sentence = "The file store does not answer or is full. Try again shortly."
    return Refusal(503, "filesUnavailable", sentence, headers={"Retry-After": "5"})


def database_error(error: BaseException) -> psycopg.Error | None:
    """The driver's error behind an exception, if it is one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, psycopg.Error) else None


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an exception stands for; None for a bug of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Busy):
        return Refusal(429, "tooManyRequests", str(error), headers={"Retry-After": "2"})
    if isinstance(error, PoolTimeout):
        return _too_busy()
    if isinstance(error, FilesUnavailable):
        return files_unavailable()
    cause = database_error(error)
    if isinstance(cause, (pg.UniqueViolation, pg.ForeignKeyViolation)):
        return Refusal(
            409, "conflict", "Someone else changed the same thing at the same time, or the name is taken. Look again and repeat."
        )
    if isinstance(cause, pg.ProgramLimitExceeded):
        return invalid_input([{"path": "", "message": _limit_message(cause)}])
    if isinstance(cause, (pg.NumericValueOutOfRange, pg.UntranslatableCharacter, pg.CharacterNotInRepertoire)):
        return invalid_input([{"path": "", "message": "A value is out of the range that can be stored."}])
    if isinstance(cause, pg.DiskFull):
        return _disk_full("databaseUnavailable", "The disk of the database is full.")
    if isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return database_unavailable()
    return None


async def with_full_disk(refusal: Refusal, state: State) -> Refusal:
    """A refusal for something that is not available names the disk that is full, if that is the cause."""
    full = await asyncio.to_thread(disk.full_disk, state.settings, state.database.url) if refusal.status == 503 else None
    return refusal if full is None else _disk_full(refusal.reason, full)


def _disk_full(reason: str, sentence: str) -> Refusal:
    return Refusal(503, reason, f"{sentence} {disk.FIX}", headers={"Retry-After": "30"})


def _limit_message(error: psycopg.Error) -> str:
    if "row is too big" in str(error):
        return "A record has too many long values: hundreds of texts do not fit into one. Leave columns out, or put them into an object."
    return "A value is too long for an index of its model. `cargo-ai storage model list-indexes` shows them; remove that one."


def warnings_header(sentences: Sequence[str]) -> str:
    """`x-cargo-warnings`: an ASCII JSON list of at most 20 sentences and 4 KB; what is left out is counted by a last `n more`."""
    shown: list[str] = []
    for sentence in sentences[:MAX_WARNINGS]:
        # 16 bytes stay free for the count.
        if len(json.dumps([*shown, sentence])) > MAX_WARNING_BYTES - 16:
            break
        shown.append(sentence)
    if len(shown) < len(sentences):
        shown.append(f"{len(sentences) - len(shown)} more")
    return json.dumps(shown)
